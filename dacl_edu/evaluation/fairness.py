"""Whether a model serves some people worse: accuracy by group, the largest gap, and the gap that chance alone makes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

GROUPS = {
    "skin_tone": ("lighter third", "middle third", "darker third"),
    "age": ("youngest third", "middle third", "oldest third"),
    "gender": ("below ½", "½ and above"),
}
"""Factors of the bundled faces that are traits of a person, and names of the parts into which each is cut.

``gender`` is the generator's: a number from 0 to 1 that moves the shape of head and hair, nobody's identity.
"""


class GroupAccuracy(NamedTuple):
    """What :func:`accuracy_by_group` returns for one trait.

    Attributes
    ----------
    table : DataFrame
        One row a group: ``group, people, images, accuracy, low, high``.
    gap : float
        Largest minus smallest accuracy.
    chance : float
        Mean gap when people are assigned to the groups at random.
    p_value : float
        Share of random assignments with a gap at least as large.
    """

    table: pd.DataFrame
    gap: float
    chance: float
    p_value: float


def accuracy_by_group(
    correct: ArrayLike, trait: ArrayLike, people: ArrayLike, names: tuple[str, ...], draws: int = 999, seed: int = 0
) -> GroupAccuracy:
    """Return the accuracy of each part of the people; whole people are drawn, since images of one are alike.

    Parameters
    ----------
    correct : array, shape (seeds, n) or (n,)
        Whether each image was classified correctly.
    trait : array, shape (n,)
        A number that is the same for all images of a person; it is cut into as many parts of equal size as there are
        names, or at ½ where there are two.
    people : array, shape (n,)
        Who is on each image.
    names : tuple of str
        From low to high.
    draws : int, default 999
        Of the bootstrap over people (95 % interval) and of the permutation.
    seed : int, default 0

    Raises
    ------
    ValueError
        Shapes that differ, or a group without people.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = accuracy_by_group(rng.random(600) < 0.8, np.repeat(rng.random(100), 6), np.repeat(np.arange(100), 6),
    ...                           ("low", "middle", "high"))
    >>> found.table["images"].sum(), found.p_value > 0.05
    (np.int64(600), True)
    """
    hits, values, who = (
        np.atleast_2d(np.asarray(correct, dtype=float)),
        np.asarray(trait, dtype=float),
        np.asarray(people),
    )
    if hits.shape[1] != len(values) or len(values) != len(who):
        raise ValueError(f"one value an image: {hits.shape[1]} answers, {len(values)} values, {len(who)} people")
    _, first, person = np.unique(who, return_index=True, return_inverse=True)
    images = np.bincount(person).astype(float)
    right = np.bincount(person, weights=hits.mean(axis=0))
    of_person = values[first]
    edges = [0.5] if len(names) == 2 else np.quantile(of_person, np.linspace(0, 1, len(names) + 1)[1:-1])
    group = np.searchsorted(edges, of_person, side="right")
    member = np.eye(len(names))[group]  # (people, groups)
    if not member.any(axis=0).all():
        raise ValueError("a group has no people")
    rng = np.random.default_rng(seed)

    def accuracy(weights: np.ndarray, member: np.ndarray = member) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return ((weights * right) @ member) / ((weights * images) @ member)

    found = accuracy(np.ones(len(images)))
    drawn = accuracy(rng.multinomial(len(images), np.full(len(images), 1 / len(images)), size=draws))
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    gaps = np.array([np.ptp(accuracy(np.ones(len(images)), rng.permutation(member))) for _ in range(draws)])
    gap = float(np.ptp(found))
    table = pd.DataFrame(
        {
            "group": names, "people": member.sum(axis=0).astype(int), "images": (images @ member).astype(int),
            "accuracy": found, "low": low, "high": high,
        }
    )  # fmt: skip
    return GroupAccuracy(table, gap, float(gaps.mean()), float((1 + (gaps >= gap).sum()) / (1 + draws)))

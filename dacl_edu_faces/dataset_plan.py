"""Which faces a rendered set holds: classes, people, and the generator of each image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu.data.published import PUBLISHED
from dacl_edu_faces.factors import FaceFactors, pinned
from dacl_edu_faces.sample import sample_factors, sample_identity

SPLITS = ("train", "val", "test")
#: Images of RAF-DB's training set, in the order of ``EXPRESSIONS``.
RAFDB_TRAIN = PUBLISHED["rafdb"].splits["train"]
#: No class of a training split has less than this share of it.
SMALLEST_SHARE = 0.024
#: Images of one person, on average.
IMAGES_A_PERSON = 4


def split_sizes(count: int) -> dict[str, int]:
    """Cut a number of images into splits: 70 % train, 10 % val, 20 % test.

    Examples
    --------
    >>> split_sizes(10000)
    {'train': 7000, 'val': 1000, 'test': 2000}
    """
    val, test = round(count * 0.1), round(count * 0.2)
    return {"train": count - val - test, "val": val, "test": test}


def class_counts(split: str, count: int) -> list[int]:
    """Images of each class: RAF-DB's proportions in training (none under `SMALLEST_SHARE`), balanced elsewhere.

    Examples
    --------
    >>> class_counts("train", 6300), class_counts("test", 14)
    ([662, 151, 368, 2447, 1016, 362, 1294], [2, 2, 2, 2, 2, 2, 2])
    """
    shares = np.array(RAFDB_TRAIN, float) if split == "train" else np.ones(len(EXPRESSIONS))
    shares /= shares.sum()
    low = shares < SMALLEST_SHARE
    shares[low] = SMALLEST_SHARE
    shares[~low] *= (1 - shares[low].sum()) / shares[~low].sum()
    counts = np.floor(shares * count + 1e-9).astype(int)
    order = np.argsort(-(shares * count - counts), kind="stable")
    counts[order[: count - counts.sum()]] += 1
    return [int(c) for c in counts]


def plan_labels(split: str, count: int, seed: int) -> NDArray[np.int64]:
    """(count,) labels of a split: the counts are exact, the order is shuffled once and for all."""
    labels = np.repeat(np.arange(len(EXPRESSIONS)), class_counts(split, count))
    return np.random.default_rng([seed, SPLITS.index(split), 2**32 - 1]).permutation(labels).astype(np.int64)


def plan_face(
    split: str, index: int, label: int, count: int, seed: int, wildness: float, pins: Mapping[str, Any] | None = None
) -> FaceFactors:
    """Factors of image `index` of a split; no other image has to be drawn first.

    Parameters
    ----------
    split, index, label
        Which image, and its class.
    count : int
        Images of the split: it decides how many people there are.
    seed : int
    wildness : float
        See `sample_factors`.
    pins : mapping, optional
        Factors with fixed values.

    Returns
    -------
    FaceFactors
    """
    number = SPLITS.index(split)
    rng = np.random.default_rng([seed, number, index])
    people = max(1, count // IMAGES_A_PERSON)
    person = int(rng.integers(people))
    identity = sample_identity(np.random.default_rng([seed, number, person, 1]))
    # Numbers of people go on from split to split, so that no two splits share one.
    identity["identity"] = number * 1_000_000 + person
    factors = sample_factors(rng, EXPRESSIONS[label], identity, wildness)
    return pinned(factors, pins) if pins else factors

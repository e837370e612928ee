"""Which generating factors of a face attention follows: shares of variance, with chance accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from dacl_edu.data.bundled import ACTION_UNITS
from dacl_edu.errors import UserError
from dacl_edu.evaluation.samples import Array, as_matrix, as_samples, without_group_means

NOT_GENERATING = ("label_observed", "label_true", "expression", "identity", "shape_seed", "look_seed", "scene_seed")
"""Columns of the bundled faces' factors that are labels, names and seeds: nothing that one could see."""


def factor_name(factor: str) -> str:
    """Return a factor's name in words: action units by their name in FACS, underscores as blanks.

    Examples
    --------
    >>> factor_name("au25"), factor_name("hair_style")
    ('AU 25, lips part', 'hair style')
    """
    unit = factor.removeprefix("au")
    known = factor.startswith("au") and unit.isdigit() and int(unit) in ACTION_UNITS
    return f"AU {unit}, {ACTION_UNITS[int(unit)]}" if known else factor.replace("_", " ")


def factor_association(
    attention: ArrayLike, factors: pd.DataFrame, labels: ArrayLike | None = None, permutations: int = 999, seed: int = 0
) -> pd.DataFrame:
    """Ask of each generating factor which share of the attention vectors' variance goes along with it (eta squared).

    Numbers enter by their rank, so any steady relation counts. With ``labels``, class means are taken away first and
    ranks are within the class: a smile that only says "happiness" then explains nothing. Significance is by
    permutation (within the class), corrected for asking many factors (Benjamini and Hochberg).

    Parameters
    ----------
    attention : array or Tensor, shape (n, d)
        Features may be given as well.
    factors : DataFrame, n rows
        As ``FaceDataset.factors``. Labels, identities and seeds (:data:`NOT_GENERATING`) are left out, and whatever
        does not vary.
    labels : array or Tensor, shape (n,), optional
    permutations : int, default 999
        The smallest p is one over their number plus one; times the number of factors it should stay near 0.05.
    seed : int, default 0

    Returns
    -------
    DataFrame
        One row a factor, sorted by what is above chance: ``factor``, ``kind`` (number or word), ``share`` (0 to 1),
        ``chance`` (mean share of permuted factors; words of many kinds explain more by luck), ``dimension`` that
        follows it most, ``p``, ``q`` (p corrected; below 0.05, one in twenty of those found is expected to be false).

    Raises
    ------
    UserError
        Another number of rows, or nothing in the attention or the factors varies.

    Examples
    --------
    >>> table = pd.DataFrame({"smile": [0.0, 0.1, 0.8, 0.9] * 5, "side": list("ab") * 10})
    >>> found = factor_association(np.outer(table["smile"], [1.0, 0.5]), table, permutations=99)
    >>> found["factor"][0], bool(found["share"][0] > 0.8), bool(found["q"][0] < 0.05)
    ('smile', True, True)
    """
    a, y = as_samples(attention, np.zeros(len(as_matrix(attention)), dtype=int) if labels is None else labels)
    if len(factors) != len(a):
        raise UserError(f"{len(factors)} rows of factors for {len(a)} samples", hint="take the factors of these images")
    a = without_group_means(a, y)
    total = np.square(a).sum()
    if total < 1e-12 * a.size:
        raise UserError("attention does not vary within the groups", hint="look at a method with learned attention")
    gram, rows = a @ a.T / total, []
    lots = _permutations(y, permutations, seed)
    for name in [column for column in factors.columns if column not in NOT_GENERATING]:
        kind, basis = _basis(factors[name], y)
        if not basis.shape[1]:
            continue
        share = float(np.einsum("nr,nr->", gram @ basis, basis))
        luck = sum(np.einsum("np,np->p", gram @ column[lots.T], column[lots.T]) for column in basis.T)
        strongest = int(np.square(basis.T @ a).sum(axis=0).argmax())
        p = (1 + int((luck >= share - 1e-12).sum())) / (1 + permutations)
        rows.append((name, kind, share, float(np.mean(luck)), strongest, p))
    if not rows:
        raise UserError("no factor varies", hint="take more images")
    found = pd.DataFrame(rows, columns=["factor", "kind", "share", "chance", "dimension", "p"])
    found["q"] = stats.false_discovery_control(found["p"])
    return found.iloc[np.argsort(found["chance"] - found["share"], kind="stable")].reset_index(drop=True)


def _basis(factor: pd.Series[Any], groups: NDArray[np.int64]) -> tuple[str, Array]:
    """Orthonormal columns (n, r) that span a factor after its groups' means are taken away: ranks, or one a word."""
    number = pd.api.types.is_numeric_dtype(factor)
    if number:
        columns = factor.groupby(groups).rank().to_numpy(dtype=float)[:, None]
        columns = np.nan_to_num(columns, nan=float(np.nanmean(columns)) if len(columns) else 0.0)
    else:
        columns = pd.get_dummies(factor).to_numpy(dtype=float)
    left, sizes, _ = np.linalg.svd(without_group_means(columns, groups), full_matrices=False)
    return ("number" if number else "word"), left[:, sizes > 1e-9 * max(len(factor), 1)]


def _permutations(groups: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Orders of the samples, (count, n), that keep everyone in the own group."""
    generator, orders = np.random.default_rng(seed), np.tile(np.arange(len(groups)), (count, 1))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        orders[:, members] = generator.permuted(np.tile(members, (count, 1)), axis=1)
    return orders

"""What attention looks like: class means, similarity, contrast between classes, drift; and what controls change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from dacl_edu.errors import UserError
from dacl_edu.evaluation.deep_features import DeepFeatures
from dacl_edu.evaluation.metrics import attention_stats
from dacl_edu.evaluation.samples import Array, as_matrix, as_samples, class_means, without_group_means
from dacl_edu.losses.functional import sparse_center_loss


def similarity(attention: ArrayLike, centred: bool = True) -> Array:
    """Compare attention vectors pair by pair: the cosine of the angle between them.

    Vectors of positive numbers all point into one corner of space, so their plain cosine is near 1 whatever they are.
    The centred one first takes away what all samples share (the mean of each dimension) and compares what is left.

    Parameters
    ----------
    attention : array or Tensor, shape (n, d)
    centred : bool, default True

    Returns
    -------
    array, shape (n, n)
        From -1 to 1; NaN where a vector is zero, as for attention that is the same for every sample.

    Examples
    --------
    >>> a = [[0.8, 0.2], [0.7, 0.3], [0.3, 0.7], [0.2, 0.8]]
    >>> similarity(a)[0].round(2).tolist(), similarity(a, centred=False)[0].round(2).tolist()
    ([1.0, 1.0, -1.0, -1.0], [1.0, 0.99, 0.61, 0.47])
    """
    a = as_matrix(attention)
    if centred:
        a = a - a.mean(axis=0)
    length = np.linalg.norm(a, axis=1, keepdims=True)
    unit = np.divide(a, length, out=np.full_like(a, np.nan), where=length > 1e-9 * np.sqrt(a.shape[1]))
    return np.clip(unit @ unit.T, -1, 1)


def class_similarity(
    attention: ArrayLike, labels: ArrayLike, num_classes: int | None = None, centred: bool = True
) -> Array:
    """Average :func:`similarity` over the pairs of each two classes; on the diagonal, of each class with itself.

    Parameters
    ----------
    attention : array or Tensor, shape (n, d)
    labels : array or Tensor, shape (n,)
    num_classes : int, optional
    centred : bool, default True

    Returns
    -------
    array, shape (K, K)
        A sample is not compared with itself. NaN where there is no pair.

    Examples
    --------
    >>> a = [[0.8, 0.2], [0.7, 0.3], [0.3, 0.7], [0.2, 0.8]]
    >>> class_similarity(a, [0, 0, 1, 1]).round(3).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    a, y = as_samples(attention, labels)
    pairs = similarity(a, centred)
    np.fill_diagonal(pairs, 0)
    count = num_classes or int(y.max()) + 1
    member = np.eye(count)[y]  # (n, K)
    sizes = member.sum(axis=0)
    number = np.outer(sizes, sizes) - np.diag(sizes)  # of pairs
    return np.divide(member.T @ pairs @ member, number, out=np.full((count, count), np.nan), where=number > 0)


class WithinBetween(NamedTuple):
    """Mean similarity of two samples of one class, and of two samples of different classes."""

    within: float
    between: float


def within_between(attention: ArrayLike, labels: ArrayLike, centred: bool = True) -> WithinBetween:
    """Average :func:`similarity` over pairs of one class, and over pairs of different classes.

    Centred vectors add up to zero. So with K classes of one size, `between` is about ``-within / (K - 1)``: slightly
    below zero is what "nothing in common" looks like. NaN where there are no such pairs.

    Examples
    --------
    >>> [round(value, 6) for value in within_between([[0.8, 0.2], [0.7, 0.3], [0.3, 0.7], [0.2, 0.8]], [0, 0, 1, 1])]
    [1.0, -1.0]
    """
    a, y = as_samples(attention, labels)
    pairs, same = similarity(a, centred), y[:, None] == y[None]
    of_one = pairs[same & ~np.eye(len(y), dtype=bool)]
    return WithinBetween(*(float(group.mean()) if group.size else float("nan") for group in (of_one, pairs[~same])))


def class_contrast(attention: ArrayLike, labels: ArrayLike) -> pd.DataFrame:
    """Order the dimensions by how much their attention differs between classes.

    Parameters
    ----------
    attention : array or Tensor, shape (n, d)
    labels : array or Tensor, shape (n,)

    Returns
    -------
    DataFrame
        One row a dimension, the largest contrast first: ``dimension``, ``F`` (variance between classes over variance
        within), ``eta2`` (share of the variance that lies between classes, 0 to 1). Both are 0 where nothing varies.

    Raises
    ------
    UserError
        Fewer than two classes, or no more samples than classes.

    Examples
    --------
    >>> class_contrast([[0.5, 0.1], [0.6, 0.2], [0.5, 0.8], [0.6, 0.9]], [0, 0, 1, 1]).round(2).to_dict("list")
    {'dimension': [1, 0], 'F': [98.0, 0.0], 'eta2': [0.98, 0.0]}
    """
    a, y = as_samples(attention, labels)
    classes = len(np.unique(y))
    if classes < 2 or len(y) <= classes:
        raise UserError(f"{len(y)} samples of {classes} classes", hint="contrast needs two classes and more samples")
    total = np.square(a - a.mean(axis=0)).sum(axis=0)
    inside = np.square(without_group_means(a, y)).sum(axis=0)
    varies = total > 1e-12 * len(y)
    eta2 = np.where(varies, 1 - inside / np.where(varies, total, 1), 0).clip(0, 1)
    ratio = eta2 / np.maximum(1 - eta2, 1e-12) * (len(y) - classes) / (classes - 1)
    order = np.argsort(-eta2, kind="stable")
    return pd.DataFrame({"dimension": order, "F": ratio[order], "eta2": eta2[order]})


def attention_drift(snapshots: Sequence[Any]) -> pd.DataFrame:
    """Follow attention over the epochs.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        Each with ``epoch``, ``deep`` and ``centers``, as ``Run.snapshots`` returns them.

    Returns
    -------
    DataFrame
        One row an epoch: ``epoch``, ``mean``, ``std`` and ``entropy`` (as in the run's metrics), ``within`` and
        ``between`` (:func:`within_between` of attention), ``features_within`` (the same of the features), ``change``
        (mean absolute change of the class means since the row before; NaN in the first).

    Raises
    ------
    UserError
        No snapshots.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> deep = DeepFeatures(torch.rand(4, 3), torch.rand(4, 3), *[torch.tensor([0, 0, 1, 1])] * 3, "val")
    >>> attention_drift([SimpleNamespace(epoch=0, deep=deep)])["epoch"].tolist()
    [0]
    """
    if not snapshots:
        raise UserError("the run kept no snapshots", hint="train with snapshots, e.g. --snapshots 15")
    rows, before = [], None
    for snapshot in snapshots:
        deep = snapshot.deep
        means = class_means(deep.attention, deep.labels)
        pair = within_between(deep.attention, deep.labels)
        rows.append(
            {
                "epoch": snapshot.epoch, **attention_stats(deep.attention), "within": pair.within,
                "between": pair.between, "features_within": within_between(deep.features, deep.labels).within,
                "change": float("nan") if before is None else float(np.nanmean(abs(means - before))),
            }
        )  # fmt: skip
        before = means
    return pd.DataFrame(rows)


def controls(attention: Tensor, seed: int = 0) -> dict[str, Tensor]:
    """Return what the controls of :class:`dacl_edu.model.attention.AttentionNetwork` would make of learned attention.

    Parameters
    ----------
    attention : Tensor, shape (n, d)
    seed : int, default 0
        Of ``permuted``.

    Returns
    -------
    dict of str to Tensor, each (n, d)
        ``learned``, ``mean``, ``permuted``, ``normalized``, ``ones``. Not ``frozen``: that is another network.

    Examples
    --------
    >>> controls(torch.tensor([[0.2, 0.6]]))["mean"].tolist()
    [[0.4000000059604645, 0.4000000059604645]]
    """
    mean = attention.mean(dim=1, keepdim=True)
    lot = torch.rand(attention.shape, generator=torch.Generator().manual_seed(seed)).argsort(dim=1)
    return {
        "learned": attention, "mean": mean.expand_as(attention), "permuted": attention.gather(1, lot),
        "normalized": attention / mean, "ones": torch.ones_like(attention),
    }  # fmt: skip


def control_effects(deep: DeepFeatures, centers: Tensor, seed: int = 0) -> pd.DataFrame:
    """Compare L_SC (Eq. 4) and its gradient (Eq. 9) under learned attention with those under each control.

    On finished features this says how much the controls would change one step. What they change in a training,
    only a training says.

    Parameters
    ----------
    deep : DeepFeatures
    centers : Tensor, shape (K, d)
    seed : int, default 0

    Returns
    -------
    DataFrame
        Indexed by control: ``loss``; ``cosine`` between its gradient with respect to the features and that of learned
        attention; ``length`` of its gradient over the length of learned attention's.

    Examples
    --------
    >>> deep = DeepFeatures(torch.rand(6, 4), torch.rand(6, 4), *[torch.arange(6) % 2] * 3, "train")
    >>> control_effects(deep, torch.zeros(2, 4)).loc["learned"].round(4).tolist()[1:]
    [1.0, 1.0]
    """
    as_samples(deep.features, deep.labels)
    rows, reference = {}, None
    for name, weights in controls(deep.attention, seed).items():
        x = deep.features.detach().double().requires_grad_()
        loss = sparse_center_loss(x, weights.double(), deep.labels, centers.double())
        (gradient,) = torch.autograd.grad(loss, x)
        reference = gradient if reference is None else reference
        lengths = gradient.norm(), reference.norm()
        cosine = (gradient * reference).sum() / (lengths[0] * lengths[1])
        rows[name] = {"loss": loss.item(), "cosine": cosine.item(), "length": (lengths[0] / lengths[1]).item()}
    return pd.DataFrame.from_dict(rows, orient="index")

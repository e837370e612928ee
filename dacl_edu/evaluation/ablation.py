"""Ablation: how accuracy falls when the most or the least attended features are taken away."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from dacl_edu._moved import old_names
from dacl_edu.errors import UserError
from dacl_edu.evaluation.deep_features import ClassifierHead, DeepFeatures
from dacl_edu.evaluation.samples import Array, as_matrix, as_samples


def ablation_curve(
    features: Tensor, labels: Tensor, head: ClassifierHead, score: ArrayLike, fill: ArrayLike | float = 0.0
) -> Array:
    """Return the accuracy after ablating, in each sample, the k dimensions with the highest score, for every k.

    Parameters
    ----------
    features : Tensor, shape (n, d)
    labels : Tensor, shape (n,)
    head : ClassifierHead
        The classifier, Eq. 1.
    score : array or Tensor, shape (n, d)
        Attention for the most attended first, minus attention for the least attended first.
    fill : float or array of shape (d,), default 0
        What an ablated feature becomes: 0, or for instance each dimension's mean over all samples.

    Returns
    -------
    array, shape (d + 1,)
        Entry k belongs to k ablated dimensions. At k = d (filled with 0) only the bias answers.

    Examples
    --------
    >>> import torch
    >>> head = ClassifierHead(torch.eye(2), torch.tensor([0.0, 0.1]), torch.zeros(2, 2))
    >>> x, y = torch.tensor([[1.0, 0.5], [0.2, 1.0]]), torch.tensor([0, 1])
    >>> ablation_curve(x, y, head, score=x).tolist()
    [1.0, 0.0, 0.5]
    """
    x, y = as_samples(features, labels)
    ranks = as_matrix(score)
    if ranks.shape != x.shape:
        raise UserError(f"score has shape {ranks.shape}, features {x.shape}", hint="one score for each feature")
    weight, bias = head.weight.double().numpy(), head.bias.double().numpy()
    replaced = np.broadcast_to(np.asarray(fill, dtype=float), x.shape[1:])
    nothing_left = replaced @ weight.T + bias  # (K,)
    correct = np.zeros(x.shape[1] + 1)
    for rows in np.array_split(np.arange(len(x)), -(-len(x) // 500)):  # 30,000 samples at once would take gigabytes
        order = np.argsort(-ranks[rows], axis=1, kind="stable")  # (b, d)
        lost = np.take_along_axis(x[rows] - replaced, order, axis=1)[..., None] * weight.T[order]
        lost = np.concatenate([np.zeros((len(rows), 1, len(bias))), lost.cumsum(axis=1)], axis=1)  # (b, d + 1, K)
        scores = (x[rows] @ weight.T + bias)[:, None] - lost
        scores[:, -1] = nothing_left  # else rounding decides between scores that are equal
        correct += (scores.argmax(axis=2) == y[rows, None]).sum(axis=0)
    return correct / len(x)


class AblationCurves(NamedTuple):
    """Accuracy after ablating k dimensions of each sample, k = 0 .. d.

    Attributes
    ----------
    top, bottom : array, shape (d + 1,)
        The most and the least attended first.
    contribution : array, shape (d + 1,)
        First those that contribute most to the winning score, ``|w_j x_j|``: as harmful as ablation gets.
    random : array, shape (seeds, d + 1)
        In an order drawn by lot for each sample.
    """

    top: Array
    bottom: Array
    contribution: Array
    random: Array


def ablation_curves(deep: DeepFeatures, head: ClassifierHead, fill: str = "zero", seeds: int = 20) -> AblationCurves:
    """Ablate dimensions by attention, and beside it by lot and by contribution: :func:`ablation_curve` for each.

    Attention is no part of the forward pass: a prediction never sees it. So this does not ask what attention does to a
    prediction. It asks whether the dimensions that L_SC cares for most are those that the classifier needs.

    Parameters
    ----------
    deep : DeepFeatures
    head : ClassifierHead
    fill : {"zero", "mean"}, default "zero"
        What an ablated feature becomes. Zero is a value that pooled features hardly ever take; the mean is not.
    seeds : int, default 20

    Examples
    --------
    >>> import torch
    >>> deep = DeepFeatures(torch.rand(6, 4), torch.rand(6, 4), *[torch.arange(6) % 2] * 3, "test")
    >>> head = ClassifierHead(torch.rand(2, 4), torch.zeros(2), torch.zeros(2, 4))
    >>> ablation_curves(deep, head, seeds=3).random.shape
    (3, 5)
    """
    if fill not in ("zero", "mean"):
        raise UserError(f"fill is {fill!r}", hint="use zero or mean")
    x, y, a = deep.features, deep.labels, deep.attention
    as_samples(x, y)
    value = 0.0 if fill == "zero" else x.double().mean(dim=0).numpy()
    contribution = (x * head.weight[head.logits(x).argmax(dim=1)]).abs()  # (n, d)
    lots = [np.random.default_rng(seed).random(tuple(x.shape)) for seed in range(seeds)]
    scores: list[ArrayLike] = [a, -a, contribution, *lots]
    top, bottom, most, *rest = (ablation_curve(x, y, head, score, value) for score in scores)
    return AblationCurves(top, bottom, most, np.stack(rest) if rest else np.zeros((0, len(top))))


__getattr__ = old_names(__name__)  # names of the last release

"""Accuracy, average accuracy and confusion, from predictions; by torchmetrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypedDict

import torch
from torch import Tensor


class Scores(TypedDict):
    """What :func:`score` returns."""

    accuracy: float
    average_accuracy: float
    per_class_accuracy: list[float | None]
    confusion: list[list[int]]


def score(predicted: Tensor, labels: Tensor, num_classes: int) -> Scores:
    """Score predicted against true classes the way the paper's tables do.

    Parameters
    ----------
    predicted, labels : Tensor, shape (n,)
        Class indices 0 .. K-1.
    num_classes : int
        K.

    Returns
    -------
    dict
        ``accuracy`` (share of right answers), ``average_accuracy`` (mean of the diagonal of the row-normalised
        confusion matrix, Sec. 4.3, over the classes that occur), ``per_class_accuracy`` (the diagonal; None for a
        class that does not occur) and ``confusion`` (counts; rows are true classes, columns predicted ones).

    Raises
    ------
    ValueError
        No samples, or shapes that differ.

    Examples
    --------
    >>> score(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 0, 1]), num_classes=2)["confusion"]
    [[2, 1], [0, 1]]
    >>> round(score(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 0, 1]), 2)["average_accuracy"], 4)
    0.8333
    """
    if predicted.shape != labels.shape or labels.dim() != 1 or len(labels) == 0:
        raise ValueError(
            f"predicted and labels must have one shape (n,), n > 0: {tuple(predicted.shape)}, {tuple(labels.shape)}"
        )
    from torchmetrics.functional.classification import multiclass_confusion_matrix  # slow to import

    confusion = multiclass_confusion_matrix(predicted, labels, num_classes)  # (K, K)
    support = confusion.sum(dim=1)  # (K,)
    # In float64: an accuracy is a ratio of counts and deserves every digit of it.
    diagonal = confusion.diagonal().double() / support  # nan for a class that does not occur
    return {
        "accuracy": float(confusion.diagonal().sum().double() / support.sum()),
        "average_accuracy": float(diagonal[support > 0].mean()),
        "per_class_accuracy": [None if math.isnan(value) else value for value in diagonal.tolist()],
        "confusion": confusion.tolist(),
    }


class AttentionStats(TypedDict):
    """What :func:`attention_stats` returns."""

    mean: float
    std: float
    entropy: float


class AttentionMeter:
    """Gathers the statistics of :func:`attention_stats` batch by batch, on the device of the batches.

    Examples
    --------
    >>> meter = AttentionMeter()
    >>> meter.add(torch.full((3, 8), 0.5))
    >>> meter.stats()
    {'mean': 0.5, 'std': 0.0, 'entropy': 1.0}
    """

    def __init__(self) -> None:
        self.sums: Tensor | None = None
        self.samples = 0

    @torch.no_grad()
    def add(self, attention: Tensor) -> None:
        """Add a batch of attention weights, (m, d)."""
        # float64, since the spread is a difference of two nearly equal means; Apple's GPUs have only float32
        attention = attention.to(torch.float32 if attention.device.type == "mps" else torch.float64)
        share = attention / attention.sum(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny)
        largest = math.log(max(attention.shape[1], 2))
        of_batch = torch.stack(
            [
                attention.mean(dim=1).sum(),
                attention.square().mean(dim=1).sum(),
                torch.special.entr(share).sum() / largest,
            ]
        )
        self.sums = of_batch if self.sums is None else self.sums + of_batch
        self.samples += len(attention)

    def stats(self) -> AttentionStats:
        """Return mean, spread and entropy of all that was added."""
        if self.sums is None:
            raise ValueError("no attention was added")
        mean, square, entropy = (self.sums / self.samples).tolist()
        return {
            "mean": round(mean, 7),
            "std": round(math.sqrt(max(square - mean**2, 0.0)), 7),
            "entropy": round(entropy, 6),
        }


def attention_stats(attention: Tensor) -> AttentionStats:
    r"""Mean, spread and entropy of attention weights: do they select, do they shrink?

    Parameters
    ----------
    attention : Tensor, shape (n, d)

    Returns
    -------
    dict
        ``mean`` and ``std`` over all elements; ``entropy``, the entropy of :math:`a_i / \sum_j a_{ij}` averaged over
        samples, as a share of its largest value log d: 1 when all dimensions weigh alike, 0 when one has it all.

    Examples
    --------
    >>> attention_stats(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))["entropy"]
    0.5
    """
    meter = AttentionMeter()
    meter.add(attention)
    return meter.stats()


def uses_attention(stats: Mapping[str, Any] | None) -> bool:
    """Whether statistics are those of a method that weighs dimensions: all weights 1 are no attention.

    Examples
    --------
    >>> uses_attention({"mean": 1.0, "std": 0.0}), uses_attention({"mean": 0.49, "std": 0.17}), uses_attention(None)
    (False, True, False)
    """
    return stats is not None and bool(stats) and not (stats["mean"] == 1 and not stats.get("std"))


def mean_attention(result: Mapping[str, Any]) -> str:
    """Write the mean attention of a result; "–" for a method without attention.

    Examples
    --------
    >>> mean_attention({"attention": {"mean": 0.4862, "std": 0.17}}), mean_attention({"attention": {"mean": 1.0}})
    ('0.486', '–')
    """
    stats = result.get("attention")
    return f"{stats['mean']:.3f}" if stats and uses_attention(stats) else "–"

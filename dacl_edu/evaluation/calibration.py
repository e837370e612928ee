"""Whether a model's confidence means something: reliability and expected calibration error; and macro-F1.

All take logits (n, K) and labels (n,).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error, multiclass_f1_score

BINS = 10
"""Equal parts of the confidence from 0 to 1."""


class Reliability(NamedTuple):
    """What :func:`reliability` returns: one number a bin that holds an image.

    Attributes
    ----------
    confidence, accuracy : array, shape (b,)
        Mean probability of the answers in the bin, and the share of them that is correct.
    images : array of int, shape (b,)
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    images: NDArray[np.int64]


def macro_f1(logits: Tensor, labels: Tensor) -> float:
    """Mean over the classes of the harmonic mean of precision and recall, by torchmetrics.

    Examples
    --------
    >>> round(macro_f1(torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0]]), torch.tensor([0, 1, 1])), 4)
    0.6667
    """
    return float(multiclass_f1_score(logits, labels, logits.shape[1], average="macro"))


def calibration_error(logits: Tensor, labels: Tensor) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over the bins, by torchmetrics.

    From 0 to 1; 0 where of the answers given with 70 % confidence 70 % are correct, and so on.

    Examples
    --------
    >>> sure = torch.tensor([[20.0, 0.0]] * 4)
    >>> round(calibration_error(sure, torch.tensor([0, 0, 0, 1])), 4)
    0.25
    """
    probability = torch.softmax(logits.double(), dim=1)
    return float(multiclass_calibration_error(probability, labels, logits.shape[1], n_bins=BINS, norm="l1"))


def reliability(logits: Tensor, labels: Tensor) -> Reliability:
    """Group answers by their confidence and count how many are correct.

    Examples
    --------
    >>> found = reliability(torch.tensor([[20.0, 0.0]] * 4), torch.tensor([0, 0, 0, 1]))
    >>> found.confidence.round(3), found.accuracy, found.images
    (array([1.]), array([0.75]), array([4]))
    """
    from scipy.stats import binned_statistic

    probability, answer = torch.softmax(logits.double(), dim=1).max(dim=1)
    sure = probability.clamp(max=1.0).numpy()
    both = [sure, (answer == labels).double().numpy()]
    edges = np.linspace(0, 1, BINS + 1)
    confidence, accuracy = binned_statistic(sure, both, "mean", edges).statistic
    images = np.histogram(sure, edges)[0]
    there = images > 0
    return Reliability(confidence[there], accuracy[there], images[there])

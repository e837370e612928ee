"""Calibration and macro-F1 against counts made by hand."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import f1_score

from dacl_edu.evaluation.calibration import BINS, calibration_error, macro_f1, reliability


def some_answers() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return 2 * torch.randn(500, 7, generator=draw, dtype=torch.float64), torch.randint(7, (500,), generator=draw)


def test_macro_f1_is_scikit_learns() -> None:
    logits, labels = some_answers()
    expected = f1_score(labels.numpy(), logits.argmax(dim=1).numpy(), average="macro")
    assert abs(macro_f1(logits, labels) - expected) < 1e-6


def test_reliability_is_scikit_learns_and_counts_every_image() -> None:
    logits, labels = some_answers()
    found = reliability(logits, labels)
    sure, answer = torch.softmax(logits, dim=1).max(dim=1)
    accuracy, confidence = calibration_curve((answer == labels).numpy(), sure.numpy(), n_bins=BINS)
    assert found.accuracy.shape == accuracy.shape and np.allclose(found.accuracy, accuracy)
    assert np.allclose(found.confidence, confidence) and found.images.sum() == 500


def test_the_calibration_error_is_the_mean_gap_weighted_by_images() -> None:
    logits, labels = some_answers()
    found = reliability(logits, labels)
    expected = (np.abs(found.accuracy - found.confidence) * found.images).sum() / 500
    assert abs(calibration_error(logits, labels) - expected) < 1e-6
    assert calibration_error(torch.tensor([[50.0, 0.0]] * 3), torch.tensor([0, 0, 0])) < 1e-6

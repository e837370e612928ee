"""Assignment 1: its reference values and batches. Which answers win and lose: test_solutions.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dacl_edu.losses.functional import center_loss
from dacl_edu.reference import center_loss as reference
from dacl_edu_course.questions.a1_center_loss import far_batch, half_batch
from dacl_edu_course.questions.batches import by_reference, made_batch

# ------------------------------------------------------------------------------------ the reference values


def batch(seed: int) -> dict[str, Any]:
    made = made_batch(seed, absent=seed % 2 == 0)
    return {name: made[name] for name in ("x", "y", "c")}


@pytest.mark.parametrize("seed", range(6))
def test_reference_and_package_agree(seed: int) -> None:
    inputs = batch(seed)
    ours = center_loss(inputs["x"], inputs["y"], inputs["c"])
    assert ours.shape == () and abs(ours - by_reference(reference.center_loss, **inputs)) < 1e-12


@pytest.mark.parametrize("seed", range(6))
def test_reference_gradients_are_those_of_the_package(seed: int) -> None:
    inputs = batch(seed)
    x, c = inputs["x"].requires_grad_(), inputs["c"].requires_grad_()
    slopes = torch.autograd.grad(center_loss(x, inputs["y"], c), (x, c))
    expected = by_reference(reference.center_loss_gradients, **inputs)
    for name, slope in zip(("x", "c"), slopes, strict=True):
        assert expected[name].shape == slope.shape
        assert (expected[name] - slope).abs().max() < 1e-12


def test_reference_values_are_those_of_the_paper_by_hand() -> None:
    x, y, c = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([0, 1]), np.array([[0.0, 0.0], [3.0, 4.0]])
    assert reference.center_loss(x, y, c) == (1 + 4 + 0 + 16) / 4
    slopes = reference.center_loss_gradients(x, y, c)
    assert slopes["x"].tolist() == [[0.5, 1.0], [0.0, -2.0]] and slopes["c"].tolist() == [[-0.5, -1.0], [0.0, 2.0]]


@pytest.mark.parametrize("seed", [0, 7, 123_456_789])
def test_the_batches_of_question_4_are_what_they_say(seed: int) -> None:
    far, half = far_batch(seed), half_batch(seed)
    assert far["x"].dtype == torch.float32 and far["x"].abs().min() > 3000
    assert (far["x"] - far["c"][far["y"]]).abs().max() < 6
    apart = (half["x"].float() - half["c"].float()[half["y"]]).abs()
    assert half["x"].dtype == torch.float16 and apart.max() < 65_504 < apart.max() ** 2

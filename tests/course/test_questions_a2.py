"""Assignment 2: its reference values. Which answers win and lose: test_solutions.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dacl_edu.losses.functional import center_loss, sparse_center_loss
from dacl_edu.reference import sparse_center_loss as reference
from dacl_edu_course.questions.batches import by_reference, made_batch

# ------------------------------------------------------------------------------------ the reference values


def batch(seed: int) -> dict[str, Any]:
    return made_batch(seed, absent=seed % 2 == 0)


def of_package(inputs: dict[str, Any]) -> Any:
    return sparse_center_loss(inputs["x"], inputs["a"], inputs["y"], inputs["c"])


@pytest.mark.parametrize("seed", range(6))
def test_reference_and_package_agree(seed: int) -> None:
    inputs = batch(seed)
    ours = of_package(inputs)
    assert ours.shape == () and abs(ours - by_reference(reference.sparse_center_loss, **inputs)) < 1e-12


@pytest.mark.parametrize("seed", range(6))
def test_reference_gradients_are_those_of_the_package(seed: int) -> None:
    inputs = batch(seed)
    x, a = inputs["x"].requires_grad_(), inputs["a"].requires_grad_()
    of_x, of_a = torch.autograd.grad(of_package(inputs), (x, a))
    expected_x = by_reference(reference.gradient_x, **inputs)
    expected_a = by_reference(reference.gradient_a, x=x, y=inputs["y"], c=inputs["c"])
    assert expected_x.shape == of_x.shape == expected_a.shape == of_a.shape
    assert (expected_x - of_x).abs().max() < 1e-12 and (expected_a - of_a).abs().max() < 1e-12


def test_reference_values_are_those_of_the_paper_by_hand() -> None:
    x, a = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[1.0, 0.5], [1.0, 0.25]])
    y, c = np.array([0, 1]), np.array([[0.0, 0.0], [3.0, 4.0]])
    assert reference.sparse_center_loss(x, a, y, c) == (1 + 2 + 0 + 4) / 4
    assert reference.gradient_x(x, a, y, c).tolist() == [[0.5, 0.5], [0.0, -0.5]]
    assert reference.gradient_a(x, y, c).tolist() == [[0.25, 1.0], [0.0, 4.0]]


def test_attention_1_is_center_loss() -> None:
    inputs = batch(0)
    expected = center_loss(inputs["x"], inputs["y"], inputs["c"])
    inputs["a"] = torch.ones_like(inputs["a"])
    assert abs(by_reference(reference.sparse_center_loss, **inputs) - expected) < 1e-12

"""Assignment 2: its reference values. Which answers win and lose: test_solutions.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dacl_edu.losses.functional import sparse_center_loss
from dacl_edu_course.questions.batches import by_reference, made_batch
from dacl_edu_course.reference import tempered_loss as reference


def batch(seed: int, scale: float = 1.0) -> dict[str, Any]:
    made = made_batch(seed, absent=seed % 2 == 0)
    return {**made, "x": scale * made["x"], "c": scale * made["c"]}


def by_one_formula(x: Any, a: Any, y: Any, c: Any) -> Any:
    return ((1 + (a * (x - c[y]).square()).sum(dim=1)).sqrt() - 1).mean()


@pytest.mark.parametrize("seed", range(6))
def test_the_reference_is_the_formula_and_its_gradients_are_autograds(seed: int) -> None:
    inputs = batch(seed)
    x, a = inputs["x"].requires_grad_(), inputs["a"].requires_grad_()
    loss = by_one_formula(**inputs)
    assert abs(loss - by_reference(reference.tempered_loss, **inputs)) < 1e-12
    for name, slope in zip("xa", torch.autograd.grad(loss, (x, a)), strict=True):
        expected = by_reference(getattr(reference, f"gradient_{name}"), **inputs)
        assert expected.shape == slope.shape and (expected - slope).abs().max() < 1e-12


def test_reference_values_are_those_of_the_page_by_hand() -> None:
    x, a = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[1.0, 0.5], [1.0, 0.5]])
    y, c = np.array([1, 0]), np.array([[3.0, 4.0], [0.0, 0.0], [7.0, 7.0]])
    assert reference.tempered_loss(x, a, y, c) == (1 + 2) / 2
    assert reference.gradient_x(x, a, y, c).tolist() == [[0.25, 0.25], [0.0, -1 / 3]]
    assert reference.gradient_a(x, a, y, c).tolist() == [[0.125, 0.5], [0.0, 4 / 3]]


def test_near_it_is_eq_4_and_far_it_is_a_distance() -> None:
    near, far, farther = batch(0, 1e-4), batch(0, 1e7), batch(0, 2e7)
    of_eq_4 = sparse_center_loss(near["x"], near["a"], near["y"], near["c"])
    assert abs(by_reference(reference.tempered_loss, **near) / of_eq_4 - 1) < 1e-6
    twice = by_reference(reference.tempered_loss, **farther) / by_reference(reference.tempered_loss, **far)
    assert abs(twice - 2) < 1e-6


def test_no_sample_pulls_harder_than_one_over_m() -> None:
    """What question 2 asks last: a·D/r has the length sqrt(a)·sqrt(a)·D/r, which is below 1 for attention below 1."""
    inputs = batch(0, 1e6)
    slopes = by_reference(reference.gradient_x, **inputs)
    assert 0.5 / len(slopes) < slopes.norm(dim=1).max() < 1 / len(slopes)

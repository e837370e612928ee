"""Assignment 3: its reference values. Which answers win and lose: test_solutions.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dacl_edu.centers import ClassCenters, center_delta
from dacl_edu.reference import center_update as reference
from dacl_edu_course.questions.batches import by_reference, made_batch

# ------------------------------------------------------------------------------------ the reference values


def batch(seed: int) -> dict[str, Any]:
    return made_batch(seed, absent=seed % 2 == 0)


@pytest.mark.parametrize("eps", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("seed", range(4))
def test_reference_and_package_agree(seed: int, eps: float) -> None:
    inputs = batch(seed)
    ours = center_delta(inputs["x"], inputs["a"], inputs["y"], inputs["c"], eps)
    expected = by_reference(reference.center_delta, **inputs, eps=eps)
    assert ours.shape == expected.shape and (ours - expected).abs().max() < 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_reference_step_and_parts_are_those_of_the_package(seed: int) -> None:
    inputs = batch(seed)
    keeper = ClassCenters(*inputs["c"].shape, alpha=0.5, eps=0.3).double()
    keeper.centers.copy_(inputs["c"])
    parts = list(zip(*(inputs[name].split(3) for name in ("x", "a", "y")), strict=True))
    for part in parts:
        keeper.accumulate(*part)
    keeper.step()
    moved = by_reference(reference.updated_centers, **inputs, alpha=0.5, eps=0.3)
    delta = by_reference(reference.delta_of_parts, parts=parts, c=inputs["c"], eps=0.3)
    assert moved.shape == delta.shape == keeper.centers.shape
    assert (moved - keeper.centers).abs().max() < 1e-12
    assert (inputs["c"] - 0.5 * delta - keeper.centers).abs().max() < 1e-12


def test_reference_values_are_those_of_the_paper_by_hand() -> None:
    x, a = np.array([[-1.0, 2.0], [-2.0, 3.0]]), np.array([[0.5, 1.0], [0.5, 1.0]])
    y, c = np.array([1, 1]), np.array([[5.0, 5.0], [0.0, 1.0]])
    assert reference.center_delta(x, a, y, c, eps=1.0).tolist() == [[0.0, 0.0], [0.5, -1.0]]
    assert reference.updated_centers(x, a, y, c, alpha=0.5, eps=1.0).tolist() == [[5.0, 5.0], [-0.25, 1.5]]
    parts = [(x[:1], a[:1], y[:1]), (x[1:], a[1:], y[1:])]
    assert reference.delta_of_parts(parts, c, eps=1.0).tolist() == [[0.0, 0.0], [0.5, -1.0]]

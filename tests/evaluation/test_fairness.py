"""Accuracy by group: right numbers, and a gap that is judged against chance."""

from __future__ import annotations

import numpy as np
import pytest

from dacl_edu.evaluation.fairness import accuracy_by_group

NAMES = ("low", "middle", "high")


def drawn(rng: np.random.Generator, worse: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """120 people with five images each; each person has an accuracy of their own, the upper third a worse one."""
    trait = rng.random(120)
    accuracy = np.clip(0.8 + rng.normal(0, 0.1, 120) - worse * (trait > np.quantile(trait, 2 / 3)), 0, 1)
    people = np.repeat(np.arange(120), 5)
    return rng.random((2, 600)) < accuracy[people], trait[people], people


def test_each_group_has_the_accuracy_of_its_images() -> None:
    correct, trait, people = drawn(np.random.default_rng(0))
    found = accuracy_by_group(correct, trait, people, NAMES)
    edges = np.quantile(trait[::5], [1 / 3, 2 / 3])
    for row, where in zip(found.table.itertuples(), (trait < edges[0], None, trait >= edges[1]), strict=True):
        if where is not None:
            assert row.accuracy == pytest.approx(correct[:, where].mean()) and row.images == where.sum()
        assert row.low <= row.accuracy <= row.high
    assert found.gap == pytest.approx(np.ptp(found.table["accuracy"]))


def test_a_gap_of_luck_is_rarely_called_one_and_a_real_one_is() -> None:
    rng = np.random.default_rng(1)
    luck = [accuracy_by_group(*drawn(rng), NAMES, draws=99).p_value for _ in range(120)]
    assert 0.01 <= np.mean(np.array(luck) <= 0.05) <= 0.11
    real = accuracy_by_group(*drawn(rng, worse=0.3), NAMES)
    assert real.p_value < 0.01 and real.gap > 3 * real.chance
    assert real.table["accuracy"].idxmin() == 2


def test_people_are_drawn_not_images() -> None:
    """Every image of a person alike: as many copies of an image say no more than one."""
    rng = np.random.default_rng(2)
    right, trait = rng.random(60) < 0.7, rng.random(60)
    one = accuracy_by_group(right, trait, np.arange(60), NAMES)
    many = accuracy_by_group(np.repeat(right, 20), np.repeat(trait, 20), np.repeat(np.arange(60), 20), NAMES)
    assert (one.table[["low", "high"]].to_numpy() == many.table[["low", "high"]].to_numpy()).all()
    assert one.p_value == many.p_value


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="one value an image"):
        accuracy_by_group([1, 0], [0.1], [1, 2], NAMES)
    with pytest.raises(ValueError, match="no people"):
        accuracy_by_group([1, 0], [0.1, 0.2], [1, 2], ("below", "above"))

"""Intervals over seeds and images hold what they promise; power is what simulation says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dacl_edu.evaluation.crossed import crossed_difference, power, seeds_needed


def drawn(rng: np.random.Generator, seeds: int, images: int, by_seed: float, by_image: float) -> np.ndarray:
    """Two methods that are equally good: images differ in difficulty, methods in which images and seeds they like."""
    difficulty = rng.normal(1.4, 1.5, images)
    logit = difficulty + rng.normal(0, by_image, (2, 1, images)) + rng.normal(0, by_seed, (2, seeds, 1))
    return rng.random((2, seeds, images)) < 1 / (1 + np.exp(-logit))


@pytest.mark.parametrize(("by_seed", "by_image"), [(0.05, 0.3), (0.1, 0.3), (0.2, 0.3)])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_the_interval_covers_no_difference_in_93_to_97_of_100_experiments(
    seeds: int, by_seed: float, by_image: float
) -> None:
    rng = np.random.default_rng(seeds)
    found = [crossed_difference(*drawn(rng, seeds, 400, by_seed, by_image)) for _ in range(800)]
    covered = np.mean([one.low <= 0 <= one.high for one in found])
    assert 0.93 - 0.008 <= covered <= 0.97 + 0.008  # one standard error of 800 experiments
    assert np.mean([one.p_value < 0.05 for one in found]) == pytest.approx(1 - covered, abs=0.001)


def test_the_percentiles_of_a_two_level_bootstrap_do_not() -> None:
    """Why the interval is no bootstrap: with three seeds that matter it misses more than twice as often as it says."""
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        first, second = drawn(rng, 3, 2000, 0.2, 0.3)
        difference = first.astype(float) - second
        means = [
            difference[rng.integers(0, 3, 3)][:, rng.integers(0, 2000, 2000)].mean() for _ in range(150)
        ]  # fmt: skip
        low, high = np.quantile(means, [0.025, 0.975])
        covered += low <= 0 <= high
    assert covered / 200 < 0.90


def test_with_images_that_say_nothing_it_is_students_paired_test() -> None:
    rng = np.random.default_rng(1)
    first, second = (
        np.repeat(rng.random((6, 1)), 50, axis=1) for _ in range(2)
    )  # a seed's accuracy, without its images
    found = crossed_difference(first, second)
    theirs = stats.ttest_rel(first[:, 0], second[:, 0])
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-6)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval()), rel=1e-6)


def test_a_single_seed_is_mcnemars_test() -> None:
    first, second = np.array([[1, 1, 1, 1, 1, 0, 1, 1]]), np.array([[0, 0, 0, 0, 1, 0, 1, 1]])
    found = crossed_difference(first, second)
    assert found.p_value == stats.binomtest(4, 4).pvalue and found.middle == 0.5
    assert np.isnan(found.by_seed)


def test_power_agrees_with_simulation() -> None:
    rng = np.random.default_rng(2)
    seeds, images, by_seed, shift = 5, 400, 0.02, 0.03
    pilot = crossed_difference(*rng.random((2, 2, 2)) < 0.5)._replace(
        by_seed=2 * by_seed**2, by_image=0.0, rest=2 * 0.16, images=images
    )  # fmt: skip
    found = 0
    for _ in range(1500):
        accuracy = 0.8 + rng.normal(0, by_seed, (2, seeds, 1)) + np.array([shift, 0])[:, None, None]
        found += crossed_difference(*(rng.random((2, seeds, images)) < accuracy)).p_value < 0.05
    assert found / 1500 == pytest.approx(power(pilot, shift, seeds), abs=0.04)
    needed = seeds_needed(pilot, shift)
    assert needed is not None and power(pilot, shift, needed) >= 0.8 > power(pilot, shift, needed - 1)


def test_shapes_are_checked() -> None:
    for first, second in ((np.ones((2, 3)), np.ones((3, 2))), (np.ones(3), np.ones(3)), (np.ones((1, 1)),) * 2):
        with pytest.raises(ValueError, match="one shape"):
            crossed_difference(first, second)

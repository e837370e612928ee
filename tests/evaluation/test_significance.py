"""Paired tests and intervals against their formulas and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from dacl_edu.evaluation.significance import (
    accuracy_interval,
    difference_interval,
    interval_text,
    mcnemar,
    p_text,
    seeds_difference,
    seeds_interval,
    seeds_ratio,
)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (5, 5), (9, 1), (30, 12), (0, 7)])
def test_mcnemar_is_the_two_sided_binomial_sum(only_a: int, only_b: int) -> None:
    a = np.array([1] * 20 + [1] * only_a + [0] * only_b + [0] * 10, dtype=bool)
    b = np.array([1] * 20 + [0] * only_a + [1] * only_b + [0] * 10, dtype=bool)
    result = mcnemar(a, b)
    n = only_a + only_b
    tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n
    assert (result.only_first, result.only_second) == (only_a, only_b)
    assert result.p_value == pytest.approx(min(1.0, 2 * tail))
    assert result.difference == pytest.approx(a.mean() - b.mean())


def test_mcnemar_does_not_see_the_order_of_the_models_or_what_both_get_right() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(200) < 0.8, rng.random(200) < 0.7
    assert mcnemar(a, b).p_value == mcnemar(b, a).p_value
    more = np.ones(500, dtype=bool)
    assert mcnemar(np.r_[a, more], np.r_[b, more]).p_value == mcnemar(a, b).p_value


def test_mcnemar_keeps_its_promise_for_equally_good_models() -> None:
    rng = np.random.default_rng(1)
    p_values = [mcnemar(rng.random(300) < 0.7, rng.random(300) < 0.7).p_value for _ in range(400)]
    assert np.mean(np.array(p_values) < 0.05) < 0.07


def test_shapes_that_differ_are_refused() -> None:
    for a, b in (([1, 0], [1]), ([], []), ([[1]], [[1]])):
        with pytest.raises(ValueError, match="one shape"):
            mcnemar(a, b)


def test_wilson_is_its_formula() -> None:
    right = np.array([1] * 43 + [0] * 7, dtype=bool)
    z, n, p = stats.norm.ppf(0.975), 50, 0.86
    centre, half = (
        (p + z**2 / (2 * n)) / (1 + z**2 / n),
        z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)),
    )
    assert accuracy_interval(right) == pytest.approx((centre - half, p, centre + half))
    assert accuracy_interval(np.ones(10, dtype=bool)).high == 1.0


def test_the_paired_bootstrap_agrees_with_the_normal_interval_and_is_repeatable() -> None:
    rng = np.random.default_rng(2)
    a = rng.random(2000) < 0.8
    b = np.where(rng.random(2000) < 0.1, ~a, a)
    low, middle, high = difference_interval(a, b)
    difference = a.astype(float) - b
    half = 1.96 * difference.std() / math.sqrt(2000)
    assert middle == pytest.approx(difference.mean())
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=0.15 * half)
    assert difference_interval(a, b) == (low, middle, high)


def test_pairing_narrows_the_interval() -> None:
    rng = np.random.default_rng(3)
    a = rng.random(1000) < 0.8
    b = np.where(rng.random(1000) < 0.05, ~a, a)
    paired, shuffled = difference_interval(a, b), difference_interval(a, rng.permutation(b))
    assert paired.high - paired.low < 0.6 * (shuffled.high - shuffled.low)


def test_the_paired_test_over_seeds_is_scipys() -> None:
    a, b = [0.8276, 0.8314, 0.8252], [0.8171, 0.8157, 0.8186]
    found, expected = seeds_difference(a, b), stats.ttest_rel(a, b)
    interval = expected.confidence_interval()
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.middle, found.high) == pytest.approx(
        (interval.low, np.mean(a) - np.mean(b), interval.high)
    )
    alone = seeds_difference([0.8], [0.7])
    assert alone.middle == pytest.approx(0.1) and math.isnan(alone.low) and math.isnan(alone.p_value)
    assert seeds_difference([0.5, 0.6], [0.5, 0.6]).p_value == 1
    assert math.isnan(seeds_difference([0.8, 0.9, 0.7], [0.7, 0.8, 0.6]).p_value), "equal differences have no spread"
    with pytest.raises(ValueError, match="3 and 2 numbers"):
        seeds_difference(a, b[:2])


def test_no_p_value_is_written_as_zero_and_no_interval_as_nan() -> None:
    assert [p_text(p) for p in (1.0, 0.0316, 0.001, 0.0004, 0.0)] == ["1.000", "0.032", "0.001", "< 0.001", "< 0.001"]
    assert p_text(math.nan) == interval_text(math.nan, math.nan) == "not known"
    assert interval_text(-0.0123, 0.5, 2) == "-0.01 to 0.50"


def test_seeds_interval_is_scipys_and_unknown_for_one_seed() -> None:
    values = [0.80, 0.83, 0.79, 0.81]
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert seeds_interval(values)[::2] == pytest.approx(expected)
    assert math.isnan(seeds_interval([0.8]).low) and seeds_interval([0.8]).middle == 0.8


def test_the_ends_of_a_ratio_are_where_the_paired_test_stands_at_its_level() -> None:
    part, whole = np.array([12.0, 15.5, 9.1, 14.2, 13.0]), np.array([17.0, 18.2, 15.5, 16.1, 17.9])
    found = seeds_ratio(part, whole)
    for end in (found.low, found.high):
        assert stats.ttest_rel(part, end * whole).pvalue == pytest.approx(0.05, rel=1e-9)
    assert found.middle == pytest.approx(part.mean() / whole.mean()) and found.low < found.middle < found.high
    assert stats.ttest_rel(part, seeds_ratio(part, whole, 0.9).low * whole).pvalue == pytest.approx(0.1)


def test_a_ratio_to_something_not_told_from_nothing_is_not_known() -> None:
    for found in (seeds_ratio([1.0, 2.0, 3.0], [-1.0, 0.5, 1.0]), seeds_ratio([1.0], [2.0])):
        assert math.isnan(found.low) and math.isnan(found.high) and math.isfinite(found.middle)

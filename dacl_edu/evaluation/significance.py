"""How much of a difference is luck: paired tests and intervals, by scipy."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

NO_SPREAD = 1e-9
"""Shares and points that differ by less are equal: what is left is rounding."""


class PairedTest(NamedTuple):
    """What :func:`mcnemar` returns.

    Attributes
    ----------
    only_first, only_second : int
        Images that one model classifies correctly and the other does not.
    difference : float
        Accuracy of the first minus that of the second.
    p_value : float
        Probability of a difference at least as large if each disagreement were a fair coin.
    """

    only_first: int
    only_second: int
    difference: float
    p_value: float


def mcnemar(first: ArrayLike, second: ArrayLike) -> PairedTest:
    """Compare two models on the same images by McNemar's exact test.

    Images on which both are correct or both are wrong say nothing about which is better. Of those on which they
    disagree, about one half should go to each if they were equally good: a binomial test.

    Parameters
    ----------
    first, second : array of bool, shape (n,)
        Whether each image was classified correctly.

    Raises
    ------
    ValueError
        Shapes that differ, or no images.

    Examples
    --------
    >>> mcnemar([1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0])
    PairedTest(only_first=4, only_second=0, difference=0.6666666666666666, p_value=0.125)
    """
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or len(a) == 0:
        raise ValueError(f"first and second must have one shape (n,), n > 0: {a.shape}, {b.shape}")
    only_first, only_second = int((a & ~b).sum()), int((~a & b).sum())
    disagreements = only_first + only_second
    p_value = float(stats.binomtest(only_first, disagreements).pvalue) if disagreements else 1.0
    return PairedTest(only_first, only_second, float((only_first - only_second) / len(a)), p_value)


class Interval(NamedTuple):
    """An estimate with its interval."""

    low: float
    middle: float
    high: float


class PairedSeeds(NamedTuple):
    """What :func:`seeds_difference` returns: mean difference, interval and p-value of Student's paired test."""

    low: float
    middle: float
    high: float
    p_value: float


def p_text(p: float) -> str:
    """Write a p-value with three digits; one that is smaller than these can show as an inequality.

    Examples
    --------
    >>> p_text(0.0314), p_text(0.00002)
    ('0.031', '< 0.001')
    """
    if np.isnan(p):
        return "not known"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def interval_text(low: float, high: float, digits: int = 3) -> str:
    """Write an interval; where there is none, as for a single seed, say so.

    Examples
    --------
    >>> interval_text(0.81, 0.8349), interval_text(float("nan"), float("nan"))
    ('0.810 to 0.835', 'not known')
    """
    return "not known" if np.isnan(low) or np.isnan(high) else f"{low:.{digits}f} to {high:.{digits}f}"


def within(low: float, high: float, least: float, most: float) -> tuple[float, float] | None:
    """Cut an interval to the numbers that there can be, for print; None where it is not known.

    Student's t leaves them where seeds are few. Where all numbers happen to be equal it has no width, which is no
    knowledge of how they spread.

    Examples
    --------
    >>> within(-0.4, 1.2, 0, 1), within(0.667, 0.667, 0, 1), within(float("nan"), float("nan"), 0, 1)
    ((0, 1), None, None)
    """
    return (max(low, least), min(high, most)) if high - low > NO_SPREAD else None


def spread_text(mean: float, spread: float) -> str:
    """Write a mean in per cent, with its spread over seeds where that is known.

    Examples
    --------
    >>> spread_text(0.8281, 0.0031), spread_text(0.8281, float("nan"))
    ('82.81 ± 0.31', '82.81')
    """
    return f"{100 * mean:.2f}" + ("" if np.isnan(spread) else f" ± {100 * spread:.2f}")


def accuracy_interval(correct: ArrayLike, confidence: float = 0.95) -> Interval:
    """Wilson's interval of an accuracy: how much other test images could have changed it.

    Parameters
    ----------
    correct : array of bool, shape (n,)
    confidence : float, default 0.95

    Examples
    --------
    >>> interval = accuracy_interval([True] * 80 + [False] * 20)
    >>> [round(value, 3) for value in interval]
    [0.711, 0.8, 0.867]
    """
    hits = np.asarray(correct, dtype=bool)
    result = stats.binomtest(int(hits.sum()), len(hits))
    interval = result.proportion_ci(confidence, method="wilson")
    return Interval(float(interval.low), float(hits.mean()), float(interval.high))


def difference_interval(
    first: ArrayLike, second: ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Bootstrap interval of a difference of accuracies, image by image: pairs are drawn together.

    Parameters
    ----------
    first, second : array of bool, shape (n,)
    confidence : float, default 0.95
    resamples : int, default 2000
    seed : int, default 0

    Examples
    --------
    >>> a = [True] * 60 + [False] * 40
    >>> difference_interval(a, a)
    Interval(low=0.0, middle=0.0, high=0.0)
    """
    difference = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    middle = float(difference.mean())
    if np.ptp(difference) == 0:  # nothing to resample
        return Interval(middle, middle, middle)
    result = stats.bootstrap(
        (difference,), np.mean, confidence_level=confidence, n_resamples=resamples, method="percentile",
        rng=np.random.default_rng(seed), batch=200,
    )  # fmt: skip
    low, high = result.confidence_interval
    return Interval(float(low), middle, float(high))


def seeds_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """Student's t interval of the mean over seeds: how much another seed could have changed it.

    Parameters
    ----------
    values : array, shape (s,)
        One number a seed; with a single seed the interval is not known and is NaN.
    confidence : float, default 0.95

    Examples
    --------
    >>> [round(value, 3) for value in seeds_interval([0.80, 0.82, 0.81])]
    [0.785, 0.81, 0.835]
    """
    numbers = np.asarray(values, dtype=float)
    middle = float(numbers.mean())
    if len(numbers) < 2:
        return Interval(float("nan"), middle, float("nan"))
    half = float(stats.t.ppf(0.5 + confidence / 2, len(numbers) - 1) * numbers.std(ddof=1) / np.sqrt(len(numbers)))
    return Interval(middle - half, middle, middle + half)


def seeds_difference(first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> PairedSeeds:
    """Compare two methods over seeds, seed by seed: Student's paired test and its interval.

    Parameters
    ----------
    first, second : array, shape (s,)
        One number a seed, of the same seeds in the same order.
    confidence : float, default 0.95

    Returns
    -------
    PairedSeeds
        Of ``first - second``. With a single seed interval and p-value are NaN; where all differences are equal, so that
        nothing is known of their spread, the p-value is 1 if they are zero, else NaN.

    Raises
    ------
    ValueError
        Not the same number of seeds.

    Examples
    --------
    >>> found = seeds_difference([0.82, 0.84, 0.83], [0.81, 0.80, 0.82])
    >>> round(found.middle, 4), round(found.p_value, 3)
    (0.02, 0.184)
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.shape != b.shape:
        raise ValueError(f"pairs need the same seeds, but there are {a.size} and {b.size} numbers")
    low, middle, high = seeds_interval(a - b, confidence)
    spread = float((a - b).std(ddof=1)) if a.size > 1 else float("nan")
    if spread < NO_SPREAD:
        return PairedSeeds(low, middle, high, 1.0 if abs(middle) < NO_SPREAD else float("nan"))
    t = abs(middle) / (spread / np.sqrt(a.size)) if a.size > 1 else float("nan")
    return PairedSeeds(low, middle, high, float(2 * stats.t.sf(t, a.size - 1)) if a.size > 1 else float("nan"))


def seeds_ratio(parts: ArrayLike, wholes: ArrayLike, confidence: float = 0.95) -> Interval:
    """Interval of the ratio of two means over the same seeds, by Fieller's theorem.

    All ratios r for which the paired t test does not tell ``parts − r · wholes`` from 0.

    Parameters
    ----------
    parts, wholes : arrays, shape (s,)
        One number a seed, in the same order: what one setting won back, and what the other did.
    confidence : float, default 0.95

    Returns
    -------
    Interval
        NaN ends with fewer than two seeds, or where the mean of ``wholes`` is itself not told from 0: then the ratio
        can be anything.

    References
    ----------
    E. C. Fieller, "Some problems in interval estimation", JRSS B 16, 1954.

    Examples
    --------
    >>> [round(value, 2) for value in seeds_ratio([1.0, 1.2, 0.9], [2.0, 2.1, 2.2])]
    [0.3, 0.49, 0.72]
    """
    part, whole = np.asarray(parts, dtype=float), np.asarray(wholes, dtype=float)
    middle = float(part.mean() / whole.mean())
    unknown = Interval(math.nan, middle, math.nan)
    if len(part) < 2:
        return unknown
    (of_part, both), (_, of_whole) = np.cov(part, whole) / len(part)
    t2 = float(stats.t.ppf(0.5 + confidence / 2, len(part) - 1)) ** 2
    # The ends are the roots of  a r² − 2 b r + c, which is where t² of ``part − r whole`` has its critical value.
    a, b, c = whole.mean() ** 2 - t2 * of_whole, part.mean() * whole.mean() - t2 * both, part.mean() ** 2 - t2 * of_part
    if a <= 0:
        return unknown
    half = math.sqrt(max(b * b - a * c, 0.0))
    return Interval(float((b - half) / a), middle, float((b + half) / a))

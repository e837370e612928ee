"""The difference of two methods over seeds and images at once: both are draws, and both widen the interval.

Every seed is measured on every image, so the two are crossed. A test over images alone takes the networks at hand for
the method; a test over seeds alone takes the test set at hand for the world.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


class CrossedDifference(NamedTuple):
    """What :func:`crossed_difference` returns; shares, not points.

    Attributes
    ----------
    low, middle, high : float
        Mean difference ``first - second`` with its interval.
    p_value : float
        Two-sided, of no difference.
    seeds, images : int
    by_seed, by_image, rest : float
        Estimated variances of one seed's, one image's, and one (seed, image) pair's part.
    """

    low: float
    middle: float
    high: float
    p_value: float
    seeds: int
    images: int
    by_seed: float
    by_image: float
    rest: float


def crossed_difference(first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> CrossedDifference:
    r"""Compare two methods on the same seeds and images: analysis of variance with two random factors.

    With :math:`d_{si}` the difference of "correct" for seed s and image i, the variance of the mean over S seeds and I
    images is :math:`\sigma_s^2/S + \sigma_i^2/I + \sigma_e^2/(SI)`, estimated by
    :math:`(MS_s + MS_i - MS_e)/(SI)` with Satterthwaite's degrees of freedom (Searle, Casella & McCulloch, *Variance
    Components*, ch. 4). A two-level bootstrap over seeds and images estimates the same variance; with few seeds its own
    percentiles are off (``tests/evaluation/test_crossed.py`` measures both).

    Parameters
    ----------
    first, second : array of bool, shape (seeds, images)
        Whether each image was classified correctly; row by row the same seeds, column by column the same images.
    confidence : float, default 0.95

    Returns
    -------
    CrossedDifference
        With a single seed only images vary, and the p-value is that of McNemar's exact test.

    Raises
    ------
    ValueError
        Shapes that differ, no seed, or fewer than two images.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.random((2, 3, 500)) < [[[0.82]], [[0.80]]]
    >>> found = crossed_difference(a, b)
    >>> found.seeds, found.low < 0.02 < found.high
    (3, True)
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.shape != b.shape or a.ndim != 2 or a.shape[0] < 1 or a.shape[1] < 2:
        raise ValueError(f"first and second must have one shape (seeds, images): {a.shape}, {b.shape}")
    difference = a - b
    seeds, images = difference.shape
    middle = float(difference.mean())
    of_seeds, of_images = difference.mean(axis=1), difference.mean(axis=0)
    ms_image = seeds * of_images.var(ddof=1)
    if seeds == 1:
        half = float(stats.norm.ppf(0.5 + confidence / 2) * np.sqrt(ms_image / images))
        gained, lost = int((difference > 0).sum()), int((difference < 0).sum())
        p_value = float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
        return CrossedDifference(
            middle - half, middle, middle + half, p_value, 1, images, float("nan"), float(ms_image), float("nan")
        )
    ms_seed = images * of_seeds.var(ddof=1)
    rest = difference - of_seeds[:, None] - of_images + middle
    ms_rest = float((rest**2).sum() / ((seeds - 1) * (images - 1)))
    # The estimate is unbiased, so it can fall below what the rest alone causes: half of that is the floor.
    variance = max(ms_seed + ms_image - ms_rest, ms_rest / 2) / (seeds * images)
    parts = ms_seed**2 / (seeds - 1) + ms_image**2 / (images - 1) + ms_rest**2 / ((seeds - 1) * (images - 1))
    freedom = (variance * seeds * images) ** 2 / parts if parts else 1.0
    error = float(np.sqrt(variance))
    half = float(stats.t.ppf(0.5 + confidence / 2, freedom) * error)
    p_value = float(2 * stats.t.sf(abs(middle) / error, freedom)) if error else float(middle == 0)
    return CrossedDifference(
        middle - half, middle, middle + half, p_value, seeds, images,
        max((ms_seed - ms_rest) / images, 0.0), max((ms_image - ms_rest) / seeds, 0.0), ms_rest,
    )  # fmt: skip


def power(found: CrossedDifference, difference: float, seeds: int, level: float = 0.05) -> float:
    """Return the chance that so many seeds, two or more, show a true difference, with the variances of ``found``.

    The difference of accuracies is a share: 0.007 is 0.7 points. ``level`` is that of the two-sided test.

    Examples
    --------
    >>> a, b = np.random.default_rng(0).random((2, 3, 500)) < 0.8
    >>> power(crossed_difference(a, b), 0.5, seeds=3) > 0.9
    True
    """
    variance = found.by_seed / seeds + found.by_image / found.images + found.rest / (seeds * found.images)
    if variance <= 0:
        return 1.0
    parts = (
        (found.by_seed / seeds + found.rest / (seeds * found.images)) ** 2 / (seeds - 1)
        + (found.by_image / found.images) ** 2 / (found.images - 1)
    )  # fmt: skip
    freedom, shift = variance**2 / parts, difference / np.sqrt(variance)
    critical = stats.t.ppf(1 - level / 2, freedom)
    chance = float(stats.nct.sf(critical, freedom, shift))
    return float(stats.norm.sf(critical - shift)) if np.isnan(chance) else chance  # scipy's series fails far out


def seeds_needed(found: CrossedDifference, difference: float, wanted: float = 0.8, most: int = 1000) -> int | None:
    """Return the fewest seeds that show a true difference with the wanted :func:`power`; None where no number does.

    More seeds make the networks' luck small, not that of the images: below some difference only more images help.

    Examples
    --------
    >>> a, b = np.random.default_rng(0).random((2, 3, 500)) < 0.8
    >>> seeds_needed(crossed_difference(a, b), 0.0001) is None
    True
    """
    if power(found, difference, most) < wanted:
        return None
    low, high = 1, most  # power grows with seeds: bisect
    while high - low > 1:
        half = (low + high) // 2
        low, high = (low, half) if power(found, difference, half) >= wanted else (half, high)
    return high

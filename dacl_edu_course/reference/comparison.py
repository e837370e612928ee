"""Two methods over the same seeds, by loops over single numbers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def compare(first: Array, second: Array) -> dict[str, float]:
    r"""Return the mean difference of paired results and its standard error.

    .. math:: d_s = p_s - q_s, \quad \bar d = \frac1n \sum_{s=1}^n d_s, \quad
              SE = \frac{1}{\sqrt n} \sqrt{\frac{1}{n-1} \sum_{s=1}^n (d_s - \bar d)^2}

    Parameters
    ----------
    first, second : array, shape (n,)
        One result a seed; the same place is the same seed.

    Returns
    -------
    dict
        ``difference`` and ``standard_error``; the latter is NaN for a single seed, which has no spread.

    Examples
    --------
    >>> found = compare(np.array([0.8, 0.9, 0.7]), np.array([0.7, 0.7, 0.7]))
    >>> round(found["difference"], 6), round(found["standard_error"], 6)
    (0.1, 0.057735)
    >>> compare(np.array([0.8]), np.array([0.7]))["standard_error"]
    nan
    """
    n, total = len(first), 0.0
    for p, q in zip(first, second, strict=True):
        total += float(p) - float(q)
    difference, squares = total / n, 0.0
    for p, q in zip(first, second, strict=True):
        squares += (float(p) - float(q) - difference) ** 2
    error = math.sqrt(squares / (n - 1)) / math.sqrt(n) if n > 1 else math.nan
    return {"difference": difference, "standard_error": error}

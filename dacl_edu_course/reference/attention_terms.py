"""Terms against the collapse of attention, and their gradients, by loops over single numbers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def mean_attention(a: Array) -> float:
    """Return the mean of all m·d weights.

    Examples
    --------
    >>> mean_attention(np.array([[1.0, 0.5], [0.25, 0.25]]))
    0.5
    """
    total = 0.0
    for row in a:
        for value in row:
            total += float(value)
    return total / (a.shape[0] * a.shape[1])


def budget_term(a: Array, budget: float) -> float:
    r"""Return the budget term.

    .. math:: B(a) = (\bar a - b)^2, \qquad \bar a = \frac{1}{m d} \sum_{i=1}^m \sum_{j=1}^d a_{ij}

    Parameters
    ----------
    a : array, shape (m, d)
    budget : float
        b, what the mean attention should be.

    Examples
    --------
    >>> budget_term(np.array([[0.5, 0.25], [0.75, 0.5]]), 0.75)
    0.0625
    """
    return (mean_attention(a) - budget) ** 2


def budget_gradient(a: Array, budget: float) -> Array:
    r"""Return the gradient of :func:`budget_term`: the same number everywhere.

    .. math:: \frac{\partial B}{\partial a_{ij}} = \frac{2}{m d} (\bar a - b)

    Returns
    -------
    array, shape (m, d)

    Examples
    --------
    >>> budget_gradient(np.array([[0.5, 0.25], [0.75, 0.5]]), 0.75).tolist()
    [[-0.125, -0.125], [-0.125, -0.125]]
    """
    slope = np.empty_like(a)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            slope[i, j] = 2 * (mean_attention(a) - budget) / (a.shape[0] * a.shape[1])
    return slope


def shares(row: Array) -> list[float]:
    """Return each weight of one sample over their sum; they add up to 1.

    Examples
    --------
    >>> shares(np.array([0.5, 0.25, 0.25]))
    [0.5, 0.25, 0.25]
    """
    total = 0.0
    for value in row:
        total += float(value)
    return [float(value) / total for value in row]


def entropy_term(a: Array) -> float:
    r"""Return the mean negative entropy of the shares.

    .. math:: E(a) = \frac1m \sum_{i=1}^m \sum_{j=1}^d p_{ij} \ln p_{ij}, \qquad p_{ij} = \frac{a_{ij}}{\sum_l a_{il}}

    A weight of 0 adds 0, the limit of :math:`p \ln p`. It lies between :math:`-\ln d`, where all weights of a sample
    are equal, and 0, where one has everything.

    Parameters
    ----------
    a : array, shape (m, d)

    Examples
    --------
    >>> round(entropy_term(np.array([[0.5, 0.25, 0.25]])), 6), round(-1.5 * math.log(2), 6)
    (-1.039721, -1.039721)
    >>> entropy_term(np.array([[1.0, 0.0]]))
    0.0
    """
    total = 0.0
    for row in a:
        for share in shares(row):
            if share > 0:
                total += share * math.log(share)
    return total / a.shape[0]


def entropy_gradient(a: Array) -> Array:
    r"""Return the gradient of :func:`entropy_term`.

    .. math:: \frac{\partial E}{\partial a_{ij}} = \frac{1}{m \sum_l a_{il}}
              \left( \ln p_{ij} - \sum_l p_{il} \ln p_{il} \right)

    Parameters
    ----------
    a : array, shape (m, d)
        All above 0.

    Returns
    -------
    array, shape (m, d)
        In each row the sum of ``a`` times it is 0: making all weights of a sample larger or smaller changes nothing.

    Examples
    --------
    >>> slope = entropy_gradient(np.array([[0.5, 0.25, 0.25]]))
    >>> np.round(slope, 6).tolist(), round(math.log(2) / 2, 6)
    ([[0.346574, -0.346574, -0.346574]], 0.346574)
    """
    slope = np.empty_like(a)
    for i, row in enumerate(a):
        p = shares(row)
        own = 0.0
        for share in p:
            own += share * math.log(share)
        for j, share in enumerate(p):
            slope[i, j] = (math.log(share) - own) / (a.shape[0] * float(row.sum()))
    return slope

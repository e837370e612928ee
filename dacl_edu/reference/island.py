"""Island loss and the push of its centers, by loops over single numbers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from dacl_edu.reference.center_loss import Array
from dacl_edu.reference.sparse_center_loss import sparse_center_loss


def length(vector: Array) -> float:
    """Return the Euclidean length.

    Examples
    --------
    >>> length(np.array([3.0, 4.0]))
    5.0
    """
    total = 0.0
    for value in vector:
        total += float(value) ** 2
    return math.sqrt(total)


def scalar_product(first: Array, second: Array) -> float:
    """Return the sum of products.

    Examples
    --------
    >>> scalar_product(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    total = 0.0
    for p, q in zip(first, second, strict=True):
        total += float(p) * float(q)
    return total


def cosine(first: Array, second: Array) -> float:
    """Return the cosine of the angle; 0 where one of the two has no length, and so no direction.

    Examples
    --------
    >>> cosine(np.array([2.0, 0.0]), np.array([-1.0, 0.0])), cosine(np.zeros(2), np.ones(2))
    (-1.0, 0.0)
    """
    lengths = length(first) * length(second)
    return scalar_product(first, second) / lengths if lengths > 0 else 0.0


def island_term(centers: Array) -> float:
    r"""Return the sum over ordered pairs of different centers.

    .. math:: P(c) = \sum_{j=1}^K \sum_{k \ne j} \left( \cos(c_j, c_k) + 1 \right)

    Examples
    --------
    Two at a right angle, each opposite or at a right angle to a third: 2·1 + 2·0 + 2·1.

    >>> island_term(np.array([[1.0, 0.0], [0.0, 3.0], [-2.0, 0.0]]))
    4.0
    """
    total = 0.0
    for j in range(len(centers)):
        for k in range(len(centers)):
            if k != j:
                total += cosine(centers[j], centers[k]) + 1
    return total


def attentive_island(x: Array, a: Array, y: NDArray[np.int64], c: Array, lam1: float) -> float:
    r"""Return Eq. 4 and λ₁ times the term of the centers.

    .. math:: L = \frac{1}{2m} \sum_{i=1}^m \sum_{j=1}^d a_{ij} (x_{ij} - c_{y_i j})^2 + \lambda_1 P(c)

    Examples
    --------
    >>> x, a, y = np.array([[2.0, 0.0]]), np.array([[0.5, 0.5]]), np.array([0])
    >>> attentive_island(x, a, y, np.array([[1.0, 0.0], [0.0, 3.0]]), 0.25)
    0.75
    """
    return sparse_center_loss(x, a, y, c) + lam1 * island_term(c)


def island_push(centers: Array) -> Array:
    r"""Return the step that turns each center away from the others, as published, (K, d).

    A center of length 0 is not pushed and does not push.

    .. math:: p_j = \frac{1}{K-1} \sum_{k \ne j} \left( \frac{c_k}{\|c_k\| \|c_j\|}
              - \frac{c_k \cdot c_j}{\|c_k\| \|c_j\|^3} c_j \right)

    Examples
    --------
    >>> island_push(np.array([[1.0, 0.0], [0.0, 2.0]])).tolist()
    [[0.0, 1.0], [0.5, 0.0]]
    """
    push = np.zeros_like(centers)
    for j, own in enumerate(centers):
        for k, other in enumerate(centers):
            mine, theirs = length(own), length(other)
            if k == j or mine == 0 or theirs == 0:
                continue
            along = scalar_product(other, own) / (theirs * mine**3)
            for i in range(centers.shape[1]):
                push[j, i] += (other[i] / (theirs * mine) - along * own[i]) / (len(centers) - 1)
    return push

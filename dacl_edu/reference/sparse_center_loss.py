"""Eq. 4 and its two gradients, Eq. 9 and Eq. 10, one number at a time."""

from __future__ import annotations

import numpy as np

from dacl_edu.reference.center_loss import Array, Labels


def sparse_center_loss(x: Array, a: Array, y: Labels, c: Array) -> float:
    """Sparse center loss, Eq. 4.

    Examples
    --------
    >>> x, a = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[1.0, 0.5], [1.0, 0.25]])
    >>> sparse_center_loss(x, a, np.array([0, 1]), np.array([[0.0, 0.0], [3.0, 4.0]]))
    1.75
    """
    m, d = x.shape
    total = 0.0
    for i in range(m):
        for j in range(d):
            distance = float(x[i, j]) - float(c[y[i], j])
            total += float(a[i, j]) * distance * distance
    return total / (2 * m)


def gradient_x(x: Array, a: Array, y: Labels, c: Array) -> Array:
    """Slope of Eq. 4 with respect to each feature, Eq. 9, (m, d).

    Examples
    --------
    >>> gradient_x(np.array([[1.0, 2.0]]), np.array([[1.0, 0.5]]), np.array([0]), np.zeros((1, 2))).tolist()
    [[1.0, 1.0]]
    """
    m, d = x.shape
    slopes = np.zeros((m, d))
    for i in range(m):
        for j in range(d):
            slopes[i, j] = float(a[i, j]) * (float(x[i, j]) - float(c[y[i], j])) / m
    return slopes


def gradient_a(x: Array, y: Labels, c: Array) -> Array:
    """Slope of Eq. 4 with respect to each attention weight, Eq. 10, elementwise (``docs/errata.md``), (m, d).

    Eq. 4 is linear in a: the slope does not depend on it.

    Examples
    --------
    >>> gradient_a(np.array([[1.0, 2.0]]), np.array([0]), np.zeros((1, 2))).tolist()
    [[0.5, 2.0]]
    """
    m, d = x.shape
    slopes = np.zeros((m, d))
    for i in range(m):
        for j in range(d):
            distance = float(x[i, j]) - float(c[y[i], j])
            slopes[i, j] = distance * distance / (2 * m)
    return slopes

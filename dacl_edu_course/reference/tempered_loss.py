"""The tempered sparse center loss of assignment 2 and its two gradients, one number at a time."""

from __future__ import annotations

import math

import numpy as np

from dacl_edu.reference.center_loss import Array, Labels


def _root(x: Array, a: Array, y: Labels, c: Array, i: int) -> float:
    """The root of sample i: r_i of :func:`tempered_loss`."""
    total = 1.0
    for j in range(x.shape[1]):
        distance = float(x[i, j]) - float(c[y[i], j])
        total += float(a[i, j]) * distance * distance
    return math.sqrt(total)


def tempered_loss(x: Array, a: Array, y: Labels, c: Array) -> float:
    r"""Eq. 4 for samples that are near, a distance for those that are far.

    .. math:: L_T = \frac1m \sum_{i=1}^m (r_i - 1), \qquad r_i = \sqrt{1 + \sum_{j=1}^d a_{ij} (x_{ij} - c_{y_i j})^2}

    Parameters
    ----------
    x, a : array, shape (m, d)
        Features and attention.
    y : array, shape (m,)
        Class indices 0 .. K-1.
    c : array, shape (K, d)
        Centers.

    Returns
    -------
    float

    Examples
    --------
    >>> x, a = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[1.0, 0.5], [1.0, 0.5]])
    >>> tempered_loss(x, a, np.array([0, 1]), np.array([[0.0, 0.0], [3.0, 4.0]]))
    1.5
    """
    total = 0.0
    for i in range(len(x)):
        total += _root(x, a, y, c, i) - 1.0
    return total / len(x)


def gradient_x(x: Array, a: Array, y: Labels, c: Array) -> Array:
    """Slope of :func:`tempered_loss` with respect to each feature, shape (m, d).

    Examples
    --------
    >>> gradient_x(np.array([[1.0, 2.0]]), np.array([[1.0, 0.5]]), np.array([0]), np.zeros((1, 2))).tolist()
    [[0.5, 0.5]]
    """
    m, d = x.shape
    slopes = np.zeros((m, d))
    for i in range(m):
        for j in range(d):
            slopes[i, j] = float(a[i, j]) * (float(x[i, j]) - float(c[y[i], j])) / (m * _root(x, a, y, c, i))
    return slopes


def gradient_a(x: Array, a: Array, y: Labels, c: Array) -> Array:
    """Slope of :func:`tempered_loss` with respect to each attention weight, shape (m, d).

    Examples
    --------
    >>> gradient_a(np.array([[1.0, 2.0]]), np.array([[1.0, 0.5]]), np.array([0]), np.zeros((1, 2))).tolist()
    [[0.25, 1.0]]
    """
    m, d = x.shape
    slopes = np.zeros((m, d))
    for i in range(m):
        for j in range(d):
            distance = float(x[i, j]) - float(c[y[i], j])
            slopes[i, j] = distance * distance / (2 * m * _root(x, a, y, c, i))
    return slopes

"""Eq. 3 and its gradients, one number at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


def center_loss(x: Array, y: Labels, c: Array) -> float:
    """Center loss, Eq. 3.

    Examples
    --------
    >>> center_loss(np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([0, 1]), np.array([[0.0, 0.0], [3.0, 4.0]]))
    5.25
    """
    m, d = x.shape
    total = 0.0
    for i in range(m):
        for j in range(d):
            distance = float(x[i, j]) - float(c[y[i], j])
            total += distance * distance
    return total / (2 * m)


def center_loss_gradients(x: Array, y: Labels, c: Array) -> dict[str, Array]:
    """Slopes of Eq. 3 with respect to features, ``"x"`` (m, d), and centers, ``"c"`` (K, d), zero for absent classes.

    One term of the double sum contains ``x[i, j]``; the terms of all samples of class k contain ``c[k, j]``, each with
    the opposite slope.

    Examples
    --------
    >>> slopes = center_loss_gradients(np.array([[1.0], [4.0]]), np.array([0, 0]), np.array([[0.0], [7.0]]))
    >>> slopes["x"].tolist(), slopes["c"].tolist()
    ([[0.5], [2.0]], [[-2.5], [0.0]])
    """
    m, d = x.shape
    of_x, of_c = np.zeros((m, d)), np.zeros(c.shape)
    for i in range(m):
        for j in range(d):
            slope = (float(x[i, j]) - float(c[y[i], j])) / m
            of_x[i, j] = slope
            of_c[y[i], j] -= slope
    return {"x": of_x, "c": of_c}

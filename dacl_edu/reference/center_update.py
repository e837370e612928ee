"""Eq. 11 and line 15 of Algorithm 1, one number at a time."""

from __future__ import annotations

import numpy as np

from dacl_edu.reference.center_loss import Array, Labels


def center_delta(x: Array, a: Array, y: Labels, c: Array, eps: float) -> Array:
    """Return the step that each center is asked to take, Eq. 11, (K, d): zero for absent classes, also for ``eps`` = 0.

    Examples
    --------
    >>> x, ones = np.array([[1.0], [3.0]]), np.ones((2, 1))
    >>> center_delta(x, ones, np.array([0, 0]), np.zeros((2, 1)), eps=2.0).tolist()
    [[-1.0], [0.0]]
    """
    m, d = x.shape
    delta = np.zeros(c.shape)
    for k in range(len(c)):
        count = 0
        for i in range(m):
            if y[i] == k:
                count += 1
        if count == 0:
            continue
        for j in range(d):
            total = 0.0
            for i in range(m):
                if y[i] == k:
                    total += float(a[i, j]) * (float(c[k, j]) - float(x[i, j]))
            delta[k, j] = total / (eps + count)
    return delta


def updated_centers(x: Array, a: Array, y: Labels, c: Array, alpha: float, eps: float) -> Array:
    """Return the centers (K, d) after one step, Algorithm 1, line 15; α is the share of the step that is taken.

    Examples
    --------
    >>> x, ones = np.array([[1.0], [3.0]]), np.ones((2, 1))
    >>> updated_centers(x, ones, np.array([0, 0]), np.zeros((2, 1)), alpha=0.5, eps=2.0).tolist()
    [[0.5], [0.0]]
    """
    delta = center_delta(x, a, y, c, eps)
    moved = np.zeros(c.shape)
    for k in range(len(c)):
        for j in range(c.shape[1]):
            moved[k, j] = float(c[k, j]) - alpha * delta[k, j]
    return moved


def delta_of_parts(parts: list[tuple[Array, Array, Labels]], c: Array, eps: float) -> Array:
    """Return the step of Eq. 11, (K, d), for the batch that the parts, (x, a, y) of any sizes, make up together.

    Examples
    --------
    >>> part = (np.array([[1.0]]), np.ones((1, 1)), np.array([0]))
    >>> other = (np.array([[3.0]]), np.ones((1, 1)), np.array([0]))
    >>> delta_of_parts([part, other], np.zeros((1, 1)), eps=2.0).tolist()
    [[-1.0]]
    """
    x, a, y = (np.concatenate(of_all) for of_all in zip(*parts, strict=True))
    return center_delta(x, a, y, c, eps)

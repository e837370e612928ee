"""Eq. 11 and line 15 of Algorithm 1, one number at a time."""

from __future__ import annotations

import numpy as np

from dacl_edu.reference.center_loss import Array, Labels


def center_delta(x: Array, a: Array, y: Labels, c: Array, eps: float) -> Array:
    """Return the step that each center is asked to take, Eq. 11.

    Parameters
    ----------
    x, a : array, shape (m, d)
        Features and attention.
    y : array, shape (m,)
        Class indices 0 .. K-1.
    c : array, shape (K, d)
        Centers.
    eps : float
        ε, added to the count of each class.

    Returns
    -------
    array, shape (K, d)
        Zero in the rows of absent classes, also for ``eps`` = 0.

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
    """Return the centers after one step, Algorithm 1, line 15.

    Parameters
    ----------
    x, a : array, shape (m, d)
    y : array, shape (m,)
    c : array, shape (K, d)
    alpha : float
        α, the share of the step that is taken.
    eps : float

    Returns
    -------
    array, shape (K, d)

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
    """Return the step of Eq. 11 for the batch that the parts make up together.

    Parameters
    ----------
    parts : list of (x, a, y)
        Micro-batches, of any sizes.
    c : array, shape (K, d)
    eps : float

    Returns
    -------
    array, shape (K, d)

    Examples
    --------
    >>> part = (np.array([[1.0]]), np.ones((1, 1)), np.array([0]))
    >>> other = (np.array([[3.0]]), np.ones((1, 1)), np.array([0]))
    >>> delta_of_parts([part, other], np.zeros((1, 1)), eps=2.0).tolist()
    [[-1.0]]
    """
    d = c.shape[1]
    delta = np.zeros(c.shape)
    for k in range(len(c)):
        count, totals = 0, [0.0] * d
        for x, a, y in parts:
            for i in range(len(y)):
                if y[i] == k:
                    count += 1
                    for j in range(d):
                        totals[j] += float(a[i, j]) * (float(c[k, j]) - float(x[i, j]))
        for j in range(d):
            delta[k, j] = totals[j] / (eps + count) if count else 0.0
    return delta

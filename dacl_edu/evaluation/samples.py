"""Vectors of samples as NumPy arrays, looked at once: features or attention (n, d), with their labels (n,)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dacl_edu.errors import UserError

Array = NDArray[np.float64]


def as_matrix(values: ArrayLike, name: str = "vectors") -> Array:
    """Return vectors as (n, d) numbers in double precision, after looking at them; `name` is how an error calls them.

    Raises
    ------
    UserError
        Not a table, without a sample, or with a number that is not finite. So do all functions that take such vectors.

    Examples
    --------
    >>> as_matrix([[1, 2]]).dtype.name
    'float64'
    """
    array = values.detach().cpu().double().numpy() if isinstance(values, Tensor) else np.asarray(values, dtype=float)
    if array.ndim != 2 or not array.size:
        raise UserError(f"{name} of shape {array.shape}", hint="needed is (n, d), one row a sample, at least one")
    bad = ~np.isfinite(array).all(axis=1)
    if bad.any():
        raise UserError(
            f"{name}: {int(bad.sum())} of {len(array)} rows hold NaN or infinity, the first is row {int(bad.argmax())}",
            hint="the training diverged, or those rows must be left out",
        )
    return array


def as_samples(values: ArrayLike, labels: ArrayLike, name: str = "vectors") -> tuple[Array, NDArray[np.int64]]:
    """Return (n, d) float64 and (n,) labels that fit.

    Raises
    ------
    UserError
        As :func:`as_matrix`; or not one label 0, 1, … a sample.

    Examples
    --------
    >>> as_samples([[1.0, 2.0]], [0])[1].tolist()
    [0]
    """
    array, y = as_matrix(values, name), np.asarray(labels)
    if y.shape != array.shape[:1] or not np.issubdtype(y.dtype, np.integer) or (y < 0).any():
        raise UserError(
            f"labels of shape {y.shape} for {len(array)} samples", hint="needed is one integer 0, 1, … a sample"
        )
    return array, y.astype(np.int64)


def class_means(values: ArrayLike, labels: ArrayLike, num_classes: int | None = None) -> Array:
    """Return the mean of each class, (K, d); a row of NaN for a class without a sample.

    Parameters
    ----------
    values : array or Tensor, shape (n, d)
    labels : array or Tensor, shape (n,)
    num_classes : int, optional
        K; by default the largest label plus one.

    Examples
    --------
    >>> class_means([[0.0], [2.0], [5.0]], [0, 0, 2]).tolist()
    [[1.0], [nan], [5.0]]
    """
    array, y = as_samples(values, labels)
    means = np.full((num_classes or int(y.max()) + 1, array.shape[1]), np.nan)
    for label in np.unique(y):
        means[label] = array[y == label].mean(axis=0)
    return means


def without_group_means(values: Array, groups: NDArray[np.int64]) -> Array:
    """Take away the means of the groups: (n, d) to (n, d).

    Examples
    --------
    >>> without_group_means(np.array([[1.0], [3.0], [7.0]]), np.array([0, 0, 1])).tolist()
    [[-1.0], [1.0], [0.0]]
    """
    _, place = np.unique(groups, return_inverse=True)
    member = np.eye(place.max() + 1)[place]  # (n, groups)
    return values - member @ ((member.T @ values) / member.sum(axis=0)[:, None])

"""How compact the classes are in feature space and how far apart: the numbers behind the pictures."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dacl_edu.errors import UserError
from dacl_edu.evaluation.samples import as_matrix, as_samples, class_means

if TYPE_CHECKING:
    import pandas as pd

MOST = 5_000
"""Silhouette and neighbours compare every pair of samples; of more than this many samples, so many are drawn."""


def unit(features: ArrayLike) -> np.ndarray:
    """Divide each row by its length, (n, d) to (n, d): only directions are left, so a method cannot win by shrinking.

    Examples
    --------
    >>> unit([[3.0, 4.0], [0.0, 0.0]]).tolist()
    [[0.6, 0.8], [0.0, 0.0]]
    """
    array = as_matrix(features, "features")
    lengths = np.linalg.norm(array, axis=1, keepdims=True)
    return array / np.where(lengths > 0, lengths, 1)


def wcss(features: ArrayLike, labels: ArrayLike, centers: ArrayLike | None = None) -> float:
    """Within-cluster sum of squares: the sum of squared distances of the samples to their class's mean.

    Parameters
    ----------
    features : array or Tensor, shape (n, d)
    labels : array or Tensor, shape (n,)
    centers : array or Tensor, shape (K, d), optional
        Measure from these, e.g. the learnt centers of Eq. 3, rather than from the means.

    Returns
    -------
    float
        In squared units of the features: it depends on their scale. Around the means it is the smallest possible.

    Examples
    --------
    >>> wcss([[0.0], [2.0], [5.0]], [0, 0, 1])
    2.0
    """
    array, y = as_samples(features, labels, "features")
    around = class_means(array, y) if centers is None else np.asarray(centers, dtype=np.float64)
    return float(np.square(array - around[y]).sum())


def center_distances(centers: ArrayLike, scale: float = 1.0) -> np.ndarray:
    """Return the Euclidean distance of every center to every other, shape (K, K), divided by ``scale``.

    Parameters
    ----------
    centers : array or Tensor, shape (K, d)
        Class means (:func:`class_means`) or learnt centers; a row of NaN gives NaN.
    scale : float, default 1
        With the radius of the classes (:func:`radius`), the distances of several methods can be compared.

    Examples
    --------
    >>> center_distances([[0.0, 0.0], [3.0, 4.0]]).tolist()
    [[0.0, 5.0], [5.0, 0.0]]
    """
    array = np.asarray(centers, dtype=np.float64)
    return np.linalg.norm(array[:, None] - array[None], axis=2) / scale


def radius(features: ArrayLike, labels: ArrayLike) -> float:
    """Root mean squared distance of the samples to their class's mean: the typical radius of a class.

    Examples
    --------
    >>> radius([[0.0], [2.0], [5.0], [5.0]], [0, 0, 1, 1]) ** 2
    0.5000000000000001
    """
    return float(np.sqrt(wcss(features, labels) / len(np.asarray(labels))))


def neighbour_overlap(first: ArrayLike, second: ArrayLike, neighbours: int = 10) -> float:
    """Share of each sample's nearest neighbours in one space that are also nearest in the other, on average.

    Parameters
    ----------
    first, second : array or Tensor, shapes (n, d) and (n, e)
        The same samples, e.g. deep features and their 2-D picture.
    neighbours : int, default 10

    Returns
    -------
    float
        1: the same neighbours; about ``neighbours / (n - 1)``: no relation.

    Raises
    ------
    UserError
        Another number of rows, or no more samples than neighbours.

    Examples
    --------
    >>> neighbour_overlap([[0.0], [1.0], [3.0]], [[0.0], [10.0], [30.0]], neighbours=1)
    1.0
    """
    one, two = as_matrix(first, "first"), as_matrix(second, "second")
    if len(one) != len(two):
        raise UserError(f"{len(one)} and {len(two)} samples", hint="both must hold the same ones, row by row")
    left, right = nearest(one, neighbours), nearest(two, neighbours)
    return float(np.mean([len(np.intersect1d(a, b)) / neighbours for a, b in zip(left, right, strict=True)]))


def nearest(features: ArrayLike, neighbours: int) -> np.ndarray:
    """Return the rows of each sample's nearest other samples, shape (n, neighbours), nearest first.

    Raises
    ------
    UserError
        No more samples than neighbours.

    Examples
    --------
    >>> nearest([[0.0], [1.0], [3.0]], 1).tolist()
    [[1], [0], [1]]
    """
    from sklearn.neighbors import NearestNeighbors

    array = as_matrix(features, "features")
    if not 1 <= neighbours < len(array):
        raise UserError(f"{neighbours} neighbours of {len(array)} samples", hint="ask for fewer neighbours")
    return NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(array).kneighbors(return_distance=False)


def neighbour_accuracy(features: ArrayLike, labels: ArrayLike, neighbours: int = 5) -> float:
    """How often a vote of the nearest other samples finds the class: leave-one-out accuracy of k nearest neighbours.

    With fewer samples than neighbours all others vote; one sample gives NaN. Of equally many votes the smaller class
    index wins.

    Examples
    --------
    >>> neighbour_accuracy([[0.0], [1.0], [9.0], [8.0]], [0, 0, 1, 1], neighbours=1)
    1.0
    """
    y = np.asarray(labels)
    if len(y) < 2:
        return float("nan")
    voters = y[nearest(features, min(neighbours, len(y) - 1))]  # (n, neighbours)
    votes = np.stack([(voters == label).sum(axis=1) for label in range(int(y.max()) + 1)], axis=1)
    return float((votes.argmax(axis=1) == y).mean())


def geometry(features: ArrayLike, labels: ArrayLike, neighbours: int = 5, seed: int = 0) -> dict[str, float]:
    """Measure compactness and separation of the classes in one feature space.

    Parameters
    ----------
    features : array or Tensor, shape (n, d)
    labels : array or Tensor, shape (n,)
        A class without a sample is passed over.
    neighbours : int, default 5
        Voters of ``kNN accuracy``.
    seed : int, default 0
        Of the draw of :data:`MOST` samples where there are more (for silhouette and neighbours only).

    Returns
    -------
    dict of str to float
        In this order: ``mean length`` of the features; ``WCSS``, in their squared units; ``WCSS, unit length``, the
        same after :func:`unit`; ``within share``, WCSS divided by the squared distances to the mean of all: from 0 to
        1, whatever the scale; ``radius`` of a class; ``gap``, mean distance between class means; ``radius / gap``;
        ``silhouette`` (-1 to 1, high is separated); ``silhouette, unit length``; ``Davies-Bouldin`` (low is separated);
        ``kNN accuracy``. NaN where a number needs a second class or a second sample.

    Raises
    ------
    UserError
        As :func:`dacl_edu.evaluation.samples.as_samples`.

    Examples
    --------
    >>> found = geometry([[0.0], [2.0], [9.0], [11.0]], [0, 0, 1, 1])
    >>> found["WCSS"], found["gap"], round(found["silhouette"], 3)
    (4.0, 9.0, 0.775)
    """
    array, y = as_samples(features, labels, "features")
    directions = unit(array)
    means = class_means(array, y)[np.unique(y)]
    distances = center_distances(means)[np.triu_indices(len(means), 1)]
    within, total = wcss(array, y), float(np.square(array - array.mean(axis=0)).sum())
    gap, typical = float(distances.mean()) if len(distances) else float("nan"), radius(array, y)
    few = _draw(len(array), seed)
    return {
        "mean length": float(np.linalg.norm(array, axis=1).mean()),
        "WCSS": within,
        "WCSS, unit length": wcss(directions, y),
        "within share": within / total if total > 0 else float("nan"),
        "radius": typical,
        "gap": gap,
        "radius / gap": typical / gap if gap > 0 else float("nan"),
        "silhouette": _scored("silhouette_score", array[few], y[few]),
        "silhouette, unit length": _scored("silhouette_score", directions[few], y[few]),
        "Davies-Bouldin": _scored("davies_bouldin_score", array, y),
        "kNN accuracy": neighbour_accuracy(array[few], y[few], neighbours),
    }


def compare_geometry(
    features: Mapping[str, ArrayLike], labels: ArrayLike | Mapping[str, ArrayLike], neighbours: int = 5
) -> pd.DataFrame:
    """Put :func:`geometry` of several methods side by side.

    Parameters
    ----------
    features : mapping of str to (n, d) array or Tensor
        Name of a method → its features.
    labels : (n,) array or Tensor, or a mapping of such by the same names
    neighbours : int, default 5

    Returns
    -------
    pandas.DataFrame
        One row a method.

    Examples
    --------
    >>> wide, narrow = [[0.0], [4.0], [9.0], [13.0]], [[0.0], [2.0], [9.0], [11.0]]
    >>> compare_geometry({"wide": wide, "narrow": narrow}, [0, 0, 1, 1])["WCSS"].tolist()
    [16.0, 4.0]
    """
    import pandas as pd

    rows = {}
    for name, values in features.items():
        own = labels[name] if isinstance(labels, Mapping) else labels
        rows[name] = geometry(as_matrix(values, f"features of {name}"), own, neighbours)
    if not rows:
        raise UserError("no features to measure", hint="name at least one method")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def _draw(count: int, seed: int) -> np.ndarray:
    if count <= MOST:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, MOST, replace=False))


def _scored(name: str, array: np.ndarray, labels: np.ndarray) -> float:
    """A measure of scikit-learn, which refuses one class, or as many classes as samples; NaN where all is one point."""
    from sklearn import metrics

    if not 2 <= len(np.unique(labels)) < len(labels) or not np.ptp(array, axis=0).any():
        return float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # two centers at one place: division by zero, and said by inf
        return float(getattr(metrics, name)(array, labels))

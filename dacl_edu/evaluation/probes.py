"""What can be read off features by a straight line: probes of the classes and of the factors that made the images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dacl_edu.errors import UserError
from dacl_edu.evaluation.samples import Array, as_samples

NUISANCES = {
    "pose": ("yaw", "pitch", "roll"),
    "light": ("key_azimuth", "key_elevation", "key_strength", "exposure"),
    "identity": ("age", "gender", "weight", "skin_tone", "face_length", "nose_width"),
}
"""Factors of the bundled faces that a classifier of expressions could do without."""


def linear_probes(
    features: ArrayLike, labels: ArrayLike, groups: ArrayLike, factors: pd.DataFrame | None = None, folds: int = 5
) -> dict[str, float]:
    """Fit linear probes on some people's faces and measure them on others'.

    The class by linear discriminant analysis, numbers by ridge regression, both of scikit-learn, cross-validated over
    groups so that no person is in both parts. A probe asks what is *there*, not what the classifier uses.

    Parameters
    ----------
    features : array or Tensor, shape (n, d)
    labels : array or Tensor, shape (n,)
    groups : array, shape (n,)
        The person of each image.
    factors : DataFrame, n rows, optional
        Numbers to be predicted.
    folds : int, default 5

    Returns
    -------
    dict of str to float
        ``"class"``: share of correct answers; for each column of ``factors`` R², the share of its variance that is
        predicted: 1 at best, about 0 (or a little below) where nothing can be read.

    Raises
    ------
    UserError
        Fewer people than folds, a fold without two classes, or a factor that is no finite number or never varies.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(300, 4))
    >>> numbers = pd.DataFrame({"sum": x.sum(axis=1), "luck": x[::-1, 0]})
    >>> told = linear_probes(x, 1 * (x[:, 0] > 0), np.arange(300), numbers)
    >>> bool(told["class"] > 0.95), round(told["sum"], 2), bool(told["luck"] < 0.05)
    (True, 1.0, True)
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import RidgeCV
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = as_samples(features, labels)
    people = np.unique(np.asarray(groups))
    if len(np.asarray(groups)) != len(x):
        raise UserError(f"{len(np.asarray(groups))} people for {len(x)} samples", hint="name the person of each image")
    if not 2 <= folds <= len(people):
        raise UserError(f"{folds} folds of {len(people)} people", hint=f"2 to {len(people)} folds, or more people")
    parts = GroupKFold(folds)
    if any(len(np.unique(y[fitted])) < 2 for fitted, _ in parts.split(x, y, groups)):
        raise UserError("a probe needs two classes in every fold", hint="take more images, or fewer folds")
    lda = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    told = {"class": float((cross_val_predict(lda, x, y, groups=groups, cv=parts) == y).mean())}
    if factors is not None and len(factors.columns):
        targets = StandardScaler().fit_transform(_numbers(factors, len(x)))
        ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-1, 4, 6)))
        predicted = cross_val_predict(ridge, x, targets, groups=groups, cv=parts).reshape(targets.shape)
        error = np.square(predicted - targets).mean(axis=0)
        told |= {name: float(1 - each) for name, each in zip(factors.columns, error, strict=True)}
    return told


def _numbers(factors: pd.DataFrame, rows: int) -> Array:
    if len(factors) != rows:
        raise UserError(f"{len(factors)} rows of factors for {rows} samples", hint="take the factors of these images")
    if "class" in factors:
        raise UserError("a factor is called 'class', as the classes' own score is", hint="call it otherwise")
    for name in factors:
        column = pd.to_numeric(factors[name], errors="coerce").to_numpy(dtype=float)
        if not np.isfinite(column).all() or np.ptp(column) == 0:
            raise UserError(f"factor {name!r} is no number everywhere, or always the same", hint="leave it out")
    return factors.to_numpy(dtype=float)


def kept_and_let_go(attention: ArrayLike, draws: int = 20, seed: int = 0) -> Mapping[str, list[NDArray[np.int64]]]:
    """Return sets of half of the dimensions: the more attended half, the other one, and halves drawn at random.

    Parameters
    ----------
    attention : array or Tensor, shape (n, d)
    draws : int, default 20
    seed : int, default 0

    Examples
    --------
    >>> halves = kept_and_let_go([[0.1, 0.9, 0.8, 0.2]], draws=1)
    >>> halves["kept"][0].tolist(), halves["let go"][0].tolist(), len(halves["random"][0])
    ([1, 2], [0, 3], 2)
    """
    mean: Array = np.asarray(attention, dtype=float).mean(axis=0)
    order, half = np.argsort(-mean, kind="stable"), len(mean) // 2
    random = np.random.default_rng(seed)
    return {
        "kept": [np.sort(order[:half])],
        "let go": [np.sort(order[half:])],
        "random": [np.sort(random.permutation(len(mean))[:half]) for _ in range(draws)],
    }

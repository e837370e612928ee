"""A validation split taken from training data."""

from __future__ import annotations

import warnings
from fractions import Fraction

import numpy as np

from dacl_edu.data.dataset import FaceDataset
from dacl_edu.errors import UserError


def split_train_validation(dataset: FaceDataset, fraction: float, seed: int) -> tuple[FaceDataset, FaceDataset]:
    """Set a part of a data set aside for choosing a model, so that the test split is read once, at the end.

    Each class keeps its share in both parts. Where the data set knows groups (who is in the picture), no group is in
    both, since a model recognises a face it has seen; the fraction is then met as nearly as whole groups allow.

    Parameters
    ----------
    dataset : FaceDataset
        Usually a train split.
    fraction : float
        Share of the images that go into validation, between 0 and 1.
    seed : int
        Same seed, same split.

    Returns
    -------
    train, validation : FaceDataset
        In the order of `dataset`.

    Raises
    ------
    UserError
        `fraction` or `seed` is out of range, or a class has too few images (or groups) to be in both parts.

    Examples
    --------
    >>> import torch
    >>> images, labels = torch.zeros(70, 3, 4, 4, dtype=torch.uint8), torch.arange(70) % 7
    >>> train, validation = split_train_validation(FaceDataset(images, labels), fraction=0.2, seed=0)
    >>> train.class_counts().tolist(), validation.class_counts().tolist()
    ([8, 8, 8, 8, 8, 8, 8], [2, 2, 2, 2, 2, 2, 2])
    """
    if not 0 < fraction < 1:
        raise UserError(f"validation fraction {fraction} is out of range", hint="give a number between 0 and 1")
    if not 0 <= seed < 2**32:
        raise UserError(f"seed {seed} is out of range", hint="give a whole number from 0 to 4294967295")
    labels = dataset.labels.numpy()
    _require_two(dataset, labels)
    if dataset.groups is None:
        chosen = _by_class(dataset, labels, fraction, seed)
    else:
        chosen = _by_group(labels, dataset.groups, fraction, seed)
    for label in np.unique(labels):
        in_validation = chosen[labels == label]
        if in_validation.all() or not in_validation.any():
            raise _too_few(dataset, int(label), f"to be in both parts at fraction {fraction:g}")
    rest, validation = np.flatnonzero(~chosen), np.flatnonzero(chosen)
    return dataset.subset(rest, split="train"), dataset.subset(validation, split="val")


def _too_few(dataset: FaceDataset, label: int, purpose: str) -> UserError:
    of_class = dataset.labels.numpy() == label
    have = f"{of_class.sum()} images"
    if dataset.groups is not None:
        have += f" in {len(np.unique(dataset.groups[of_class]))} groups"
    return UserError(
        f"class {dataset.classes[label]!r} has {have}: too few {purpose}",
        hint="give a fraction nearer to 0.5, or add images of this class",
    )


def _require_two(dataset: FaceDataset, labels: np.ndarray) -> None:
    if not len(labels):
        raise UserError("the data set is empty: there is nothing to split", hint="load a split that has images")
    units = np.arange(len(labels)) if dataset.groups is None else dataset.groups
    for label in np.unique(labels):
        if len(np.unique(units[labels == label])) < 2:
            raise _too_few(dataset, int(label), "to be in both parts")


def _by_class(dataset: FaceDataset, labels: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    from sklearn.model_selection import train_test_split

    chosen = np.zeros(len(labels), dtype=bool)
    try:
        _, rows = train_test_split(np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed)
    except ValueError as error:  # fewer images in one part than there are classes
        rarest = int(np.unique(labels)[np.unique(labels, return_counts=True)[1].argmin()])
        raise _too_few(dataset, rarest, f"to be in both parts at fraction {fraction:g}") from error
    chosen[rows] = True
    return chosen


def _by_group(labels: np.ndarray, groups: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    from sklearn.model_selection import StratifiedGroupKFold

    # Folds are what keeps both groups and classes balanced: the fraction is p of q folds.
    share = Fraction(fraction).limit_denominator(20)
    share = min(max(share, Fraction(1, 20)), Fraction(19, 20))
    taken, folds = share.numerator, share.denominator
    most = min(len(np.unique(groups)), int(np.bincount(labels).max()))
    if folds > most:
        folds = most
        taken = min(max(round(fraction * folds), 1), folds - 1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        parts = [
            rows
            for _, rows in StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
        ]
    # A rare class may be absent from some folds: take the first run of folds that leaves it in both parts.
    for start in range(folds):
        chosen = np.zeros(len(labels), dtype=bool)
        chosen[np.concatenate([parts[(start + i) % folds] for i in range(taken)])] = True
        if all(0 < chosen[labels == label].mean() < 1 for label in np.unique(labels)):
            break
    return chosen

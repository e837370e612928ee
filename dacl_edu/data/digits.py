"""Hand-written digits that come with scikit-learn: 1,797 pictures of 8x8 pixels, ten classes, no download."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import torch

from dacl_edu.data.listing import Listing
from dacl_edu.data.registry import register_reader

_SPLITS = ("train", "val", "test")
#: Every so many pictures of a class, in a fixed random order, one validates and two test.
_OF = 10


@functools.cache
def _parts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels (N, 8, 8) uint8, labels (N,), and the split of each, 0 to 2."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    rank = np.empty(len(labels), dtype=np.int64)  # of each picture within its class
    for label in np.unique(labels):
        of_class = order[labels[order] == label]
        rank[of_class] = np.arange(len(of_class))
    split = np.select([rank % _OF == 0, rank % _OF < 3], [1, 2], 0)
    return (pixels.reshape(-1, 8, 8) * (255 / 16)).round().astype(np.uint8), labels.astype(np.int64), split


@register_reader("digits", splits=lambda root: _SPLITS)
def list_digits(split: str, root: Path | None = None) -> Listing:
    """Read the digits: 70, 10 and 20 % of each are ``train``, ``val`` and ``test``, always the same.

    8x8 pixels, white on black, from 0 to 255. Who wrote a digit is not known, so one hand may be in several splits.

    Examples
    --------
    >>> list_digits("test").dataset()
    FaceDataset('digits test', 364 images of 8x8, 10 classes)
    """
    pixels, labels, of_split = _parts()
    rows = np.flatnonzero(of_split == _SPLITS.index(split))
    return Listing(
        labels[rows], [f"{row:04d}" for row in rows], pixels=torch.from_numpy(pixels[rows])[:, None],
        classes=[str(digit) for digit in range(10)], name="digits", split=split,
        notes=("scikit-learn's digits do not say who wrote them: one hand may be in several splits",),
    )  # fmt: skip

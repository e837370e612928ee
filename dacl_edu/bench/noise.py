"""A data set of noise, as large as one likes, for measurements that need sizes and no faces."""

from __future__ import annotations

from pathlib import Path

import torch

from dacl_edu.data import FaceDataset, register_dataset
from dacl_edu.expressions import EXPRESSIONS

NAME = "noise"
DIFFERENT = 256
"""Images that differ; the others are these again."""


def register_noise(images: int, side: int) -> str:
    """Make ``load_dataset("noise")`` give `images` training and as many test images of `side` pixels; return its name.

    Examples
    --------
    >>> from dacl_edu.data import load_dataset
    >>> load_dataset(register_noise(14, 8), "test")
    FaceDataset('noise test', 14 images of 8x8, 7 classes)
    """

    @register_dataset(NAME, splits=lambda root: ("train", "test"))
    def load(split: str, root: Path | None, image_size: int | None) -> FaceDataset:
        source = torch.Generator().manual_seed(0)
        rows = torch.arange(images)
        some = torch.randint(0, 256, (min(images, DIFFERENT), 3, side, side), dtype=torch.uint8, generator=source)
        return FaceDataset(some[rows % DIFFERENT], rows % len(EXPRESSIONS), name=NAME, split=split)

    return NAME

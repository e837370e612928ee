"""Drawn faces: the data set that is there before anybody downloads one.

Faces of nobody, drawn by a program from a record of named factors: action units of the Facial Action Coding System,
a made-up identity, a pose, light, background, and what a camera does. `data/README.md` is the data card.
"""

from __future__ import annotations

from pathlib import Path

import torch

from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu.data.dataset import FaceDataset
from dacl_edu.data.drawn.cache import cached_split
from dacl_edu.data.drawn.face import draw_face
from dacl_edu.data.drawn.factors import ACTION_UNITS, FaceFactors, sample_factors, sample_identity

__all__ = ["ACTION_UNITS", "FaceFactors", "draw_face", "load_drawn", "sample_factors", "sample_identity"]


def load_drawn(
    split: str, root: str | Path | None = None, image_size: int | None = None, *, count: int | None = None
) -> FaceDataset:
    """Load a split of the drawn faces; the first call draws them and keeps them on disk.

    Parameters
    ----------
    split : str
        ``"train"`` (2,800 images in RAF-DB's class proportions), ``"val"`` (560) or ``"test"`` (1,120),
        the latter two with as many images of each expression. No person is in two splits.
    root : path, optional
        Folder in which ``drawn-v1/`` is kept: the repository's ``data/`` if left out, or the user's cache folder
        where that does not exist or cannot be written to.
    image_size : int, optional
        Side in pixels; images are drawn with 64 and resized if another is asked for.
    count : int, optional
        Number of images, for a smaller version of the split.

    Returns
    -------
    FaceDataset
        With ``groups`` (the person's number) and ``factors`` (one row an image).

    Raises
    ------
    UserError
        The split is unknown, or `root` cannot be written to.

    Examples
    --------
    >>> faces = load_drawn("train")                                                         # doctest: +SKIP
    >>> faces.images.shape, faces.factors.columns[:2].tolist()                              # doctest: +SKIP
    (torch.Size([2800, 3, 64, 64]), ['expression', 'intensity'])
    """
    drawn = cached_split(split, root, count)
    images = torch.from_numpy(drawn.images)
    if image_size is not None and image_size != images.shape[-1]:
        # uint8 interpolation rounds as it goes; in pieces, so that no float copy of everything is made.
        images = torch.cat([
            torch.nn.functional.interpolate(part, size=(image_size, image_size), mode="bilinear", antialias=True)
            for part in images.split(256)
        ])  # fmt: skip
    return FaceDataset(
        images,
        torch.from_numpy(drawn.labels),
        classes=EXPRESSIONS,
        ids=[f"drawn-{split}-{index:05d}" for index in range(len(images))],
        name="drawn",
        split=split,
        groups=drawn.factors["identity"].to_numpy(),
        factors=drawn.factors,
    )

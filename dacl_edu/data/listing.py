"""What a split holds before any image is decoded: every reader makes one, and loads, checks and prepares from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dacl_edu.data.cache import cached_images
from dacl_edu.data.classes import EXPRESSIONS, rows_of_classes
from dacl_edu.data.dataset import FaceDataset
from dacl_edu.data.decode import DECODER, REPLACE, decode_image, decode_images, progress, resize_images
from dacl_edu.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Listing:
    """The images of one split by file, or their pixels where the data set is one file, and all that is known of them.

    Attributes
    ----------
    labels : sequence of int
        (N,) indices into `classes`.
    ids : sequence of str
        (N,) a name for each image.
    paths : list of Path, optional
        (N,) image files.
    boxes : numpy.ndarray, optional
        (N, 4) left, top, right, bottom: the part of each file that is the face.
    pixels : Tensor, optional
        (N, 1 or 3, H, W) uint8, instead of `paths`.
    groups : sequence, optional
        (N,) the person in each image, where known.
    factors : pandas.DataFrame, optional
        One row an image.
    classes : sequence of str
        (K,) class names.
    name, split : str
        Where the images come from.
    notes : tuple of str
        What was left out and why, for `dacl-edu data check` to show.

    Examples
    --------
    >>> grey = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    >>> listing = Listing([3, 6], ["a", "b"], pixels=grey, name="toy", split="train")
    >>> listing.dataset(image_size=4)
    FaceDataset('toy train', 2 images of 4x4, 7 classes)
    """

    labels: Sequence[int] | np.ndarray
    ids: Sequence[str] | np.ndarray
    paths: list[Path] | None = None
    boxes: np.ndarray | None = None
    pixels: Tensor | None = None
    groups: Sequence[str] | np.ndarray | None = None
    factors: pd.DataFrame | None = None
    classes: Sequence[str] = EXPRESSIONS
    name: str = ""
    split: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.paths is None) == (self.pixels is None):
            raise ValueError("give either paths or pixels")

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, dataset: FaceDataset) -> Listing:
        """The listing of a data set that is already in memory."""
        return cls(
            dataset.labels.numpy(), dataset.ids, pixels=dataset.images, groups=dataset.groups, factors=dataset.factors,
            classes=dataset.classes, name=dataset.name, split=dataset.split, notes=dataset.notes,
        )  # fmt: skip

    def of_classes(self, names: Sequence[str]) -> Listing:
        """Only the images of some classes, in the order of `names`; errors as of `FaceDataset.of_classes`."""
        rows, labels, kept = rows_of_classes(self.labels, self.classes, names, f"{self.name} {self.split}")
        if kept == tuple(self.classes):
            return self
        left = (f"{len(self) - len(rows)} images left out: other classes",) if len(rows) < len(self) else ()
        return replace(self._part(rows, *left), labels=labels, classes=kept)

    def decodable(self) -> tuple[Listing, dict[str, str]]:
        """The images whose files decode, and what is wrong with each of the others, by file. Decodes all for it.

        Raises
        ------
        UserError
            None of them does.
        """

        def problem(row: int) -> str:
            try:
                self.decode(row, 1)
            except UserError as error:
                return error.problem
            return ""

        with ThreadPoolExecutor() as pool:
            found = list(progress(pool.map(problem, range(len(self))), len(self), what=f"looking at {self.split}"))
        wrong = {self.source(row): text for row, text in enumerate(found) if text}
        if not wrong:
            return self, {}
        kept = np.flatnonzero([not text for text in found])
        if not len(kept):
            raise UserError(f"{self.name} {self.split}: no image decodes; {next(iter(wrong.values()))}", hint=REPLACE)
        return self._part(kept, f"{len(self) - len(kept)} images left out: they cannot be decoded"), wrong

    def _part(self, rows: np.ndarray, *notes: str) -> Listing:
        return replace(
            self,
            labels=np.asarray(self.labels)[rows],
            ids=[self.ids[row] for row in rows],
            paths=None if self.paths is None else [self.paths[row] for row in rows],
            boxes=None if self.boxes is None else self.boxes[rows],
            pixels=None if self.pixels is None else self.pixels[torch.from_numpy(rows)],
            groups=None if self.groups is None else np.asarray(self.groups)[rows],
            factors=None if self.factors is None else self.factors.iloc[rows].reset_index(drop=True),
            notes=(*self.notes, *notes),
        )

    def source(self, row: int) -> str:
        """What to call an image in a message: its file where it has one."""
        return str(self.ids[row] if self.paths is None else self.paths[row])

    def decode(self, row: int, image_size: int | None = None) -> np.ndarray:
        """One image: (3, H, W) uint8.

        Raises
        ------
        UserError
            Its file cannot be decoded.
        """
        if self.paths is not None:
            return decode_image(self.paths[row], image_size, None if self.boxes is None else tuple(self.boxes[row]))
        assert self.pixels is not None
        return resize_images(self.pixels[row : row + 1], image_size).expand(-1, 3, -1, -1)[0].numpy()

    def dataset(self, image_size: int | None = None) -> FaceDataset:
        """All of it in memory.

        Parameters
        ----------
        image_size : int, optional
            See `load_dataset`.

        Returns
        -------
        FaceDataset
            Where `pixels` have one channel, the three of the images share one memory; do not write to it.

        Raises
        ------
        UserError
            A file cannot be decoded, sizes differ and `image_size` is left out, or memory does not suffice.
        """
        if self.paths is not None:
            paths, boxes = self.paths, self.boxes
            images = cached_images(self._pixels_of(image_size), lambda: decode_images(paths, image_size, boxes))
        else:
            assert self.pixels is not None
            images = resize_images(self.pixels, image_size).expand(-1, 3, -1, -1)
        return FaceDataset(
            images, torch.from_numpy(np.array(self.labels, dtype=np.int64)), self.ids, classes=self.classes,
            groups=self.groups, factors=self.factors, name=self.name, split=self.split, notes=self.notes,
        )  # fmt: skip

    def _pixels_of(self, image_size: int | None) -> str:
        """Return what decides the pixels: every file's place, size and time, the boxes, the side."""
        stats = [path.stat() if path.is_file() else None for path in self.paths or ()]
        files = [
            f"{path.absolute()} {stat.st_size} {stat.st_mtime_ns}" if stat else str(path)
            for path, stat in zip(self.paths or (), stats, strict=True)
        ]
        return "\n".join([f"{DECODER} {image_size}", "" if self.boxes is None else str(self.boxes.tolist()), *files])

    def fingerprint(self) -> str:
        """SHA-256 over ids, labels and what stands behind them: files by name and size, pixels by content.

        Two listings with the same fingerprint are the same data. Files are not opened: that would take as long as
        decoding them; a file that was changed without changing its size is not noticed.
        """
        digest = hashlib.sha256("\n".join(map(str, self.ids)).encode("utf-8", "surrogateescape"))
        digest.update(np.asarray(self.labels, dtype=np.int64).tobytes())
        if self.paths is not None:
            for path in self.paths:
                size = path.stat().st_size if path.is_file() else -1
                digest.update(f"{path.name}\0{size}\n".encode("utf-8", "surrogateescape"))
        if self.boxes is not None:
            digest.update(np.ascontiguousarray(self.boxes, dtype=np.float64).tobytes())
        if self.pixels is not None:
            digest.update(self.pixels.contiguous().numpy().tobytes())
        return digest.hexdigest()

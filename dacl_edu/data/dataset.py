"""The one in-memory form that every reader returns."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from dacl_edu.data.classes import EXPRESSIONS, rows_of_classes
from dacl_edu.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


#: Begins the columns of factors from which the labels of a class are drawn: ``share_neutral``, …
SHARE = "share_"

_PART = 1024  # images that are copied to a device at a time


class FaceBatch(Sequence[tuple[Tensor, int]]):
    """Samples that were fetched together: what `FaceDataset.__getitems__` gives to a DataLoader.

    It reads as a sequence of ``(image, label)``, so torch's own collate function accepts it as well;
    `collate_batch` takes the two tensors as they are.

    Parameters
    ----------
    images : Tensor
        (b, 3, H, W) uint8.
    labels : Tensor
        (b,) int64.
    """

    def __init__(self, images: Tensor, labels: Tensor) -> None:
        self.images = images
        self.labels = labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Any) -> Any:
        return self.images[index], int(self.labels[index])

    def __iter__(self) -> Iterator[tuple[Tensor, int]]:
        return zip(self.images, self.labels.tolist(), strict=True)


def collate_batch(batch: FaceBatch | Sequence[Any]) -> Any:
    """Images and labels of a batch, without stacking again what was gathered at once.

    Parameters
    ----------
    batch : FaceBatch or list of samples
        What a DataLoader fetched. A list of samples (from a ConcatDataset, say) is stacked as torch stacks it.

    Returns
    -------
    tuple of Tensor
        Images (b, 3, H, W) uint8 and labels (b,) int64.

    Examples
    --------
    >>> faces = FaceDataset(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 1, 2, 3]))
    >>> loader = torch.utils.data.DataLoader(faces, batch_size=2, collate_fn=collate_batch)
    >>> [labels.tolist() for images, labels in loader]
    [[0, 1], [2, 3]]
    """
    if isinstance(batch, FaceBatch):
        return batch.images, batch.labels
    return default_collate(list(batch))


class FaceDataset(Dataset[tuple[Tensor, int]]):
    """Face images with their expressions: a map-style dataset whose tensors are also there to be used directly.

    Parameters
    ----------
    images : Tensor
        (N, 3, H, W) uint8, in memory or memory-mapped.
    labels : Tensor
        (N,) int64, indices into `classes`.
    ids : sequence of str, optional
        (N,) a name for each image; ``"0"``, ``"1"``, … if left out.
    classes : sequence of str
        (K,) class names.
    groups : sequence, optional
        (N,) the person in each image, where known: a split keeps a person on one side.
    factors : pandas.DataFrame, optional
        One row an image: what else is known about it.
    name, split : str
        Where the images come from.
    notes : sequence of str
        What to know of them: what was left out, or drawn.
    mapped : bool, default False
        Whether `images` are mapped from a file. Then a subset copies none of them: it is row numbers over the same map.

    Attributes
    ----------
    images : Tensor
        (N, 3, H, W) uint8. Of a subset of a map they are copied whenever this is asked for; `gather` and `in_order`
        copy but a batch.
    labels, classes, groups, factors, name, split, notes
        As given; `groups` as a numpy array.
    ids : numpy.ndarray
        (N,) str.

    Raises
    ------
    UserError
        A shape or dtype is wrong, or a label is out of range.

    Examples
    --------
    >>> faces = FaceDataset(torch.zeros(3, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 6, 6]), name="toy")
    >>> image, label = faces[1]
    >>> tuple(image.shape), label, faces.class_counts().tolist()
    ((3, 8, 8), 6, [1, 0, 0, 0, 0, 0, 2])
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        ids: Sequence[str] | np.ndarray | None = None,
        *,
        classes: Sequence[str] = EXPRESSIONS,
        groups: Sequence[Any] | np.ndarray | None = None,
        factors: pd.DataFrame | None = None,
        name: str = "",
        split: str = "",
        notes: Sequence[str] = (),
        mapped: bool = False,
    ) -> None:
        self._stored, self._rows, self._mapped = images, None, mapped
        self.labels = labels
        self.classes = tuple(classes)
        self.ids = np.asarray([str(i) for i in range(len(labels))] if ids is None else ids, dtype=np.str_)
        self.groups = None if groups is None else np.asarray(groups)
        self.factors = factors
        self.name = name
        self.split = split
        self.notes = tuple(notes)
        self._validate()

    @property
    def _where(self) -> str:
        return " ".join(part for part in (self.name, self.split) if part) or "dataset"

    _stored: Tensor
    _rows: Tensor | None  # which of the stored images these are, in which order; all, where there are none

    @property
    def images(self) -> Tensor:
        """The images, (N, 3, H, W) uint8."""
        return self._stored if self._rows is None else self._stored.index_select(0, self._rows)

    @images.setter
    def images(self, images: Tensor) -> None:
        self._stored, self._rows, self._mapped = images, None, False

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Shape of one image: (3, H, W)."""
        channels, height, width = self._stored.shape[1:]
        return channels, height, width

    @property
    def nbytes(self) -> int:
        """Bytes of all images."""
        return len(self) * int(np.prod(self.image_shape))

    def _validate(self) -> None:
        images, labels = self._stored, self.labels
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:
            raise UserError(
                f"{self._where}: images are {images.dtype} {tuple(images.shape)}",
                hint="give uint8 of shape (N, 3, H, W)",
            )
        if labels.dtype != torch.int64 or labels.ndim != 1:
            raise UserError(
                f"{self._where}: labels are {labels.dtype} {tuple(labels.shape)}", hint="give int64 of shape (N,)"
            )
        for what, column in (
            ("labels", labels),
            ("ids", self.ids),
            ("groups", self.groups),
            ("rows of factors", self.factors),
        ):
            if column is not None and len(column) != len(images):
                raise UserError(f"{self._where}: {len(images)} images but {len(column)} {what}", hint="give one each")
        wrong = ((labels < 0) | (labels >= len(self.classes))).nonzero()
        if len(wrong):
            row = int(wrong[0])
            raise UserError(
                f"{self._where}, row {row} ({self.ids[row]}): label {int(labels[row])} is out of range",
                hint=f"labels are 0 to {len(self.classes) - 1}",
            )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._stored[index if self._rows is None else self._rows[index]], int(self.labels[index])

    def __getitems__(self, indices: Sequence[int]) -> FaceBatch:
        # A DataLoader calls this, where it exists, with the indices of a whole batch.
        return FaceBatch(*self.gather(indices))

    def __repr__(self) -> str:
        height, width = self.image_shape[1:]
        return f"FaceDataset({self._where!r}, {len(self)} images of {height}x{width}, {len(self.classes)} classes)"

    def gather(self, indices: Sequence[int] | np.ndarray | Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Images and labels at `indices`, each in one gather.

        Parameters
        ----------
        indices : sequence of int
            (b,) row numbers.
        out : Tensor, optional
            (b, 3, H, W) uint8 to write the images to.

        Returns
        -------
        images : Tensor
            (b, 3, H, W) uint8.
        labels : Tensor
            (b,) int64.
        """
        index = torch.as_tensor(indices, dtype=torch.int64)
        stored = index if self._rows is None else self._rows.index_select(0, index)
        return torch.index_select(self._stored, 0, stored, out=out), self.labels.index_select(0, index)

    def in_order(self, batch_size: int) -> Iterator[Tensor]:
        """All images, so many at a time.

        Examples
        --------
        >>> faces = FaceDataset(torch.zeros(5, 3, 8, 8, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64))
        >>> [len(images) for images in faces.in_order(2)]
        [2, 2, 1]
        """
        if self._rows is None:
            yield from self._stored.split(batch_size)
        else:
            yield from (self._stored.index_select(0, rows) for rows in self._rows.split(batch_size))

    def to(self, device: torch.device) -> FaceDataset:
        """The same with images and labels on a device; all else is shared. On its own device no image is copied."""
        moved = copy.copy(self)
        moved.labels = self.labels.to(device)
        if torch.empty(0, device=device).device != self._stored.device:
            moved.images = torch.empty(len(self), *self.image_shape, dtype=torch.uint8, device=device)
            for part, images in zip(moved.images.split(_PART), self.in_order(_PART), strict=True):
                part.copy_(images)
        return moved

    def subset(self, indices: Sequence[int] | np.ndarray | Tensor, split: str | None = None) -> FaceDataset:
        """Some rows, in the order given: a copy, or row numbers where the images are mapped from a file.

        Parameters
        ----------
        indices : sequence of int
            Row numbers, or a (N,) boolean mask.
        split : str, optional
            Name of the new split; as it was, if left out.
        """
        rows = np.asarray(indices)
        # An empty list has no integer dtype of its own.
        rows = np.flatnonzero(rows) if rows.dtype == np.bool_ and len(rows) == len(self) else rows.astype(np.int64)
        rows = np.arange(len(self))[rows]  # counted from the front
        index = torch.from_numpy(rows)
        part = copy.copy(self)
        if self._mapped:
            part._rows = index if self._rows is None else self._rows[index]
        else:
            part.images = self.images[index]
        part.labels, part.ids = self.labels[index], self.ids[rows]
        part.groups = None if self.groups is None else self.groups[rows]
        part.factors = None if self.factors is None else self.factors.iloc[rows].reset_index(drop=True)
        part.split = self.split if split is None else split
        return part

    def of_classes(self, names: Sequence[str]) -> FaceDataset:
        """Only the images of some classes, which are numbered anew, in the order named.

        The same, uncopied, where these are its classes already. Upper and lower case and synonyms of expressions do not
        matter.

        Raises
        ------
        UserError
            A name is none of the classes, or fewer than two are named.

        Examples
        --------
        >>> faces = FaceDataset(torch.zeros(3, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 6, 5]))
        >>> two = faces.of_classes(["neutral", "surprise"])
        >>> two.classes, two.labels.tolist()
        (('neutral', 'surprise'), [1, 0])
        """
        rows, labels, kept = rows_of_classes(self.labels.numpy(), self.classes, names, self._where)
        if kept == self.classes:
            return self
        part = copy.copy(self) if len(rows) == len(self) else self.subset(rows)
        left = (f"{len(self) - len(rows)} images left out: other classes",) if len(rows) < len(self) else ()
        part.labels, part.classes, part.notes = torch.from_numpy(labels), kept, (*self.notes, *left)
        return part

    def redraw_labels(self, generator: torch.Generator) -> bool:
        """Draw each label, in place, from the shares that its image gives to the classes; say whether there are any.

        Examples
        --------
        >>> import pandas as pd
        >>> shares = pd.DataFrame({"share_cat": [1.0, 0.5], "share_dog": [0.0, 0.5]})
        >>> pets = FaceDataset(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 0]),
        ...                    classes=["cat", "dog"], factors=shares)
        >>> drawn = [pets.labels.tolist() for seed in range(9) if pets.redraw_labels(torch.manual_seed(seed))]
        >>> {first for first, _ in drawn}, {second for _, second in drawn}
        ({0}, {0, 1})
        """
        columns = [f"{SHARE}{name}" for name in self.classes]
        if self.factors is None or not set(columns) <= set(self.factors.columns):
            return False
        shares = torch.from_numpy(self.factors[columns].to_numpy(dtype=np.float64, copy=True))
        self.labels.copy_(torch.multinomial(shares, 1, generator=generator)[:, 0])
        return True

    def class_counts(self) -> Tensor:
        """Images of each class: (K,) int64."""
        return torch.bincount(self.labels, minlength=len(self.classes))

    def require_every_class(self) -> None:
        """Refuse to go on without an image of each class.

        Raises
        ------
        UserError
            Names the classes that have no image; or there is but one class.
        """
        left_out = "".join(f"; {note}" for note in self.notes if "not read" in note)
        if len(self.classes) < 2:
            what = f"{len(self.classes)} class is nothing to tell apart"
            raise UserError(f"{self._where}: {what}{left_out}", hint="two are needed")
        counts = self.class_counts().tolist()
        absent = [name for name, count in zip(self.classes, counts, strict=True) if count == 0]
        if absent:
            raise UserError(
                f"{self._where}: no image of class {', '.join(absent)}{left_out}",
                hint="every class needs images, otherwise its center is never seen; check the labels and the folders: "
                "is a class spelled alike in every part?",
            )

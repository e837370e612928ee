"""FER2013: ``fer2013.csv``, ``icml_face_data.csv``, or a copy in class folders."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dacl_edu.data.classes import canonical_index
from dacl_edu.data.folder import list_class_folders, split_folders
from dacl_edu.data.listing import Listing
from dacl_edu.data.reading import again, first_file, located, not_found, read_table, refuse_rows, require_columns
from dacl_edu.data.registry import register_reader
from dacl_edu.errors import UserError
from dacl_edu.expressions import FER2013 as EMOTION_NAMES

if TYPE_CHECKING:
    import pandas as pd

#: PublicTest was the validation set of the challenge and PrivateTest its test set.
USAGE_SPLITS = {"Training": "train", "PublicTest": "val", "PrivateTest": "test"}

ACCESS = "FER2013 is at https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge"

_SIDE = 48
_FILES = ("fer2013.csv", "icml_face_data.csv", "fer2013/fer2013.csv")
_COLUMNS = {"emotion", "pixels", "Usage"}


def parse_pixels(text: str) -> np.ndarray:
    """One image, (48, 48) uint8, from its ``pixels`` field: 2304 numbers from 0 to 255 with spaces between, row by row.

    Examples
    --------
    >>> parse_pixels(" ".join(["7"] * 2304)).shape
    (48, 48)
    """
    with warnings.catch_warnings():
        # Older numpy only warns where newer numpy refuses. Plain text after the numbers must not pass either way.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            numbers = np.fromstring(text, dtype=np.int64, sep=" ")
        except (ValueError, DeprecationWarning) as error:
            raise UserError("pixels hold something that is not a whole number", hint=again(ACCESS)) from error
    if numbers.size != _SIDE * _SIDE:
        raise UserError(
            f"{numbers.size} pixels instead of {_SIDE * _SIDE} ({_SIDE}x{_SIDE})",
            hint=f"the row is cut off; {again(ACCESS)}",
        )
    if numbers.min() < 0 or numbers.max() > 255:
        wrong = numbers[(numbers < 0) | (numbers > 255)][0]
        raise UserError(f"pixel value {wrong} is not 0 to 255", hint=again(ACCESS))
    return numbers.astype(np.uint8).reshape(_SIDE, _SIDE)


def read_csv(path: Path, split: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Images (N, 48, 48) uint8, labels (N,) int64 and ids of one split (``train``, ``val``, ``test``) of the CSV file.

    Its columns may be in any order and their names may begin with a space. An id is the position among all images of
    the file, from ``"00000"``: FER+ is joined by it.
    """
    table = _table(path)
    usage, emotions = table["Usage"], table["emotion"]
    splits = usage.str.lower().map({name.lower(): split for name, split in USAGE_SPLITS.items()})
    refuse_rows(path, usage, splits.isna(), "unknown Usage {}", f"it is {', '.join(USAGE_SPLITS)}")
    labels = emotions.map({str(number): canonical_index(name) for number, name in enumerate(EMOTION_NAMES)})
    numbered = ", ".join(f"{number} {name}" for number, name in enumerate(EMOTION_NAMES))
    refuse_rows(path, emotions, labels.isna(), "unknown emotion {}", f"it is {numbered}")
    chosen = np.flatnonzero((splits == split).to_numpy())
    if not len(chosen):
        raise UserError(f"{path} has no rows for the split {split!r}", hint=again(ACCESS))
    images = np.empty((len(chosen), _SIDE, _SIDE), dtype=np.uint8)
    for at, row in enumerate(chosen):
        with located(f"{path}, row {table.index[int(row)] + 2}"):  # the header is row 1, and blank lines count
            images[at] = parse_pixels(table["pixels"].iloc[row])
    return images, labels.to_numpy(dtype=np.int64)[chosen], [f"{at:05d}" for at in chosen]


def _table(path: Path, only: str | None = None) -> pd.DataFrame:
    names = read_table(path, ACCESS, nrows=0)
    hint = "use fer2013.csv or icml_face_data.csv, which have emotion, pixels and Usage"
    require_columns(path, names, sorted(_COLUMNS), hint)
    table = read_table(path, ACCESS, usecols=None if only is None else lambda name: name.strip() == only)
    table = table[(table != "").any(axis=1)]  # blank lines would shift the numbers that FER+ is joined by
    if table.empty:
        raise UserError(f"{path} lists no images", hint=again(ACCESS))
    return table


def find_csv(root: Path) -> Path | None:
    """The CSV file of FER2013 under `root`, or `root` itself where it is a file."""
    if root.is_file():
        return root
    return first_file(root, _FILES)


def fer2013_splits(root: Path) -> tuple[str, ...]:
    """Splits of FER2013 under `root`: those of the CSV file, or the folders of a copy in class folders."""
    if (path := find_csv(root)) is not None:
        usage = _table(path, only="Usage")["Usage"].str.lower().unique()
        return tuple(split for name, split in USAGE_SPLITS.items() if name.lower() in usage)
    if found := split_folders(root):
        return tuple(split for split in USAGE_SPLITS.values() if split in found)
    raise not_found("FER2013", root, f"{', '.join(_FILES)} and for folders train/ and test/", ACCESS)


@register_reader("fer2013", splits=fer2013_splits)
def list_fer2013(split: str, root: Path) -> Listing:
    """Read FER2013.

    Parameters
    ----------
    split : str
        ``train`` (Training), ``val`` (PublicTest) or ``test`` (PrivateTest). In a copy in class folders, ``test`` is
        what the copy calls so: most of them put PublicTest and PrivateTest into it.
    root : Path
        Folder of the CSV file or of the class folders, or the CSV file itself.

    Returns
    -------
    Listing
        The images are 48x48; grey values are repeated in three channels.
    """
    path = find_csv(root)
    if path is None:
        paths, indices, notes = list_class_folders(split_folders(root)[split], canonical_index)
        ids = [path.relative_to(root).as_posix() for path in paths]
        return Listing(indices, ids, paths, name="fer2013", split=split, notes=notes)
    grey, labels, ids = read_csv(path, split)
    return Listing(labels, ids, pixels=torch.from_numpy(grey)[:, None], name="fer2013", split=split)

"""Data sets by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dacl_edu.data.dataset import FaceDataset
from dacl_edu.errors import UserError

# The folder is a Path for every reader but that of the bundled set, which knows its place and gets None.
Load = Callable[[str, Any, int | None], FaceDataset]
Splits = Callable[[Any], tuple[str, ...]]

#: What people call the three splits.
SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}


@dataclass(frozen=True)
class _Reader:
    load: Load
    splits: Splits


_READERS: dict[str, _Reader] = {}


def register_dataset(name: str, splits: Splits) -> Callable[[Load], Load]:
    """Decorator that makes a reader available as ``load_dataset(name)``.

    Parameters
    ----------
    name : str
        The name of the data set.
    splits : callable
        ``splits(root)`` gives the names of the splits found under `root`.

    Returns
    -------
    callable
        Decorates ``load(split, root, image_size) -> FaceDataset`` and returns it unchanged.
    """

    def register(load: Load) -> Load:
        _READERS[name] = _Reader(load, splits)
        return load

    return register


def available_datasets() -> tuple[str, ...]:
    """Names that `load_dataset` knows.

    Examples
    --------
    >>> "bundled" in available_datasets()
    True
    """
    return tuple(_READERS)


def available_splits(name: str, root: str | Path | None = None) -> tuple[str, ...]:
    """Splits of a data set, as they are on this disk.

    Parameters
    ----------
    name : str
        One of `available_datasets`.
    root : path, optional
        Folder of the data set; ``data/<name>`` if left out.

    Returns
    -------
    tuple of str

    Raises
    ------
    UserError
        The name is unknown, or the folder holds no such data set.
    """
    return _reader(name).splits(_root(name, root))


def load_dataset(
    name: str, split: str = "train", root: str | Path | None = None, image_size: int | None = None
) -> FaceDataset:
    """Read one split of a data set into memory.

    Parameters
    ----------
    name : str
        One of `available_datasets`.
    split : str
        ``"train"``, ``"val"`` or ``"test"``; ``"validation"`` is ``"val"``.
    root : path, optional
        Folder of the data set; ``data/<name>`` of the current folder or of the repository if left out.
    image_size : int, optional
        Images are resized so that the short side has this many pixels, then the centre square is kept.
        If left out they keep their size, which must then be the same for all.

    Returns
    -------
    FaceDataset
        Labels are in the order of `EXPRESSIONS`, whatever the order on disk.

    Raises
    ------
    UserError
        The name or split is unknown, files are missing or damaged, or sizes differ and `image_size` is left out.
    """
    reader = _reader(name)
    if image_size is not None and image_size < 1:
        raise UserError(f"image_size is {image_size}", mend="give a number of pixels, or leave it out")
    folder = _root(name, root)
    wanted = canonical_split(split)
    known = reader.splits(folder)
    if wanted not in known:
        raise UserError(f"data set {name!r} has no split {split!r}", mend=_nearest(wanted, known))
    return reader.load(wanted, folder, image_size)


def canonical_split(split: str) -> str:
    """``train``, ``val`` or ``test`` for any of their usual names; other names stay as they are."""
    word = split.lower()
    return next((canonical for canonical, names in SPLIT_NAMES.items() if word in names), split)


def _reader(name: str) -> _Reader:
    if name not in _READERS:
        raise UserError(f"unknown data set {name!r}", mend=_nearest(name, _READERS))
    return _READERS[name]


def _root(name: str, root: str | Path | None) -> Path | None:
    if root is not None:
        return Path(root).expanduser()
    if name == "bundled":  # the reader knows where its own files are
        return None
    here = Path("data") / name
    in_repository = Path(__file__).parents[2] / "data" / name
    return in_repository if in_repository.is_dir() and not here.is_dir() else here


def _nearest(word: str, valid: Iterable[str]) -> str:
    names = list(valid)
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.5)
    return (f"did you mean {close[0]!r}? " if close else "") + f"There are {', '.join(names)}"


@register_dataset("bundled", splits=lambda root: ("train", "val", "test"))
def _load_bundled(split: str, root: Path | None, image_size: int | None) -> FaceDataset:
    from dacl_edu.data.drawn import load_drawn

    return load_drawn(split, root, image_size)

"""Data sets by name."""

from __future__ import annotations

import functools
import importlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dacl_edu import paths
from dacl_edu.data.classes import parsed_classes, same_name
from dacl_edu.data.dataset import FaceDataset
from dacl_edu.data.listing import Listing
from dacl_edu.data.prepared import is_prepared, load_prepared, prepared_splits
from dacl_edu.data.published import published_for
from dacl_edu.errors import UserError
from dacl_edu.expressions import expression
from dacl_edu.text import nearest

# The folder is a Path for every reader but that of the bundled set, which knows its place and gets None.
Load = Callable[..., FaceDataset]  # (split, root, image_size, **options)
Splits = Callable[..., tuple[str, ...]]  # (root, **options)
List = Callable[..., Listing]  # (split, root, **options)

#: What people call the three splits.
SPLIT_NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test", "testing")}


@dataclass(frozen=True)
class _Reader:
    load: Load
    splits: Splits
    listing: List | None = None
    suffix: str = ""
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)


_log = logging.getLogger(__name__)
_READERS: dict[str, _Reader] = {}
_OURS = ("affectnet", "ckplus", "digits", "expw", "fer2013", "ferplus", "folder", "jaffe", "rafdb", "torchvision_sets")
"""Modules that register a reader each, imported when the first data set is asked for: they bring torch and Pillow."""


def register_dataset(name: str, splits: Splits, suffix: str = "") -> Callable[[Load], Load]:
    """Decorator that makes a reader available as ``load_dataset(name)``.

    Parameters
    ----------
    name : str
        The name of the data set.
    splits : callable
        ``splits(root)`` gives the names of the splits found under `root`.
    suffix : str
        As for `register_reader`.

    Returns
    -------
    callable
        Decorates ``load(split, root, image_size) -> FaceDataset`` and returns it unchanged.
    """

    def register(load: Load) -> Load:
        _READERS[name] = _Reader(load, splits, suffix=suffix)
        return load

    return register


def register_reader(
    name: str, splits: Splits, suffix: str = "", choices: Mapping[str, Sequence[str]] | None = None
) -> Callable[[List], List]:
    """As `register_dataset`, for a reader that says what there is and leaves the decoding to `Listing`.

    What is listed rather than loaded can be checked file by file, and prepared in bounded memory.

    Parameters
    ----------
    name : str
        The name of the data set.
    splits : callable
        ``splits(root, **options)`` gives the names of the splits found under `root`.
    suffix : str
        The option that follows a colon in the name: with ``"subject"``, ``"jaffe:KA"`` means ``subject="KA"``.
    choices : mapping of str to sequence of str, optional
        Name of a choice of classes → the classes; the first is taken by default. The reader gets the name of the
        choice as its option ``classes``.

    Returns
    -------
    callable
        Decorates ``listing(split, root, **options) -> Listing`` and returns it unchanged. `split` is one that `splits`
        found. It raises UserError where the data set is not there, not complete, or damaged, and names file and row.
    """

    def register(listing: List) -> List:
        def load(split: str, root: Any, image_size: int | None, **options: Any) -> FaceDataset:
            return listing(split, root, **options).dataset(image_size)

        _READERS[name] = _Reader(load, splits, listing, suffix, choices or {})
        return listing

    return register


def available_datasets() -> tuple[str, ...]:
    """Names that `load_dataset` knows.

    Examples
    --------
    >>> "bundled" in available_datasets()
    True
    """
    return tuple(_readers())


def available_splits(name: str, root: str | Path | None = None, **options: Any) -> tuple[str, ...]:
    """Splits of a data set, as they are on this disk.

    Parameters
    ----------
    name : str
        One of `available_datasets`.
    root : path, optional
        Folder of the data set; ``data/<name>`` if left out.
    **options
        As for `load_dataset`.

    Raises
    ------
    UserError
        The name is unknown, or the folder holds no such data set.
    """
    options.pop("classes", None)  # every choice of classes has the same splits
    reader, options = _reader(name, options)
    folder = dataset_root(name, root)
    found = prepared_splits(name, folder) if is_prepared(folder) else reader.splits(folder, **options)
    if not found:
        raise UserError(f"{folder}: no split of data set {name!r} has an image", hint="copy or unpack it again")
    return found


def load_dataset(
    name: str,
    split: str = "train",
    root: str | Path | None = None,
    image_size: int | None = None,
    classes: str | Sequence[str] | None = None,
    **options: Any,
) -> FaceDataset:
    """Read one split of a data set: into memory, or memory-mapped where `root` was made by ``dacl-edu data prepare``.

    Parameters
    ----------
    name : str
        One of `available_datasets`; some take an option after a colon, as in ``"jaffe:KA"``.
    split : str
        ``"train"``, ``"val"`` or ``"test"``; ``"validation"`` is ``"val"``.
    root : path, optional
        Folder of the data set; ``data/<name>`` of the current folder or of the repository if left out.
    image_size : int, optional
        Images are resized so that the short side has this many pixels, then the centre square is kept.
        If left out they keep their size, which must then be the same for all.
    classes : str or sequence of str, optional
        Which classes: a choice that the data set names (`available_classes`), or names, also in one text with commas.
        A named class that the data set as published has no image of is left out, with a warning.
    **options
        What only this reader knows, such as ``crop="whole"`` of AffectNet; a prepared folder has them already.

    Returns
    -------
    FaceDataset
        Expressions are in the order of `EXPRESSIONS`, whatever the order on disk; named classes in the order given.

    Raises
    ------
    UserError
        The name or split is unknown, files are missing or damaged, or sizes differ and `image_size` is left out.
    """
    if image_size is not None and image_size not in range(1, 8193):
        raise UserError(f"image_size is {image_size!r}", hint="give a number of pixels up to 8192, or leave it out")
    reader, wanted, folder, options = _find(name, split, root, options)
    choice, names = _chosen(name, reader, parsed_classes(classes))
    if is_prepared(folder):
        dataset = load_prepared(name, wanted, folder, image_size)
        names = names or (tuple(reader.choices[choice]) if choice and classes else None)
    elif reader.listing is not None:  # before anything is decoded
        return _listed(name, reader, wanted, folder, choice, names, options).dataset(image_size)
    else:
        dataset = reader.load(wanted, folder, image_size, **options)
    return dataset.of_classes(names) if names else dataset


def list_dataset(
    name: str,
    split: str = "train",
    root: str | Path | None = None,
    image_size: int | None = None,
    classes: str | Sequence[str] | None = None,
    **options: Any,
) -> Listing:
    """What one split of a data set holds, before anything is decoded where the reader allows it.

    Parameters
    ----------
    name, split, root, image_size, classes, **options
        As for `load_dataset`; `image_size` matters only where the reader decodes at once.

    Raises
    ------
    UserError
        As for `load_dataset`.
    """
    reader, wanted, folder, found = _find(name, split, root, options)
    if is_prepared(folder) or reader.listing is None:
        return Listing.of(load_dataset(name, wanted, root, image_size, classes, **options))
    choice, names = _chosen(name, reader, parsed_classes(classes))
    return _listed(name, reader, wanted, folder, choice, names, found)


def _listed(
    name: str, reader: _Reader, split: str, folder: Path | None, choice: str | None, names: tuple[str, ...] | None,
    options: dict[str, Any],
) -> Listing:  # fmt: skip
    assert reader.listing is not None
    listing = reader.listing(split, folder, **choice_option(choice), **options)
    if not len(listing.labels):  # of a single image none can be held out
        raise UserError(f"{name} {split}: no image", hint="give it images, or images of its own to each split")
    return listing.of_classes(names) if names else listing


def available_classes(name: str) -> dict[str, tuple[str, ...]]:
    """Choices of classes that a data set names, the default first; empty where it has but one.

    Examples
    --------
    >>> list(available_classes("affectnet")), available_classes("ckplus")["all"][-1]
    (['7', '8'], 'contempt')
    """
    return {choice: tuple(names) for choice, names in _reader(name, {})[0].choices.items()}


def choice_option(choice: str | None) -> dict[str, str]:
    """The option by which a reader is told which choice of classes is meant."""
    return {} if choice is None else {"classes": choice}


def _chosen(
    name: str, reader: _Reader, classes: str | tuple[str, ...] | None
) -> tuple[str | None, tuple[str, ...] | None]:
    """The choice that the reader is to make, and the classes to keep of it where these are named."""
    default = next(iter(reader.choices), None)
    if classes is None:
        return default, None
    if isinstance(classes, str):
        if classes in reader.choices:
            return classes, None
        choices = ", ".join(reader.choices)
        raise UserError(
            f"data set {name!r} has no choice of classes {classes!r}",
            hint=(f"it has {choices}; or name" if choices else "name") + " two classes or more, with commas between",
        )
    kept = tuple(wanted for wanted in classes if not _lacking(name, wanted))
    fits = (choice for choice, known in reader.choices.items() if all(same_name(wanted, known) for wanted in kept))
    return next(fits, default), kept


def _lacking(name: str, wanted: str) -> bool:
    lacking = published_for(name).lacks(expression(wanted) or wanted)
    if lacking:
        _warn_once(f"{name} as published has no image of {wanted!r}: this class is left out")
    return lacking


@functools.cache
def _warn_once(text: str) -> None:
    _log.warning(text)


def _find(
    name: str, split: str, root: str | Path | None, options: dict[str, Any]
) -> tuple[_Reader, str, Path | None, dict[str, Any]]:
    if not (isinstance(name, str) and isinstance(split, str)):
        raise UserError(f"data set {name!r}, split {split!r}", hint="name both in words, e.g. 'rafdb' and 'train'")
    reader, found = _reader(name, options)
    wanted, known = canonical_split(split), available_splits(name, root, **options)
    if wanted not in known:
        raise UserError(f"data set {name!r} has no split {split!r}", hint=nearest(wanted, known))
    return reader, wanted, dataset_root(name, root), found


def canonical_split(split: str) -> str:
    """``train``, ``val`` or ``test`` for any of their usual names; other names stay as they are."""
    word = split.lower()
    return next((canonical for canonical, names in SPLIT_NAMES.items() if word in names), split)


def _readers() -> dict[str, _Reader]:
    """All that are known; one that a user has registered by the name of one of ours stays."""
    theirs = dict(_READERS)
    for module in _OURS:
        importlib.import_module(f"dacl_edu.data.{module}")
    _READERS.update(theirs)
    return _READERS


def _reader(name: str, options: dict[str, Any]) -> tuple[_Reader, dict[str, Any]]:
    """The reader, and the options with the one that follows a colon in the name."""
    base, colon, value = name.partition(":")
    if base not in _readers():
        raise UserError(f"unknown data set {name!r}", hint=nearest(base, _READERS))
    reader = _READERS[base]
    if not colon:
        return reader, options
    if not reader.suffix or not value:
        takes = f"a {reader.suffix}" if reader.suffix else "nothing"
        raise UserError(f"data set {name!r}: {base} takes {takes} after the colon", hint=f"try {base!r}")
    return reader, {reader.suffix: value} | options


def dataset_root(name: str, root: str | Path | None) -> Path | None:
    """Folder of a data set: `root`, or ``data/<name>``; None where the reader knows its own place."""
    if root is not None:
        return Path(os.path.expanduser(root))
    name = name.partition(":")[0]
    if name in ("bundled", "digits"):  # the reader knows where its own files are
        return None
    here = Path("data") / name
    in_repository = paths.HOME / "data" / name
    return in_repository if in_repository.is_dir() and not here.is_dir() else here


@register_dataset("bundled", splits=lambda root: ("train", "val", "test"))
def _load_bundled(split: str, root: Path | None, image_size: int | None) -> FaceDataset:
    from dacl_edu.data.bundled import load_bundled

    return load_bundled(split, root, image_size)

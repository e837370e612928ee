"""Data sets of torchvision by name: ``torchvision:CIFAR10``. Nothing is downloaded unless that is asked for."""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from typing import Any

from dacl_edu.data.dataset import FaceDataset
from dacl_edu.data.registry import dataset_root, register_dataset
from dacl_edu.data.torch_sets import class_names, face_dataset
from dacl_edu.errors import UserError
from dacl_edu.text import nearest

#: What torchvision calls the splits, the first that a data set accepts.
_NAMES = {"train": ("train", "trainval"), "val": ("val", "valid"), "test": ("test",)}


def _class(dataset: str) -> Any:
    """The torchvision class of a name, if it has splits of pictures with one number each."""
    import torchvision.datasets as known

    able = [name for name in known.__all__ if _takes(getattr(known, name))]
    if dataset not in able:
        raise UserError(f"torchvision has no data set {dataset!r} of pictures and classes", hint=nearest(dataset, able))
    return getattr(known, dataset)


def _takes(kind: Any) -> set[str]:
    """Which of the usual arguments a class has: ``train``, or ``split`` and with it nothing else that is required."""
    found = inspect.signature(kind).parameters
    required = {name for name, p in found.items() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD}
    fits = "root" in found and "transform" in found and not required - {"root"}
    return {"train", "split"} & set(found) if fits else set()


@functools.lru_cache(maxsize=3)
def _open(dataset: str, split: str, root: Path, download: bool) -> Any:
    """The torchvision dataset of a split; None where it has no such split."""
    kind = _class(dataset)
    more = {"download": download} if "download" in inspect.signature(kind).parameters else {}
    options: list[dict[str, Any]]
    if "train" in _takes(kind):
        options = [{"train": split == "train"}] if split != "val" else []
    else:
        options = [{"split": name} for name in _NAMES[split]]
    for option in options:
        try:
            return kind(root=str(root), **option, **more)
        except ValueError:  # so torchvision refuses a name of a split
            continue
        except (RuntimeError, OSError) as error:
            reason = "the download failed: " if download else ""
            raise UserError(
                f"torchvision's {dataset} is not in {root} ({reason}{str(error).split('. ')[0]})",
                hint="try again" if download else "--download fetches it, or name its folder (--root)",
            ) from error
    return None


def _splits(root: Path, dataset: str = "") -> tuple[str, ...]:
    if not dataset:
        raise UserError("torchvision has many data sets", hint="name one: torchvision:CIFAR10")
    kind = _class(dataset)
    if "train" in _takes(kind):
        _open(dataset, "train", root, False)
        return ("train", "test")
    return tuple(split for split in _NAMES if _open(dataset, split, root, False) is not None)


def download(name: str, root: Path | None = None) -> None:
    """Let torchvision fetch a data set.

    Parameters
    ----------
    name : str
        ``torchvision:CIFAR10``.
    root : Path, optional
        As for `load_dataset`.

    Raises
    ------
    UserError
        It is no data set of torchvision's, or cannot be fetched.
    """
    base, _, dataset = name.partition(":")
    if base != "torchvision" or not dataset:
        raise UserError(f"{name} cannot be downloaded", hint="--download is for torchvision:<name>")
    folder = dataset_root(name, root)
    assert folder is not None
    folder.mkdir(parents=True, exist_ok=True)
    for split in _NAMES:
        _open(dataset, split, folder, True)


@register_dataset("torchvision", splits=_splits, suffix="dataset")
def load_torchvision(split: str, root: Path, image_size: int | None, dataset: str = "") -> FaceDataset:
    """Read a data set of torchvision that is on this disk, by the name of its class; its classes keep their names.

    Raises
    ------
    UserError
        There is no such data set, or it is not on this disk.
    """
    found = _open(dataset, split, root, False)
    return face_dataset(found, class_names(found), image_size, f"torchvision:{dataset}", split)

"""Any folder of images: ``<root>/{train,val,test}/<class name>/*.jpg``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dacl_edu.data.classes import canonical_index
from dacl_edu.data.listing import Listing
from dacl_edu.data.registry import SPLIT_NAMES, register_reader
from dacl_edu.errors import UserError

#: File endings that count as images, in lower case.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def split_folders(root: Path) -> dict[str, Path]:
    """The split folders under `root`, by canonical name.

    Parameters
    ----------
    root : Path
        Folder of the data set.

    Returns
    -------
    dict of str to Path
        Some of ``train``, ``val``, ``test``.

    Raises
    ------
    UserError
        Two folders are the same split (``val`` and ``valid``).
    """
    found: dict[str, Path] = {}
    for folder in subfolders(root):
        for split, names in SPLIT_NAMES.items():
            if folder.name.lower() not in names:
                continue
            if split in found:
                raise UserError(
                    f"{root}: both {found[split].name}/ and {folder.name}/ are the {split} split",
                    hint="keep one, or merge them",
                )
            found[split] = folder
    return found


def subfolders(folder: Path) -> list[Path]:
    """Folders in `folder` in the order of their names, without those that an operating system or tool left there."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def list_class_folders(folder: Path, index_of: Callable[[str], int]) -> tuple[list[Path], list[int]]:
    """Image files below the class folders of one split.

    Parameters
    ----------
    folder : Path
        A split: its folders are classes.
    index_of : callable
        Maps the name of a class folder to a label, or raises UserError.

    Returns
    -------
    paths : list of Path
        (N,) sorted by class folder and name.
    labels : list of int
        (N,)

    Raises
    ------
    UserError
        A folder is none of the classes, or there is no image at all.
    """
    paths: list[Path] = []
    labels: list[int] = []
    for class_folder in subfolders(folder):
        try:
            label = index_of(class_folder.name)
        except UserError as error:
            raise UserError(
                f"{class_folder}: {error.problem}", hint=f"{error.hint}; rename the folder, or move it out of {folder}"
            ) from error
        files = sorted(
            path
            for path in class_folder.iterdir()
            # macOS leaves "._name.jpg" beside each file it copies; it is not an image.
            if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".")
        )
        paths += files
        labels += [label] * len(files)
    if not paths:
        raise UserError(
            f"{folder}: no images in class folders",
            hint=f"put them at {folder / '<class name>'}, with endings {' '.join(EXTENSIONS)}",
        )
    return paths, labels


def folder_splits(root: Path) -> tuple[str, ...]:
    """Splits present under `root`, of train, val and test."""
    found = split_folders(root)
    if not found:
        what = "has no folder train, val or test" if root.is_dir() else "is not a folder"
        raise UserError(f"{root} {what}", hint=f"lay the images out as {root / 'train' / '<class name>' / '*.jpg'}")
    return tuple(split for split in SPLIT_NAMES if split in found)


@register_reader("folder", splits=folder_splits)
def list_folder(split: str, root: Path) -> Listing:
    """Read ``<root>/<split>/<class name>/*`` as a data set.

    Parameters
    ----------
    split : str
        ``train``, ``val`` or ``test``.
    root : Path
        Folder of the data set.

    Returns
    -------
    Listing
        ``ids`` are paths relative to `root`, with forward slashes.

    Raises
    ------
    UserError
        A class folder has an unknown name, or there are no images.
    """
    paths, labels = list_class_folders(split_folders(root)[split], canonical_index)
    ids = [path.relative_to(root).as_posix() for path in paths]
    return Listing(labels, ids, paths, name="folder", split=split)

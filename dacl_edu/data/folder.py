"""Any folder of images: ``<root>/{train,val,test}/<class name>/*.jpg``, or ``<root>/<class name>/*.jpg``.

The folders say which classes there are. Where all of them are expressions, they have the project's order and names.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from dacl_edu.data.listing import Listing
from dacl_edu.data.registry import SPLIT_NAMES, register_reader
from dacl_edu.errors import UserError
from dacl_edu.expressions import EIGHT, expression

#: File endings that count as images, in lower case.
EXTENSIONS = (".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff")

#: Share of the images that is held out as test, where the folder has train alone or no splits.
HELD_OUT = 0.2


def split_folders(root: Path) -> dict[str, Path]:
    """The split folders under `root`, by canonical name: some of ``train``, ``val``, ``test``.

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


def list_class_folders(folder: Path, index_of: Callable[[str], int]) -> tuple[list[Path], list[int], tuple[str, ...]]:
    """Image files and labels (N,) below the class folders of one split, sorted by folder and name; and notes.

    `index_of` maps the name of a class folder to a label, or raises UserError. The notes say which files are left out
    for their endings, and which folders have no other.

    Raises
    ------
    UserError
        A folder is none of the classes, or there is no image at all.
    """
    paths: list[Path] = []
    labels: list[int] = []
    others: Counter[str] = Counter()
    empty = []
    for class_folder in subfolders(folder):
        try:
            label = index_of(class_folder.name)
        except UserError as error:
            raise UserError(
                f"{class_folder}: {error.problem}", hint=f"{error.hint}; rename the folder, or move it out of {folder}"
            ) from error
        files, left_out = files_below(class_folder)
        paths += files
        labels += [label] * len(files)
        others += left_out
        if left_out and not files:
            empty.append(class_folder.name)
    note = endings(others, empty)
    if not paths:
        raise UserError(
            "; ".join([f"{folder}: no images in class folders", *note]),
            hint=f"put them at {folder / '<class name>'}, with endings {' '.join(EXTENSIONS)}",
        )
    return paths, labels, note


def endings(others: Counter[str], empty: Sequence[str] = ()) -> tuple[str, ...]:
    """Say which files are left out; nothing, where there are none.

    Examples
    --------
    >>> endings(Counter({".gif": 8, ".txt": 1}), ["fear"])
    ('9 files left out, whose endings are not read: 8 .gif, 1 .txt; nothing else is in fear',)
    """
    if not others:
        return ()
    counted = ", ".join(f"{count} {ending[:20]}" for ending, count in others.most_common(9))
    nothing = f"; nothing else is in {', '.join(empty)}" if empty else ""
    return (f"{others.total():,} files left out, whose endings are not read: {counted}{nothing}",)


def images_below(folder: Path) -> list[Path]:
    """Image files in a folder and the folders in it, sorted."""
    return files_below(folder)[0]


def files_below(folder: Path) -> tuple[list[Path], Counter[str]]:
    """Image files in a folder and the folders in it, sorted; and how many others there are of each ending."""
    found, others = [], Counter[str]()
    walked = set(map(str, Path(os.path.realpath(folder)).parents))  # a link may lead back up, or to a folder beside
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        if real in walked:  # by a link: its pictures are there already
            folders[:] = []
            continue
        walked.add(real)
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in files:
            # macOS leaves "._name.jpg" beside each file it copies; it is not an image.
            if name.startswith(".") or name.lower() in _LEFT_BEHIND:
                continue
            if name.lower().endswith(EXTENSIONS):
                found.append(Path(place, name))
            else:
                others[Path(name).suffix.lower() or "without ending"] += 1
    return sorted(found), others


#: What Windows writes into folders of pictures.
_LEFT_BEHIND = ("thumbs.db", "desktop.ini")


def _layout(root: Path, seed: str) -> dict[str, Path]:
    """Folders of the splits; where `root` itself holds the classes, it is ``all``."""
    if not seed.isdecimal():
        raise UserError(f"folder:{seed}: folder takes a seed after the colon", hint="a whole number, e.g. folder:1")
    # A class may be called "train", too: a folder of a split holds folders.
    found = {split: folder for split, folder in split_folders(root).items() if subfolders(folder)}
    if found:
        return found
    others: Counter[str] = Counter()
    for folder in subfolders(root):
        files, left_out = files_below(folder)
        if files:
            return {"all": root}
        others += left_out
    what = "; ".join(["has no class folders with images", *endings(others)]) if root.is_dir() else "is not a folder"
    where = f"{root / 'train' / '<class name>' / '*.jpg'}, or {root / '<class name>' / '*.jpg'}"
    raise UserError(f"{root} {what}", hint=f"lay the images out as {where}")


def folder_splits(root: Path, seed: str = "0") -> tuple[str, ...]:
    """Splits of the images under `root`: its folders train, val and test, and a test split that is held out."""
    found = _layout(root, seed)
    if found.keys() <= {"all", "train"}:
        return ("train", "test")
    return tuple(split for split in SPLIT_NAMES if split in found)


@register_reader("folder", splits=folder_splits, suffix="seed")
def list_folder(split: str, root: Path, seed: str = "0") -> Listing:
    """Read ``<root>/<split>/<class name>/**/*`` or ``<root>/<class name>/**/*`` as a data set.

    Parameters
    ----------
    split : str
        ``train``, ``val`` or ``test``.
    root : Path
        Folder of the data set.
    seed : str, default "0"
        Draws the fifth of each class that is held out as ``test``, where there are no splits or ``train`` alone;
        ``load_dataset("folder:1")`` draws another. It depends on the files' names alone, not on the training's seed.

    Returns
    -------
    Listing
        ``ids`` are paths relative to `root`, with forward slashes. ``classes`` are the names of the folders of all
        splits, sorted; the expressions in their own order, where every folder is one.
    """
    layout = _layout(root, seed)
    names = {folder.name for base in layout.values() for folder in subfolders(base) if images_below(folder)}
    classes, note = ordered_classes(names)
    paths, labels, left_out = list_class_folders(layout.get(split) or next(iter(layout.values())), _index_of(classes))
    ids = [path.relative_to(root).as_posix() for path in paths]
    notes = [note, *left_out]
    if layout.keys() <= {"all", "train"}:
        held = held_out(ids, labels, seed)
        rows = np.flatnonzero(held == (split == "test")).tolist()
        paths, labels, ids = [paths[row] for row in rows], [labels[row] for row in rows], [ids[row] for row in rows]
        notes.append(f"no test folder: {held.sum()} of {len(held)} images are held out as test, drawn by seed {seed}")
    return Listing(labels, ids, paths, classes=classes, name="folder", split=split, notes=tuple(notes))


def ordered_classes(names: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Classes of some folders, and a sentence on their order.

    Examples
    --------
    >>> ordered_classes(["happy", "afraid"])
    (('fear', 'happiness'), 'every folder is an expression: 2 classes in the order of the expressions')
    >>> ordered_classes(["happy", "cat"])
    (('cat', 'happy'), '2 classes, sorted by name')
    """
    found = {name: expression(name) for name in names}
    meant = set(found.values())
    if found and None not in meant:
        kept = tuple(name for name in EIGHT if name in meant)
        return kept, f"every folder is an expression: {len(kept)} classes in the order of the expressions"
    # The same letters can be written in two ways; macOS writes names as no other system does.
    kept = tuple(sorted({unicodedata.normalize("NFC", name) for name in found}))
    return kept, f"{len(kept)} classes, sorted by name"


def _index_of(classes: tuple[str, ...]) -> Callable[[str], int]:
    expressions = set(classes) <= set(EIGHT)

    def index_of(folder: str) -> int:
        name = expression(folder) if expressions else None
        name = name or unicodedata.normalize("NFC", folder)
        return classes.index(name) if name in classes else -1  # a folder without images

    return index_of


def held_out(ids: list[str], labels: list[int], seed: str) -> np.ndarray:
    """Which images are held out: a share of each class, drawn by a hash of their names, (N,) bool.

    Examples
    --------
    >>> held_out(["a/1", "a/2", "a/3", "b/1"], [0, 0, 0, 1], "0").sum()
    np.int64(1)
    """
    of_class: dict[int, list[tuple[bytes, int]]] = defaultdict(list)
    for row, (name, label) in enumerate(zip(ids, labels, strict=True)):
        of_class[label].append((hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest(), row))
    held = np.zeros(len(ids), dtype=bool)
    for drawn in of_class.values():
        count = max(1, round(HELD_OUT * len(drawn))) if len(drawn) > 1 else 0
        held[[row for _, row in sorted(drawn)[:count]]] = True
    return held

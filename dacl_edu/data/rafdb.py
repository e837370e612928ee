"""RAF-DB in the layouts in which it is found: the basic (single-label) part, and the compound one by ``classes``.

- official: ``EmoLabel/list_patition_label.txt`` (the misspelling is theirs) and ``Image/aligned/*_aligned.jpg``
- a list for each split: ``EmoLabel/train.txt`` and ``test.txt``, whose names may carry ``_aligned``
- class folders: ``train/1`` … ``train/7`` and ``test/1`` …, where ``valid`` or ``val`` may stand for the test split
- class folders ``train/00`` … ``train/06``, as in the README of the paper's code: only with ``class_names``, because
  that README documents four of the seven

Each may lie in the folder itself or in ``basic/``; the compound part in ``compound/``, or in a folder of that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PureWindowsPath

from dacl_edu.data.classes import canonical_index
from dacl_edu.data.folder import list_class_folders, split_folders, subfolders
from dacl_edu.data.listing import Listing
from dacl_edu.data.reading import again, alike, not_found, numbered_label, read_lines, require_files
from dacl_edu.data.registry import register_reader
from dacl_edu.errors import UserError
from dacl_edu.expressions import EXPRESSIONS, RAFDB_COMPOUND
from dacl_edu.expressions import RAFDB as LABEL_NAMES

ACCESS = "RAF-DB is licensed for research: ask its authors for access at http://www.whdeng.cn/RAF/model1.html"

#: Choices of classes: one expression in each face, the paper's, or two.
CHOICES = {"basic": EXPRESSIONS, "compound": RAFDB_COMPOUND}

_LIST = "list_patition_label.txt"


def label_index(text: str, classes: str = "basic") -> int:
    """Index of a label as RAF-DB writes it, among the classes of a key of `CHOICES`.

    Examples
    --------
    >>> label_index("4")  # happiness
    3
    """
    if classes == "compound":
        return numbered_label(text, RAFDB_COMPOUND, 1, RAFDB_COMPOUND)
    return numbered_label(text, LABEL_NAMES, first=1)


def parse_label_line(line: str, classes: str = "basic") -> tuple[str, int]:
    """File name without ``_aligned`` and label of one line of a label file; further columns are ignored.

    Examples
    --------
    >>> parse_label_line("train_00001_aligned.jpg 5 0.98")
    ('train_00001.jpg', 4)
    """
    columns = line.split()
    if len(columns) < 2:
        raise UserError(f"{line.strip()!r} is not a file name and a label", hint="write lines like 'train_00001.jpg 5'")
    # Some lists give paths, with the slashes of their system.
    return _plain(PureWindowsPath(columns[0]).name), label_index(columns[1], classes)


def read_label_file(path: Path, classes: str = "basic") -> dict[str, int]:
    """Labels of a file of lines like ``train_00001.jpg 5``, by file name, in the order of the file."""
    labels: dict[str, int] = {}
    for number, (name, label) in read_lines(path, partial(parse_label_line, classes=classes), ACCESS):
        if name in labels:
            raise UserError(f"{path}, line {number}: {name} is listed twice", hint="remove one of the two lines")
        labels[name] = label
    return labels


def _plain(name: str) -> str:
    """File name without ``_aligned``, so that an image has one id in every layout."""
    return re.sub(r"_aligned(?=\.[^.]*$)", "", name)


def _label_files(base: Path) -> dict[str, Path]:
    """Label file of each split, for the layouts that have one."""
    folder = base / "EmoLabel"
    if (folder / _LIST).is_file():
        return {"train": folder / _LIST, "test": folder / _LIST}
    return {split: folder / f"{split}.txt" for split in ("train", "test") if (folder / f"{split}.txt").is_file()}


def _class_folders(base: Path, class_names: Mapping[str, str] | None) -> dict[str, Path]:
    """Folder of each split, for the layout of class folders."""
    found = split_folders(base)
    if "val" in found and "test" not in found:  # RAF-DB has two splits: copies that say "valid" mean the test split
        found["test"] = found.pop("val")
    names = {folder.name for split in found.values() for folder in subfolders(split)}
    if class_names is None and any(re.fullmatch("0[0-6]", name) for name in names):
        raise UserError(
            f"{base}: class folders 00 to 06 follow another numbering than RAF-DB's 1 to 7, "
            "of which only 00 neutral, 01 happy, 02 sad and 06 disgust are documented",
            hint="rename the folders to the expressions and load them as data set 'folder', or use the official "
            'layout, or say what they are: class_names={"00": "neutral", …}',
        )
    return found if names & set(class_names or "1234567") else {}


def _named(class_names: Mapping[str, str]) -> Callable[[str], int]:
    """Labels of class folders that the user has named."""

    def index_of(folder: str) -> int:
        if folder not in class_names:
            raise UserError(f"class_names says nothing about {folder!r}", hint=f"it has {', '.join(class_names)}")
        return canonical_index(class_names[folder])

    return index_of


def _find(root: Path, class_names: Mapping[str, str] | None, classes: str) -> tuple[Path, dict[str, Path], bool]:
    """Where the data set lies, its splits, and whether they are label files (rather than folders)."""
    # The numbers of both parts begin with 1, so that one is never taken for the other: their folders tell them apart.
    own = [root] if (root.name.lower() == "compound") == (classes == "compound") else []
    bases = [*own, root / classes]
    for base in bases:
        if found := _label_files(base):
            return base, found, True
    if classes == "compound":
        raise not_found("compound part of RAF-DB", root, str(bases[-1] / "EmoLabel" / _LIST), ACCESS)
    for base in bases:
        if found := _class_folders(base, class_names):
            return base, found, False
    lists = " and ".join(str(base / "EmoLabel" / _LIST) for base in bases)
    looked = f"{lists}, for train.txt and test.txt beside it, and for train/1 … train/7"
    raise not_found("RAF-DB", root, looked, ACCESS)


def rafdb_splits(root: Path, class_names: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Splits of RAF-DB under `root`: train and test, and val if the copy has one beside test."""
    try:
        _, found, _ = _find(root, class_names, "basic")
    except UserError:
        if not any(_label_files(base) for base in (root, root / "compound")):
            raise
        _, found, _ = _find(root, class_names, "compound")
    return tuple(split for split in ("train", "val", "test") if split in found)


@register_reader("rafdb", splits=rafdb_splits, choices=CHOICES)
def list_rafdb(split: str, root: Path, class_names: Mapping[str, str] | None = None, classes: str = "basic") -> Listing:
    """Read RAF-DB.

    Parameters
    ----------
    split : str
        ``train`` or ``test``. RAF-DB has no validation split: take one from train with `split_train_validation`.
    root : Path
        The folder that holds ``EmoLabel`` or ``basic/EmoLabel``, or class folders.
    class_names : mapping of str to str, optional
        What the class folders are, where they are not RAF-DB's 1 to 7: ``{"00": "neutral", "01": "happy", …}``.
    classes : str
        A key of `CHOICES`: ``"basic"``, the paper's seven, or ``"compound"``, 11 pairs of expressions.

    Returns
    -------
    Listing
        ``ids`` are the names in the official label file, ``train_00001.jpg``, in every layout. Aligned images are
        100x100.
    """
    base, found, listed = _find(root, class_names, classes)
    notes: tuple[str, ...] = ()
    if listed:
        ids, labels, paths = _listed(split, base, found[split], classes)
    else:
        index_of = _named(class_names) if class_names else label_index
        paths, labels, notes = list_class_folders(found[split], index_of)
        ids = [_plain(path.name) for path in paths]
    return Listing(labels, ids, paths, classes=CHOICES[classes], name="rafdb", split=split, notes=notes)


def _listed(split: str, base: Path, label_file: Path, classes: str) -> tuple[list[str], list[int], list[Path]]:
    entries = read_label_file(label_file, classes)
    if label_file.name == _LIST:
        for name in entries:
            if not name.startswith(("train_", "test_")):
                raise UserError(f"{label_file}: {name} begins with neither train_ nor test_", hint=again(ACCESS))
        entries = {name: label for name, label in entries.items() if name.startswith(f"{split}_")}
    if not entries:
        raise UserError(f"{label_file} lists no {split} images", hint=again(ACCESS))
    ids = list(entries)
    # Image/original holds the uncropped photographs under the same names; they are never a substitute.
    folder = base / "Image" / "aligned"
    present = {alike(path.name) for path in folder.iterdir()} if folder.is_dir() else set()
    paths = []
    for name in ids:
        aligned = f"{Path(name).stem}_aligned{Path(name).suffix}"
        plain = alike(name) in present and alike(aligned) not in present
        paths.append(folder / (name if plain else aligned))
    paths = require_files(paths, str(label_file), ACCESS)
    return ids, list(entries.values()), paths

"""AffectNet, manually annotated: the original release with CSV files, or that of 2021 with one file an annotation.

- original: ``training.csv``, ``validation.csv`` (in the folder or in ``Manually_Annotated_file_lists/``) and
  photographs under ``Manually_Annotated_Images/``; a row is a face, so several rows may share a photograph
- 2021: ``{train_set,val_set}/images/<id>.jpg`` and ``{train_set,val_set}/annotations/<id>_exp.npy``; faces are cropped

None, uncertain and no-face are no expressions and are left out; so is contempt, unless the eight classes are asked for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dacl_edu.data.decode import progress
from dacl_edu.data.listing import Listing
from dacl_edu.data.reading import (
    again,
    first_file,
    first_folder,
    located,
    not_found,
    numbered_label,
    read_table,
    refuse_rows,
    require_columns,
    require_files,
)
from dacl_edu.data.registry import register_reader
from dacl_edu.errors import UserError
from dacl_edu.expressions import AFFECTNET as EXPRESSION_NAMES
from dacl_edu.expressions import EIGHT, EXPRESSIONS, expression

if TYPE_CHECKING:
    import pandas as pd

#: Choices of classes: the paper's, and these with contempt.
CHOICES = {str(len(names)): names for names in (EXPRESSIONS, EIGHT)}

COLUMNS = (
    "subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks", "expression",
    "valence", "arousal",
)  # fmt: skip

ACCESS = "AffectNet is licensed for research: ask its authors for access at http://mohammadmahoor.com/affectnet/"

_CSV = {"train": "training.csv", "val": "validation.csv"}
_SETS = {"train": "train_set", "val": "val_set"}
_LISTS = ("", "Manually_Annotated_file_lists/")
_IMAGES = ("Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images")


def expression_label(text: str, classes: Sequence[str] = EXPRESSIONS) -> int | None:
    """Index in `classes` of an annotation, 0 to 10, or None where it is none of them.

    Examples
    --------
    >>> expression_label("1"), expression_label("7")  # happiness, contempt
    (3, None)
    """
    others = {str(number) for number, name in enumerate(EXPRESSION_NAMES) if expression(name) not in classes}
    return None if text in others else numbered_label(text, EXPRESSION_NAMES[: len(classes)], classes=classes)


def read_annotations(path: Path, classes: Sequence[str] = EXPRESSIONS) -> pd.DataFrame:
    """Rows of ``training.csv`` or ``validation.csv`` (header or none) that are a face of one of the classes.

    `COLUMNS`, the numbers as numbers and the landmarks as text, and ``label``, the index in `classes`;
    ``attrs["dropped"]`` counts what was left out, by reason.
    """
    import pandas as pd

    table = read_table(path, ACCESS, header=None)
    if COLUMNS[0] in table.iloc[0].to_list():
        table = table.iloc[1:].set_axis(table.iloc[0], axis=1)
    elif table.shape[1] == len(COLUMNS):
        table = table.set_axis(list(COLUMNS), axis=1)
    require_columns(path, table, COLUMNS[:-2], again(ACCESS))
    table = table[(table != "").any(axis=1)]  # blank lines; they would otherwise shift the rows that errors name
    expressions = table["expression"]
    known = expressions.isin([str(number) for number in range(len(EXPRESSION_NAMES))])
    numbered = ", ".join(f"{number} {name}" for number, name in enumerate(EXPRESSION_NAMES))
    refuse_rows(path, expressions, ~known, "unknown expression {}", f"it is {numbered}", header=0)
    labels = expressions.map({text: expression_label(text, classes) for text in expressions.unique()})
    dropped = Counter(EXPRESSION_NAMES[int(text)].lower() for text in expressions[labels.isna()])
    table = table.assign(label=labels).dropna(subset="label").astype({"label": np.int64})
    for name in COLUMNS[1:5] + tuple(name for name in COLUMNS[-2:] if name in table.columns):
        numbers = pd.to_numeric(table[name], errors="coerce")
        refuse_rows(path, table[name], ~np.isfinite(numbers), f"{name} {{}} is not a number", again(ACCESS), header=0)
        table[name] = numbers
    without_face = table["face_width"] < 0
    dropped.update({"face_width below 0": int(without_face.sum())} if without_face.any() else {})
    table = table[~without_face]
    empty = (table["face_width"] == 0) | (table["face_height"] <= 0)
    refuse_rows(path, table["face_width"], empty, "the face box is empty", again(ACCESS), header=0)
    table.attrs["dropped"] = dict(dropped)
    return table


def _find(root: Path) -> tuple[dict[str, Path], bool]:
    """CSV file or folder of each split, and whether they are CSV files."""
    lists = {split: file for split, name in _CSV.items() if (file := first_file(root, [f"{f}{name}" for f in _LISTS]))}
    sets = {split: root / name for split, name in _SETS.items() if (root / name).is_dir()}
    if lists and sets:
        raise UserError(
            f"{root} holds both releases of AffectNet: {next(iter(lists.values()))} and {next(iter(sets.values()))}",
            hint="move one of them to another folder",
        )
    if not lists and not sets:
        looked = f"{_CSV['train']} and {_CSV['val']} (also in {_LISTS[1]}), and for the folders {_SETS['train']}/ and "
        raise not_found("AffectNet", root, f"{looked}{_SETS['val']}/ of the 2021 release", ACCESS)
    return lists or sets, bool(lists)


def affectnet_splits(root: Path, crop: str = "face", classes: str = "7") -> tuple[str, ...]:
    """Splits of AffectNet under `root`; its test annotations were never published."""
    found, _ = _find(root)
    return tuple(split for split in _CSV if split in found)


@register_reader("affectnet", splits=affectnet_splits, suffix="crop", choices=CHOICES)
def list_affectnet(split: str, root: Path, crop: str = "face", classes: str = "7") -> Listing:
    """Read AffectNet in either release.

    Parameters
    ----------
    split : str
        ``train`` or ``val``. Results are reported on ``val``, so take a part for choosing a model from ``train``.
    root : Path
        The folder that holds the CSV files, or ``train_set`` and ``val_set``.
    crop : str
        Original release: ``"face"`` keeps the face box of each row, ``"whole"`` keeps the photograph, as does
        ``load_dataset("affectnet:whole")``. The images of 2021 are cropped already.
    classes : str
        A key of `CHOICES`: ``"7"``, the paper's, or ``"8"``, with contempt.

    Returns
    -------
    Listing
        ``ids`` are the file names; where rows share a photograph, from the second on ``#2``, ``#3`` … is appended.
        ``factors`` of the original release hold the face box, valence and arousal.
    """
    if crop not in ("face", "whole"):
        raise UserError(f"unknown crop {crop!r} of AffectNet", hint="it is 'face' or 'whole'")
    found, from_csv = _find(root)
    name = "affectnet" if crop == "face" else f"affectnet:{crop}"
    if not from_csv:
        return _list_set(split, found[split], name, CHOICES[classes])
    table = read_annotations(found[split], CHOICES[classes])
    if table.empty:
        raise UserError(f"{found[split]} lists no face with one of the {classes} expressions", hint=again(ACCESS))
    # Lists that went through Windows have backslashes.
    images, files = first_folder(root, _IMAGES), table["subDirectory_filePath"].str.replace("\\", "/")
    paths = [_inside(images, file, found[split]) for file in files]
    paths = require_files(paths, str(found[split]), ACCESS)
    seen: Counter[str] = Counter()
    ids = []
    for file in files:
        seen[file] += 1
        ids.append(file if seen[file] == 1 else f"{file}#{seen[file]}")
    left, top, width, height = (table[column].to_numpy() for column in COLUMNS[1:5])
    boxes = np.stack([left, top, left + width, top + height], axis=1)
    factors = table[[column for column in table.columns if column in COLUMNS[1:5] + COLUMNS[-2:]]]
    return Listing(
        table["label"].to_numpy(), ids, paths, boxes if crop == "face" else None,
        factors=factors.reset_index(drop=True), classes=CHOICES[classes], name=name, split=split,
        notes=_notes(table.attrs["dropped"]),
    )  # fmt: skip


def _inside(folder: Path, file: str, listed_in: Path) -> Path:
    if file.startswith("/") or ".." in Path(file).parts:
        raise UserError(f"{listed_in}: {file!r} is not below {folder}", hint=again(ACCESS))
    return folder / file


def _notes(dropped: dict[str, int]) -> tuple[str, ...]:
    return tuple(f"{count} faces left out: {reason}" for reason, count in dropped.items())


def _list_set(split: str, folder: Path, name: str, classes: Sequence[str]) -> Listing:
    """One split of the release of 2021."""
    annotations, images = folder / "annotations", folder / "images"
    # Its annotations of valence, arousal and landmarks lie beside: <id>_val.npy, <id>_aro.npy, <id>_lnd.npy
    entries = os.listdir(annotations) if annotations.is_dir() else []
    files = sorted(entry for entry in entries if entry.endswith("_exp.npy"))
    if not files:
        raise UserError(f"no <id>_exp.npy in {annotations}", hint=f"unpack the data set completely. {ACCESS}")
    with ThreadPoolExecutor() as pool:  # 290,000 small files: the disk is what takes the time
        found = pool.map(lambda file: read_annotation(annotations / file, classes), files)
        labels = list(progress(found, len(files), what="reading annotations"))
    kept = [(label, f"{file.removesuffix('_exp.npy')}.jpg") for file, label in zip(files, labels, strict=True)]
    kept = [(label, image) for label, image in kept if label is not None]
    if not kept:
        raise UserError(
            f"{annotations}: none of the {len(classes)} expressions", hint=f"copy the data set again. {ACCESS}"
        )
    ids = [image for _, image in kept]
    paths = [images / image for image in ids]
    paths = require_files(paths, str(annotations), ACCESS)
    dropped = {f"of none of the {len(classes)} classes": len(files) - len(kept)}
    return Listing(
        [label for label, _ in kept], ids, paths, classes=classes, name=name, split=split, notes=_notes(dropped)
    )


def read_annotation(path: Path, classes: Sequence[str] = EXPRESSIONS) -> int | None:
    """Index in `classes` from one ``<id>_exp.npy``, or None where it is none of them; a pickle is refused unread."""
    if not path.is_file():
        raise UserError(f"{path}: cannot be read as an annotation (it is no file)", hint=again(ACCESS))
    try:
        value = np.load(path, allow_pickle=False)  # the release holds text or numbers; a pickle could be anything
        text = str(value.item()).strip()
    except Exception as error:  # a damaged header fails in many ways, a huge shape with a MemoryError
        raise UserError(f"{path}: cannot be read as an annotation ({error})", hint=again(ACCESS)) from error
    with located(str(path)):
        return expression_label(text, classes)

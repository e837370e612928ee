"""AffectNet, manually annotated: the original release with CSV files, or that of 2021 with one file an annotation.

- original: ``training.csv``, ``validation.csv`` (in the folder or in ``Manually_Annotated_file_lists/``) and
  photographs under ``Manually_Annotated_Images/``; a row is a face, so several rows may share a photograph
- 2021: ``{train_set,val_set}/images/<id>.jpg`` and ``{train_set,val_set}/annotations/<id>_exp.npy``; faces are cropped

Contempt, none, uncertain and no-face are not among the seven expressions and are left out.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dacl_edu.data.classes import canonical_index
from dacl_edu.data.decode import progress, require_files
from dacl_edu.data.listing import Listing
from dacl_edu.data.registry import register_reader
from dacl_edu.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

#: Names of the values 0 to 10 of ``expression``; those after Anger are none of the seven.
EXPRESSION_NAMES = (
    "Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt", "None", "Uncertain", "No-Face",
)  # fmt: skip

COLUMNS = (
    "subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks", "expression",
    "valence", "arousal",
)  # fmt: skip

ACCESS = "AffectNet is licensed for research: ask its authors for access at http://mohammadmahoor.com/affectnet/"

_USED = 7
_CSV = {"train": "training.csv", "val": "validation.csv"}
_SETS = {"train": "train_set", "val": "val_set"}
_LISTS = ("", "Manually_Annotated_file_lists")
_IMAGES = ("Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images")


def parse_landmarks(text: str) -> np.ndarray:
    """Points of the column ``facial_landmarks``.

    Parameters
    ----------
    text : str
        ``"x1;y1;x2;y2;…"`` in pixels of the photograph.

    Returns
    -------
    numpy.ndarray
        (n, 2) float64; AffectNet has 68 points.

    Raises
    ------
    UserError
        A number is missing or is none.

    Examples
    --------
    >>> parse_landmarks("181.64;530.91;188.32;627.82").tolist()
    [[181.64, 530.91], [188.32, 627.82]]
    """
    try:
        numbers = np.array([float(number) for number in text.split(";")])
    except ValueError as error:
        raise UserError(f"landmarks {text[:40]!r}: {error}", hint=f"copy the file again. {ACCESS}") from error
    if numbers.size % 2 or not np.isfinite(numbers).all():
        raise UserError(f"landmarks {text[:40]!r} are not pairs of numbers", hint=f"copy the file again. {ACCESS}")
    return numbers.reshape(-1, 2)


def expression_label(text: str) -> int | None:
    """Index in `EXPRESSIONS` of an annotation, or None where it is none of the seven.

    Raises
    ------
    UserError
        It is not 0 to 10.

    Examples
    --------
    >>> expression_label("1"), expression_label("7")  # happiness, contempt
    (3, None)
    """
    if text not in map(str, range(len(EXPRESSION_NAMES))):
        numbered = ", ".join(f"{number} {name}" for number, name in enumerate(EXPRESSION_NAMES))
        raise UserError(f"unknown expression {text!r}", hint=f"it is {numbered}")
    return canonical_index(EXPRESSION_NAMES[int(text)]) if int(text) < _USED else None


def read_annotations(path: Path) -> pd.DataFrame:
    """Rows of ``training.csv`` or ``validation.csv`` that are a face with one of the seven expressions.

    Parameters
    ----------
    path : Path
        The file; some copies of ``validation.csv`` lack the header.

    Returns
    -------
    pandas.DataFrame
        `COLUMNS`, the numbers as numbers and the landmarks as text (see `parse_landmarks`), and ``label``, the index in
        `EXPRESSIONS`. ``attrs["dropped"]`` counts what was left out, by reason.

    Raises
    ------
    UserError
        Names the row that is wrong, as a spreadsheet counts it.
    """
    import pandas as pd

    form: dict[str, Any] = {"dtype": str, "skipinitialspace": True, "encoding": "utf-8-sig", "keep_default_na": False}
    try:
        table = pd.read_csv(path, header=None, skip_blank_lines=False, **form)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({error})", hint=f"copy the file again. {ACCESS}") from error
    if COLUMNS[0] in table.iloc[0].str.strip().to_list():
        table = table.iloc[1:].set_axis(table.iloc[0].str.strip(), axis=1)
    elif table.shape[1] == len(COLUMNS):
        table = table.set_axis(list(COLUMNS), axis=1)
    if missing := [column for column in COLUMNS[:-2] if column not in table.columns]:
        raise UserError(
            f"{path}: no column {', '.join(missing)} among {', '.join(map(str, table.columns[:9]))}",
            hint=f"copy the file again. {ACCESS}",
        )
    table = table[(table != "").any(axis=1)]  # blank lines; they would otherwise shift the rows that errors name
    expressions = table["expression"].str.strip()
    labels = expressions.map({text: _checked(text, path, expressions) for text in expressions.unique()})
    dropped = Counter(EXPRESSION_NAMES[int(text)].lower() for text in expressions[labels.isna()])
    table = table.assign(label=labels).dropna(subset="label").astype({"label": np.int64})
    for column in COLUMNS[1:5] + tuple(name for name in COLUMNS[-2:] if name in table.columns):
        table[column] = _numbers(path, table[column])
    without_face = table["face_width"] < 0
    dropped.update({"face_width below 0": int(without_face.sum())} if without_face.any() else {})
    table = table[~without_face]
    empty = (table["face_width"] == 0) | (table["face_height"] <= 0)
    if empty.any():
        raise UserError(
            f"{path}, row {table.index[empty][0] + 1}: the face box is empty", hint=f"copy it again. {ACCESS}"
        )
    table.attrs["dropped"] = dict(dropped)
    return table


def _checked(text: str, path: Path, expressions: pd.Series[str]) -> int | None:
    try:
        return expression_label(text)
    except UserError as error:
        row = expressions.index[expressions == text][0] + 1
        raise UserError(f"{path}, row {row}: {error.problem}", hint=error.hint) from error


def _numbers(path: Path, column: pd.Series[str]) -> pd.Series[float]:
    import pandas as pd

    numbers = pd.to_numeric(column.str.strip(), errors="coerce")
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = column.index[wrong][0]
        raise UserError(
            f"{path}, row {row + 1}: {column.name} {column[row]!r} is not a number", hint=f"copy it again. {ACCESS}"
        )
    return numbers


def _find(root: Path) -> tuple[dict[str, Path], bool]:
    """CSV file or folder of each split, and whether they are CSV files."""
    lists = {
        split: root / folder / name
        for split, name in _CSV.items()
        for folder in _LISTS
        if (root / folder / name).is_file()
    }
    sets = {split: root / name for split, name in _SETS.items() if (root / name).is_dir()}
    if lists and sets:
        raise UserError(
            f"{root} holds both releases of AffectNet: {next(iter(lists.values()))} and {next(iter(sets.values()))}",
            hint="move one of them to another folder",
        )
    if not lists and not sets:
        raise UserError(
            f"no AffectNet in {root}: looked for {_CSV['train']} and {_CSV['val']} (also in {_LISTS[1]}/), "
            f"and for the folders {_SETS['train']}/ and {_SETS['val']}/ of the 2021 release",
            hint=f"unpack it there, or say where it is (root=…). {ACCESS}",
        )
    return lists or sets, bool(lists)


def affectnet_splits(root: Path, crop: str = "face") -> tuple[str, ...]:
    """Splits of AffectNet under `root`; its test annotations were never published."""
    found, _ = _find(root)
    return tuple(split for split in _CSV if split in found)


@register_reader("affectnet", splits=affectnet_splits, suffix="crop")
def list_affectnet(split: str, root: Path, crop: str = "face") -> Listing:
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

    Returns
    -------
    Listing
        ``ids`` are the file names; where rows share a photograph, from the second on ``#2``, ``#3`` … is appended.
        ``factors`` of the original release hold the face box, valence and arousal.

    Raises
    ------
    UserError
        The data set is not there, not complete, or damaged.
    """
    if crop not in ("face", "whole"):
        raise UserError(f"unknown crop {crop!r} of AffectNet", hint="it is 'face' or 'whole'")
    found, from_csv = _find(root)
    name = "affectnet" if crop == "face" else f"affectnet:{crop}"
    if not from_csv:
        return _list_set(split, found[split], name)
    table = read_annotations(found[split])
    if table.empty:
        raise UserError(f"{found[split]} lists no face with one of the seven expressions", hint=f"copy it. {ACCESS}")
    images = next((root / folder for folder in _IMAGES if (root / folder).is_dir()), root / _IMAGES[0])
    files = table["subDirectory_filePath"].str.strip()
    paths = [_inside(images, file, found[split]) for file in files]
    require_files(paths, str(found[split]), ACCESS)
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
        factors=factors.reset_index(drop=True), name=name, split=split, notes=_notes(table.attrs["dropped"]),
    )  # fmt: skip


def _inside(folder: Path, file: str, listed_in: Path) -> Path:
    if file.startswith(("/", "\\")) or ".." in Path(file).parts:
        raise UserError(f"{listed_in}: {file!r} is not below {folder}", hint=f"copy the file again. {ACCESS}")
    return folder / file


def _notes(dropped: dict[str, int]) -> tuple[str, ...]:
    return tuple(f"{count} faces left out: {reason}" for reason, count in dropped.items())


def _list_set(split: str, folder: Path, name: str) -> Listing:
    """One split of the release of 2021."""
    annotations, images = folder / "annotations", folder / "images"
    # Its annotations of valence, arousal and landmarks lie beside: <id>_val.npy, <id>_aro.npy, <id>_lnd.npy
    entries = os.listdir(annotations) if annotations.is_dir() else []
    files = sorted(entry for entry in entries if entry.endswith("_exp.npy"))
    if not files:
        raise UserError(f"no <id>_exp.npy in {annotations}", hint=f"unpack the data set completely. {ACCESS}")
    with ThreadPoolExecutor() as pool:  # 290,000 small files: the disk is what takes the time
        found = pool.map(lambda file: read_annotation(annotations / file), files)
        labels = list(progress(found, len(files), what="reading annotations"))
    kept = [(label, f"{file.removesuffix('_exp.npy')}.jpg") for file, label in zip(files, labels, strict=True)]
    kept = [(label, image) for label, image in kept if label is not None]
    if not kept:
        raise UserError(f"{annotations}: none of the seven expressions", hint=f"copy the data set again. {ACCESS}")
    ids = [image for _, image in kept]
    paths = [images / image for image in ids]
    require_files(paths, str(annotations), ACCESS)
    dropped = {"contempt and others that are none of the seven": len(files) - len(kept)}
    return Listing([label for label, _ in kept], ids, paths, name=name, split=split, notes=_notes(dropped))


def read_annotation(path: Path) -> int | None:
    """Index in `EXPRESSIONS` from one ``<id>_exp.npy``, or None where it is none of the seven.

    Raises
    ------
    UserError
        The file is damaged, or would run code when opened (a pickle).
    """
    try:
        value = np.load(path, allow_pickle=False)  # the release holds text or numbers; a pickle could be anything
        text = str(value.item()).strip()
    except (OSError, ValueError, EOFError) as error:
        raise UserError(
            f"{path}: cannot be read as an annotation ({error})", hint=f"copy it again. {ACCESS}"
        ) from error
    try:
        return expression_label(text)
    except UserError as error:
        raise UserError(f"{path}: {error.problem}", hint=error.hint) from error

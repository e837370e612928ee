"""FER+: better labels for the images of FER2013, ten votes an image.

Two forms are read:

- ``fer2013new.csv`` and ``fer2013.csv``, which belong together row by row. They are never joined by image name: the
  names count the rows that were kept, and four of them repeat.
- what the makers' script writes: pictures in ``FER2013Train``, ``FER2013Valid`` and ``FER2013Test``, with ``label.csv``
  in each, or ``fer2013new.csv`` beside or above. There a name is one file, and joins.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dacl_edu.data.dataset import SHARE
from dacl_edu.data.fer2013 import USAGE_SPLITS, find_csv, read_csv
from dacl_edu.data.listing import Listing
from dacl_edu.data.reading import again, first_file, read_table, refuse_rows, require_columns, require_files
from dacl_edu.data.registry import register_reader
from dacl_edu.errors import UserError
from dacl_edu.expressions import EIGHT, EXPRESSIONS
from dacl_edu.expressions import FERPLUS as VOTES

if TYPE_CHECKING:
    import pandas as pd

_HARD = {str(len(names)): names for names in (EXPRESSIONS, EIGHT)}

#: Choices of classes: the paper's, and these with contempt; by majority, or drawn from the votes anew in each epoch.
CHOICES = _HARD | {f"{choice}-soft": names for choice, names in _HARD.items()}

ACCESS = "the labels are at https://github.com/microsoft/FERPlus; the images are fer2013.csv of FER2013"

_FILE = "fer2013new.csv"
_FOLDERS = {"train": "FER2013Train", "val": "FER2013Valid", "test": "FER2013Test"}


def majority(votes: np.ndarray, classes: Sequence[str] = EXPRESSIONS) -> np.ndarray:
    """The majority rule of FER+: single votes are dropped, and the winner needs more than half of the rest.

    From counts (N, 10) in the order of `VOTES`, (N,) int64: the index in `classes`, or -1 where there is no winner or
    it is none of them.

    Examples
    --------
    >>> majority(np.array([[4, 0, 0, 1, 3, 2, 0, 0, 0, 0], [0, 0, 5, 4, 0, 0, 1, 0, 0, 0]])).tolist()
    [-1, 0]
    """
    kept = np.where(votes > 1, votes, 0)
    winner = kept.argmax(1)
    wins = 2 * kept.max(1) > kept.sum(1)
    canonical = np.array([classes.index(name) if name in classes else -1 for name in VOTES])
    return np.where(wins, canonical[winner], -1)


def vote_shares(votes: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The distribution of votes (N, 10) over K classes, (N, K) float64; single votes are dropped, as by `majority`.

    Rows add up to 1, or to 0 where no vote is left.

    Examples
    --------
    >>> vote_shares(np.array([[6, 0, 0, 2, 1, 0, 0, 0, 1, 0]]), ["sadness", "neutral"]).tolist()
    [[0.25, 0.75]]
    """
    kept = np.where(votes > 1, votes, 0)[:, [VOTES.index(name) for name in classes]]
    return kept / np.maximum(kept.sum(axis=1, keepdims=True), 1)


def read_votes(path: Path) -> pd.DataFrame:
    """The table of votes, ``fer2013new.csv``: one row a row of ``fer2013.csv``.

    Columns are ``split``, ``name`` (empty where the picture is no face) and `VOTES`.
    """
    import pandas as pd

    table = read_table(path, ACCESS, skip_blank_lines=True)
    require_columns(path, table, ("Usage", "Image name", *VOTES), again(ACCESS))
    splits = table["Usage"].map(USAGE_SPLITS)
    refuse_rows(path, table["Usage"], splits.isna(), "unknown Usage {}", f"it is {', '.join(USAGE_SPLITS)}")
    votes = count_votes(path, table)
    return pd.concat([splits.rename("split"), table["Image name"].rename("name"), votes], axis=1)


def count_votes(path: Path, table: pd.DataFrame, header: int = 1) -> pd.DataFrame:
    """The ten columns of votes as numbers; errors name the row, which `header` lines stand before."""
    import pandas as pd

    result = pd.DataFrame(index=table.index)
    for name in VOTES:
        votes = pd.to_numeric(table[name], errors="coerce")
        wrong = ~(votes.between(0, 10) & (votes % 1 == 0))
        refuse_rows(path, table[name], wrong, f"{name} {{}} is not a count of 0 to 10", again(ACCESS), header)
        result[name] = votes.astype(np.int64)
    return result


def _find(root: Path) -> tuple[Path | None, Path | dict[str, Path]]:
    """The file of votes, and the file of the images or a folder of them for each split."""
    folders = (root, root / "fer2013", root.parent / "fer2013")
    labels = first_file(root, (_FILE, f"data/{_FILE}"))
    images = next((path for path in map(find_csv, folders) if path is not None), None)
    if labels is not None and images is not None:
        return labels, images
    for base in (root, root / "data", root / "images"):
        pictures = {split: base / name for split, name in _FOLDERS.items() if (base / name).is_dir()}
        beside = labels or first_file(base, (_FILE,)) or first_file(base.parent, (_FILE,))
        if pictures and (beside or all((folder / "label.csv").is_file() for folder in pictures.values())):
            return beside, pictures
    missing = " and ".join(
        what for what, path in ((_FILE, labels), ("fer2013.csv or icml_face_data.csv", images)) if path is None
    )
    raise UserError(
        f"FER+ in {root}: no {missing}; looked for the labels in {root} and {root / 'data'}, "
        f"for the images in {', '.join(map(str, folders))}, "
        f"and for {', '.join(_FOLDERS.values())} with label.csv in each",
        hint=f"put both files into {root}, or say where they are (root=…). {ACCESS[0].upper()}{ACCESS[1:]}",
    )


def ferplus_splits(root: Path) -> tuple[str, ...]:
    """Splits of FER+ under `root`."""
    labels, images = _find(root)
    present = set(images) if isinstance(images, dict) else set(read_votes(labels)["split"]) if labels else set()
    return tuple(split for split in USAGE_SPLITS.values() if split in present)


@register_reader("ferplus", splits=ferplus_splits, choices=CHOICES)
def list_ferplus(split: str, root: Path, classes: str = "7") -> Listing:
    """Read FER2013 with the labels of FER+.

    Parameters
    ----------
    split : str
        ``train`` (Training), ``val`` (PublicTest) or ``test`` (PrivateTest).
    root : Path
        The folder of ``fer2013new.csv``; ``fer2013.csv`` lies in it, or in ``fer2013/`` in or beside it. Or the folder
        that holds ``FER2013Train`` … (also in ``data`` or ``images``).
    classes : str
        A key of `CHOICES`: ``"7"``, the paper's, or ``"8"``, with contempt. With ``-soft`` behind it the training part
        also keeps faces without a majority, and training draws each label from the votes, anew in every epoch;
        validation and test keep the majority.

    Returns
    -------
    Listing
        Only images whose label has a majority and is one of the classes. ``factors`` hold the ten counts of votes
        (``votes_neutral``, …); of the soft training part also the shares to draw from (``share_neutral``, …).
    """
    labels_file, images = _find(root)
    if isinstance(images, dict):
        return _labelled(split, classes, *_of_folder(split, labels_file, images[split]))
    assert labels_file is not None
    return _labelled(split, classes, *_of_csv(split, labels_file, images))


def _of_csv(split: str, labels_file: Path, images_file: Path) -> tuple[np.ndarray, np.ndarray, list[str], Tensor]:
    """Votes (N, 10), whether it is a face (N,), ids and pixels of the rows of a split."""
    table = read_votes(labels_file)
    grey, _, ids = read_csv(images_file, split)
    rows = np.array([int(position) for position in ids])
    expected = np.flatnonzero(table["split"] == split)
    if not np.array_equal(rows, expected):
        both = min(len(rows), len(expected))
        differs = np.flatnonzero(rows[:both] != expected[:both])
        where = f"from row {min(rows[differs[0]], expected[differs[0]]) + 2} on" if len(differs) else "at the end"
        raise UserError(
            f"{labels_file} does not belong to {images_file}: {len(expected)} and {len(rows)} {split} rows, "
            f"which differ {where}",
            hint=f"they are joined by row order, so both must be complete and in their own order: {ACCESS}",
        )
    is_face = table["name"].to_numpy()[rows] != ""
    return table[list(VOTES)].to_numpy()[rows], is_face, ids, torch.from_numpy(grey)[:, None]


def _of_folder(
    split: str, labels_file: Path | None, folder: Path
) -> tuple[np.ndarray, np.ndarray, list[str], list[Path]]:
    """Votes (N, 10), whether it is a face (N,), ids and files of the pictures of a split."""
    if labels_file is None:
        names = ["Image name", "box", *VOTES]  # the script writes no header
        labels_file = folder / "label.csv"
        table = read_table(labels_file, ACCESS, header=None, skip_blank_lines=True)
        if table.shape[1] != len(names):
            raise UserError(f"{labels_file}: {table.shape[1]} columns instead of {len(names)}", hint=again(ACCESS))
        table = count_votes(labels_file, table.set_axis(names, axis=1), header=0).assign(name=table[0])
    else:
        table = read_votes(labels_file)
        table = table[table["split"] == split]
    # A name that repeats is one file: the script wrote the later picture over the earlier one.
    table = table[table["name"] != ""].drop_duplicates("name", keep="last")
    ids = table["name"].tolist()
    paths = [folder / Path(name).name for name in ids]
    paths = require_files(paths, str(labels_file), ACCESS)
    return table[list(VOTES)].to_numpy(), np.ones(len(ids), dtype=bool), ids, paths


def _labelled(
    split: str, classes: str, votes: np.ndarray, is_face: np.ndarray, ids: list[str], images: Tensor | list[Path]
) -> Listing:
    """The images that have a label, with their votes."""
    import pandas as pd

    names, soft = CHOICES[classes], classes.endswith("-soft") and split == "train"
    shares = vote_shares(votes, names)
    found = np.where(shares.any(axis=1), shares.argmax(axis=1), -1) if soft else majority(votes, names)
    labels = np.where(is_face, found, -1)
    kept = np.flatnonzero(labels >= 0)
    if not len(kept):
        raise UserError(f"FER+: no {split} image has a majority", hint=again(ACCESS))
    columns = {f"votes_{name}": votes[kept, at] for at, name in enumerate(VOTES)}
    if soft:
        columns |= {f"{SHARE}{name}": shares[kept, at] for at, name in enumerate(names)}
    counts = (int((~is_face).sum()), int((is_face & (labels < 0)).sum()))
    return Listing(
        labels[kept],
        [ids[row] for row in kept],
        [images[row] for row in kept] if isinstance(images, list) else None,
        pixels=None if isinstance(images, list) else images[torch.from_numpy(kept)],
        factors=pd.DataFrame(columns),
        classes=names,
        name="ferplus",
        split=split,
        notes=(
            *((f"{counts[0]} images left out: not a face",) if counts[0] else ()),
            f"{counts[1]} left out: no {'vote' if soft else 'majority'}, or none of the {len(names)} classes",
            *(("labels are drawn from the votes, anew in every epoch",) if soft else ()),
        ),
    )

"""FER+: better labels for the images of FER2013, ten votes an image.

``fer2013new.csv`` belongs to ``fer2013.csv`` row by row. It is never joined by image name: the names count the rows
that were kept, and four of them repeat.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dacl_edu.data.classes import EXPRESSIONS, canonical_index
from dacl_edu.data.fer2013 import USAGE_SPLITS, find_csv, read_csv
from dacl_edu.data.listing import Listing
from dacl_edu.data.reading import again, first_file, read_table, refuse_rows, require_columns
from dacl_edu.data.registry import register_reader
from dacl_edu.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

#: The columns of votes, in the order of the file; the last three are none of the seven expressions.
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")

ACCESS = "the labels are at https://github.com/microsoft/FERPlus; the images are fer2013.csv of FER2013"

_FILE = "fer2013new.csv"


def majority(votes: np.ndarray) -> np.ndarray:
    """The majority rule of FER+: single votes are dropped, and the winner needs more than half of the rest.

    Parameters
    ----------
    votes : numpy.ndarray
        (N, 10) counts in the order of `VOTES`.

    Returns
    -------
    numpy.ndarray
        (N,) int64, index in `EXPRESSIONS`, or -1 where there is no winner or it is none of the seven.

    Examples
    --------
    >>> majority(np.array([[4, 0, 0, 1, 3, 2, 0, 0, 0, 0], [0, 0, 5, 4, 0, 0, 1, 0, 0, 0]])).tolist()
    [-1, 0]
    """
    kept = np.where(votes > 1, votes, 0)
    winner = kept.argmax(1)
    wins = 2 * kept.max(1) > kept.sum(1)
    canonical = np.array([canonical_index(name) if name in EXPRESSIONS else -1 for name in VOTES])
    return np.where(wins, canonical[winner], -1)


def read_votes(path: Path) -> pd.DataFrame:
    """The table of votes.

    Parameters
    ----------
    path : Path
        ``fer2013new.csv``.

    Returns
    -------
    pandas.DataFrame
        One row a row of ``fer2013.csv``: ``split``, ``name`` (empty where the picture is no face) and `VOTES`.

    Raises
    ------
    UserError
        Names the row that is wrong, as a spreadsheet counts it: the header is row 1.
    """
    import pandas as pd

    table = read_table(path, ACCESS, skip_blank_lines=True)
    require_columns(path, table, ("Usage", "Image name", *VOTES), again(ACCESS))
    result = pd.DataFrame({"split": table["Usage"].map(USAGE_SPLITS), "name": table["Image name"]})
    usage = f"it is {', '.join(USAGE_SPLITS)}"
    refuse_rows(path, table["Usage"], result["split"].isna(), "unknown Usage {}", usage)
    for name in VOTES:
        votes = pd.to_numeric(table[name], errors="coerce")
        wrong = ~(votes.between(0, 10) & (votes % 1 == 0))
        refuse_rows(path, table[name], wrong, f"{name} {{}} is not a count of 0 to 10", again(ACCESS))
        result[name] = votes.astype(np.int64)
    return result


def _find(root: Path) -> tuple[Path, Path]:
    labels = first_file(root, (_FILE, f"data/{_FILE}"))
    folders = (root, root / "fer2013", root.parent / "fer2013")
    images = next((path for path in map(find_csv, folders) if path is not None), None)
    if labels is None or images is None:
        missing = " and ".join(
            what for what, path in ((_FILE, labels), ("fer2013.csv or icml_face_data.csv", images)) if path is None
        )
        raise UserError(
            f"FER+ in {root}: no {missing}; looked for the labels in {root} and {root / 'data'}, "
            f"for the images in {', '.join(map(str, folders))}",
            hint=f"put both files into {root}, or say where they are (root=…). {ACCESS[0].upper()}{ACCESS[1:]}",
        )
    return labels, images


def ferplus_splits(root: Path) -> tuple[str, ...]:
    """Splits of FER+ under `root`."""
    present = set(read_votes(_find(root)[0])["split"])
    return tuple(split for split in USAGE_SPLITS.values() if split in present)


@register_reader("ferplus", splits=ferplus_splits)
def list_ferplus(split: str, root: Path) -> Listing:
    """Read FER2013 with the labels of FER+.

    Parameters
    ----------
    split : str
        ``train`` (Training), ``val`` (PublicTest) or ``test`` (PrivateTest).
    root : Path
        The folder of ``fer2013new.csv``; ``fer2013.csv`` lies in it, or in ``fer2013/`` in or beside it.

    Returns
    -------
    Listing
        Only images whose label has a majority and is one of the seven. ``factors`` hold the ten counts of votes
        (``votes_neutral``, …).

    Raises
    ------
    UserError
        A file is missing or damaged, or the two do not belong together.
    """
    import pandas as pd

    labels_file, images_file = _find(root)
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
    votes = table[list(VOTES)].to_numpy()[rows]
    is_face = table["name"].to_numpy()[rows] != ""
    labels = np.where(is_face, majority(votes), -1)
    kept = np.flatnonzero(labels >= 0)
    if not len(kept):
        raise UserError(f"{labels_file}: no {split} image has a majority", hint=again(ACCESS))
    factors = pd.DataFrame(votes[kept], columns=[f"votes_{name}" for name in VOTES])
    counts = (int((~is_face).sum()), int((is_face & (labels < 0)).sum()))
    return Listing(
        labels[kept], [ids[row] for row in kept], pixels=torch.from_numpy(grey[kept])[:, None], factors=factors,
        name="ferplus", split=split,
        notes=(f"{counts[0]} images left out: not a face", f"{counts[1]} left out: no majority, or none of the seven"),
    )  # fmt: skip

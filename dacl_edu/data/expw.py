"""ExpW, expression in the wild: photographs with a face box each; several faces may be in one photograph.

``label.lst`` has eight columns: image_name face_id top left right bottom confidence label. Mind the order of the box.
There is no official split; here the photograph's name decides, so that all faces of a photograph are in one split.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dacl_edu.data.decode import Box
from dacl_edu.data.listing import Listing
from dacl_edu.data.reading import again, first_file, first_folder, not_found, numbered_label, read_lines, require_files
from dacl_edu.data.registry import register_reader
from dacl_edu.errors import UserError
from dacl_edu.expressions import EXPW as LABEL_NAMES

ACCESS = "ExpW is free for research: see http://mmlab.ie.cuhk.edu.hk/projects/socialrelation/index.html"

_LISTS = ("label.lst", "label/label.lst")
_IMAGES = ("origin", "image/origin")


class Face(NamedTuple):
    """One line of ``label.lst``; `box` is left, top, right, bottom."""

    image: str
    face_id: int
    box: Box
    confidence: float
    label: int


def parse_line(line: str) -> Face:
    """One line of ``label.lst``: name, number, top, left, right, bottom, confidence and label.

    Examples
    --------
    >>> parse_line("girl_12.jpg 0 28 113 226 141 22.9857 5")
    Face(image='girl_12.jpg', face_id=0, box=(113.0, 28.0, 226.0, 141.0), confidence=22.9857, label=0)
    """
    columns = line.rsplit(maxsplit=7)
    if len(columns) != 8:
        raise UserError(
            f"{line.strip()!r} has {len(columns)} columns instead of 8",
            hint="a line is: image_name face_id top left right bottom confidence label",
        )
    try:
        top, left, right, bottom, confidence = map(float, columns[2:7])
        face_id = int(columns[1])
    except ValueError as error:
        raise UserError(f"{line.strip()!r}: {error}", hint=again(ACCESS)) from error
    if not all(map(math.isfinite, (top, left, right, bottom, confidence))) or left >= right or top >= bottom:
        raise UserError(
            f"{line.strip()!r}: the box top {top:g}, left {left:g}, right {right:g}, bottom {bottom:g} is empty",
            hint="the order of the columns is top, left, right, bottom",
        )
    box = left, top, right, bottom
    return Face(columns[0].strip(), face_id, box, confidence, numbered_label(columns[7].strip(), LABEL_NAMES))


def split_of(image: str) -> str:
    """The split of a photograph: 80 % train, 10 % val, 10 % test, by a hash of its name.

    Examples
    --------
    >>> split_of("girl_12.jpg") == split_of("girl_12.jpg")
    True
    """
    draw = int.from_bytes(hashlib.sha256(image.encode("utf-8", "surrogateescape")).digest()[:8]) / 2**64
    return "train" if draw < 0.8 else "val" if draw < 0.9 else "test"


def _read(path: Path) -> list[Face]:
    return [face for _, face in read_lines(path, parse_line, ACCESS)]


def _find(root: Path) -> Path:
    if (found := first_file(root, _LISTS)) is None:
        raise not_found("ExpW", root, " and ".join(str(root / name) for name in _LISTS), ACCESS)
    return found


def expw_splits(root: Path) -> tuple[str, ...]:
    """Splits that have a face, of train, val and test."""
    present = {split_of(face.image) for face in _read(_find(root))}
    return tuple(split for split in ("train", "val", "test") if split in present)


@register_reader("expw", splits=expw_splits)
def list_expw(split: str, root: Path) -> Listing:
    """Read ExpW, each face cut out by its box.

    Parameters
    ----------
    split : str
        ``train``, ``val`` or ``test``.
    root : Path
        The folder that holds ``label.lst`` (or ``label/label.lst``) and ``origin`` (or ``image/origin``).

    Returns
    -------
    Listing
        ``ids`` are ``<image name>#<face id>``, ``groups`` the photographs: who is in them is not known.
        ``factors`` hold the confidence of the face detector.
    """
    import pandas as pd

    label_file = _find(root)
    faces = [face for face in _read(label_file) if split_of(face.image) == split]
    folder = first_folder(root, _IMAGES)
    for face in faces:
        if Path(face.image).name != face.image or "\\" in face.image:
            raise UserError(f"{label_file}: {face.image!r} is not a file name", hint=again(ACCESS))
    paths = [folder / face.image for face in faces]
    paths = require_files(paths, str(label_file), ACCESS)
    ids = [f"{face.image}#{face.face_id}" for face in faces]
    if len(set(ids)) < len(ids):
        twice = Counter(ids).most_common(1)[0][0]
        raise UserError(f"{label_file}: {twice} is listed twice", hint=again(ACCESS))
    return Listing(
        [face.label for face in faces],
        ids,
        paths,
        np.array([face.box for face in faces]),
        groups=[face.image for face in faces],
        factors=pd.DataFrame({"confidence": [face.confidence for face in faces]}),
        name="expw",
        split=split,
    )

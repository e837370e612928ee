"""CK+48: the last three frames of the sequences of the extended Cohn-Kanade set, 48x48.

Neighbouring frames are near-duplicates, so the set is split by subject. It has no official split; this one depends on
nothing but the subjects' names. There is no neutral; contempt, none of the paper's, is only among the classes ``all``.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from dacl_edu.data.folder import list_class_folders, subfolders
from dacl_edu.data.listing import Listing
from dacl_edu.data.reading import located, not_found
from dacl_edu.data.registry import register_reader
from dacl_edu.errors import UserError
from dacl_edu.expressions import CKPLUS, EIGHT, EXPRESSIONS, expression

ACCESS = "CK+ is licensed for research: ask for access at https://www.jeffcohn.net/resources/"

#: Share of the subjects in each split.
SHARES = {"test": 0.2, "val": 0.1}

_THEIRS = {expression(name): name for name in CKPLUS}

#: Choices of classes: those that it shares with the paper, or all.
CHOICES = {
    "shared": tuple(name for name in EXPRESSIONS if name in _THEIRS),
    "all": tuple(name for name in EIGHT if name in _THEIRS),
}


def parse_name(name: str) -> tuple[str, str, int]:
    """Subject, sequence and frame of an image.

    Examples
    --------
    >>> parse_name("S010_004_00000017.png")
    ('S010', '004', 17)
    """
    match = re.fullmatch(r"(S[0-9]+)_([0-9]+)_([0-9]+)\.[A-Za-z]+", name)
    if match is None:
        raise UserError(
            f"{name!r} does not say who is in the picture",
            hint="names are like S010_004_00000017.png; unpack the original names again, or move the file away",
        )
    return match[1], match[2], int(match[3])


def split_subjects(subjects: set[str]) -> dict[str, str]:
    """The split of each subject, drawn by a hash of the name: no seed, no order of files, no platform changes it.

    Examples
    --------
    >>> splits = split_subjects({f"S{number:03d}" for number in range(20)})
    >>> sorted(splits.values()).count("test"), sorted(splits.values()).count("val")
    (4, 2)
    """
    order = sorted(subjects, key=lambda subject: hashlib.sha256(subject.encode()).digest())
    splits = {subject: "train" for subject in order}
    start = 0
    for split, share in SHARES.items():
        count = max(1, round(share * len(order)))
        splits |= {subject: split for subject in order[start : start + count]}
        start += count
    return splits


def _find(root: Path) -> Path:
    for base in (root, root / "CK+48"):
        if {folder.name.lower() for folder in subfolders(base)} >= {"anger", "surprise"}:
            return base
    looked = f"{root / 'CK+48' / 'anger'} … surprise, and for the same without CK+48/"
    raise not_found("CK+48", root, looked, ACCESS)


def ckplus_splits(root: Path) -> tuple[str, ...]:
    """Train, val and test, if CK+48 is under `root`."""
    _find(root)
    return ("train", "val", "test")


@register_reader("ckplus", splits=ckplus_splits, choices=CHOICES)
def list_ckplus(split: str, root: Path, classes: str = "shared") -> Listing:
    """Read CK+48.

    Parameters
    ----------
    split : str
        ``train``, ``val`` or ``test``: 70, 10 and 20 % of the subjects.
    root : Path
        The folder that holds ``anger`` … ``surprise``, or ``CK+48`` with these.
    classes : str
        A key of `CHOICES`: ``"shared"``, the six that it has in common with the paper, or ``"all"``, with contempt.

    Returns
    -------
    Listing
        ``groups`` are the subjects.
    """
    base = _find(root)
    kept = CHOICES[classes]
    # A label for each folder, contempt included, so that an unknown folder is refused and a known one counted.
    paths, labels, notes = list_class_folders(base, _class_index)
    subjects = []
    for path in paths:
        with located(str(path.parent)):
            subjects.append(parse_name(path.name)[0])
    if len(set(subjects)) < 3:
        raise UserError(
            f"{base}: {len(set(subjects))} subjects cannot fill three splits", hint=f"unpack it all. {ACCESS}"
        )
    splits = split_subjects(set(subjects))
    of_split = [at for at, subject in enumerate(subjects) if splits[subject] == split]
    rows = [at for at in of_split if labels[at] < len(kept)]  # contempt has the last number
    left = len(of_split) - len(rows)
    if not rows:
        raise UserError(f"{base}: no image for the split {split!r}", hint=f"unpack the data set completely. {ACCESS}")
    return Listing(
        [labels[at] for at in rows],
        [paths[at].relative_to(base).as_posix() for at in rows],
        [paths[at] for at in rows],
        groups=[subjects[at] for at in rows],
        classes=kept,
        name="ckplus",
        split=split,
        notes=(*((f"{left} images left out: contempt",) if left else ()), *notes, "CK+48 has no neutral"),
    )


def _class_index(name: str) -> int:
    word = expression(name)
    if word not in CHOICES["all"]:
        raise UserError(f"unknown expression {name!r}", hint=f"CK+48 has {', '.join(CKPLUS)}")
    return CHOICES["all"].index(word)

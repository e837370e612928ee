"""JAFFE: ten women, 213 pictures, tested by leaving one of them out.

``load_dataset("jaffe:KA", "test")`` holds the pictures of KA and ``load_dataset("jaffe:KA", "train")`` all others;
plain ``"jaffe"`` is everybody, as ``train``.
"""

from __future__ import annotations

import re
from pathlib import Path

from dacl_edu.data.classes import canonical_index
from dacl_edu.data.folder import EXTENSIONS
from dacl_edu.data.listing import Listing
from dacl_edu.data.reading import located, not_found
from dacl_edu.data.registry import register_reader
from dacl_edu.errors import UserError
from dacl_edu.expressions import JAFFE as EMOTIONS

ACCESS = "JAFFE is licensed for research: ask for access at https://zenodo.org/records/3451524"

_FOLDERS = ("", "jaffe", "jaffedbase", "jaffeimages")


def parse_name(name: str) -> tuple[str, int]:
    """Subject and label, an index in `EXPRESSIONS`, of an image: its name is subject, emotion and take, number.

    Examples
    --------
    >>> parse_name("KA.AN1.39.tiff")  # anger
    ('KA', 5)
    """
    match = re.fullmatch(r"([A-Z]{2})\.([A-Z]{2})[0-9]+\.[0-9]+\.[A-Za-z]+", name)
    if match is None or match[2] not in EMOTIONS:
        emotions = ", ".join(f"{code} {emotion}" for code, emotion in EMOTIONS.items())
        raise UserError(
            f"{name!r} does not say who shows which expression",
            hint=f"names are like KA.AN1.39.tiff with {emotions}; restore the original name, or move the file away",
        )
    return match[1], canonical_index(EMOTIONS[match[2]])


def _find(root: Path) -> dict[Path, tuple[str, int]]:
    """Subject and label of each file."""
    for folder in (root / name for name in _FOLDERS):
        endings = (".tiff", ".tif", *EXTENSIONS)
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        files = [path for path in files if path.suffix.lower() in endings and not path.name.startswith(".")]
        if files:
            with located(str(folder)):
                return {path: parse_name(path.name) for path in files}
    looked = ", ".join(str(root / name) for name in _FOLDERS)
    raise not_found("JAFFE", root, f"files like KA.AN1.39.tiff in {looked}", ACCESS)


def jaffe_splits(root: Path, subject: str | None = None) -> tuple[str, ...]:
    """Everybody is ``train``; with a subject to leave out, there is a ``test`` as well.

    Raises
    ------
    UserError
        The data set is not there, or has no such subject.
    """
    subjects = sorted({who for who, _ in _find(root).values()})
    if subject is None:
        return ("train",)
    if subject not in subjects:
        raise UserError(f"JAFFE in {root} has no subject {subject!r}", hint=f"it has {', '.join(subjects)}")
    return ("train", "test")


@register_reader("jaffe", splits=jaffe_splits, suffix="subject")
def list_jaffe(split: str, root: Path, subject: str | None = None) -> Listing:
    """Read JAFFE.

    Parameters
    ----------
    split : str
        ``train``; and ``test`` where a subject is left out.
    root : Path
        The folder of the images.
    subject : str, optional
        Whom to leave out of train; that is the test split. ``load_dataset("jaffe:KA")`` says the same.

    Returns
    -------
    Listing
        ``groups`` are the subjects; the images are 256x256.
    """
    found = {path: (who, label) for path, (who, label) in _find(root).items() if (who == subject) == (split == "test")}
    return Listing(
        [label for _, label in found.values()],
        [path.name for path in found],
        list(found),
        groups=[who for who, _ in found.values()],
        name="jaffe" if subject is None else f"jaffe:{subject}",
        split=split,
        notes=() if subject else ("no test split: leave a subject out, as in jaffe:KA",),
    )

"""How learning platforms name what they export: from the name of a file or a folder, whose it is and from when.

Only what a platform writes is a time or a number of its own. A number that looks like a date may be a student's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Owner:
    """Whose an entry of an export is.

    Attributes
    ----------
    name : str
        As the platform shows it.
    number : str, default ""
        By which the platform knows the student; two students may share a name.
    platform : str, default ""
    when : datetime, optional
        When it was handed in, where the name says so.
    file : str, default ""
        What the student called the file, where the platform puts it behind the rest.
    """

    name: str
    number: str = ""
    platform: str = ""
    when: datetime | None = None
    file: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Equal for two entries of one student."""
        return (self.platform if self.number else "", self.number or self.name)


STAMP = r"(?<!\d)20\d\d-?[01]\d-?[0-3]\d[ T_.-]{0,3}[0-2]\d[-:h._]?[0-5]\d(?:[-:m._]?[0-5]\d)?(?!\d)"
"""A date and a time of day."""
_DASHED = r"(?<!\d)20\d\d-[01]\d-[0-3]\d(?!\d)"
_PLATFORMS = {
    "nbgrader": r"(?P<name>.+?)\+(?P<assignment>[^+]+)\+(?P<when>\d{4}-\d\d-\d\d \d\d[:_]\d\d[:_]\d\d(?:\.\d+)?)[^+]*"
    r"(?:\+.*)?",
    "moodle": r"(?P<name>.+)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<file>.*)",
    "blackboard": r".+_(?P<number>[^_]+)_attempt_(?P<when>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)",
    "brightspace": r"(?P<number>\d+)-\d+ ?- ?(?P<name>.+?) ?- ?"
    r"(?P<when>[A-Z][a-z]{2,8}\.? \d{1,2}, \d{4} \d{1,2}:?\d\d ?[AP]M)(?: ?- ?(?P<file>.+))?",
    "canvas": r"(?P<name>[^_]+)(?:_LATE)?_(?P<number>\d+)_\d+_(?P<file>.+)",
    "google": r"(?P<name>.+?) - (?P<file>.+)",
}
_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d-%H-%M-%S", "%b %d, %Y %I%M %p", "%b %d, %Y %I:%M %p", "%B %d, %Y %I%M %p")
_OF_FOLDERS = ("nbgrader", "moodle", "brightspace")
_OF_FILES = ("moodle", "blackboard", "brightspace", "canvas", "google")


def of_folder(name: str) -> Owner:
    """Return whose a folder is.

    Examples
    --------
    >>> of_folder("Jane Doe_123456_assignsubmission_file_").name
    'Jane Doe'
    >>> of_folder("153426-21443 - Jane Doe - Feb 3, 2021 1132 AM").when.isoformat()
    '2021-02-03T11:32:00+00:00'
    >>> of_folder("kim+a1_center_loss+2021-03-15 10:22:33.123 UTC+x7").name, of_folder("20210315_kim").name
    ('kim', '20210315_kim')
    """
    return _told(name, _OF_FOLDERS) or Owner(name)


def of_file(name: str, assignment: str) -> Owner | None:
    """Return whose a file is that lies beside those of others; None where its name says nothing of a platform.

    Examples
    --------
    >>> owner = of_file("roejohn_LATE_12346_67891_a1_center_loss-1.ipynb", "a1_center_loss")
    >>> owner.name, owner.number, owner.file
    ('roejohn', '12346', 'a1_center_loss-1.ipynb')
    >>> of_file("Homework 1_kim_attempt_2021-03-15-10-22-33_mine.ipynb", "a1_center_loss").number
    'kim'
    >>> of_file("kim_20211215_103000_a1.ipynb", "a1_center_loss") is None
    True
    """
    if re.search(STAMP, name) and not re.search(r"_attempt_|_assignsubmission_| [AP]M", name):
        return None  # two numbers that are a date and a time
    return _told(name, _OF_FILES)


def plain_owner(name: str, assignment: str) -> str:
    """Return the student in a file's name without a platform: ``STUDENT_aN_name.ipynb`` or ``STUDENT.ipynb``.

    Examples
    --------
    >>> plain_owner("kim_20211215.ipynb", "a1_x"), plain_owner("20210123_a1_x (1).ipynb", "a1_x")
    ('kim_20211215', '20210123')
    >>> plain_owner("kim_a1_x_2021-12-15_1030.IPYNB", "a1_x"), plain_owner("a1_x_kim.ipynb", "a1_x")
    ('kim', 'kim')
    """
    stem = re.split(r"\.(?:ipynb|zip)", name, maxsplit=1, flags=re.IGNORECASE)[0]
    stem = re.sub(r" ?\(\d+\)$", "", stem)  # a browser's second download
    rest = re.sub(f"{STAMP}|{_DASHED}", "", stem)
    before, _, behind = (" " + rest).lower().partition(assignment.lower())
    if len(before.strip(" _-.")) > 0:
        rest = rest[: len(before) - 1]
    elif behind:
        rest = rest[-len(behind) :]
    rest = re.sub(rf"[_ -]{re.escape(assignment.partition('_')[0])}$", "", rest, flags=re.IGNORECASE)
    return rest.strip(" ._-") or stem or name


def common_prefix(folders: Iterable[Path], assignment: str) -> str:
    """Return what GitHub Classroom puts before each student's name: the assignment's slug, or nothing.

    Examples
    --------
    >>> common_prefix([Path("a1-center-loss-annkim"), Path("a1-center-loss-bob-lee")], "a1_center_loss")
    'a1-center-loss-'
    >>> common_prefix([Path("kim-a"), Path("kim-b")], "a1_center_loss")
    ''
    """
    paths = list(folders)
    if not paths:
        return ""
    names = [path.name for path in paths]
    shared = names[0]
    for name in names:
        while not name.startswith(shared):
            shared = shared[:-1]
    slug = _letters(assignment)
    cuts = [k + 1 for k, letter in enumerate(shared) if letter == "-"]
    fitting = [k for k in cuts if _letters(shared[:k]) == slug]
    if fitting:
        return shared[: fitting[-1]]
    short = [k for k in cuts if _letters(shared[:k]) == _letters(assignment.partition("_")[0])]
    cloned = len(paths) > 1 and all((path / ".git").exists() for path in paths)
    longest = cuts[-1] if cuts and cloned else 0
    return shared[: max([longest, *short])] if longest or short else ""


def of_clone(folder: Path, prefix: str) -> Owner:
    """Return whose a cloned or downloaded repository is.

    Examples
    --------
    >>> of_clone(Path("a1-annkim-main"), "a1-").name
    'annkim'
    """
    name = re.sub(r"-(main|master)$", "", folder.name[len(prefix) :])
    return Owner(name or folder.name, name, "github")


def gradescope(folder: Path) -> dict[str, Owner]:
    """Return whose the folders of Gradescope's export are, from its ``submission_metadata.yml``."""
    import yaml

    path = folder / "submission_metadata.yml"
    if not path.is_file() or path.is_symlink() or path.stat().st_size > 50_000_000:
        return {}
    try:
        # Dates stay text: an odd one must not lose the class.
        told = yaml.load(path.read_text(encoding="utf-8", errors="replace"), yaml.BaseLoader)
        return {str(name): owner for name, each in told.items() if (owner := _submitter(each))}
    except (yaml.YAMLError, OSError, AttributeError, TypeError, RecursionError):
        return {}


def _submitter(each: dict[str, object]) -> Owner | None:
    fields = {str(key).strip(":"): value for key, value in each.items()}
    people = fields.get("submitters")
    if not isinstance(people, list) or not people:
        return None
    first = {str(key).strip(":"): str(value) for key, value in people[0].items()}
    number = first.get("sid") or first.get("email") or ""
    owner = Owner(first.get("name") or number, number, "gradescope")
    when = str(fields.get("created_at", ""))[:19].replace("T", " ")
    return replace(owner, when=_time(when))


def _told(name: str, platforms: tuple[str, ...]) -> Owner | None:
    for platform in platforms:
        if match := re.fullmatch(_PLATFORMS[platform], name, flags=re.DOTALL):
            part = match.groupdict()
            number = part.get("number") or ""
            found = Owner(part.get("name") or number, number, platform, file=part.get("file") or "")
            return replace(found, when=_time(part.get("when") or ""))
    return None


def _time(text: str) -> datetime | None:
    if text[:4].isdigit():
        text = re.sub(r"\.\d+$", "", text).replace("_", ":")
    else:
        text = re.sub(r"(\D\d{4}) (\d{3} ?[AP]M)", r"\1 0\2", text)  # 932 AM
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())

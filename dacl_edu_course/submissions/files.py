"""Look through a folder, or a .zip, as a learning platform gives it: which file is whose, and from when.

Nothing here follows a link, waits for a pipe, or trusts a name.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import stat
import struct
import time
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from dacl_edu.errors import UserError
from dacl_edu_course.submissions.platforms import (
    Owner,
    common_prefix,
    gradescope,
    of_clone,
    of_file,
    of_folder,
    plain_owner,
)
from dacl_edu_course.submissions.roster import Roster

MOST = 30_000_001
"""Bytes of one file that are kept: one more than a notebook that is still read may have."""
_ALL = 8 * 2**30
_FILES = 100_000
_DATE = re.compile(
    r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)(?:[ T_.-]{0,3}([0-2]\d)[-:h._]?([0-5]\d)(?:[-:m._]?([0-5]\d))?)?(?!\d)"
)
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
_IGNORED = {".ipynb_checkpoints", "__MACOSX", "__pycache__"}


@dataclass(frozen=True)
class HandedIn:
    """One file of one student.

    Attributes
    ----------
    path : Path
    name : str
        As the student, or the platform, called it, below the student's folder.
    when : datetime
        From the name if it holds a time stamp, else when it was changed; in UTC.
    """

    path: Path
    name: str
    when: datetime

    @property
    def is_notebook(self) -> bool:
        """By its name; what is in it is another question."""
        return ".ipynb" in self.name.lower()

    @property
    def is_zip(self) -> bool:
        """By its name."""
        return self.name.lower().endswith(".zip")


@dataclass
class Handed:
    """What an export holds of one student.

    Attributes
    ----------
    owner : Owner
    files : list of HandedIn
    notes : list of str
        What was refused.
    """

    owner: Owner
    files: list[HandedIn] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def files_by_student(folder: Path, assignment: str) -> tuple[list[Handed], list[str]]:
    """Return the files, and what was refused, by student; and what belongs to nobody.

    ``STUDENT/…/anything.ipynb``, or flat ``STUDENT_aN_name….ipynb`` and ``STUDENT.ipynb``, or as a platform names them
    (:mod:`dacl_edu_course.submissions.platforms`).
    """
    found: dict[tuple[str, str], Handed] = {}
    nobodys: list[str] = []
    receipts: list[str] = []
    entries = [e for e in sorted(os.scandir(folder), key=lambda each: each.name) if not _is_ignored(e.name)]
    folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    by_metadata, prefix = gradescope(folder), common_prefix(folders, assignment)
    for entry in entries:
        path = Path(entry.path)
        if path in folders:
            owner = by_metadata.get(entry.name) or (of_clone(path, prefix) if prefix else of_folder(entry.name))
            handed = found.setdefault(owner.key, Handed(owner))
            below = list(_below(path, path, handed.notes))
            handed.files += [replace(each, when=owner.when) for each in below] if owner.when else below
            continue
        told = of_file(entry.name, assignment)
        wanted = re.search(r"\.(ipynb|zip)", entry.name, flags=re.IGNORECASE)
        if told is None and not wanted and not entry.is_symlink():
            nobodys.append(f"{plain_name(entry.name)} was not taken: no notebook, and its name names no student.")
            continue
        owner = told or Owner(plain_owner(entry.name, assignment))
        handed = found.setdefault(owner.key, Handed(owner))
        if owner.platform == "blackboard" and not owner.file:
            receipts.append(plain_name(entry.name))  # its own, one for each attempt
            continue
        if entry.is_symlink():
            handed.notes.append(f"{plain_name(entry.name)} is a symbolic link: it was not followed.")
        elif file := _regular(path, owner.file or entry.name, handed.notes):
            handed.files.append(replace(file, when=owner.when) if owner.when else file)
    if receipts:
        nobodys.append(f"Not taken, as they are Blackboard's own receipts: {', '.join(receipts)}.")
    return list(found.values()), nobodys


def _is_ignored(name: str) -> bool:
    return name in _IGNORED or name.startswith(".")


def unzip(archive: Path, target: Path) -> list[tuple[str, str]]:
    """Unpack a class's .zip file by file; return the names that were refused, and why.

    :func:`dacl_edu.data.archive.unpack` refuses an archive as a whole. Here one student's bomb must not keep back the
    others: an entry with a name that leads out, a link or a damaged one is left out, a huge one is cut off where it is
    too large to be read anyway.

    Raises
    ------
    UserError
        It is no zip file.
    """
    refused: list[tuple[str, str]] = []
    left = _ALL
    try:
        source = zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UserError(
            f"{archive}: cannot be unpacked ({error})", hint="give the folder, or download it again"
        ) from error
    with source:
        for member in source.infolist()[:_FILES]:
            parts = member.filename.replace("\\", "/").split("/")
            kind = stat.S_IFMT(member.external_attr >> 16)
            if ".." in parts or parts[0] in ("", "~") or ":" in parts[0] or "\0" in member.filename:
                refused.append((member.filename, "the name leads out of the folder"))
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR) or member.flag_bits & 1:
                refused.append((member.filename, "a link or an encrypted file"))
            else:
                place = target.joinpath(*(part[:200] for part in parts if part not in ("", ".")))
                try:
                    left -= _extract(source, member, place, min(MOST, left))
                except (*_BROKEN, OSError, EOFError, RuntimeError, ValueError, OverflowError) as error:
                    refused.append((member.filename, f"it cannot be unpacked ({type(error).__name__})"))
        if len(source.infolist()) > _FILES:
            refused.append(("the rest", f"there are more than {_FILES:,} files"))
    return refused


def unwrapped(folder: Path, name: str, assignment: str, roster: Roster | None = None) -> Path:
    """Return the folder of the class, where it lies within others that hold nothing else.

    Parameters
    ----------
    folder : Path
    name : str
        Of the archive: an inner folder of that name is no student's.
    assignment : str
    roster : Roster, optional
        Tells a folder of several students' files from one of several files of a student.
    """
    while True:
        inside = [path for path in folder.iterdir() if not _is_ignored(path.name)]
        if len(inside) != 1 or inside[0].is_symlink() or not inside[0].is_dir():
            return folder
        (only,) = inside
        if only.name != name and not _is_of_class(only, assignment) and not _is_of_several(only, assignment, roster):
            return folder
        folder = only


def _is_of_class(folder: Path, assignment: str) -> bool:
    """Whether a folder holds several students' work, and is not one student's."""
    if of_folder(folder.name).platform:
        return False
    paths = [path for path in folder.iterdir() if not _is_ignored(path.name) and not path.is_symlink()]
    folders = [path for path in paths if path.is_dir()]
    if any(of_folder(path.name).platform for path in folders) or (folder / "submission_metadata.yml").is_file():
        return True
    files = [path for path in paths if path.is_file() and re.search(r"\.(ipynb|zip)", path.name, re.IGNORECASE)]
    if folders:
        return len(folders) > 1 and not files
    told = [of_file(path.name, assignment) for path in files]
    plain = {plain_owner(path.name, assignment).lower() for path in files}
    named = [assignment.lower() in path.name.lower() for path in files]
    return any(owner and owner.platform != "google" for owner in told) or (len(plain) > 1 and all(named))


def _is_of_several(folder: Path, assignment: str, roster: Roster | None) -> bool:
    """Whether a folder is called like nobody of the roster, and its files like two or more."""
    if roster is None or roster.match(of_folder(folder.name)) is not None:
        return False
    owners = [of_file(p.name, assignment) or Owner(plain_owner(p.name, assignment)) for p in folder.iterdir()]
    return len({person.id for owner in owners if (person := roster.match(owner))}) > 1


def safe_names(students: list[str]) -> dict[str, str]:
    """Return a name for each student that is safe as a folder; two students never get one.

    Examples
    --------
    >>> safe_names(["ada", "Müller, Jo", "../x"])
    {'ada': 'ada', 'Müller, Jo': 'Müller_Jo', '../x': 'x'}
    >>> safe_names(["a b", "a_b"])
    {'a b': 'a_b-c8687a08', 'a_b': 'a_b'}
    """
    plain = {name: _safe(name) for name in students}
    twice = Counter(safe.casefold() for safe in plain.values())
    named = {
        name: safe if name == safe or (safe and twice[safe.casefold()] == 1) else f"{safe or 'student'}-{_digest(name)}"
        for name, safe in plain.items()
    }
    taken: set[str] = set()
    # Somebody may be called what another was renamed to; and some systems take capitals for small letters.
    for name in sorted(named, key=lambda name: (name != named[name], name)):
        while named[name].casefold() in taken:
            named[name] = f"{named[name]}-{_digest(name)}"
        taken.add(named[name].casefold())
    return named


def plain_name(name: str, most: int = 120) -> str:
    """Return a file's name for a message: no control characters, no end of a line, not endless."""
    return "".join(c if c.isprintable() else "�" for c in name[:most])


def _safe(name: str) -> str:
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    return re.sub(r"[^\w.@-]+", "_", text).strip("._-")[:80]


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _below(folder: Path, root: Path, notes: list[str]) -> Iterator[HandedIn]:
    count = 0
    for place, folders, names in os.walk(folder):
        for name in list(folders):
            if name in _IGNORED:
                folders.remove(name)
            elif Path(place, name).is_symlink():
                folders.remove(name)
                notes.append(f"{plain_name(name)} is a symbolic link: it was not followed.")
        folders.sort()
        for name in sorted(names):
            count += 1
            if count > 2000:
                notes.append("There are more than 2,000 files: the rest was not looked at.")
                return
            shown = Path(place, name).relative_to(root).as_posix()
            if not name.startswith("._") and name != "timestamp.txt":
                found = _regular(Path(place, name), shown, notes)
                if found:
                    yield found


def _regular(path: Path, shown: str, notes: list[str]) -> HandedIn | None:
    found = path.lstat()
    if stat.S_ISREG(found.st_mode):
        return HandedIn(path, shown, _when(path, shown, found.st_mtime))
    what = "a symbolic link: it was not followed" if stat.S_ISLNK(found.st_mode) else "no regular file"
    notes.append(f"{plain_name(shown)} is {what}.")
    return None


def _when(path: Path, shown: str, changed: float) -> datetime:
    for match in reversed(list(_DATE.finditer(shown))):
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError:
            continue
    beside = path.with_name("timestamp.txt")
    if beside.is_file() and not beside.is_symlink() and beside.stat().st_size < 100:
        try:
            stamp = datetime.fromisoformat(beside.read_text().strip().removesuffix(" UTC").strip())
            if 2000 <= stamp.year <= 2100:  # else a program that reads it later fails
                return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    try:
        return datetime.fromtimestamp(min(max(0, int(changed)), 2**32), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return datetime(1970, 1, 1, tzinfo=UTC)


def _extract(source: zipfile.ZipFile, member: zipfile.ZipInfo, place: Path, most: int) -> int:
    if member.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return 0
    place.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with source.open(member) as packed, open(place, "xb") as file:
        try:
            while written < most and (part := packed.read(min(2**20, most - written))):
                written += file.write(part)
        except Exception:
            place.unlink()  # half a file is no submission
            raise
    stamp = time.mktime((*member.date_time, 0, 0, -1))
    os.utime(place, (stamp, stamp))
    return written

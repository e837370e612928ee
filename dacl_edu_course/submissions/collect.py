"""Gather what students handed in: one notebook a student in nbgrader's ``submitted`` folder, nothing lost silently."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dacl_edu.data.archive import UnpackLimits, unpack
from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.definitions import write_text
from dacl_edu_course.sandbox.home import scratch
from dacl_edu_course.submissions.files import (
    MOST,
    Handed,
    HandedIn,
    files_by_student,
    plain_name,
    safe_names,
    unwrapped,
    unzip,
)
from dacl_edu_course.submissions.platforms import of_folder
from dacl_edu_course.submissions.roster import Names, Roster
from dacl_edu_course.submissions.submission import grade_ids

_STUDENTS_ZIP = UnpackLimits(total_bytes=500 * 2**20, ratio=100.0, entries=2000)


@dataclass(frozen=True)
class Collected:
    """What one student handed in.

    Attributes
    ----------
    student : str
        Safe as the name of a folder.
    path : Path or None
        ``course/submitted/STUDENT/aN_name/aN_name.ipynb``; None where nothing was handed in.
    notes : tuple of str
        Which of several files counts, what was refused, what was kept of an earlier collection.
    """

    student: str
    path: Path | None
    notes: tuple[str, ...] = ()


def collect(
    folder: str | Path, assignment: Assignment, course: str | Path, roster: Roster | None = None
) -> list[Collected]:
    """Copy submissions into the course folder.

    A file is recognised by the grade_ids in it, not by its name. Of several, the latest counts, by the time stamp in
    its name, else by when it was changed, else by its name; the others, and what an earlier collection had brought, are
    kept in ``course/kept/aN_name/STUDENT/``. Collecting twice changes nothing.

    Parameters
    ----------
    folder : path
        ``STUDENT/anything.ipynb`` (at any depth), or flat ``STUDENT_aN_name.ipynb`` and ``STUDENT.ipynb``; or a .zip.
    assignment : Assignment
    course : path
    roster : Roster, optional
        Decides who is who where names cannot.

    Returns
    -------
    list of Collected
        Sorted by student. What belongs to no student comes first, under the name "" and without a path.

    Raises
    ------
    UserError
        No such folder, no zip file, or nothing in it.
    """
    folder, course, roster = Path(folder), Path(course), roster or Roster()
    with tempfile.TemporaryDirectory(prefix=scratch("collect")) as temporary:
        refused: list[tuple[str, str]] = []
        root = folder
        if folder.is_file():
            root = Path(temporary) / "class"
            root.mkdir()
            refused = unzip(folder, root)
        elif not folder.is_dir():
            raise UserError(f"{folder}: no such folder", hint="give the folder, or the .zip, of the submissions")
        place = unwrapped(root, folder.stem, assignment.name, roster)
        handed, nobodys = files_by_student(place, assignment.name)
        _add_refused(handed, nobodys, refused, place.relative_to(root).as_posix(), assignment.name)
        if not handed:
            hint = "; ".join(nobodys) or "expected is STUDENT/NAME.ipynb, or STUDENT_NAME.ipynb"
            raise UserError(f"{folder}: no submission in it", hint=hint)
        names = Names(course)
        by_name: dict[str, Handed] = {}
        for each in handed:
            person = roster.match(each.owner, each.files[0].path.name if each.files else "")
            called = names.name(each.owner, person)
            if roster.people and person is None:
                each.notes.append("This student is not in the roster, or could be several: --map decides.")
            if called in by_name:  # the roster says that two names are one student's
                by_name[called].files += each.files
                by_name[called].notes += each.notes
            else:
                by_name[called] = each
        safe = safe_names(list(by_name))
        taken = [
            _one(assignment, course, safe[called], called, each.files, each.notes, Path(temporary))
            for called, each in by_name.items()
        ]
        course.mkdir(parents=True, exist_ok=True)
        known = {safe.get(name, name): told for name, told in names.known.items()}
        write_text(names.path, json.dumps(known, indent=1, ensure_ascii=False), private=True)
    taken.extend([Collected("", None, tuple(nobodys))] if nobodys else [])
    return sorted(taken, key=lambda each: each.student)


def _add_refused(
    handed: list[Handed], nobodys: list[str], refused: list[tuple[str, str]], inner: str, assignment: str
) -> None:
    """Note what of an archive was left out; one whose only file that was is still one who handed in."""
    found = {each.owner.key: each for each in handed}
    for name, why in refused:
        parts = name.removeprefix(f"{inner}/").split("/")
        said = f"In the archive, {plain_name(name)} was left out: {why}."
        if len(parts) < 2 or ".." in parts or not parts[0]:
            nobodys.append(said)
            continue
        owner = of_folder(parts[0])
        if owner.key not in found:
            found[owner.key] = Handed(owner)
            handed.append(found[owner.key])
        found[owner.key].notes.append(said)


def _one(
    assignment: Assignment,
    course: Path,
    student: str,
    called: str,
    files: list[HandedIn],
    notes: list[str],
    temporary: Path,
) -> Collected:
    said = list(notes)
    if student != called:
        said.append(f"The name {plain_name(called)!r} became {student!r}.")
    files = files + [inner for file in files if not file.is_notebook for inner in _zipped(file, temporary, said)]
    notebooks = [file for file in files if file.is_notebook]
    for file in files:
        if not file.is_notebook and not file.is_zip:
            said.append(f"{plain_name(file.name)} was not taken: it is no notebook (.ipynb) and no .zip.")
    target = course / "submitted" / student / assignment.name / f"{assignment.name}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    for made in (course / "submitted", target.parent.parent):
        made.chmod(0o700)
    kept = course / "kept" / assignment.name / student
    if not notebooks:
        others = f"no notebook (.ipynb) among {len(files)} files" if files else "the folder is empty"
        said.append(f"Nothing was handed in: {others}.")
        if target.exists():
            said.append("The notebook of an earlier collection was left as it is.")
        return Collected(student, target if target.exists() else None, tuple(said))

    chosen, rest = _chosen(assignment, notebooks, said)
    for other in rest:
        _keep(other.path, kept, other.when)
    if chosen.path.lstat().st_size >= MOST:
        said.append(f"{plain_name(chosen.name)} is too large to be a notebook: only its beginning was copied.")
    stamp = target.with_name("timestamp.txt")
    if target.exists() and _digest(target) != _digest(chosen.path):
        before = _handed_in_at(target, stamp)
        # By time; where that is the same, by content, so that the order of collecting decides nothing.
        if (before, *_age(target)) > (chosen.when.replace(microsecond=0), *_age(chosen.path)):
            _keep(chosen.path, kept, chosen.when)
            said.append(
                f"{plain_name(chosen.name)} of {chosen.when:%Y-%m-%d %H:%M:%S} UTC is not newer than what was "
                f"collected before, of {before:%Y-%m-%d %H:%M:%S} UTC: that one stays, and this was kept aside."
            )
            return Collected(student, target, tuple(said))
        _keep(target, kept, before)
        said.append("It replaces the notebook of an earlier collection, which was kept aside.")
    _copy(chosen.path, target)
    stamp.write_text(f"{chosen.when:%Y-%m-%d %H:%M:%S} UTC\n", encoding="utf-8")
    return Collected(student, target, tuple(said))


def _chosen(assignment: Assignment, notebooks: list[HandedIn], said: list[str]) -> tuple[HandedIn, list[HandedIn]]:
    """Take the latest of those that are of this assignment; if none is, the latest of all."""
    if len(notebooks) == 1:
        return notebooks[0], []
    ours = {cell.id for cell in assignment.cells if cell.nbgrader}
    scored = [(len(ours & grade_ids(file.path)), file) for file in notebooks]
    # A cell copied into another notebook does not make that notebook this assignment.
    enough = max(count for count, _ in scored) / 2
    fitting = [file for count, file in scored if count and count >= enough]
    named = [file for file in notebooks if assignment.name in file.name]
    candidates = fitting or named or notebooks
    latest = max(candidates, key=lambda file: (file.when, _copy_number(file.name), file.name))
    others = [file for file in notebooks if file is not latest]
    rivals = [file for file in candidates if file is not latest]
    if rivals:
        seen = ", ".join(plain_name(file.name) for file in rivals)
        said.append(
            f"Handed in {len(candidates)} times: {plain_name(latest.name)} of {latest.when:%Y-%m-%d %H:%M:%S} UTC, "
            f"the latest, counts; kept aside: {seen}."
        )
    foreign = [file for file in others if file not in candidates]
    if foreign:
        seen = ", ".join(plain_name(file.name) for file in foreign)
        said.append(f"Not of this assignment, kept aside: {seen}.")
    return latest, others


def _copy_number(name: str) -> int:
    """What Canvas, or a browser, puts behind the name of a later file: ``hw-1.ipynb``, ``hw (2).ipynb``."""
    found = re.search(r"(?:-(\d{1,3})| \((\d{1,3})\))\.ipynb$", name, flags=re.IGNORECASE)
    return int(found[1] or found[2]) if found else 0


def _handed_in_at(target: Path, stamp: Path) -> datetime:
    """When the notebook of an earlier collection was handed in."""
    with contextlib.suppress(OSError, ValueError):
        return datetime.fromisoformat(stamp.read_text().strip().removesuffix(" UTC")).replace(tzinfo=UTC)
    return datetime.fromtimestamp(min(max(0, int(target.stat().st_mtime)), 2**32), tz=UTC)


def _age(path: Path) -> tuple[int, str]:
    """What decides between two of one second."""
    return path.stat().st_mtime_ns, _digest(path)


def _zipped(file: HandedIn, temporary: Path, said: list[str], deep: int = 0) -> Iterable[HandedIn]:
    """What a student packed into a .zip of their own, also into one within another."""
    if not file.is_zip:
        return
    if not zipfile.is_zipfile(file.path) or deep > 2:
        why = "its archives lie too deep in one another" if deep > 2 else "it is no zip file"
        said.append(f"{plain_name(file.name)} was not taken: {why}.")
        return
    inside = Path(tempfile.mkdtemp(dir=temporary)) / "student"
    try:
        unpack(file.path, inside, _STUDENTS_ZIP)
    except UserError as error:
        said.append(f"{plain_name(file.name)} was refused ({plain_name(error.problem.partition(': ')[2])}).")
        return
    found = 0
    for path in sorted(inside.rglob("*")):
        ours = ".ipynb_checkpoints" not in path.parts and "__MACOSX" not in path.parts and not path.name.startswith(".")
        if not path.is_file() or not ours:
            continue
        inner = HandedIn(path, f"{file.name}/{path.relative_to(inside).as_posix()}", file.when)
        if path.suffix.lower() == ".ipynb":
            found += 1
            yield inner
        elif path.suffix.lower() == ".zip":
            for each in _zipped(inner, temporary, said, deep + 1):
                found += 1
                yield each
    if not found:
        said.append(f"{plain_name(file.name)} holds no notebook (.ipynb).")


def _keep(source: Path, folder: Path, when: datetime) -> None:
    """Copy a file aside under a name that its content decides, so that doing it twice makes no second copy."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parents[1]).chmod(0o700)
    digest = _digest(source)
    if not list(folder.glob(f"*-{digest}.ipynb")):
        _copy(source, folder / f"{when:%Y-%m-%d_%H-%M-%S}-{digest}.ipynb")


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.sha256(file.read(MOST)).hexdigest()[:12]


def _copy(source: Path, target: Path) -> None:
    """Copy what can be of use, in one step: a reader never sees half a file."""
    partial = target.with_name(f".{target.name}.partial")
    with open(source, "rb") as read, open(partial, "wb") as write:
        left = MOST
        while left and (part := read.read(min(2**20, left))):
            left -= write.write(part)
    partial.chmod(0o600)
    shutil.copystat(source, partial)
    partial.chmod(0o600)
    partial.replace(target)

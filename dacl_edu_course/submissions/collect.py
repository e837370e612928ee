"""Gather what students handed in: one notebook a student in nbgrader's ``submitted`` folder, nothing lost silently."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dacl_edu.data.archive import UnpackLimits, unpack
from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.submissions.files import MOST, HandedIn, files_by_student, plain_name, safe_names, unwrapped, unzip
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


def collect(folder: str | Path, assignment: Assignment, course: str | Path) -> list[Collected]:
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

    Returns
    -------
    list of Collected
        Sorted by student. What belongs to no student comes first, under the name "" and without a path.

    Raises
    ------
    UserError
        No such folder, no zip file, or nothing in it.
    """
    folder, course = Path(folder), Path(course)
    with tempfile.TemporaryDirectory(prefix="dacl-edu-collect-") as scratch:
        refused: list[tuple[str, str]] = []
        if folder.is_file():
            inside = Path(scratch) / "class"
            inside.mkdir()
            refused = unzip(folder, inside)
            place = unwrapped(inside, folder.stem)
        elif folder.is_dir():
            place = folder
        else:
            raise UserError(f"{folder}: no such folder", hint="give the folder, or the .zip, of the submissions")
        files, notes = files_by_student(place, assignment.name)
        for name, why in refused:
            parts = name.removeprefix(f"{folder.stem}/" if place.name == folder.stem else "").split("/")
            owner = parts[0] if len(parts) > 1 and ".." not in parts else ""
            if owner:
                files.setdefault(owner, [])  # one whose only file was refused is still one who handed in
            notes.setdefault(owner, []).append(f"In the archive, {plain_name(name)} was left out: {why}.")
        if not files:
            hint = "; ".join(notes.get("", [])) or "expected is STUDENT/NAME.ipynb, or STUDENT_NAME.ipynb"
            raise UserError(f"{folder}: no submission in it", hint=hint)
        names = safe_names(list(files))
        taken = [
            _one(assignment, course, names[student], student, files[student], notes.get(student, []), Path(scratch))
            for student in files
        ]
    taken.extend([Collected("", None, tuple(notes[""]))] if notes.get("") else [])
    return sorted(taken, key=lambda each: each.student)


def _one(
    assignment: Assignment,
    course: Path,
    student: str,
    called: str,
    files: list[HandedIn],
    notes: list[str],
    scratch: Path,
) -> Collected:
    said = list(notes)
    if student != called:
        said.append(f"The name {plain_name(called)!r} became {student!r}.")
    files = files + [inner for file in files if not file.is_notebook for inner in _zipped(file, scratch, said)]
    notebooks = [file for file in files if file.is_notebook]
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
        before = datetime.fromtimestamp(min(max(0, int(target.stat().st_mtime)), 2**32)).astimezone()
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
    latest = max(candidates, key=lambda file: (file.when, file.name))
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


def _zipped(file: HandedIn, scratch: Path, said: list[str]) -> Iterable[HandedIn]:
    """What a student packed into a .zip of their own."""
    if not file.name.lower().endswith(".zip") or not zipfile.is_zipfile(file.path):
        return
    inside = Path(tempfile.mkdtemp(dir=scratch)) / "student"
    try:
        unpack(file.path, inside, _STUDENTS_ZIP)
    except UserError as error:
        said.append(f"{plain_name(file.name)} was refused ({plain_name(error.problem.partition(': ')[2])}).")
        return
    for path in sorted(inside.rglob("*.ipynb")):
        if path.is_file() and ".ipynb_checkpoints" not in path.parts and not path.name.startswith("._"):
            yield HandedIn(path, f"{file.name}/{path.relative_to(inside).as_posix()}", file.when)


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

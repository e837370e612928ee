"""Tables that learning platforms take back: names and numbers as the platform gave them, UTF-8 with its mark."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dacl_edu.errors import UserError
from dacl_edu.files import read_object
from dacl_edu_course.definitions import write_text
from dacl_edu_course.grading.scores import SubmissionScore
from dacl_edu_course.submissions.roster import Person, read_roster

FORMATS = ("csv", "canvas", "moodle", "gradescope")


def students_of(course: str | Path) -> dict[str, dict[str, str]]:
    """Return what is known of each student, by how the course calls them: platform, number, name, e-mail."""
    try:
        told = read_object(Path(course) / "students.json")
    except (OSError, ValueError):
        told = {}
    known: dict[str, dict[str, str]] = {student: dict(said) for student, said in told.items() if isinstance(said, dict)}
    for person in roster_of(course):
        known.setdefault(person.id, {}).update({"name": person.name, "email": person.email})
    return known


def roster_of(course: str | Path) -> list[Person]:
    """Return the roster that was given with ``collect``, or none."""
    path = Path(course) / "roster.csv"
    return read_roster(path) if path.is_file() else []


def write_upload(scores: Sequence[SubmissionScore], course: str | Path, name: str, form: str) -> Path:
    """Write ``results/NAME_FORM.csv``.

    Parameters
    ----------
    scores : sequence of SubmissionScore
    course : path
    name : str
        Of the assignment.
    form : {"canvas", "moodle", "gradescope"}

    Raises
    ------
    UserError
        An unknown form.
    """
    if form not in FORMATS[1:]:
        raise UserError(f"unknown format {form!r}", hint=f"use --format {', '.join(FORMATS)}")
    known = students_of(course)
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\r\n")
    rows.writerow(_HEADERS[form](name))
    for score in scores:
        told = known.get(score.student, {})
        rows.writerow(_ROWS[form](score, told, told.get("name") or score.student))
    path = Path(course) / "results" / f"{name}_{form}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_text(path, table.getvalue(), private=True, encoding="utf-8-sig")


def _canvas(score: SubmissionScore, told: dict[str, str], name: str) -> list[Any]:
    return [name, told.get("number", ""), score.student, told.get("email", ""), "", f"{score.total:g}"]


def _moodle(score: SubmissionScore, told: dict[str, str], name: str) -> list[Any]:
    participant = f"Participant {told['number']}" if told.get("number") else ""
    reasons = " | ".join(f"{q.title or q.name}: {q.reason}" for q in score.questions if q.reason)
    return [participant, name, told.get("email", ""), f"{score.total:g}", f"{score.maximum:g}", reasons]


def _gradescope(score: SubmissionScore, told: dict[str, str], name: str) -> list[Any]:
    return [name, told.get("number") or score.student, told.get("email", ""), f"{score.total:g}", f"{score.maximum:g}"]


_ROWS = {"canvas": _canvas, "moodle": _moodle, "gradescope": _gradescope}
_HEADERS: dict[str, Any] = {
    "canvas": lambda name: ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", name],
    "moodle": lambda _: [
        *("Identifier", "Full name", "Email address", "Grade", "Maximum grade", "Feedback comments"),
    ],
    "gradescope": lambda _: ["Name", "SID", "Email", "Total Score", "Max Points"],
}

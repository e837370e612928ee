"""Marks into nbgrader's gradebook, into ``autograded`` notebooks for its formgrader, and into a table.

Grading again replaces what the grader found and keeps what a person decided.
"""

from __future__ import annotations

import csv
import json
import logging
import re
import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from dacl_edu.errors import UserError
from dacl_edu.text import nearest
from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.release import COURSE_ID, tools_on_path
from dacl_edu_course.definitions import write_text
from dacl_edu_course.grading.scores import SubmissionScore
from dacl_edu_course.sandbox.protocol import plain
from dacl_edu_course.submissions.repair import Merged, Repaired

Result = tuple[SubmissionScore, Repaired | None]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_AFTER_SEPARATOR = re.compile(r"([;,|\"]\s*)(?=[=+@＝＋＠]|-\s*\w+\()")
"""Where a spreadsheet that takes semicolons for separators would begin another cell."""

_TAG = re.compile(r"<(?=[a-zA-Z/!?])")
_LINK = re.compile(r"\](?=[(:\[])")
_ENTITY = re.compile(r"&(?=#|\w+;)")
_ACTIVE_TEX = re.compile(
    r"\\(?=(?:href|url|require|unicode|style|class|cssId|data|html\w*|csname|def|let|\w*newcommand)(?![a-zA-Z]))"
)


def record(
    course: str | Path, assignment: Assignment, results: Sequence[Result], done: Callable[[str], None] | None = None
) -> None:
    """Write the marks of a batch to ``gradebook.db`` and ``autograded/STUDENT/NAME/NAME.ipynb``.

    Parameters
    ----------
    course : path
        A released course.
    assignment : Assignment
    results : sequence of (SubmissionScore, Repaired or None)
        None for a submission that could not be read.
    done : callable, optional
        Called with the student after each one, for progress.

    Raises
    ------
    UserError
        The gradebook does not know the assignment, or another program has locked it.
    """
    course = Path(course)
    with gradebook(course, assignment.name) as book:
        for mark, repaired in results:
            place = _autograded(course, assignment, mark.student)
            changed = _changed_answers(place, repaired)
            stamp = course / "submitted" / mark.student / assignment.name / "timestamp.txt"
            when = {"timestamp": stamp.read_text(encoding="utf-8").strip()} if stamp.is_file() else {}
            book.update_or_create_student(mark.student)
            submission = book.update_or_create_submission(assignment.name, mark.student, **when)
            _write_scores(assignment, submission, mark, repaired, changed)
            book.db.commit()
            _write_autograded(place, mark, repaired)
            if done:
                done(mark.student)


def manual_scores(course: str | Path, assignment: Assignment) -> dict[str, dict[str, tuple[float, str]]]:
    """Return what a person decided in the formgrader: score and comment by student and question.

    A question that waits to be looked at again (its answer changed since) is not among them.

    Raises
    ------
    UserError
    """
    found: dict[str, dict[str, tuple[float, str]]] = {}
    questions = {question.grade_id: question for question in assignment.questions}
    with gradebook(Path(course), assignment.name) as book:
        for submission in book.assignment_submissions(assignment.name):
            for notebook in submission.notebooks:
                said = {comment.name: comment.manual_comment or "" for comment in notebook.comments}
                for grade in notebook.grades:
                    question = questions.get(grade.name)
                    if question and grade.manual_score is not None and not grade.needs_manual_grade:
                        score = float(grade.manual_score) + float(grade.extra_credit or 0)
                        comment = said.get(question.solution.id, "")
                        found.setdefault(submission.student_id, {})[question.name] = (score, comment)
    return found


def manual_comments(course: str | Path, assignment: Assignment) -> dict[str, dict[str, str]]:
    """Return a person's comments by student and question, whether or not a score was given.

    Raises
    ------
    UserError
    """
    names = {question.solution.id: question.name for question in assignment.questions}
    with gradebook(Path(course), assignment.name) as book:
        return {
            submission.student_id: {
                names[comment.name]: comment.manual_comment
                for notebook in submission.notebooks
                for comment in notebook.comments
                if comment.manual_comment and comment.name in names
            }
            for submission in book.assignment_submissions(assignment.name)
        }


def write_csv(scores: Sequence[SubmissionScore], path: str | Path, absent: Sequence[str] = ()) -> Path:
    """Write one row a submission: each question, total, maximum, what waits for a person, reasons, notes.

    A text that a spreadsheet would take for a formula gets an apostrophe in front. Students of the roster in ``absent``
    get a row that says that they did not hand in.

    Returns
    -------
    Path
    """
    path = Path(path)
    names = list(dict.fromkeys(question.name for mark in scores for question in mark.questions))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    with open(partial, "w", newline="", encoding="utf-8-sig") as file:
        rows = csv.writer(file)
        ends = ("total", "max", "waits", "penalty", "reasons", "notes")
        rows.writerow(["student", "assignment", *map(table_cell, names), *ends])
        for mark in scores:
            earned = {q.name: "waits" if q.earned is None else f"{q.earned:g}" for q in mark.questions}
            reasons = " | ".join(f"{q.name}: {q.reason}" for q in mark.questions if q.reason and q.verdict != "right")
            rows.writerow(
                [
                    *(table_cell(mark.student), table_cell(mark.assignment)),
                    *(earned.get(name, "") for name in names),
                    *(f"{mark.total:g}", f"{mark.maximum:g}", f"{mark.waiting:g}", f"{mark.penalty:g}"),
                    *(table_cell(reasons), table_cell(" | ".join(mark.notes))),
                ]
            )
        for student in absent:
            blanks = [""] * (len(names) + len(ends) - 1)
            rows.writerow([table_cell(student), scores[0].assignment, *blanks, "did not hand in"])
    partial.chmod(0o600)
    partial.replace(path)
    return path


def table_cell(text: str) -> str:
    """Return a text for a CSV file that no spreadsheet takes for a formula."""
    text = plain(text, 2000)
    text = _AFTER_SEPARATOR.sub(r"\1'", text)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text


def set_due(course: str | Path, name: str, when: str, student: str = "") -> str:
    """Set when an assignment is due, for all or for one student; return it in UTC.

    Parameters
    ----------
    course : path
    name : str
        Of the assignment.
    when : str
        As nbgrader reads it: ``2026-12-01 23:59 Europe/Berlin``; UTC where no zone is named.
    student : str, optional
        Who has another date than the rest: nbgrader's extension.

    Raises
    ------
    UserError
        No time, or a student whose submission is not graded yet.
    """
    from nbgrader.api import MissingEntry
    from nbgrader.utils import parse_utc

    zone = "".join(when.split(" ")[2:])
    if zone and not zone.lstrip("+-").isdigit() and zone not in available_timezones():  # nbgrader takes it for UTC
        raise UserError(f"{zone!r} is no time zone", hint=nearest(zone, available_timezones(), "e.g. Europe/Berlin"))
    try:
        due = parse_utc(when if when.isascii() else "")
    except (ValueError, OverflowError) as error:
        raise UserError(f"{when!r} is no time", hint='write "2026-12-01 23:59 Europe/Berlin"') from error
    with gradebook(Path(course), name) as book:
        if not student:
            book.update_or_create_assignment(name, duedate=due)
        else:
            usual = book.find_assignment(name).duedate
            if usual is None:
                raise UserError(f"{name} has no due date", hint="set that of all first")
            try:
                book.grant_extension(name, student, minutes=(due - usual).total_seconds() / 60)
            except MissingEntry:
                raise UserError(f"no graded submission by {student!r}", hint="dacl-edu course grade first") from None
    return f"{due:%Y-%m-%d %H:%M} UTC"


def late_penalties(course: str | Path, assignment: Assignment) -> dict[str, tuple[float, float]]:
    """Return seconds and lost points of those who handed in late, by the rule of the course's ``nbgrader_config.py``.

    Raises
    ------
    UserError
    """
    from nbformat.v4 import new_notebook
    from nbgrader.preprocessors import AssignLatePenalties
    from traitlets.config.loader import PyFileConfigLoader

    course = Path(course)
    with gradebook(course, assignment.name) as book:
        submitted = book.assignment_submissions(assignment.name)
        late = {s.student_id: s.total_seconds_late for s in submitted if s.total_seconds_late > 0}
    if not late:
        return {}
    settings = course / "nbgrader_config.py"
    config = PyFileConfigLoader(settings.name, str(course)).load_config() if settings.is_file() else None
    rule = AssignLatePenalties(config=config, log=_quiet_log())
    found = {}
    for student, seconds in late.items():
        names = {"notebook": assignment.name, "assignment": assignment.name, "student": student}
        where = f"sqlite:///{(course / 'gradebook.db').resolve()}"
        rule.preprocess(new_notebook(), {"nbgrader": {**names, "db_url": where}})
        with gradebook(course, assignment.name) as book:
            notebook = book.find_submission_notebook(assignment.name, assignment.name, student)
            found[student] = (float(seconds), float(notebook.late_submission_penalty or 0.0))
    return found


def _quiet_log() -> logging.Logger:
    log = logging.getLogger("dacl_edu_course.late")
    log.setLevel(logging.CRITICAL)
    return log


@contextmanager
def gradebook(course: Path, name: str) -> Iterator[Any]:
    """Open a course's gradebook.

    Raises
    ------
    UserError
        There is none, it does not know the assignment, or another program has locked it.
    """
    from nbgrader.api import Gradebook, MissingEntry
    from sqlalchemy.exc import DBAPIError, SAWarning

    file = course / "gradebook.db"
    if not file.is_file():
        raise UserError(f"{file}: no gradebook", hint="release the assignment into this course folder first")
    with tools_on_path(), warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of nbgrader's own queries
        try:
            with Gradebook(f"sqlite:///{file.resolve()}", COURSE_ID) as book:
                try:
                    book.find_assignment(name)
                except MissingEntry:
                    raise UserError(f"{file}: knows no {name}", hint="release the assignment first") from None
                yield book
        except DBAPIError as error:
            raise UserError(f"{file}: {error.orig}", hint="close what uses it, or restore it from a copy") from error


def _write_scores(
    assignment: Assignment, submission: Any, mark: SubmissionScore, repaired: Repaired | None, changed: set[str]
) -> None:
    earned = {question.name: question.earned for question in mark.questions}
    by_grade_id = {question.grade_id: question for question in assignment.questions}
    by_solution = {question.solution.id: question for question in assignment.questions}
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            question = by_grade_id.get(grade.name)
            if question is None or question.name not in earned:
                continue
            grade.auto_score = earned[question.name]
            looked_at = grade.manual_score is not None and question.name not in changed
            grade.needs_manual_grade = earned[question.name] is None and not looked_at
        for comment in notebook.comments:
            question = by_solution.get(comment.name)
            untouched = question and (repaired is None or question.name in repaired.missing)
            comment.auto_comment = "No response." if untouched else None


def _autograded(course: Path, assignment: Assignment, student: str) -> Path:
    return course / "autograded" / student / assignment.name / f"{assignment.name}.ipynb"


def _changed_answers(place: Path, repaired: Repaired | None) -> set[str]:
    """Return the questions whose answer is another than when the submission was graded last."""
    try:
        before = json.loads(place.read_text(encoding="utf-8"))["metadata"]["dacl_edu"]["answers"]
    except (OSError, ValueError, KeyError, TypeError):
        return set()
    now = repaired.answers if repaired else {}
    return {name for name in before if now.get(name, "") != before[name]}


def _write_autograded(place: Path, mark: SubmissionScore, repaired: Repaired | None) -> None:
    import nbformat
    from nbformat.v4 import new_notebook

    metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "dacl_edu": {"answers": repaired.answers if repaired else {}},
    }
    merged = repaired.merged if repaired else ()
    # A grade_id may stand once, so an answer in several cells bears it on the last, the one that counts.
    last = {each.cell.id: number for number, each in enumerate(merged) if each.cell}
    cells = [_notes(mark)]
    for number, each in enumerate(merged):
        cells.append(_as_cell(number, each, mark, labelled=bool(each.cell and last[each.cell.id] == number)))
    place.parent.mkdir(parents=True, exist_ok=True)
    place.parents[2].chmod(0o700)
    write_text(place, nbformat.writes(new_notebook(cells=cells, metadata=metadata)) + "\n", private=True)


def _notes(mark: SubmissionScore) -> Any:
    from nbformat.v4 import new_markdown_cell

    lines = [f"**Graded: {mark.total:g} of {mark.maximum:g} points, {mark.waiting:g} wait for a person**"]
    said = [f"- {plain(note, 1000)}" for note in mark.notes]
    return new_markdown_cell(_harmless("\n\n".join([*lines, *said])), id="notes")


def _as_cell(number: int, merged: Merged, mark: SubmissionScore, labelled: bool) -> Any:
    from nbformat import from_dict
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

    cell, cell_id = merged.cell, f"cell-{number}"
    metadata = {"nbgrader": dict(cell.nbgrader)} if cell and cell.nbgrader and labelled else {}
    if merged.cell_type == "markdown":
        text = merged.source if merged.origin == "author" else _harmless(merged.source)
        return new_markdown_cell(text, id=cell_id, metadata=metadata)
    if merged.cell_type == "raw":
        # Programs that make HTML of a raw cell take it for HTML; shown as code it is only shown.
        return new_markdown_cell(textwrap.indent(merged.source, "    ", lambda line: True), id=cell_id)
    outputs = list(merged.outputs)
    tested = cell.id.removeprefix("test_") if cell and cell.kind == "test" else None
    verdict = next((question for question in mark.questions if question.name == tested), None)
    if verdict:
        sign = {"right": "✔", "waits": "…"}.get(verdict.verdict, "✘")
        earned = "waits for a person" if verdict.earned is None else f"{verdict.earned:g} of {verdict.points:g} points"
        outputs = [new_output("stream", name="stdout", text=f"{sign} {earned}. {plain(verdict.reason, 2000)}")]
    return new_code_cell(merged.source, id=cell_id, metadata=metadata, outputs=[from_dict(dict(o)) for o in outputs])


def _harmless(markdown: str) -> str:
    """A browser shows this with the teacher's rights: no tag of a student's is left in it."""
    # Nor a link, an image from elsewhere, or a formula that is one: formgrader lets javascript: through.
    text = _LINK.sub(r"]\\", _TAG.sub("&lt;", _ENTITY.sub("&amp;", markdown)))
    return _ACTIVE_TEX.sub("", text)

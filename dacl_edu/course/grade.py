"""Grade one submission: repair it, run its cells shut in, run the author's tests here on stand-ins.

No exception of a student's notebook comes out of here: whatever it is or does, it gets marks and a plain reason.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from dacl_edu.course.assignment import Assignment, Question
from dacl_edu.course.marks import QuestionMark, SubmissionMark
from dacl_edu.course.repair import Damaged, Repaired, read_submission, repair
from dacl_edu.course.sandbox.limits import Limits
from dacl_edu.course.sandbox.process import Worker
from dacl_edu.course.sandbox.session import Session
from dacl_edu.course.testing import run_test_cell


@dataclass(frozen=True)
class Graded:
    """What came of a submission.

    Parameters
    ----------
    mark : SubmissionMark
    repaired : Repaired or None
        The notebook put right; None where there was none to grade.
    """

    mark: SubmissionMark
    repaired: Repaired | None = field(default=None, repr=False)


def grade_submission(
    assignment: Assignment,
    student: str,
    path: Path | None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    notes: tuple[str, ...] = (),
    worker: Worker | None = None,
) -> Graded:
    """Grade one notebook.

    Parameters
    ----------
    assignment : Assignment
        With hidden tests and points.
    student : str
    path : Path or None
        The notebook; None: nothing was handed in.
    limits : Limits
        Of time, memory and output.
    notes : tuple of str
        What was said of it before, when it was collected.
    worker : Worker, optional
        A process started ahead; it is ended here.

    Returns
    -------
    Graded
    """
    started = time.monotonic()
    submission = Damaged("there is no notebook in the submission") if path is None else read_submission(path)
    repaired = submission if isinstance(submission, Damaged) else repair(assignment, submission)
    if isinstance(repaired, Damaged):
        if worker is not None:
            worker.close()
        lost = tuple(_mark(question, 0.0, repaired.reason) for question in assignment.questions)
        said = _distinct(notes, (repaired.reason,))
        return Graded(SubmissionMark(student, assignment.name, lost, said, _since(started)))
    with Session(_named(repaired), limits, worker=worker) as session:
        marks = tuple(_graded(question, repaired, session) for question in assignment.questions)
    said = tuple(map(_sentence, session.notes))
    mark = SubmissionMark(student, assignment.name, marks, _distinct(notes, repaired.notes, said), _since(started))
    return Graded(mark, repaired)


def _graded(question: Question, repaired: Repaired, session: Session) -> QuestionMark:
    missing = repaired.missing.get(question.name, "")
    if question.test is None:
        # An empty answer is still a person's to judge: it may stand in a cell of the student's own.
        return _mark(question, None, missing)
    reason = missing or run_test_cell(repaired.tests[question.name], session.answer)
    return _mark(question, 0.0 if reason else question.points, reason)


def _mark(question: Question, earned: float | None, reason: str) -> QuestionMark:
    return QuestionMark(question.name, question.title, question.points, earned, reason)


def _named(repaired: Repaired) -> list[tuple[str, str]]:
    """The cells with distinct names, by which notes call them."""
    cells: list[tuple[str, str]] = []
    seen: dict[str, int] = {}
    for cell in repaired.cells:
        name = cell.id if cell.id else "of your own"
        seen[name] = seen.get(name, 0) + 1
        cells.append((name if seen[name] == 1 else f"{name} ({seen[name]})", cell.source))
    return cells


def _sentence(note: str) -> str:
    first = note.partition(" ")[0]
    capital = note if "_" in first else note[:1].upper() + note[1:]  # the name of a function stays as it is
    return capital if capital.endswith(".") else f"{capital}."


def _distinct(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(note for group in groups for note in group))


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)

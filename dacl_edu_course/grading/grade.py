"""Grade one submission: repair it, run its cells shut in, run the author's tests here on stand-ins.

No exception of a student's notebook comes out of here: whatever it is or does, it gets marks and a plain reason.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from dacl_edu.check.answers import AnswerError
from dacl_edu_course.authoring.assignment import Assignment, Question
from dacl_edu_course.grading.scores import QuestionScore, SubmissionScore
from dacl_edu_course.grading.test_cell import Given, TestCell
from dacl_edu_course.questions.question import seeded
from dacl_edu_course.sandbox.limits import Limits
from dacl_edu_course.sandbox.process import Worker
from dacl_edu_course.sandbox.protocol import plain
from dacl_edu_course.sandbox.session import Session
from dacl_edu_course.submissions.repair import Damaged, Repaired, read_submission, repair

_NOTES, _LETTERS = 50, 1000


@dataclass(frozen=True)
class Graded:
    """What came of a submission.

    Attributes
    ----------
    mark : SubmissionScore
    repaired : Repaired or None
        The notebook put right; None where there was none to grade.
    failed : bool, default False
        Whether the grader failed, so that this is no mark.
    """

    mark: SubmissionScore
    repaired: Repaired | None = field(default=None, repr=False)
    failed: bool = False


def grade_submission(
    assignment: Assignment,
    student: str,
    path: Path | None,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    notes: tuple[str, ...] = (),
    worker: Worker | None = None,
    secret: bytes = b"",
    veiled: bool = True,
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
    secret : bytes
        From which hidden tests draw their batches.
    veiled : bool, default True
        Whether reasons tell nothing of what is hidden; an author's own source hides nothing from its author.

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
        return Graded(SubmissionScore(student, assignment.name, lost, said, _since(started)))
    cells = _named(repaired)
    definitions = [name for (name, _), cell in zip(cells, repaired.cells, strict=True) if cell.definitions]
    handed_in = "\0".join(source for _, source in cells)
    with (
        Session(cells, limits, worker=worker, definitions=definitions, files=assignment.files) as session,
        seeded(secret, handed_in),
    ):
        scores = _scores(assignment, repaired, session, veiled)
    said = tuple(map(_sentence, session.notes))
    mark = SubmissionScore(student, assignment.name, scores, _distinct(notes, repaired.notes, said), _since(started))
    return Graded(mark, repaired)


def failed(assignment: Assignment, student: str, error: Exception, notes: tuple[str, ...] = ()) -> Graded:
    """Return what a submission gets on which the grader itself failed: no points yet, and a person who looks at it.

    Parameters
    ----------
    assignment : Assignment
    student : str
    error : Exception
        Its kind alone is named.
    notes : tuple of str
    """
    said = f"The grader failed on this submission ({type(error).__name__}): a person looks at it."
    waits = tuple(_mark(question, None, "") for question in assignment.questions)
    return Graded(SubmissionScore(student, assignment.name, waits, _distinct(notes, (said,))), failed=True)


def _scores(assignment: Assignment, repaired: Repaired, session: Session, veiled: bool) -> tuple[QuestionScore, ...]:
    """Run what the student could see of every test, and only then what is hidden; see :class:`TestCell`."""
    given = Given(assignment)
    reasons: dict[str, str] = {}
    tested = [question.name for question in assignment.questions if question.test]
    cells = {name: TestCell(repaired.tests[name], partial(_named_value, given, session), veiled) for name in tested}
    for name, cell in cells.items():
        reasons[name] = cell.visible()
    session.discreet = veiled
    for name, cell in cells.items():
        reasons[name] = reasons[name] or cell.hidden()
    # Where the answer's own cell is empty or gone another one may hold it, so the test was asked all the same.
    for name, why in repaired.missing.items():
        reasons[name] = why if name not in cells or reasons[name] else ""
    return tuple(_graded(question, reasons.get(question.name, "")) for question in assignment.questions)


def _named_value(given: Given, session: Session, name: str) -> Any:
    """What a test sees under a name: the author's where the author made it, else the student's."""
    if name in given:
        return given[name]
    try:
        return session.value(name)
    except AnswerError:
        return session.answer(name)  # a check that uses it says why it is not there


def _graded(question: Question, reason: str) -> QuestionScore:
    if question.test is None:
        # An empty answer is still a person's to judge: it may stand in a cell of the student's own.
        return _mark(question, None, reason)
    return _mark(question, 0.0 if reason else question.points, reason)


def _mark(question: Question, earned: float | None, reason: str) -> QuestionScore:
    return QuestionScore(question.name, question.title, question.points, earned, reason)


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
    """Each note once, as one harmless line; not thousands of them."""
    notes = list(dict.fromkeys(plain(note, _LETTERS) for group in groups for note in group))
    rest = [f"There are {len(notes) - _NOTES:,} more notes like these."] if len(notes) > _NOTES else []
    return (*notes[:_NOTES], *rest)


def _since(started: float) -> float:
    return round(time.monotonic() - started, 2)

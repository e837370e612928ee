"""A whole class: what was collected is graded, several submissions at a time, and written where teachers look for it.

Each submission's marks are written as soon as they are there, so an interrupted batch loses only those under way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.release import find_sources, secret_seed
from dacl_edu_course.grading.feedback import write_feedback
from dacl_edu_course.grading.grade import Graded, failed, grade_submission
from dacl_edu_course.grading.gradebook import manual_comments, manual_scores, record, write_csv
from dacl_edu_course.grading.scores import SubmissionScore
from dacl_edu_course.questions.question import GRADING, SECRET
from dacl_edu_course.sandbox.limits import Limits, layers
from dacl_edu_course.submissions.collect import Collected
from dacl_edu_course.submissions.collect import collect as collect_files


@dataclass(frozen=True)
class Results:
    """What a class earned.

    Attributes
    ----------
    scores : tuple of SubmissionScore
        Sorted by student; a person's points included.
    csv : Path
    """

    scores: tuple[SubmissionScore, ...]
    csv: Path


@dataclass(frozen=True)
class Submitted:
    """A submission that waits to be graded: its notebook, if there is one, and what was said when it was collected."""

    student: str
    path: Path | None
    notes: tuple[str, ...]


def find_assignment(name: str, course: str | Path) -> Assignment:
    """Return an assignment of a course by its name, or by how the name begins.

    Raises
    ------
    UserError
    """
    sources = find_sources(Path(course) / "source")
    found = [p for p in sources if p.stem == name] or [p for p in sources if p.stem.startswith(f"{name}_")]
    if len(found) != 1:
        known = ", ".join(path.stem for path in sources)
        hint = f"there are {known}" if known else f"dacl-edu course release {name} --course {course}"
        raise UserError(f"{course}: no assignment {name!r}", hint=hint)
    return Assignment.load(found[0])


def collect_course(folder: str | Path, assignment: Assignment, course: str | Path) -> list[Collected]:
    """Collect (:func:`dacl_edu_course.submissions.collect.collect`) and remember what was said, for the feedback.

    Raises
    ------
    UserError
    """
    collected = collect_files(folder, assignment, course)
    memory = _collected_file(course, assignment)
    said = _read_collected(memory) | {each.student: each.notes for each in collected if each.student}
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps(said, indent=1), encoding="utf-8")
    return collected


def submissions(assignment: Assignment, course: str | Path, only: Sequence[str] = ()) -> list[Submitted]:
    """Return what there is to grade: every student who handed in, with or without a notebook.

    Raises
    ------
    UserError
        Nothing was collected, or a student of ``only`` handed in nothing.
    """
    course = Path(course)
    said = _read_collected(_collected_file(course, assignment))
    found = {p.parents[1].name: p for p in course.glob(f"submitted/*/{assignment.name}/{assignment.name}.ipynb")}
    students = sorted(found.keys() | said.keys())
    if not students:
        raise UserError(
            f"{course}: no submission of {assignment.name}", hint=f"dacl-edu course collect FOLDER {assignment.name}"
        )
    unknown = [name for name in only if name not in students]
    if unknown:
        raise UserError(f"no submission by {unknown[0]!r}", hint=f"there are {', '.join(students)}")
    return [Submitted(s, found.get(s), tuple(said.get(s, ()))) for s in students if not only or s in only]


def grade_course(
    assignment: Assignment,
    course: str | Path,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    jobs: int = 0,
    only: Sequence[str] = (),
    done: Callable[[SubmissionScore], None] | None = None,
) -> Results:
    """Grade every submission and write gradebook, CSV and feedback.

    Parameters
    ----------
    assignment : Assignment
    course : path
    limits : Limits
        For each submission.
    jobs : int, default 0
        Submissions at a time; 0: one a processor.
    only : sequence of str, optional
        Students; all by default.
    done : callable, optional
        Called with each submission's marks as they come.

    Returns
    -------
    Results
        Of the whole class, those graded earlier included.

    Raises
    ------
    UserError
    """
    course = Path(course)
    waiting = submissions(assignment, course, only)
    with _hidden_tests_of(course):
        for graded in _graded(assignment, waiting, limits, jobs or os.cpu_count() or 1):
            graded = _written(assignment, course, graded)
            if done is not None:
                done(graded.mark)
    return write_results(assignment, course)


def write_results(assignment: Assignment, course: str | Path) -> Results:
    """Write ``results/NAME.csv`` and the feedback pages, with the points and comments that a person gave.

    Raises
    ------
    UserError
        Nothing was graded.
    """
    course = Path(course)
    stored = [
        json.loads(p.read_text(encoding="utf-8")) for p in sorted(_marks_folder(course, assignment).glob("*.json"))
    ]
    if not stored:
        raise UserError(f"{course}: nothing of {assignment.name} is graded", hint="dacl-edu course grade first")
    given, comments = manual_scores(course, assignment), manual_comments(course, assignment)
    scores = []
    for entry in stored:
        mark = SubmissionScore.from_json(entry["mark"])
        mark = mark.with_scores(given.get(mark.student, {}))
        write_feedback(course, mark, entry["answers"], assignment.title, comments.get(mark.student))
        scores.append(mark)
    return Results(tuple(scores), write_csv(scores, course / "results" / f"{assignment.name}.csv"))


def isolation() -> str:
    """Say which layers of the sandbox this system offers."""
    return f"Submissions run shut in: {layers()}."


def _graded(assignment: Assignment, waiting: Iterable[Submitted], limits: Limits, jobs: int) -> Iterator[Graded]:
    """Grade in threads: a thread mostly waits for the student's process, and the checks themselves are small."""
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(_never_raising, assignment, s, limits) for s in waiting]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _never_raising(assignment: Assignment, submitted: Submitted, limits: Limits) -> Graded:
    """Grade; whatever a submission does to the grader, the others are graded.

    Raises
    ------
    UserError
        Nothing at all can be graded on this system.
    """
    try:
        return grade_submission(assignment, submitted.student, submitted.path, limits, submitted.notes)
    except UserError:
        raise
    except Exception as error:
        return failed(assignment, submitted.student, error, submitted.notes)


def _written(assignment: Assignment, course: Path, graded: Graded) -> Graded:
    """Write what was found; where that fails, that it failed."""
    try:
        record(course, assignment, [(graded.mark, graded.repaired)])
        _write_mark(course, graded)
    except UserError:
        raise
    except Exception as error:
        graded = failed(assignment, graded.mark.student, error)
        record(course, assignment, [(graded.mark, graded.repaired)])
        _write_mark(course, graded)
    return graded


@contextmanager
def _hidden_tests_of(course: Path) -> Iterator[None]:
    """Let hidden tests draw from the course's secret; questions say nothing to the terminal."""
    before = {name: os.environ.get(name) for name in (SECRET, GRADING)}
    os.environ[SECRET], os.environ[GRADING] = str(secret_seed(course)), "1"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _write_mark(course: Path, graded: Graded) -> None:
    folder = course / "marks" / graded.mark.assignment
    folder.mkdir(parents=True, exist_ok=True)
    answers = graded.repaired.answers if graded.repaired else {}
    path = folder / f"{graded.mark.student}.json"
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps({"mark": graded.mark.to_json(), "answers": answers}, indent=1), encoding="utf-8")
    partial.replace(path)


def _marks_folder(course: Path, assignment: Assignment) -> Path:
    return course / "marks" / assignment.name


def _collected_file(course: str | Path, assignment: Assignment) -> Path:
    return Path(course) / "submitted" / f".{assignment.name}.json"


def _read_collected(path: Path) -> dict[str, tuple[str, ...]]:
    try:
        return {student: tuple(notes) for student, notes in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return {}

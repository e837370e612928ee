"""A whole class: what was collected is graded, several submissions at a time, and written where teachers look for it.

Each submission's marks are written as soon as they are there, so an interrupted batch loses only those under way. What
fails never takes the place of a mark.
"""

from __future__ import annotations

import hmac
import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.release import find_sources, secret_of
from dacl_edu_course.definitions import write_text
from dacl_edu_course.grading.feedback import feedback_page, without_names, write_feedback
from dacl_edu_course.grading.grade import Graded, failed, grade_submission
from dacl_edu_course.grading.gradebook import (
    late_penalties,
    manual_comments,
    manual_scores,
    record,
    table_cell,
    write_csv,
)
from dacl_edu_course.grading.lock import locked
from dacl_edu_course.grading.scores import SubmissionScore
from dacl_edu_course.grading.test_cell import make_importable
from dacl_edu_course.grading.upload import roster_of, students_of
from dacl_edu_course.questions.question import GRADING
from dacl_edu_course.sandbox.home import clear_left_behind
from dacl_edu_course.sandbox.limits import Limits, layers
from dacl_edu_course.sandbox.process import Worker
from dacl_edu_course.submissions.collect import Collected
from dacl_edu_course.submissions.collect import collect as collect_files
from dacl_edu_course.submissions.roster import Roster, read_map, read_roster


@dataclass(frozen=True)
class Results:
    """What a class earned.

    Attributes
    ----------
    scores : tuple of SubmissionScore
        Sorted by student; a person's points included.
    csv : Path
    problems : tuple of str
        What could not be done, in sentences for the instructor.
    """

    scores: tuple[SubmissionScore, ...]
    csv: Path
    problems: tuple[str, ...] = ()


class Interrupted(KeyboardInterrupt):
    """Someone pressed Ctrl-C: ``done`` of ``all`` submissions are graded, and kept.

    Parameters
    ----------
    done, all : int
    """

    def __init__(self, done: int, all: int) -> None:
        super().__init__(f"{done} of {all} submissions are graded and kept")
        self.done, self.all = done, all


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


def collect_course(
    folder: str | Path,
    assignment: Assignment,
    course: str | Path,
    roster: str | Path | None = None,
    named: str | Path | None = None,
) -> list[Collected]:
    """Collect (:func:`dacl_edu_course.submissions.collect.collect`) and remember what was said, for the feedback.

    Raises
    ------
    UserError
    """
    with locked(course, f"collect {assignment.name}"):
        kept = Path(course) / "roster.csv"
        if roster is not None:
            read_roster(roster)  # before it is kept
            write_text(kept, Path(roster).read_text(encoding="utf-8-sig"), private=True)
        people = read_roster(kept) if kept.is_file() else []
        collected = collect_files(folder, assignment, course, Roster(people, read_map(named) if named else None))
        memory = _collected_file(course, assignment)
        said = _read_collected(memory) | {each.student: each.notes for each in collected if each.student}
        memory.parent.mkdir(parents=True, exist_ok=True)
        write_text(memory, json.dumps(said, indent=1))
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
    questions: Sequence[str] = (),
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
        Called with each submission's scores as they come.
    questions : sequence of str, optional
        Only these get other points than before; all by default.

    Returns
    -------
    Results
        Of the whole class, those graded earlier included.

    Raises
    ------
    UserError
    Interrupted
    """
    course = Path(course)
    known = [question.name for question in assignment.questions]
    unknown = [name for name in questions if name not in known]
    if unknown:
        raise UserError(f"{assignment.name}: no question {unknown[0]!r}", hint=f"there are {', '.join(known)}")
    with locked(course, f"grade {assignment.name}"), _in_grading():
        waiting = submissions(assignment, course, only)
        clear_left_behind()
        make_importable(assignment.path.parent)
        problems: list[str] = []
        kept: list[str] = []
        try:
            secret = secret_of(course, assignment.name)
            for graded in _graded(assignment, waiting, limits, jobs or os.cpu_count() or 1, secret):
                score = _written(assignment, course, graded, questions, problems, kept)
                if done is not None:
                    done(score)
        except KeyboardInterrupt:
            raise Interrupted(len(kept), len(waiting)) from None
        return replace(_write_results(assignment, course), problems=tuple(problems))


def write_results(assignment: Assignment, course: str | Path, anonymous: bool = False) -> Results:
    """Write ``results/NAME.csv`` and the feedback pages, with the points and comments that a person gave.

    Parameters
    ----------
    assignment : Assignment
    course : path
    anonymous : bool, default False
        Whether pages without names are written too, ``anonymous/NAME/CODE.html``, and whose they are, ``codes.csv``.

    Raises
    ------
    UserError
        Nothing was graded.
    """
    with locked(course, f"results {assignment.name}"):
        return _write_results(assignment, Path(course), anonymous)


def _write_results(assignment: Assignment, course: Path, anonymous: bool = False) -> Results:
    stored = [
        json.loads(p.read_text(encoding="utf-8")) for p in sorted(_marks_folder(course, assignment).glob("*.json"))
    ]
    if not stored:
        raise UserError(f"{course}: nothing of {assignment.name} is graded", hint="dacl-edu course grade first")
    given, comments = manual_scores(course, assignment), manual_comments(course, assignment)
    late = late_penalties(course, assignment)
    scores = []
    for entry in stored:
        score = SubmissionScore.from_json(entry["mark"])
        score = score.with_scores(given.get(score.student, {}))
        if score.student in late:
            score = score.late(*late[score.student])
        write_feedback(course, score, entry["answers"], assignment.title, comments.get(score.student))
        scores.append(score)
    if anonymous:
        _write_anonymous(assignment, course, scores, {e["mark"]["student"]: e["answers"] for e in stored}, comments)
    found = {score.student for score in scores}
    absent = [person.id for person in roster_of(course) if person.id not in found]
    table = write_csv(scores, course / "results" / f"{assignment.name}.csv", absent)
    return Results(tuple(scores), table)


def _write_anonymous(
    assignment: Assignment,
    course: Path,
    scores: Sequence[SubmissionScore],
    answers: Mapping[str, Mapping[str, str]],
    comments: Mapping[str, Mapping[str, str]],
) -> None:
    """Pages that tell nobody whose they are: no name in them, no file's name, and codes that a secret makes."""
    secret, known = secret_of(course, assignment.name), students_of(course)
    said = _read_collected(_collected_file(course, assignment))
    folder = course / "anonymous" / assignment.name
    folder.mkdir(parents=True, exist_ok=True)
    codes = []
    for score in scores:
        code = hmac.digest(secret, f"page of {score.student}".encode(), "sha256").hex()[:10]
        told = [known.get(score.student, {}).get(part, "") for part in ("name", "email", "number")]
        names = [score.student, *told, *(word for word in told[0].split() if len(word) > 2)]
        kept = tuple(note for note in score.notes if note not in said.get(score.student, ()))  # they name files
        nameless = replace(score, student=code, notes=kept)
        page = feedback_page(nameless, answers[score.student], assignment.title, comments.get(score.student))
        write_text(folder / f"{code}.html", without_names(page, names, code), private=True)
        codes.append(f"{code},{table_cell(score.student)}")
    write_text(folder / "codes.csv", "\n".join(["code,student", *codes]) + "\n", private=True)
    (course / "anonymous").chmod(0o700)


def isolation() -> str:
    """Say which layers of the sandbox this system offers."""
    return f"Submissions run shut in: {layers()}."


def _graded(
    assignment: Assignment, waiting: Sequence[Submitted], limits: Limits, jobs: int, secret: bytes
) -> Iterator[Graded]:
    """Grade in threads: a thread mostly waits for the student's process, and the checks themselves are small."""
    Worker.stopped.clear()
    pool = ThreadPoolExecutor(jobs)
    futures = [pool.submit(_never_raising, assignment, s, limits, secret) for s in waiting]
    try:
        for future in as_completed(futures):
            yield future.result()
    except BaseException:
        Worker.stopped.set()  # whoever is under way ends at once
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _never_raising(assignment: Assignment, submitted: Submitted, limits: Limits, secret: bytes) -> Graded:
    """Grade; whatever a submission does to the grader, the others are graded.

    Raises
    ------
    UserError
        Nothing at all can be graded on this system.
    """
    try:
        return grade_submission(assignment, submitted.student, submitted.path, limits, submitted.notes, secret=secret)
    except UserError:
        raise
    except Exception as error:
        return failed(assignment, submitted.student, error, submitted.notes)


def _written(
    assignment: Assignment,
    course: Path,
    graded: Graded,
    questions: Sequence[str],
    problems: list[str],
    kept: list[str],
) -> SubmissionScore:
    """Write what was found: first where it cannot fail, then into the gradebook; return what counts now."""
    student = graded.mark.student
    place = _marks_folder(course, assignment) / f"{student}.json"
    earlier = _stored(place)
    if earlier is not None and graded.failed:
        problems.append(f"{student}: {graded.mark.notes[-1]} The earlier mark stays.")
        kept.append(student)
        return earlier
    if earlier is not None and questions:
        graded = replace(graded, mark=earlier.with_questions(graded.mark, questions))
    if graded.failed:
        problems.append(f"{student}: {graded.mark.notes[-1]}")
    place.parent.mkdir(parents=True, exist_ok=True)
    answers = graded.repaired.answers if graded.repaired else {}
    write_text(place, json.dumps({"mark": graded.mark.to_json(), "answers": answers}, indent=1))
    kept.append(student)
    for attempt in range(3):
        try:
            record(course, assignment, [(graded.mark, graded.repaired)])
            break
        except Exception as error:
            if attempt == 2:
                kind = error.problem if isinstance(error, UserError) else type(error).__name__
                problems.append(f"{student}: the gradebook could not be written ({kind}). The mark itself is kept.")
            time.sleep(0.2)
    return graded.mark


def _stored(path: Path) -> SubmissionScore | None:
    try:
        return SubmissionScore.from_json(json.loads(path.read_text(encoding="utf-8"))["mark"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def _in_grading() -> Iterator[None]:
    """Questions say nothing to the terminal."""
    before = os.environ.get(GRADING)
    os.environ[GRADING] = "1"
    # Sources of the last release import the questions under their old name.
    warnings.filterwarnings("ignore", r"dacl_edu\.course", FutureWarning)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(GRADING, None)


def _marks_folder(course: Path, assignment: Assignment) -> Path:
    return course / "marks" / assignment.name


def _collected_file(course: str | Path, assignment: Assignment) -> Path:
    return Path(course) / "submitted" / f".{assignment.name}.json"


def _read_collected(path: Path) -> dict[str, tuple[str, ...]]:
    try:
        return {student: tuple(notes) for student, notes in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return {}

"""Take the class through release, collect, grade, feedback and CSV, and compare with what is due."""

from __future__ import annotations

import csv
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat

from class_of_30.answers import ONE_LINE
from class_of_30.handing_in import ASSIGNMENT, Course, Student
from class_of_30.students import CLASS
from dacl_edu_course.authoring.assignment import Assignment, leaked_lines
from dacl_edu_course.authoring.release import release_course
from dacl_edu_course.grading.batch import collect_course, find_assignment, grade_course
from dacl_edu_course.grading.scores import SubmissionScore
from dacl_edu_course.sandbox.limits import Limits

SOURCES = Path(__file__).parents[2] / "notebooks" / "assignments" / "source"
LIMITS = Limits(cell_seconds=8, call_seconds=8, total_seconds=90, memory_mb=1024)


@dataclass(frozen=True)
class Outcome:
    """A row of the table."""

    student: str
    kind: str
    what: str
    earned: float
    due: float
    seconds: float
    why: str


def go_through(
    folder: Path,
    only: Sequence[str] = (),
    jobs: int = 0,
    times: int = 2,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[list[Outcome], list[str]]:
    """Release, let the class hand in, collect, grade ``times`` times; return the table and what is not as due."""
    students = [student for student in CLASS if not only or student.name in only]
    course, downloads = folder / "course", folder / "downloads"
    (released,) = release_course([ASSIGNMENT], SOURCES, course)
    say(f"released {ASSIGNMENT}")
    with _server_of_answers() as port:
        given = Course(nbformat.read(released, as_version=4), course, downloads, port)
        for student in students:
            student.hand_in(given, downloads / student.name)
        return _grade_twice(students, course, downloads, jobs, times, say)


def _grade_twice(
    students: list[Student], course: Path, downloads: Path, jobs: int, times: int, say: Callable[[str], None]
) -> tuple[list[Outcome], list[str]]:
    assignment = find_assignment(ASSIGNMENT, course)
    collected = collect_course(downloads, assignment, course)
    say(f"collected {sum(each.path is not None for each in collected)} notebooks of {len(collected)} students")

    problems: list[str] = []
    rounds: list[dict[str, SubmissionScore]] = []
    for number in range(times):
        count = 0

        def told(mark: SubmissionScore) -> None:
            nonlocal count
            count += 1
            say(f"graded {count:2d} of {len(students)}: {mark.student}, {mark.total:g} of {mark.maximum:g} points")

        results = grade_course(assignment, course, LIMITS, jobs=jobs, done=told if number == 0 else None)
        rounds.append({mark.student: mark for mark in results.scores})
        if rounds[0].keys() != rounds[-1].keys():
            problems.append("another class the second time")
    for student in students:
        problems += _as_due(student, rounds, assignment, course)
    with open(results.csv, newline="", encoding="utf-8-sig") as file:
        rows = {row["student"]: float(row["total"]) for row in csv.DictReader(file)}
    if rows != {name: mark.total for name, mark in rounds[0].items()}:
        problems.append("the CSV file has other points than the marks")
    return [_outcome(student, rounds[0][student.name], assignment) for student in students], problems


@contextmanager
def _server_of_answers() -> Iterator[int]:
    """Serve right answers on this machine, so that an attack by network could succeed."""
    text = "\n".join(
        f"def {name}(x, a, y, c):\n{textwrap.indent(textwrap.dedent(body).strip(), '    ')}\n"
        for name, body in ONE_LINE.items()
    )

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _as_due(
    student: Student, rounds: list[dict[str, SubmissionScore]], assignment: Assignment, course: Path
) -> list[str]:
    mark, problems = rounds[0][student.name], []
    earned = {question.name for question in mark.questions if question.earned}
    if earned != student.due:
        problems.append(f"{student.name} earned {sorted(earned)}, but due are {sorted(student.due)}")
    for other in rounds[1:]:
        if [q.earned for q in other[student.name].questions] != [q.earned for q in mark.questions]:
            problems.append(f"{student.name} has other points the second time")
    lost = [question for question in mark.questions if not question.earned]
    if not all(question.reason for question in lost):
        problems.append(f"{student.name} lost points without a reason")
    page = (course / "feedback" / student.name / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    said = " ".join([*mark.notes, *(question.reason for question in mark.questions)])
    if student.told not in said:
        problems.append(f"{student.name} is not told {student.told!r}, but: {said}")
    leaks = set(leaked_lines(assignment, page)) - set(leaked_lines(assignment, _own(student, course)))
    if leaks:
        problems.append(f"the page of {student.name} shows {sorted(leaks)[0]!r}")
    return problems


def _own(student: Student, course: Path) -> str:
    """What the student wrote: a line of it may be a line of the solution."""
    path = course / "submitted" / student.name / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception:  # no notebook, or none that can be read: then nothing is the student's own
        return ""
    return "\n".join(cell.source for cell in notebook.cells)


def _outcome(student: Student, mark: SubmissionScore, assignment: Assignment) -> Outcome:
    due = sum(question.points for question in assignment.questions if question.name in student.due)
    lost = [question for question in mark.questions if not question.earned]
    why = mark.notes[0] if mark.notes else (f"{lost[0].name}: {lost[0].message}" if lost else "")
    return Outcome(
        student.name,
        student.kind,
        student.what,
        mark.total,
        due,
        mark.seconds,
        textwrap.shorten(why, 78, placeholder=" …"),
    )

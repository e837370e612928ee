"""Take the class of 100 through release, collect, grade and feedback; compare with what is due and green at home."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from class_of_100.leaks import hidden_numbers, traces
from class_of_100.local import local_verdicts
from class_of_100.matrix import Entry
from class_of_100.solved import SOURCES, solved
from dacl_edu_course.authoring.release import release_course
from dacl_edu_course.grading.batch import collect_course, find_assignment, grade_course
from dacl_edu_course.grading.scores import SubmissionScore
from dacl_edu_course.sandbox.limits import Limits

LIMITS = Limits(cell_seconds=6, call_seconds=10, total_seconds=120, memory_mb=2048)


@dataclass
class Outcome:
    """What came of the class.

    Attributes
    ----------
    as_due, of : Counter
        By kind: how many have exactly the points that are due, and how many there are.
    same : int
        For how many the notebook's verdict on every question is the grader's.
    compared : int
    pages : int
        Pages and tables that were looked through for hidden numbers.
    numbers : int
        Hidden numbers that were looked for.
    problems : list of str
    """

    as_due: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    same: int = 0
    compared: int = 0
    pages: int = 0
    numbers: int = 0
    problems: list[str] = field(default_factory=list)

    def counts(self) -> list[str]:
        """Lines that say it."""
        named = {
            "right": "right answers in unusual form, all points",
            "near": "near-right, exactly the wrong questions lost",
        }
        lines = [f"{self.as_due[kind]:3d} of {self.of[kind]:3d} {words}" for kind, words in named.items()]
        lines.append(
            f"{self.same:3d} of {self.compared:3d} graded as their notebooks say at home, question by question"
        )
        lines.append(f"{self.pages:3d} pages and tables looked through for {self.numbers:,} hidden numbers")
        return lines


def go_through(
    folder: Path, chosen: Sequence[Entry], jobs: int = 0, say: Callable[[str], None] = lambda line: None
) -> Outcome:
    """Hand in, collect and grade; return the counts and what is not as due."""
    outcome, course = Outcome(), folder / "course"
    names = sorted({entry.assignment for entry in chosen})
    release_course(names, SOURCES, course)
    for name in names:
        part = [entry for entry in chosen if entry.assignment == name]
        for entry in part:
            place = folder / "downloads" / name / entry.student
            place.mkdir(parents=True)
            (place / f"{name}.ipynb").write_text(nbformat.writes(entry.notebook), encoding="utf-8")
        assignment = find_assignment(name, course)
        collect_course(folder / "downloads" / name, assignment, course)
        with hidden_numbers() as numbers:
            results = grade_course(assignment, course, LIMITS, jobs=jobs)
        outcome.problems += results.problems
        marks = {score.student: score for score in results.scores}
        say(f"graded {len(part)} submissions of {name}")
        for entry in part:
            _as_due(entry, marks[entry.student], outcome)
            _leaks(entry, marks[entry.student], course, results.csv, numbers[entry.student], outcome)
        home = local_verdicts([(e.student, e.notebook, solved(name[:2]).empty) for e in part], jobs)
        for entry in part:
            _as_at_home(entry, marks[entry.student], home[entry.student], outcome)
    return outcome


def _as_due(entry: Entry, mark: SubmissionScore, outcome: Outcome) -> None:
    outcome.of[entry.kind] += 1
    lost = {q.name for q in mark.questions if q.earned is not None and q.earned < q.points}
    if lost == entry.lost:
        outcome.as_due[entry.kind] += 1
        return
    why = {q.name: q.reason for q in mark.questions if q.name in lost ^ entry.lost}
    outcome.problems.append(
        f"{entry.student} ({entry.question}: {entry.what}) lost {sorted(lost)}, but wrong are {sorted(entry.lost)}: "
        f"{why} {mark.notes}"
    )


def _as_at_home(entry: Entry, mark: SubmissionScore, home: dict[str, bool], outcome: Outcome) -> None:
    if entry.only_hidden:  # that is what hidden batches are for
        return
    outcome.compared += 1
    graded = {q.name: q.earned == q.points for q in mark.questions if q.earned is not None}
    other = {name for name, earned in graded.items() if home.get(name) is not earned}
    if other:
        outcome.problems.append(f"{entry.student} ({entry.question}: {entry.what}): at home other than graded: {other}")
    outcome.same += not other


def _leaks(
    entry: Entry, mark: SubmissionScore, course: Path, table: Path, numbers: list[float], outcome: Outcome
) -> None:
    page = course / "feedback" / entry.student / entry.assignment / f"{entry.assignment}.html"
    row = next(line for line in table.read_text(encoding="utf-8-sig").split("\n") if line.startswith(entry.student))
    own = "\n".join(cell.source for cell in entry.notebook.cells)
    style = re.compile(r"<style>.*?</style>", re.DOTALL)
    outcome.pages += 2
    outcome.numbers += len(numbers)
    for text in (style.sub("", page.read_text(encoding="utf-8")), row):
        for token in traces(text, own, numbers):
            outcome.problems.append(f"{entry.student} ({entry.what}): shown is {token}, a number of a hidden batch")
    if not numbers:
        outcome.problems.append(f"{entry.student}: no hidden number was seen")

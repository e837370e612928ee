"""Two classes hand in: release, collect, grade, feedback, CSV in one command. Is each score as due?

    python -m tools.course_demo                    both classes, the one of 30 graded twice
    python -m tools.course_demo --only ada --once  one student of the class of 30, once
    python -m tools.course_demo --hundred          the class of 100 alone

The classes are made, not real. In that of 30 there are right answers to assignment 2 in several manners, usual
mistakes, damaged notebooks, attacks on the grader (tests/class_of_30). That of 100 is a matrix of questions and kinds
over assignments 1 to 5 (tests/class_of_100): right answers in unusual forms, near-right ones, and twelve exports of
learning platforms. The command fails where a score is not the one that is due, where a reason is missing, where a
second grading gives another score, where a notebook says at home what the grader does not, or where a page shows a
solution, a hidden test or a number of a hidden batch.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from class_of_30.lesson import Outcome, go_through  # noqa: E402
from class_of_100 import exports, lesson, matrix  # noqa: E402
from course.made_assignment import made_assignment  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.markup import escape  # noqa: E402
from rich.table import Table  # noqa: E402


def main() -> int:
    """Run the classes, print what came of them, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="names of students")
    parser.add_argument("--once", action="store_true", help="do not grade a second time")
    parser.add_argument("--jobs", type=int, default=0, help="submissions at a time [processors]")
    parser.add_argument("--out", type=Path, help="keep the course in this folder [a temporary one, removed]")
    parser.add_argument("--hundred", action="store_true", help="the class of 100 alone")
    arguments = parser.parse_args()

    problems = [] if arguments.hundred else _thirty(arguments)
    if not arguments.only:
        problems += _hundred(arguments)
    return int(bool(problems))


def _hundred(arguments: argparse.Namespace) -> list[str]:
    """Run the class of 100 and the exports, print the counts, return what is not as due."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dacl-edu-hundred-") as folder:
        arrived, problems = exports.all_arrive(Path(folder) / "exports", made_assignment)
        outcome = lesson.go_through(Path(folder), matrix.entries(), arguments.jobs, print)
    problems += outcome.problems
    for problem in problems:
        print(f"NOT AS DUE: {problem}")
    print(*outcome.counts(), sep="\n")
    print(f"{arrived:3d} of {len(exports.EXPORTS):3d} exports of a class, every notebook with its student")
    print(f"the class of 100: {sum(outcome.of.values())} submissions, {time.monotonic() - started:.0f} s")
    return problems


def _thirty(arguments: argparse.Namespace) -> list[str]:
    """Run the class of 30, print the table, return what is not as due."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dacl-edu-class-") as temporary:
        folder = (arguments.out or Path(temporary)).resolve()
        outcomes, problems = go_through(
            folder, only=arguments.only, jobs=arguments.jobs, times=1 if arguments.once else 2, say=print
        )
        Console(width=max(120, Console().width)).print(_table(outcomes))
        if arguments.out:
            print(f"kept in {arguments.out}")
    for problem in problems:
        print(f"NOT AS DUE: {problem}")
    right = sum(outcome.earned == outcome.due for outcome in outcomes)
    print(f"{right} of {len(outcomes)} scores as due, {time.monotonic() - started:.0f} s")
    return problems


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("student", "kind", "what", "points", "due", "s", "why"):
        table.add_column(column, justify="right" if column in ("points", "due", "s") else "left")
    for o in outcomes:
        table.add_row(o.student, o.kind, o.what, f"{o.earned:g}", f"{o.due:g}", f"{o.seconds:.1f}", escape(o.why))
    return table


if __name__ == "__main__":
    sys.exit(main())

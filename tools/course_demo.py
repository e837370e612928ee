"""A class of 30 hands in assignment 2: release, collect, grade, feedback, CSV in one command. Is each score as due?

    python -m tools.course_demo                    the whole class, twice
    python -m tools.course_demo --only ada --once  one student, once

The class is made, not real: right answers in several manners, usual mistakes, damaged notebooks, attacks on the grader
(tests/class_of_30). The command fails where a score is not the one that is due, where a reason is missing, where a
second grading gives another score, or where a page shows a solution or a hidden test.
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
from rich.console import Console  # noqa: E402
from rich.markup import escape  # noqa: E402
from rich.table import Table  # noqa: E402


def main() -> int:
    """Run the class, print the table, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], help="names of students")
    parser.add_argument("--once", action="store_true", help="do not grade a second time")
    parser.add_argument("--jobs", type=int, default=0, help="submissions at a time [processors]")
    parser.add_argument("--out", type=Path, help="keep the course in this folder [a temporary one, removed]")
    arguments = parser.parse_args()

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
    return int(bool(problems))


def _table(outcomes: list[Outcome]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("student", "kind", "what", "points", "due", "s", "why"):
        table.add_column(column, justify="right" if column in ("points", "due", "s") else "left")
    for o in outcomes:
        table.add_row(o.student, o.kind, o.what, f"{o.earned:g}", f"{o.due:g}", f"{o.seconds:.1f}", escape(o.why))
    return table


if __name__ == "__main__":
    sys.exit(main())

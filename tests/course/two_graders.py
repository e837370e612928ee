"""Two graders at once on one course, some of them killed: no mark is lost, and none is another than a quiet run's.

python tests/course/two_graders.py --times 20
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import nbformat  # noqa: E402
import psutil  # noqa: E402
from course.made_assignment import NAME, answered, made_assignment  # noqa: E402

from dacl_edu_course.authoring.release import release_course  # noqa: E402
from dacl_edu_course.grading.batch import collect_course, find_assignment  # noqa: E402

CHECKS = """
from dacl_edu_course.questions import hidden_seeds
RIGHT = {"doubled": lambda n: 2 * n, "shifted": lambda n: n + 3}
def ask(answer, seed=1, secret_of="doubled"):
    given = (seed % 1000,) if secret_of == "doubled" else (seed % 1000, 3)
    assert answer(*given) == RIGHT[secret_of](seed % 1000), "is another number"
"""
CLASS = {
    "ada": {},
    "bo": {"doubled": "def doubled(x):  # by Bo Li\n    return x * x + x"},
    "cy": {"shifted": "def shifted(x, by):\n    return x - by"},
    "dan": {"doubled": "raise ValueError('no')", "shifted": "def shifted(x, by):\n    import os\n    os._exit(1)"},
    "eve": {"doubled": "import time\ntime.sleep(1.5)\ndef doubled(x):\n    return x + x"},
}


def prepared(folder: Path, students: Sequence[str] = tuple(CLASS)) -> Path:
    """Return a course in which these students handed in."""
    made_assignment(folder / "source")
    notebook = nbformat.read(folder / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    for cell in notebook.cells:  # the visible part asks about another answer, too
        if cell.source.startswith("from checks import ask\nask(shifted)"):
            cell.source = cell.source.replace("ask(shifted)", "ask(shifted, secret_of='shifted')")
    nbformat.write(notebook, folder / "source" / NAME / f"{NAME}.ipynb")
    (folder / "source" / NAME / "checks.py").write_text(CHECKS)
    course = folder / "course"
    release_course([NAME], folder / "source", course)
    for student in students:
        place = folder / "class" / student
        place.mkdir(parents=True)
        (place / f"{NAME}.ipynb").write_text(nbformat.writes(answered(**CLASS[student])), encoding="utf-8")
    collect_course(folder / "class", find_assignment(NAME, course), course)
    return course


def grader(course: Path) -> subprocess.Popen[str]:
    """Start ``dacl-edu course grade`` in a group of its own."""
    command = [sys.executable, "-m", "dacl_edu", "course", "grade", NAME, "--course", str(course), "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)  # type: ignore[call-overload]


def marks(course: Path) -> dict[str, list[float | None]]:
    """What counts: marks, table and gradebook, which must agree."""
    from nbgrader.api import Gradebook

    stored = [json.loads(path.read_text())["mark"] for path in sorted((course / "marks" / NAME).glob("*.json"))]
    found = {mark["student"]: [each["earned"] for each in mark["questions"]] for mark in stored}
    with open(course / "results" / f"{NAME}.csv", newline="", encoding="utf-8-sig") as file:
        totals = {row["student"]: float(row["total"]) for row in csv.DictReader(file)}
    with Gradebook(f"sqlite:///{(course / 'gradebook.db').resolve()}", "dacl_edu") as book:
        scores = {each.student_id: each.score for each in book.assignment_submissions(NAME)}
    assert totals == scores == {name: sum(filter(None, earned)) for name, earned in found.items()}, (totals, scores)
    return found


def disturbed(course: Path, times: int, seed: int = 0, say: bool = False) -> dict[str, int]:
    """Grade quietly, then ``times`` two at once; return how often what happened.

    In two rounds of three one of the two is killed after a while. Then a last grader runs alone.

    Raises
    ------
    AssertionError
        Other marks than the quiet run's, or an error that is not the sentence about the lock.
    """
    rng = random.Random(seed)
    output = (quiet := grader(course)).communicate()[0]
    assert quiet.returncode == 0, output
    due = marks(course)
    count = {"rounds": 0, "killed": 0, "refused": 0, "done": 0}
    for number in range(times):
        for path in (course / "marks" / NAME).glob("*.json") if number % 2 else ():
            path.unlink()  # in every other round all is to be graded anew
        pair = [grader(course), grader(course)]
        if number % 3:
            time.sleep(rng.uniform(1.5, 9.0))
            victim = rng.choice(pair)
            if victim.poll() is None:
                os.kill(victim.pid, signal.SIGKILL)
                count["killed"] += 1
        for process in pair:
            said = process.communicate()[0]
            if process.returncode == 2:
                assert "works on this course" in said, said
                count["refused"] += 1
            elif process.returncode == 0:
                count["done"] += 1
            else:
                assert process.returncode == -signal.SIGKILL, said
        if number % 2 or all(process.returncode for process in pair):
            last = grader(course)
            said = last.communicate()[0]
            assert last.returncode == 0, said
        assert marks(course) == due, f"round {number + 1}"
        left = [path.name for path in Path(tempfile.gettempdir()).glob("dacl-edu-cells-*") if _dead(path)]
        assert not left or not number % 2, f"left behind: {left}"
        count["rounds"] += 1
        if say:
            print(f"round {number + 1}: {count}", flush=True)
    return count


def _dead(folder: Path) -> bool:
    return not psutil.pid_exists(int(folder.name.split("-")[3]))


def main() -> None:
    """Run it in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dacl-edu-two-") as folder:
        print(disturbed(prepared(Path(folder)), arguments.times, arguments.seed, say=True))


if __name__ == "__main__":
    main()

"""A tiny assignment made in code, and what students make of it: for tests of the cycle around the grader."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.release import student_version

NAME = "a9_made"
DOUBLED = "def doubled(x):\n    return 2 * x  # mine"
SHIFTED = "def shifted(x, by):\n    moved = x + by\n    return moved"


def graded(grade_id: str, grade: bool, solution: bool, locked: bool, points: int | None = None) -> dict[str, Any]:
    meta = {"grade": grade, "grade_id": grade_id, "locked": locked, "schema_version": 3, "solution": solution}
    return {"nbgrader": {**meta, "task": False, **({} if points is None else {"points": points})}}


def source_of_test(name: str) -> str:
    return (
        f"from checks import ask\nask({name})\n### BEGIN HIDDEN TESTS\nfrom checks import hidden_seeds\n"
        f"for seed in hidden_seeds():\n    ask({name}, seed, secret_of='{name}')\n### END HIDDEN TESTS"
    )


def source_notebook() -> Any:
    """Return the author's notebook, as executed: outputs, counts and leftovers of a kernel included."""
    solution = (
        "def {0}({1}):\n    '''Say what comes back.'''\n"
        "    ### BEGIN SOLUTION\n    {2}\n    return answer_of_{0}\n    ### END SOLUTION"
    )
    cells = [
        new_markdown_cell("# Made: numbers\n\nA card.", id="card"),
        new_code_cell("import os  # fetch the project", id="fetch", metadata={"tags": ["setup"]}),
        new_code_cell("import math\nSCALE = 2", id="c-given", metadata=graded("given", False, False, True)),
        new_markdown_cell("## Question 1: doubled\n\nWrite it.", id="q1"),
        new_code_cell(
            solution.format("doubled", "x", "answer_of_doubled = SCALE * x"),
            id="c-doubled", metadata=graded("doubled", False, True, False),
        ),
        new_code_cell(source_of_test("doubled"), id="c-t1", metadata=graded("test_doubled", True, False, True, 2)),
        new_code_cell("print('try it', 1)", id="try"),
        new_markdown_cell("## Question 2: shifted", id="q2"),
        new_code_cell(
            solution.format("shifted", "x, by", "answer_of_shifted = math.fsum([x, by])"),
            id="c-shifted", metadata=graded("shifted", False, True, False),
        ),
        new_code_cell(source_of_test("shifted"), id="c-t2", metadata=graded("test_shifted", True, False, True, 3)),
        new_code_cell("plot = 'a long training'", id="plot", metadata={"tags": ["not-graded"]}),
        new_markdown_cell("## Question 3: conclude", id="q3"),
        new_markdown_cell(
            "A model conclusion: doubling is the better deed.\n"
            "### BEGIN MARK SCHEME\nTwo points for a number that is named.\n### END MARK SCHEME",
            id="c-conclusion", metadata=graded("conclusion", True, True, False, 4),
        ),
    ]  # fmt: skip
    for number, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), 1):
        cell.execution_count = number
        cell.metadata["execution"] = {"iopub.status.busy": "2026-11-24T10:00:00Z"}
        cell.outputs = [new_output("stream", text="answer_of_shifted = math.fsum([x, by]) was run")]
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
        "language_info": {"name": "python", "version": "3.11.7"},
        "widgets": {"left": "over"}, "jupytext": {"formats": "py,ipynb"},
    }  # fmt: skip
    return new_notebook(cells=cells, metadata=metadata)


def write_source(folder: Path, notebook: Any = None) -> Path:
    """Write ``folder/a9_made/a9_made.ipynb``."""
    path = folder / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(source_notebook() if notebook is None else notebook, path)
    return path


def made_assignment(folder: Path) -> Assignment:
    return Assignment.load(write_source(folder))


def cell_of(notebook: Any, grade_id: str) -> Any:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def answered(doubled: str = DOUBLED, shifted: str = SHIFTED, conclusion: str = "Doubling won by 3 points.") -> Any:
    """Return a student's notebook with these answers."""
    notebook = deepcopy(student_version(source_notebook()))
    for grade_id, text in (("doubled", doubled), ("shifted", shifted), ("conclusion", conclusion)):
        cell_of(notebook, grade_id).source = text
    return notebook

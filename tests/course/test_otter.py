"""The export to Otter-Grader: its structure, and where otter is installed, what it makes of right and wrong answers."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from course.made_assignment import NAME, made_assignment, source_notebook, write_source

from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.otter import export, functions_of
from dacl_edu_course.authoring.release import find_sources

SOURCES = find_sources(Path(__file__).parents[2] / "notebooks" / "assignments" / "source")


def heads(notebook: Any) -> list[str]:
    return [cell.source.splitlines()[0].removeprefix("# ") for cell in notebook.cells if cell.cell_type == "raw"]


def check_structure(assignment: Assignment, notebook: Any) -> None:
    open_, names = [], []
    for cell in notebook.cells:
        if cell.cell_type != "raw" or not cell.source.startswith(("# BEGIN ", "# END ")):
            continue
        word, what = cell.source.splitlines()[0].removeprefix("# ").split()
        if word == "BEGIN":
            open_.append(what)
            names.extend(line.removeprefix("name: ") for line in cell.source.splitlines() if line.startswith("name: "))
        else:
            assert open_.pop() == what
    assert not open_
    assert names == [question.name for question in assignment.questions]


def test_an_export_has_what_otter_assign_looks_for(tmp_path: Path) -> None:
    assignment = made_assignment(tmp_path)
    path = export(assignment, tmp_path / "otter")
    notebook = nbformat.read(path, as_version=4)
    check_structure(assignment, notebook)
    auto = ["BEGIN QUESTION", "BEGIN SOLUTION", "END SOLUTION", "BEGIN TESTS", "END TESTS", "END QUESTION"]
    manual = ["BEGIN QUESTION", "BEGIN SOLUTION", "END SOLUTION", "END QUESTION"]
    assert heads(notebook) == ["ASSIGNMENT CONFIG", *auto, *auto, *manual]
    shown, hidden = functions_of(assignment.questions[0])
    assert "hidden: false" in shown and "hidden_seeds" not in shown
    assert "hidden: true" in hidden and "for seed in hidden_seeds():" in hidden and "points: 1.0" in hidden
    assert [type(node) for node in ast.parse(hidden).body] == [ast.Expr, ast.FunctionDef]
    text = path.read_text(encoding="utf-8")
    assert "MARK SCHEME" not in text and "### BEGIN" not in text
    assert export(assignment, tmp_path / "again").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_every_assignment_can_be_exported(source: Path, tmp_path: Path) -> None:
    assignment = Assignment.load(source)
    notebook = nbformat.read(export(assignment, tmp_path), as_version=4)
    check_structure(assignment, notebook)
    for question in assignment.questions:
        for function in functions_of(question) if question.test else ():
            ast.parse(function)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("otter") is None, reason="otter-grader is not installed")
def test_otter_gives_the_points_to_right_answers_alone(tmp_path: Path) -> None:
    (tmp_path / "checks.py").write_text(
        "def hidden_seeds():\n    return (7,)\n"
        "def ask(answer, seed=0, secret_of=''):\n"
        "    got = answer(3) if answer.__name__ == 'doubled' else answer(3, seed)\n"
        "    assert got == (6 if answer.__name__ == 'doubled' else 3 + seed), f'{answer.__name__} is wrong'\n"
    )
    export(Assignment.load(write_source(tmp_path / "source", source_notebook())), tmp_path)
    run(tmp_path, "assign", "--no-run-tests", "--no-pdfs", f"{NAME}.ipynb", "out")
    student = (tmp_path / "out" / "student" / f"{NAME}.ipynb").read_text()
    assert "hidden_seeds" not in student and "answer_of_" not in student
    right = tmp_path / "out" / "autograder" / f"{NAME}.ipynb"
    wrong = tmp_path / "wrong.ipynb"
    wrong.write_text(right.read_text().replace("math.fsum([x, by])", "x"))
    assert points(tmp_path, right) == {"doubled": 2, "shifted": 3}
    assert points(tmp_path, wrong) == {"doubled": 2, "shifted": 1.5}, "the public call alone is right"


def points(folder: Path, notebook: Path) -> dict[str, float]:
    (archive,) = (folder / "out" / "autograder").glob("*.zip")
    result = folder / f"result-{notebook.stem}"
    result.mkdir()
    run(folder, "run", "-a", str(archive), "-o", str(result), "--no-logo", str(notebook))
    tests = json.loads((result / "results.json").read_text())["tests"]
    found: dict[str, float] = {}
    for test in tests:
        name = test["name"].split(" - ")[0].split()[0]
        if name in ("doubled", "shifted"):
            found[name] = found.get(name, 0) + test["score"]
    return found


def run(folder: Path, *arguments: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", "PATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "otter", *arguments], cwd=folder, env=os.environ | own, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]

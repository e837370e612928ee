"""An assignment with its own solutions written in, and what its questions need of one another, from the source."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.release import student_version
from dacl_edu_course.grading.test_cell import names_wanted

SOURCES = Path(__file__).parents[2] / "notebooks" / "assignments" / "source"
Notebook = Any


@dataclass(frozen=True)
class Asked:
    """A question that a machine marks.

    Attributes
    ----------
    name : str
        Also of the function that is asked for.
    points : float
    code : str
        The solution's whole cell, without the marks of its region.
    arguments : tuple of str
    """

    name: str
    points: float
    code: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Solved:
    """An assignment, answered.

    Attributes
    ----------
    assignment : Assignment
    empty, notebook : NotebookNode
        What students are given, and the same with every answer written in.
    questions : mapping of str to Asked
    """

    assignment: Assignment
    empty: Notebook
    notebook: Notebook
    questions: Mapping[str, Asked]

    def hurt_by(self, name: str) -> frozenset[str]:
        """The questions that a wrong answer to ``name`` costs: itself, and those whose answer or check calls it."""
        hurt = {name}
        while True:
            more = {each for each, needs in self._needs.items() if needs & hurt} - hurt
            if not more:
                return frozenset(hurt)
            hurt |= more

    @functools.cached_property
    def _needs(self) -> dict[str, set[str]]:
        needs = {}
        for question in self.assignment.questions:
            if question.test is not None:
                code = self.questions[question.name].code
                used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
                used |= set(names_wanted(question.test.source))
                needs[question.name] = (used & self.questions.keys()) - {question.name}
        return needs


@functools.cache
def solved(name: str) -> Solved:
    """Read a source by how its name begins."""
    (path,) = SOURCES.glob(f"{name}*/{name}*.ipynb")
    assignment = Assignment.load(path)
    empty = student_version(nbformat.read(path, as_version=4))
    notebook = copy.deepcopy(empty)
    questions = {}
    for question in assignment.questions:
        lines = question.solution.source.splitlines()
        code = "\n".join(line for line in lines if "### BEGIN" not in line and "### END" not in line)
        cell_of(notebook, question.solution.id).source = code
        if question.test is not None:
            questions[question.name] = Asked(question.name, question.points, code, _arguments(code, question.name))
    return Solved(assignment, empty, notebook, questions)


def cell_of(notebook: Notebook, grade_id: str) -> Any:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def place_of(notebook: Notebook, grade_id: str) -> int:
    return notebook.cells.index(cell_of(notebook, grade_id))


def _arguments(code: str, name: str) -> tuple[str, ...]:
    made = [node for node in ast.parse(code).body if isinstance(node, ast.FunctionDef) and node.name == name]
    return tuple(argument.arg for argument in made[-1].args.args)

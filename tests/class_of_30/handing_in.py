"""What students do with the notebook that they were given: write answers into it, and hand it in."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nbformat

Notebook = Any
ASSIGNMENT = "a2_sparse_center_loss"
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"


@dataclass(frozen=True)
class Course:
    """What a student's code may know, at worst: where everything lies."""

    notebook: Notebook  # the student's version
    folder: Path  # the instructor's course folder
    downloads: Path  # what the learning platform gives the instructor: a folder a student
    port: int = 0  # a server of this machine that gives right answers to whoever reaches it


@dataclass(frozen=True)
class Student:
    """One of the class.

    Attributes
    ----------
    name : str
    kind : str
    what : str
        What this student did, for the table.
    hand_in : callable
        ``hand_in(course, folder)`` writes the submission into ``folder``.
    due : frozenset of str
        Questions whose points are due.
    told : str
        Words that the feedback must hold; none for who got everything without a remark.
    """

    name: str
    kind: Literal["right", "wrong", "damaged", "hostile"]
    what: str
    hand_in: Callable[[Course, Path], None]
    due: frozenset[str]
    told: str = ""


def cell_of(notebook: Notebook, name: str) -> Any:
    """Return the cell with this grade id."""
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def position_of(notebook: Notebook, name: str) -> int:
    return notebook.cells.index(cell_of(notebook, name))


def filled(notebook: Notebook, bodies: Mapping[str, str]) -> Notebook:
    """Write answers in place of the stubs.

    A body takes the stub's place at its indentation. Where a cell has several stubs, the student writes one function
    of their own in its place.
    """
    made = copy.deepcopy(notebook)
    for name, body in bodies.items():
        cell, body = cell_of(made, name), textwrap.dedent(body).strip()
        if cell.source.count("raise NotImplementedError()") > 1:
            cell.source = f"def {name}(x, a, y, c):\n{textwrap.indent(body, '    ')}"
            continue
        stub = textwrap.indent(STUB, "    ")
        assert cell.source.count(stub) == 1, f"{name}: {cell.source}"
        cell.source = cell.source.replace(stub, textwrap.indent(body, "    "))
    return made


def with_cell(notebook: Notebook, source: str, before: str) -> Notebook:
    """Put a code cell of the student's own before a cell of the assignment."""
    made = copy.deepcopy(notebook)
    made.cells.insert(position_of(made, before), nbformat.v4.new_code_cell(textwrap.dedent(source).strip()))
    return made


def save(notebook: Notebook, folder: Path, name: str = f"{ASSIGNMENT}.ipynb") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(nbformat.writes(notebook), encoding="utf-8")

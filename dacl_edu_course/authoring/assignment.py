"""An assignment as its author wrote it: which cells are a student's, which are checked, for how many points."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dacl_edu.errors import UserError

Kind = Literal["solution", "test", "manual", "given", "text"]
SOLUTION = ("BEGIN SOLUTION", "END SOLUTION")
HIDDEN = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
MARKING = ("BEGIN MARK SCHEME", "END MARK SCHEME")
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
TEXT_STUB = "YOUR ANSWER HERE"
TELLING = 12
"""A line with fewer characters, blanks apart, is no secret: ``return loss`` stands everywhere."""


@dataclass(frozen=True)
class Cell:
    """One cell of the source.

    Attributes
    ----------
    id : str
        The grade_id; of a cell without one, the cell's own id.
    kind : {"solution", "test", "manual", "given", "text"}
        Written by the student and tested; the test; written and marked by a person; code of the author; prose.
    cell_type : str
        ``code``, ``markdown`` or ``raw``.
    source : str
    points : float, default 0.0
        Of a test or a manual cell.
    tags : frozenset of str
        ``setup`` and ``not-graded`` are not run while grading.
    locked : bool, default False
        Whether a student may not change it.
    cell_id : str
        The notebook's own id of the cell.
    nbgrader : dict
        nbgrader's metadata, empty for a cell without.
    """

    id: str
    kind: Kind
    cell_type: str
    source: str
    points: float = 0.0
    tags: frozenset[str] = frozenset()
    locked: bool = False
    cell_id: str = ""
    nbgrader: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def is_run(self) -> bool:
        """Whether the student's process executes it while grading."""
        return self.cell_type == "code" and self.kind != "test" and not self.tags & {"setup", "not-graded"}


@dataclass(frozen=True)
class Question:
    """A solution and its test, or one cell that a person marks.

    Attributes
    ----------
    name : str
        The grade_id of the test without ``test_``, which is that of the solution where the two belong together by name;
        else a test belongs to the solution above it.
    title : str
        The heading above it.
    points : float
    solution : Cell
    test : Cell, optional
        None where a person marks.
    """

    name: str
    title: str
    points: float
    solution: Cell
    test: Cell | None

    @property
    def grade_id(self) -> str:
        """The cell that carries the points in nbgrader's gradebook."""
        return self.test.id if self.test else self.solution.id


@dataclass(frozen=True)
class Assignment:
    """What an author wrote.

    Attributes
    ----------
    name : str
        The file's name without its ending: ``a1_center_loss``.
    title : str
        The first heading.
    cells : tuple of Cell
    questions : tuple of Question
        In the order of the notebook.
    path : Path
    """

    name: str
    title: str
    cells: tuple[Cell, ...]
    questions: tuple[Question, ...]
    path: Path

    @classmethod
    def load(cls, path: str | Path) -> Assignment:
        """Read an nbgrader source notebook.

        Raises
        ------
        UserError
            What the author has to mend: an id that occurs twice, a test without points, without a hidden region or
            without a solution, a BEGIN without its END.
        """
        import nbformat

        path = Path(path)
        try:
            notebook = nbformat.read(path, as_version=4)
        except FileNotFoundError:
            raise UserError(f"{path}: no such file", hint="say where the source notebook is") from None
        except Exception as error:  # nbformat raises what it finds
            raise UserError(
                f"{path}: is no notebook ({_first_line(error)})", hint="make it again from its text"
            ) from None
        cells = tuple(_cell(path, number, each) for number, each in enumerate(notebook.cells, 1))
        seen: set[str] = set()
        for cell in cells:
            if cell.nbgrader and cell.id in seen:
                raise _fault(path, cell.id, "has the grade_id of another cell", "give each cell its own grade_id")
            seen.add(cell.id)
        return cls(path.stem, _title(cells) or path.stem, cells, tuple(_questions(path, cells)), path)

    @property
    def points(self) -> float:
        """Points of all questions."""
        return sum(each.points for each in self.questions)

    @property
    def files(self) -> Path | None:
        """The folder of the student's version, whose files lie beside the notebook; None outside of a course."""
        folder = self.path.parents[2] / "release" / self.name if len(self.path.parents) > 2 else None
        return folder if folder is not None and folder.is_dir() else None

    @cached_property
    def by_id(self) -> dict[str, Cell]:
        """The cells by their ids."""
        return {cell.id: cell for cell in self.cells}

    @cached_property
    def hidden_lines(self) -> frozenset[str]:
        """Lines of hidden tests and mark schemes that a student must not see, as :func:`leaked_lines` compares them."""
        return frozenset(_telling(_inside(cell.source, pair) for cell in self.cells for pair in (HIDDEN, MARKING)))

    @cached_property
    def solution_lines(self) -> frozenset[str]:
        """Lines of solutions that a student must not see. A solution cell without a region is a solution throughout."""
        parts = []
        for cell in self.cells:
            if cell.kind in ("solution", "manual"):
                parts.append(_inside(cell.source, SOLUTION) if SOLUTION[0] in cell.source else cell.source.splitlines())
        return frozenset(_telling(parts))


def visible_source(cell: Cell) -> str:
    """Return what a student has of a cell: without hidden tests and mark scheme, with a stub for the solution.

    Examples
    --------
    >>> visible_source(Cell("t", "test", "code", "f(1)\\n### BEGIN HIDDEN TESTS\\nf(2)\\n### END HIDDEN TESTS"))
    'f(1)'
    >>> source = "def f():\\n    ### BEGIN SOLUTION\\n    1\\n    ### END SOLUTION"
    >>> print(visible_source(Cell("f", "solution", "code", source)))
    def f():
        # YOUR CODE HERE
        raise NotImplementedError()
    """
    source = _without(_without(cell.source, HIDDEN), MARKING)
    if cell.kind not in ("solution", "manual"):
        return source
    stub = STUB if cell.cell_type == "code" else TEXT_STUB
    if SOLUTION[0] in source:
        return _without(source, SOLUTION, stub)
    return stub


def leaked_lines(assignment: Assignment, text: str) -> list[str]:
    """Return the hidden or solution lines that occur in ``text``, however they are spaced.

    Parameters
    ----------
    assignment : Assignment
    text : str
        What a student gets to see: a notebook's text (:func:`every_string`), a feedback page.

    Returns
    -------
    list of str
        Lines without blanks, sorted; markers of regions are among them.
    """
    packed = "".join(html.unescape(text).split())
    secrets = assignment.hidden_lines | assignment.solution_lines
    markers = {"".join(word.split()) for pair in (SOLUTION, HIDDEN, MARKING) for word in pair} | {"hidden_seeds"}
    return sorted(line for line in secrets | markers if line in packed)


def every_string(notebook: Any) -> str:
    """Return all text of a notebook, one string a line: sources, metadata, outputs, names of fields.

    Examples
    --------
    >>> every_string({"cells": [{"source": ["a\\n", "b"]}]}).split()
    ['cells', 'source', 'a', 'b']
    """

    def walk(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            for name, value in part.items():
                yield str(name)
                yield from walk(value)
        elif isinstance(part, list | tuple):
            for value in part:
                yield from walk(value)
        elif isinstance(part, str):
            yield part

    return "\n".join(walk(json.loads(json.dumps(notebook))))


def _cell(path: Path, number: int, raw: Any) -> Cell:
    meta = dict(raw.metadata.get("nbgrader", {}))
    graded, solution, locked = (bool(meta.get(name)) for name in ("grade", "solution", "locked"))
    cell_id = str(raw.get("id", ""))
    name = str(meta.get("grade_id") or "")
    where = name or f"number {number}"
    code = raw.cell_type == "code"
    if meta and not name:
        raise _fault(path, where, "has nbgrader metadata without a grade_id", 'write "grade_id" into the cell header')
    if meta.get("task"):
        raise _fault(path, where, "is a task cell", "make it a cell with grade and solution true: a person marks it")
    kind: Kind = "given" if code else "text"
    if graded:
        kind = "manual" if solution else "test"
        points = meta.get("points")
        if not isinstance(points, int | float) or isinstance(points, bool) or points <= 0:
            raise _fault(path, where, "has no points", 'write "points": 2 into the cell header')
        if kind == "test" and not code:
            raise _fault(path, where, "is a test, but no code", "remove [markdown], or let a person mark it")
    elif solution:
        kind = "solution"
        if not code:
            raise _fault(path, where, "is prose that nobody marks", "set grade and points, so that a person marks it")
    for pair, homes in ((SOLUTION, ("solution", "manual")), (HIDDEN, ("test",)), (MARKING, ("manual", "test"))):
        if _regions(path, where, raw.source, pair) and kind not in homes:
            raise _fault(path, where, f"has {pair[0]}, but its metadata make it none", "set solution or grade to true")
    tags = frozenset(map(str, raw.metadata.get("tags", [])))
    points = float(meta.get("points", 0)) if graded else 0.0
    return Cell(name or cell_id or f"cell-{number}", kind, raw.cell_type, raw.source, points, tags,
                (locked and not solution) or kind == "test", cell_id, meta)  # fmt: skip


def _questions(path: Path, cells: tuple[Cell, ...]) -> Iterator[Question]:
    solutions = {cell.id: cell for cell in cells if cell.kind == "solution"}
    heading = ""
    headings: dict[str, str] = {}
    tested: set[str] = set()
    for cell in cells:
        if cell.cell_type == "markdown":
            heading = _heading(visible_source(cell)) or heading
        headings[cell.id] = heading
        if cell.kind == "manual":
            yield Question(cell.id, heading, cell.points, cell, None)
        elif cell.kind == "test":
            stem = cell.id.removeprefix("test_")
            above = [each for each in cells[: cells.index(cell)] if each.kind == "solution"]
            if stem not in solutions and not above:
                raise _fault(path, cell.id, "tests no solution cell", "put it behind the cell that it tests")
            solution = solutions.get(stem) or above[-1]
            tested.add(solution.id)
            yield Question(stem, headings.get(solution.id) or heading, cell.points, solution, cell)
    for name, cell in solutions.items():
        if name not in tested and "not-graded" not in cell.tags:
            raise _fault(path, name, "has no test", f"add the cell test_{name}, or the tag not-graded")


def _fault(path: Path, cell: str, what: str, hint: str) -> UserError:
    return UserError(f"{path.name}, cell {cell}: {what}", hint=hint)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def _heading(source: str) -> str:
    found = re.findall(r"^ {0,3}#{1,6} +(.+?) *#*$", source, flags=re.MULTILINE)
    return re.sub(r"[*`]", "", found[-1]).strip() if found else ""


def _title(cells: tuple[Cell, ...]) -> str:
    for cell in cells:
        if cell.cell_type == "markdown" and (found := re.search(r"^# +(.+)$", cell.source, flags=re.MULTILINE)):
            return re.sub(r"[*`]", "", found.group(1)).strip()
    return ""


def _regions(path: Path, where: str, source: str, pair: tuple[str, str]) -> int:
    """Count the regions of a cell; each BEGIN must have its END."""
    count, inside = 0, False
    for line in source.splitlines():
        for word, opens in zip(pair, (True, False), strict=True):
            if word in line:
                if inside == opens:
                    raise _fault(path, where, f"has a line {word} that does not fit", f"pair {pair[0]} with {pair[1]}")
                inside, count = opens, count + opens
    if inside:
        raise _fault(path, where, f"has {pair[0]} without {pair[1]}", "close the region")
    return count


def _inside(source: str, pair: tuple[str, str]) -> list[str]:
    lines: list[str] = []
    inside = False
    for line in source.splitlines():
        if pair[0] in line or pair[1] in line:
            inside = pair[0] in line
        elif inside:
            lines.append(line)
    return lines


def _without(source: str, pair: tuple[str, str], stub: str = "") -> str:
    lines: list[str] = []
    inside = False
    for line in source.split("\n"):
        if pair[0] in line:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            lines.extend(indent + each for each in stub.split("\n") if stub)
        elif pair[1] in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def _telling(parts: Any) -> Iterator[str]:
    for lines in parts:
        for line in lines:
            packed = "".join(line.split())
            if len(packed) >= TELLING:
                yield packed

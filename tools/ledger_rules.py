"""What must hold of ``docs/equations.toml``: every entry leads somewhere, and nothing of the paper is without one."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import nbformat

from dacl_edu import paths
from dacl_edu.lessons.ledger import Entry, resolve_function

EQUATIONS = tuple(f"eq-{number}" for number in range(1, 12))
ALGORITHM = tuple(f"alg-{number}" for number in range(1, 18))
_RANGE = re.compile(r"(\d+)\s*[-–]\s*(\d+)")


def numbers_named(text: str, word: str) -> set[int]:
    """Return the numbers that follow a word: ``Eq. 5-7``, ``Eq. 9 and Eq. 10``, ``lines 3, 4, 5``.

    Examples
    --------
    >>> sorted(numbers_named("Eq. 2, 3, and Eq. 5-7; Sec. 9", "Eq."))
    [2, 3, 5, 6, 7]
    """
    found: set[int] = set()
    for match in re.finditer(rf"{re.escape(word)}s?\s*((?:\d+\s*(?:-|–|,|and|\s)*\s*)+)", text):
        listed = match.group(1)
        for low, high in _RANGE.findall(listed):
            found |= set(range(int(low), int(high) + 1))
        found |= {int(number) for number in re.findall(r"\d+", listed)}
    return found


def problems_of(entry: Entry, notebooks: Path | None = None) -> list[str]:
    """Resolve an entry in all five places and return what does not hold."""
    return [
        *_latex(entry),
        *_function(entry),
        *_cell(entry, notebooks or paths.lessons()),
        *_test(entry),
    ]


def _latex(entry: Entry) -> list[str]:
    bare = re.sub(r"\\[{}]", "", entry.latex)
    if not entry.latex.strip():
        return [f"{entry.id}: no LaTeX"]
    left, right = (len(re.findall(rf"\\{side}(?![a-z])", entry.latex)) for side in ("left", "right"))
    balanced = bare.count("{") == bare.count("}") and left == right
    return [] if balanced else [f"{entry.id}: brackets of the LaTeX do not match"]


def _function(entry: Entry) -> list[str]:
    try:
        found = resolve_function(entry.function)
    except LookupError as error:
        return [f"{entry.id}: {error}"]
    kind, _, number = entry.id.partition("-")
    text = inspect.getdoc(found) or "" if kind == "eq" else inspect.getsource(found)
    named = numbers_named(text, "Eq." if kind == "eq" else "line")
    where = "docstring" if kind == "eq" else "comments"
    return [] if int(number) in named else [f"{entry.id}: the {where} of {entry.function} do not name {entry.label}"]


def _cell(entry: Entry, notebooks: Path) -> list[str]:
    path = notebooks / f"{entry.notebook}.ipynb"
    if not path.is_file():
        return [f"{entry.id}: no notebook {entry.notebook}"]
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if entry.cell in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        return [f"{entry.id}: {len(cells)} cells of {entry.notebook} are tagged {entry.cell}, but must be one"]
    return [] if cells[0].cell_type == "code" else [f"{entry.id}: the cell of {entry.notebook} is no code"]


def _test(entry: Entry) -> list[str]:
    file, _, name = entry.test.partition("::")
    path = paths.HOME / file
    if not path.is_file():
        return [f"{entry.id}: no file {file}"]
    names = {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    }
    return [] if name in names else [f"{entry.id}: {file} has no {name}"]


def orphans(entries: list[Entry], notebooks: Path | None = None) -> list[str]:
    """Return what exists without an entry: numbers of the paper, tags of notebooks, numbers in docstrings."""
    ids = [entry.id for entry in entries]
    problems = [f"{wanted} has no entry" for wanted in (*EQUATIONS, *ALGORITHM) if wanted not in ids]
    problems += [f"{twice} has several entries" for twice in sorted({i for i in ids if ids.count(i) > 1})]
    homes = {(entry.notebook, entry.cell) for entry in entries}
    for path in sorted((notebooks or paths.lessons()).glob("*.ipynb")):
        tags = [tag for cell in nbformat.read(path, as_version=4).cells for tag in cell.metadata.get("tags", [])]
        lost = [tag for tag in tags if re.fullmatch(r"(eq|alg)-\d+", tag) and (path.stem, tag) not in homes]
        problems += [f"{path.stem}: tag {tag} has no entry" for tag in lost]
    for path in sorted(paths.PACKAGE.rglob("*.py")):
        unknown = {n for n in numbers_named(path.read_text(encoding="utf-8"), "Eq.") if f"eq-{n}" not in ids}
        problems += [f"{path.name} names Eq. {number}, which has no entry" for number in sorted(unknown)]
    return problems

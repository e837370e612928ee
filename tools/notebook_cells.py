"""What a rule asks of a notebook's cells."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

Notebook = Any
HEADING = re.compile(r"^(#{1,6})\s+(.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
IMAGES = ("image/png", "image/jpeg", "image/svg+xml")


def code_cells(notebook: Notebook) -> Iterator[Any]:
    """The code cells of a notebook."""
    return (cell for cell in notebook.cells if cell.cell_type == "code")


def tags_of(cell: Any) -> list[str]:
    """A cell's tags."""
    return list(cell.metadata.get("tags", []))


def is_folded(cell: Any) -> bool:
    """Whether the source of a cell is folded away."""
    return bool(cell.metadata.get("jupyter", {}).get("source_hidden"))


def name_of(cell: Any) -> str:
    """Words for a cell: its first line."""
    line = next((line for line in cell.source.splitlines() if line.strip()), "")
    return f"cell {line[:40]!r}"


def texts_of(cell: Any) -> Iterator[str]:
    """Source and outputs of a cell, without pictures."""
    yield cell.source
    for output in cell.get("outputs", []):
        yield output.get("text", "")
        yield "\n".join(output.get("traceback", []))
        for kind, value in output.get("data", {}).items():
            if kind not in IMAGES:
                yield value if isinstance(value, str) else json.dumps(value)


def headings_of(notebook: Notebook) -> Iterator[tuple[int, str]]:
    """Level and words of each heading."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for match in HEADING.finditer(FENCE.sub("", cell.source)):
                yield len(match.group(1)), match.group(2)


def sections_of(notebook: Notebook) -> list[tuple[str, list[Any]]]:
    """Title and cells of each section, whatever its level."""
    sections: list[tuple[str, list[Any]]] = [("(top)", [])]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (match := HEADING.search(FENCE.sub("", cell.source))):
            sections.append((match.group(2), []))
        sections[-1][1].append(cell)
    return sections


def parsed(source: str) -> ast.Module:
    """The syntax tree of a cell; magics count as nothing."""
    lines = ["pass" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()]
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:
        return ast.parse("")


def root_name(call: ast.Call) -> str:
    """The name that a call begins with."""
    function: ast.expr = call.func
    while isinstance(function, ast.Attribute):
        function = function.value
    return function.id if isinstance(function, ast.Name) else ""


def speaks(source: str) -> bool:
    """Whether a cell calls print, show or display outside a function, or ends in a value."""
    body = parsed(source).body
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call | ast.Constant | ast.Await):
        return not source.rstrip().endswith(";")
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef | ast.If | ast.Try):
            continue
        for node in ast.walk(statement):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("print", "show", "display")
            ):
                return True
    return False


def computes(source: str) -> bool:
    """Whether a cell does more than import, call setup, and show something that a function of the package made."""
    for statement in parsed(source).body:
        is_call = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
        if is_call and root_name(statement.value) in ("setup", "show", "display"):  # type: ignore[attr-defined]
            continue
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            return True
    return False


def asserts(source: str) -> bool:
    """Whether a cell asserts something, by itself or by the course's check."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if root_name(node) == "check" or attribute.startswith("assert_"):
                return True
    return False


def is_constant(value: ast.expr | None) -> bool:
    """Whether an expression is a literal."""
    if value is None:
        return False
    try:
        ast.literal_eval(value)
    except ValueError:
        return False
    return True

"""One dialect of docstrings: a data class lists its fields as Attributes, which is what a reader finds on an object."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def record_classes(file: Path) -> list[ast.ClassDef]:
    """Return the data classes and named tuples of a file."""
    classes = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef)]
    of_records = {"dataclass", "NamedTuple"}
    return [each for each in classes if of_records & set(map(name, [*each.decorator_list, *each.bases]))]


def name(expression: ast.expr) -> str:
    return ast.unparse(expression).partition("(")[0].rpartition(".")[2]


def test_fields_of_data_classes_are_attributes() -> None:
    wrong, found = [], 0
    for package in ("dacl_edu", "dacl_edu_course", "dacl_edu_faces", "tools"):
        for file in sorted((ROOT / package).rglob("*.py")):
            for each in record_classes(file):
                found += 1
                if "Parameters\n----------" in (ast.get_docstring(each) or ""):
                    wrong.append(f"{file.relative_to(ROOT)}:{each.lineno} {each.name}")
    assert found > 30
    assert wrong == []

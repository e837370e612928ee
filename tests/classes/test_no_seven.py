"""No count of classes and no list of their names outside the one module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dacl_edu
from dacl_edu.expressions import expression

PACKAGE = Path(dacl_edu.__file__).parent
ONE_MODULE = "expressions.py"

OTHER_SEVENS = {
    "widgets/face_browser.py": (2, "faces in a row"),
    "bench/cli.py": (1, "the crop is 7/8 of the image"),
    "bench/loss.py": (3, "the paper's K beside a large one"),
    "widgets/explainer/stages.py": (1, "faces in a row"),
    "model/dacl.py": (1, "the paper's first width of the context encoder, 7 d"),
    "text.py": (1, "words of a file's name"),
    "plots/embedding.py": (1, "pixels of a marker"),
    "plots/curves.py": (1, "pixels of a marker"),
    "widgets/loss_lab_figure.py": (2, "pixels of a marker, and the end of the slider of K"),
    "widgets/loss_lab.py": (1, "the end of the slider of K"),
    "evaluation/metrics.py": (2, "digits to round to"),
    "data/expw.py": (3, "columns of a line of its list"),
    "data/bundled.py": (1, "number of an action unit"),
}
"""How many sevens of a file count no classes, and what they are."""


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_no_seven_counts_classes() -> None:
    found: dict[str, list[int]] = {}
    for name, tree in trees():
        numbers = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is int]
        lines = [number.lineno for number in numbers if number.value == 7]
        if lines:
            found[name] = lines
    more = {name: lines for name, lines in found.items() if len(lines) > OTHER_SEVENS.get(name, (0, ""))[0]}
    assert more == {}
    assert {name: len(lines) for name, lines in found.items()} == {name: n for name, (n, _) in OTHER_SEVENS.items()}


def test_no_list_of_expressions_but_one() -> None:
    found = []
    for name, tree in trees():
        for node in ast.walk(tree):
            members = node.keys + node.values if isinstance(node, ast.Dict) else getattr(node, "elts", [])
            words = {
                expression(part) for m in members if isinstance(m, ast.Constant) and isinstance(m.value, str)
                for part in [m.value]
            } - {None}  # fmt: skip
            if len(words) > 2 and name != ONE_MODULE:
                found.append(f"{name}:{node.lineno}")
    assert found == []
    (one,) = [tree for name, tree in trees() if name == ONE_MODULE]
    assert sum(isinstance(node, ast.Tuple) and len(node.elts) > 5 for node in ast.walk(one)) > 5, "they are there"

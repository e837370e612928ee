"""docs/equations.toml resolves in all five places, nothing is left out, and each kind of orphan is found."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4 as v4
import pytest

from dacl_edu.lessons.ledger import Entry, ledger_table, load_ledger
from tools.ledger_rules import ALGORITHM, EQUATIONS, orphans, problems_of

ENTRIES = load_ledger()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_every_entry_resolves(entry: Entry) -> None:
    assert problems_of(entry) == []


def test_nothing_is_an_orphan() -> None:
    assert orphans(ENTRIES) == []


def test_the_ledger_is_in_the_order_of_the_paper() -> None:
    assert tuple(entry.id for entry in ENTRIES) == (*EQUATIONS, *ALGORITHM)


def test_the_tables_have_a_row_an_entry() -> None:
    assert len(ledger_table().splitlines()) == 2 + len(EQUATIONS)
    assert len(ledger_table(equations=False).splitlines()) == 2 + len(ALGORITHM)
    links = [part.partition(")")[0].partition("#")[0] for part in ledger_table().split("](")[1:]]
    for link in links:
        assert (Path(__file__).parents[2] / "notebooks" / link).resolve().exists(), link


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"latex": " "}, "no LaTeX"),
        ({"latex": r"\frac{1}{2m"}, "brackets"),
        ({"function": "dacl_edu.losses.no_such_loss"}, "has no no_such_loss"),
        ({"function": "no_such_module.x"}, "no such module"),
        ({"function": "dacl_edu.losses.softmax_loss"}, "do not name Eq. 4"),
        ({"notebook": "99_nowhere"}, "no notebook"),
        ({"cell": "eq-99"}, "0 cells"),
        ({"test": "tests/no_such_file.py::test_x"}, "no file"),
        ({"test": "tests/losses/test_functional.py::test_that_is_not_there"}, "has no test_that_is_not_there"),
    ],
    ids=str,
)
def test_each_broken_place_is_found(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    cell = v4.new_code_cell("loss = 0", metadata={"tags": ["eq-4"]})
    nbformat.write(v4.new_notebook(cells=[cell]), tmp_path / "03_sparse_center_loss.ipynb")
    right = next(entry for entry in ENTRIES if entry.id == "eq-4")
    assert problems_of(right, tmp_path) == []
    (problem,) = problems_of(dataclasses.replace(right, **change), tmp_path)
    assert said in problem


def test_two_cells_or_prose_in_the_place_of_the_cell_are_found(tmp_path: Path) -> None:
    right = next(entry for entry in ENTRIES if entry.id == "eq-4")
    path = tmp_path / "03_sparse_center_loss.ipynb"
    cells = [v4.new_code_cell(source, metadata={"tags": ["eq-4"]}) for source in ("a = 1", "b = 1")]
    nbformat.write(v4.new_notebook(cells=cells), path)
    assert "2 cells" in problems_of(right, tmp_path)[0]
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("Eq. 4", metadata={"tags": ["eq-4"]})]), path)
    assert "no code" in problems_of(right, tmp_path)[0]


def test_each_kind_of_orphan_is_found(tmp_path: Path) -> None:
    assert "eq-11 has no entry" in orphans([e for e in ENTRIES if e.id != "eq-11"], tmp_path)
    assert any("names Eq. 11" in line for line in orphans([e for e in ENTRIES if e.id != "eq-11"], tmp_path))
    assert "eq-4 has several entries" in orphans([*ENTRIES, ENTRIES[3]], tmp_path)
    cell = v4.new_code_cell("x = 1", metadata={"tags": ["eq-4"]})
    nbformat.write(v4.new_notebook(cells=[cell]), tmp_path / "02_center_loss.ipynb")
    assert "02_center_loss: tag eq-4 has no entry" in orphans(ENTRIES, tmp_path)

"""Each misprint in docs/errata.md names a test, and that test is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dacl_edu.lessons.ledger import load_ledger, numbers_named

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "errata.md").read_text(encoding="utf-8")


def rows(text: str) -> list[str]:
    lines = text.splitlines()
    return [line for line in lines if line.startswith("|") and not line.startswith(("| where", "|---"))]


ROWS = rows(TEXT)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_the_named_tests_exist(row: str) -> None:
    last = row.rsplit("|", 2)[1]
    if last.strip() == "none: two sentences of the text":
        return
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)", last)
    assert named, "this row names no test"
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), f"{file}::{test}"


def test_there_are_rows() -> None:
    assert len(ROWS) >= 20 and sum("none: two sentences" in row for row in ROWS) == 1


def test_a_star_in_the_ledger_marks_what_stands_in_the_table_of_misprints_and_nothing_else() -> None:
    misprints = rows(TEXT.split("## Where the print cannot be meant")[1].split("\n## ")[0])
    places = [row.split("|")[1] for row in misprints]
    listed = {f"eq-{n}" for place in places for n in numbers_named(place, "Eq.")}
    listed |= {f"alg-{n}" for place in places for n in numbers_named(place, "line")}
    assert {entry.id for entry in load_ledger() if entry.erratum} == listed
    assert not {"eq-9", "alg-9"} & listed, "both are right as printed"

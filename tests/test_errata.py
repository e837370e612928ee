"""Each misprint in docs/errata.md names a test, and that test is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROWS = [
    line
    for line in (ROOT / "docs" / "errata.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and not line.startswith(("| where", "|---"))
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_the_named_tests_exist(row: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)", row.rsplit("|", 2)[1])
    assert named, "this row names no test"
    for file, test in named:
        assert re.search(rf"^def {test}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), f"{file}::{test}"


def test_there_are_rows() -> None:
    assert len(ROWS) >= 14

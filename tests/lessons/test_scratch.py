"""``own_code``: the student's cells where they are written, the folded answers elsewhere, and nothing of the lesson."""

from __future__ import annotations

from pathlib import Path

import nbformat
import nbformat.v4 as v4
import pytest

from dacl_edu.lessons.scratch import own_code

STUB = "def twice(x):\n    raise NotImplementedError()  # your line here"
MINE = "def twice(x):\n    return x + x  # mine"
FOLDED = (
    '# The answer.\ndef answer_twice(x):\n    return 2 * x\n\n\ntwice = attempt(twice, answer_twice, returns=("y",))'
)
USES = "def four(x):\n    return twice(twice(x))"


def lesson(folder: Path, first: str) -> Path:
    tags = {"tags": ["scratch"]}
    cells = [
        v4.new_markdown_cell("# A lesson"),
        v4.new_code_cell("from dacl_edu.check.exercise import attempt"),
        v4.new_code_cell(first, metadata=tags),
        v4.new_code_cell(FOLDED, metadata={**tags, "jupyter": {"source_hidden": True}}),
        v4.new_code_cell("assert twice(1) == 2"),
        v4.new_code_cell(USES, metadata=tags),
    ]
    nbformat.write(v4.new_notebook(cells=cells), folder / "lesson.ipynb")
    return folder / "lesson.ipynb"


@pytest.mark.parametrize(("first", "whose"), [(STUB, "return 2 * x"), (MINE, "# mine")])
def test_it_is_the_students_where_written_and_the_folded_answer_elsewhere(
    first: str, whose: str, tmp_path: Path
) -> None:
    program = own_code(lesson(tmp_path, first))
    assert whose in program and program.count("def twice(x):") == 1
    assert not [word for word in ("attempt", "answer_", "NotImplementedError", "assert", "dacl_edu") if word in program]
    space: dict[str, object] = {}
    exec(program, space)
    assert space["four"](3) == 12  # type: ignore[operator]

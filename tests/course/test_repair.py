"""Damaged notebooks: each kind is put right, said in a note, and never an error."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from course.made_assignment import DOUBLED, NAME, SHIFTED, answered, cell_of, made_assignment, source_notebook
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell

from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.release import student_version
from dacl_edu_course.submissions.repair import (
    Damaged,
    ReadingLimits,
    Repaired,
    parse_submission,
    read_submission,
    repair,
)

NB = answered()


@pytest.fixture(scope="module")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return made_assignment(tmp_path_factory.mktemp("source"))


def repaired(assignment: Assignment, notebook: Any) -> Repaired:
    read = parse_submission(json.dumps(notebook).encode())
    assert not isinstance(read, Damaged), read
    result = repair(assignment, read)
    assert isinstance(result, Repaired), result
    return result


def sources(result: Repaired) -> list[str]:
    return [cell.source for cell in result.cells]


WHOLE = ["import math\nSCALE = 2", DOUBLED, "print('try it', 1)", SHIFTED]


def test_a_whole_notebook_stays_as_it_is(assignment: Assignment) -> None:
    result = repaired(assignment, NB)
    assert result.notes == () and result.missing == {}
    assert sources(result) == WHOLE
    assert [(c.id, c.origin) for c in result.cells][:2] == [("given", "author"), ("doubled", "student")]
    assert result.answers == {"doubled": DOUBLED, "shifted": SHIFTED, "conclusion": "Doubling won by 3 points."}
    assert "hidden_seeds" in result.tests["doubled"] and set(result.tests) == {"doubled", "shifted"}
    assert "hidden" not in "".join(cell.source for cell in result.merged), "what is shown holds no hidden test"


def test_an_author_can_try_the_source_itself(assignment: Assignment) -> None:
    result = repaired(assignment, source_notebook())
    assert result.notes == () and result.missing == {}
    assert "answer_of_doubled" in result.answers["doubled"]
    assert "hidden_seeds" not in "".join(cell.source for cell in result.merged)


def drop(notebook: Any, grade_id: str) -> None:
    notebook.cells.remove(cell_of(notebook, grade_id))


def strip(notebook: Any, ids_too: bool = True) -> None:
    for number, cell in enumerate(notebook.cells):
        cell.metadata = {}
        if ids_too:
            cell["id"] = f"new-{number}"


def double(notebook: Any, grade_id: str, text: str) -> None:
    copy = deepcopy(cell_of(notebook, grade_id))
    copy.source, copy["id"] = text, "copied"
    notebook.cells.append(copy)


def move(notebook: Any, old: int, new: int) -> None:
    notebook.cells.insert(new, notebook.cells.pop(old))


@pytest.mark.parametrize(
    ("damage", "note", "runs"),
    [
        (lambda n: drop(n, "given"), "The cell given was deleted: it was put back.", WHOLE),
        (lambda n: drop(n, "test_doubled"), "The test cell test_doubled was deleted", WHOLE),
        (lambda n: drop(n, "doubled"), "The cell doubled was deleted: its question has no", [*WHOLE[:1], *WHOLE[2:]]),
        (
            lambda n: cell_of(n, "given").update(source="SCALE = 3"),
            "and yours was run behind it",
            [WHOLE[0], "SCALE = 3", *WHOLE[1:]],
        ),
        (lambda n: cell_of(n, "test_shifted").update(source="pass"), "what you defined in it counts", [*WHOLE, "pass"]),
        (lambda n: move(n, 8, 2), "Cells had been moved", WHOLE),
        (lambda n: strip(n), "An editor removed the labels", WHOLE),
        (lambda n: strip(n, ids_too=False), "An editor removed the labels", WHOLE),
        (lambda n: cell_of(n, "doubled").update(cell_type="markdown"), "The type of the cell doubled", WHOLE),
        (lambda n: double(n, "doubled", DOUBLED), "doubled is there 2 times: the one that was written counts", WHOLE),
        (
            lambda n: double(n, "doubled", "def doubled(x):\n    return x + x"),
            "doubled is there 2 times: all were run, one after the other",
            [*WHOLE[:2], "def doubled(x):\n    return x + x", *WHOLE[2:]],
        ),
        (
            lambda n: n.metadata.kernelspec.update(language="R"),
            "The notebook was saved with a kernel for r; it was run with Python.",
            WHOLE,
        ),
    ],
)
def test_damage_is_put_right_and_said(
    damage: Callable[[Any], None], note: str, runs: list[str], assignment: Assignment
) -> None:
    notebook = deepcopy(NB)
    damage(notebook)
    result = repaired(assignment, notebook)
    assert any(note in said for said in result.notes), result.notes
    assert len(result.notes) == 1
    assert sources(result) == runs
    assert result.answers["conclusion"] == "Doubling won by 3 points."


def test_a_copy_that_is_still_the_stub_does_not_overwrite_the_answer(assignment: Assignment) -> None:
    notebook = deepcopy(NB)
    double(notebook, "doubled", cell_of(answered(), "doubled").source)
    stub = deepcopy(cell_of(notebook, "doubled"))

    stub.source = cell_of(student_version(source_notebook()), "doubled").source
    notebook.cells.append(stub)
    assert sources(repaired(assignment, notebook)) == WHOLE


def test_a_students_own_cells_stay_behind_the_cell_they_followed(assignment: Assignment) -> None:
    notebook = deepcopy(NB)
    at = notebook.cells.index(cell_of(notebook, "doubled"))
    notebook.cells.insert(at, new_code_cell("helper = 1"))
    notebook.cells.insert(0, new_code_cell("first = 1"))
    notebook.cells.append(new_code_cell("train()", metadata={"tags": ["not-graded"]}))
    notebook.cells.append(new_markdown_cell("my note"))
    result = repaired(assignment, notebook)
    assert sources(result) == ["first = 1", WHOLE[0], "helper = 1", *WHOLE[1:], "train()"]
    assert [cell.source for cell in result.cells if cell.definitions] == ["train()"], "what it defines, and no more"
    assert [cell.id for cell in result.cells if cell.source in ("first = 1", "helper = 1")] == ["", ""]
    assert result.merged[-1].source == "my note"


def test_a_tag_of_the_student_does_not_keep_an_answer_from_running(assignment: Assignment) -> None:
    notebook = deepcopy(NB)
    cell_of(notebook, "doubled").metadata["tags"] = ["not-graded"]
    assert sources(repaired(assignment, notebook)) == WHOLE


def test_unwritten_and_deleted_answers_are_told_apart(assignment: Assignment) -> None:
    notebook = student_version(source_notebook())
    drop(notebook, "shifted")
    result = repaired(assignment, notebook)
    assert result.missing["doubled"] == result.missing["conclusion"] == "nothing was written yet"
    assert "was deleted" in result.missing["shifted"] and result.answers["shifted"] == ""


def test_an_answer_in_another_cell_is_judged_by_its_test(assignment: Assignment) -> None:
    notebook = deepcopy(NB)
    drop(notebook, "shifted")
    cell_of(notebook, "doubled").source += "\n\ndef shifted(x, by):\n    return x - by"
    result = repaired(assignment, notebook)
    assert result.missing == {}, "it is there, and what is wrong with it the test says"
    assert result.notes == ("The cell shifted was deleted: what it defines was found in another.",)
    stub = student_version(source_notebook())
    stub.cells.append(new_code_cell("def shifted(x, by):\n    return x - by"))
    assert sorted(repaired(assignment, stub).missing) == ["conclusion", "doubled"]


def test_another_notebook_is_said_to_be_one(assignment: Assignment) -> None:
    other = nbformat.v4.new_notebook(cells=[new_code_cell("1 + 1"), new_markdown_cell("# A lesson", id="fetch")])
    read = parse_submission(nbformat.writes(other).encode())
    assert repair(assignment, read) == Damaged(f"this is not {NAME}: none of its questions is in it")


def deep(levels: int) -> bytes:
    return b'{"cells":' + b"[" * levels + b"]" * levels + b"}"


V3 = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {},
    "worksheets": [{"cells": [{"cell_type": "code", "language": "python", "input": DOUBLED, "outputs": []}]}],
}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "no text"),
        (json.dumps(NB).encode()[:500], "no JSON"),
        (json.dumps(NB).replace("Doubling", "Größe").encode("latin-1", "replace") + b"\xfc", "no text"),
        (b"[1, 2]", "no list of cells"),
        (b'{"cells": 3}', "no list of cells"),
        (b'{"cells": []}', "no cells"),
        (b'{"cells": [1, null, {"cell_type": "x"}]}', "no cells"),
        (deep(100_000), "nested too deeply"),
        (deep(300), "nested too deeply"),
        (b"1" * 10_000, "no JSON"),
        (json.dumps({"cells": [{"cell_type": "code", "source": ""}] * 4000}).encode(), "more than 3,000 cells"),
    ],
    ids=str,
)
def test_what_is_no_notebook_gets_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "x.ipynb").write_bytes(content)
    read = read_submission(tmp_path / "x.ipynb")
    assert isinstance(read, Damaged) and reason in read.reason and "\n" not in read.reason


def test_sizes_links_and_pipes(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps(NB))
    assert "larger than 0 MB" in read_submission(path, ReadingLimits(bytes=100)).reason
    (tmp_path / "link").symlink_to(path)
    assert read_submission(tmp_path / "link") == Damaged("the file is a symbolic link")
    os.mkfifo(tmp_path / "pipe")
    assert read_submission(tmp_path / "pipe") == Damaged("this is no regular file")
    assert "cannot be read" in read_submission(tmp_path / "gone").reason
    assert "cannot be read" in read_submission(tmp_path).reason


def test_old_and_foreign_encodings_are_read(assignment: Assignment) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        assert len(parse_submission(json.dumps(NB).encode(encoding)).cells) == len(NB.cells)
    old = repair(assignment, parse_submission(json.dumps(V3).encode()))
    assert old.answers["doubled"] == DOUBLED and "nbformat 3" in old.notes[0]


def test_only_text_and_pictures_are_kept_of_outputs() -> None:
    data = {
        "text/plain": "x" * 50_000,
        "text/html": "<script>1</script>",
        "image/png": "aGk=\n",
        "image/svg+xml": "<svg>",
    }
    outputs = [
        {"output_type": "display_data", "data": data},
        {"output_type": "stream", "text": ["a", "b"]},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["<script>"]},
        {"output_type": "display_data", "data": {"image/png": '"><script>'}},
        "nonsense",
    ]
    cell = {"cell_type": "code", "source": "1", "outputs": outputs}
    (found,) = parse_submission(json.dumps({"cells": [cell]}).encode()).cells
    assert "script" not in json.dumps(found.outputs) and "svg" not in json.dumps(found.outputs)
    assert found.outputs[0]["data"]["image/png"] == "aGk=" and len(found.outputs[0]["data"]["text/plain"]) < 10_100
    assert found.outputs[1]["text"] == "ab"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["cells", "cell_type", "source", "metadata", "nbgrader", "grade_id", "id", "outputs", "tags"]),
        inner | st.sampled_from(["code", "markdown", "doubled", "test_doubled"]), max_size=5,
    ),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw=JSON, cells=st.lists(JSON, max_size=4))
def test_no_json_raises(assignment: Assignment, raw: Any, cells: list[Any]) -> None:
    for content in (raw, {"cells": cells, "metadata": raw}, {"worksheets": cells}, {"worksheets": [{"cells": cells}]}):
        read = parse_submission(json.dumps(content).encode())
        assert isinstance(read, Damaged) or isinstance(repair(assignment, read), Damaged | Repaired)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    order=st.lists(st.integers(0, len(NB.cells) - 1), min_size=1, max_size=20),
    bare=st.sets(st.integers(0, 19)),
)
def test_right_answers_that_are_still_there_stay_in(assignment: Assignment, order: list[int], bare: set[int]) -> None:
    notebook = deepcopy(NB)
    notebook.cells = [deepcopy(NB.cells[index]) for index in order]
    for place, cell in enumerate(notebook.cells):
        if place in bare:
            cell.metadata = {}
            cell["id"] = f"new-{place}"
    result = repair(assignment, parse_submission(json.dumps(notebook).encode()))
    there = {cell.source for cell in notebook.cells}
    if isinstance(result, Damaged):
        assert not there & {DOUBLED, SHIFTED, WHOLE[0]}
        return
    run = sources(result)
    assert run[:1] == WHOLE[:1] or there, "the author's cells are all there"
    assert WHOLE[0] in run
    for name, text in (("doubled", DOUBLED), ("shifted", SHIFTED)):
        assert (text in run) == (text in there)
        assert (name in result.missing) == (text not in there)
        if text in there:
            assert run.index(WHOLE[0]) < run.index(text), "given cells run before the answer"
    if DOUBLED in there and SHIFTED in there:
        assert run.index(DOUBLED) < run.index(SHIFTED)

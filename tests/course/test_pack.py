"""The students' repository: what is in the archive, what is not, and that an assignment's check runs in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from course.made_assignment import NAME, source_notebook, write_source

from dacl_edu import paths
from dacl_edu.errors import UserError
from dacl_edu_course.authoring.pack import write_pack
from dacl_edu_course.authoring.release import release_course
from dacl_edu_course.grading.upload import students_of

SOURCES = paths.assignments() / "source"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of a course that has released two assignments, unpacked."""
    folder = tmp_path_factory.mktemp("pack")
    release_course(["a1", "a3"], SOURCES, folder / "course")
    write_pack(folder / "students.zip", folder / "course")
    with zipfile.ZipFile(folder / "students.zip") as archive:
        archive.extractall(folder / "home")
    return folder / "home" / "dacl-edu"


def test_lessons_and_what_was_released_are_in_it(packed: Path) -> None:
    lessons = {path.name for path in paths.lessons().glob("[0-9]*.ipynb")}
    assert {path.name for path in (packed / "notebooks").glob("*.ipynb")} == lessons
    assert sorted(path.name for path in (packed / "notebooks/assignments/release").iterdir()) == [
        *("a1_center_loss", "a3_center_update"),
    ]
    assert not (packed / "notebooks/assignments/source").exists() and not (packed / "tests").exists()


def test_no_solution_and_no_hidden_test_is_in_a_notebook(packed: Path) -> None:
    for path in packed.rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert "### BEGIN SOLUTION" not in text and "### BEGIN HIDDEN" not in text, path


def test_a_check_runs_in_it(packed: Path) -> None:
    notebook = json.loads((packed / "notebooks/assignments/release/a1_center_loss/a1_center_loss.ipynb").read_text())
    test = next(
        "".join(c["source"]) for c in notebook["cells"] if "questions.center_loss(center_loss)" in "".join(c["source"])
    )
    answer = "def center_loss(x, y, c):\n    return ((x - c[y]) ** 2).sum() / (2 * len(x))\n"
    where = {**os.environ, "PYTHONPATH": str(packed)}
    ran = subprocess.run([sys.executable, "-c", answer + test], cwd=packed, env=where, capture_output=True, text=True)
    assert "Question 1: center loss: right" in ran.stdout, ran.stderr
    told = subprocess.run(
        [sys.executable, "-c", "import dacl_edu; print(dacl_edu.__file__)"],
        cwd="/",
        env=where,
        capture_output=True,
        text=True,
    )
    assert told.stdout.startswith(str(packed)), "the test must not import another copy"


def test_a_hidden_line_keeps_the_archive_from_being_written(tmp_path: Path) -> None:
    release_course(["a1"], SOURCES, tmp_path / "course")
    (tmp_path / "course/release/a1_center_loss/notes.md").write_text("ask: questions.center_loss(center_loss, seed)\n")
    with pytest.raises(UserError, match="students would see"):
        write_pack(tmp_path / "students.zip", tmp_path / "course")
    assert not (tmp_path / "students.zip").exists()


def test_a_hidden_line_that_the_project_has_too_is_no_secret(tmp_path: Path) -> None:
    notebook = source_notebook()
    test = next(cell for cell in notebook.cells if "BEGIN HIDDEN" in cell.source)
    test.source = test.source.replace("### END HIDDEN", "loss.backward()\n### END HIDDEN")
    write_source(tmp_path / "own", notebook)
    release_course([], tmp_path / "own", tmp_path / "course")
    assert write_pack(tmp_path / "students.zip", tmp_path / "course") > 0
    (tmp_path / "course/release" / NAME / "notes.md").write_text("then loss.backward()")
    with pytest.raises(UserError, match=r"students would see 'loss\.backward"):
        write_pack(tmp_path / "students.zip", tmp_path / "course")


def test_a_pipe_is_never_replaced_by_the_archive(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(OSError, match="no file"):
        write_pack(tmp_path / "pipe.zip", tmp_path / "no course")
    assert (tmp_path / "pipe.zip").is_fifo()


@pytest.mark.parametrize("told", ["[]", "null", '{"ada": 3}', '{"ada": {"name": "Ada"}}'])
def test_what_is_known_of_students_may_be_damaged(told: str, tmp_path: Path) -> None:
    (tmp_path / "students.json").write_text(told)
    assert students_of(tmp_path) == ({"ada": {"name": "Ada"}} if "Ada" in told else {})

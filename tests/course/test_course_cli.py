"""The commands, as an instructor types them: what they print, what they leave, what they say when one is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from class_of_30.answers import ONE_LINE
from class_of_30.handing_in import ASSIGNMENT, filled, save
from typer.testing import CliRunner

from dacl_edu.errors import UserError
from dacl_edu_course.cli import app

SOURCES = Path(__file__).parents[2] / "notebooks" / "assignments" / "source"


def typed(*words: str | Path) -> str:
    """Run a command; return what it prints."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    typed("release", "a2", "--course", folder / "course", "--source", SOURCES)
    given = nbformat.read(folder / "course" / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)
    save(filled(given, ONE_LINE), folder / "hand-ins" / "ada")
    (folder / "hand-ins" / "sam").mkdir()
    return folder / "course"


def test_collect_grade_results(course: Path) -> None:
    said = typed("collect", course.parent / "hand-ins", "a2", "--course", course)
    assert "a2_sparse_center_loss: 2 students, 1 without a notebook" in said
    assert "sam: Nothing was handed in: the folder is empty." in said

    said = typed("grade", "a2", "--course", course, "--jobs", "1")
    assert "shut in" in said
    rows = [line.split() for line in said.splitlines()]
    assert ["ada", "12", "12"] in rows and ["sam", "0", "12"] in rows
    assert said.splitlines()[-1].endswith(os.path.join("results", f"{ASSIGNMENT}.csv"))

    again = [line.split() for line in typed("results", "a2", "--course", course).splitlines()]
    assert ["ada", "12", "12"] in again


def test_an_unknown_student_is_said(course: Path) -> None:
    typed("collect", course.parent / "hand-ins", "a2", "--course", course)
    with pytest.raises(UserError, match="no submission by 'adda' — there are ada, sam"):
        typed("grade", "a2", "--course", course, "--student", "adda")


def test_export_knows_one_format(tmp_path: Path) -> None:
    path = Path(typed("export", "a1", "--source", SOURCES, "--out", tmp_path).strip())
    assert "# ASSIGNMENT CONFIG" in nbformat.read(path, as_version=4).cells[0].source
    with pytest.raises(UserError, match="unknown format 'csv' — use --format otter"):
        typed("export", "a1", "--source", SOURCES, "--out", tmp_path, "--format", "csv")


def test_every_command_has_an_example() -> None:
    for command in ("release", "collect", "grade", "results", "export", "students"):
        words = "".join(typed(command, "--help").split())  # lines break within names
        assert f"Example:dacl-educourse{command}" in words

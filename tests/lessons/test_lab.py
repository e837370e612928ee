"""``dacl-edu lab``: a copy of the lessons that keeps what its user did, and JupyterLab on this machine only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dacl_edu import paths
from dacl_edu.cli import main
from dacl_edu.errors import UserError
from dacl_edu.lessons.lab import RECORD, copy_lessons, open_jupyterlab

LESSON = "notebooks/01_one.ipynb"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two lessons, an assignment, a document, and what must not be copied."""
    home = tmp_path / "project"
    for name in (
        *(LESSON, "notebooks/02_two.ipynb", "notebooks/assignments/release/a1/a1.ipynb", "docs/errata.md"),
        *("docs/pictures/drawn.svg", "docs/pictures/photographed.png"),
        *("notebooks/assignments/source/a1/a1.ipynb", "notebooks/01_one.py", "notebooks/shipped/run/result.json"),
    ):
        write(home / name, f"first {name}")
    monkeypatch.setattr(paths, "HOME", home)
    monkeypatch.setattr(paths, "CHECKOUT", home)
    return home


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def files(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): file.read_text()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name != RECORD
    }


def test_lessons_and_what_they_point_to_are_copied_and_no_solution(project: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine" / "deeper"
    assert copy_lessons(own) == [f"Lessons are in {own}."]
    expected = [
        "docs/errata.md",
        "docs/pictures/drawn.svg",
        LESSON,
        "notebooks/02_two.ipynb",
        "notebooks/assignments/release/a1/a1.ipynb",
    ]
    assert files(own) == {name: f"first {name}" for name in sorted(expected)}


def test_a_second_call_changes_nothing(project: Path, tmp_path: Path) -> None:
    copy_lessons(tmp_path / "own")
    before = files(tmp_path / "own")
    assert copy_lessons(tmp_path / "own") == [f"Lessons are in {tmp_path / 'own'}."]
    assert files(tmp_path / "own") == before


def test_untouched_lessons_are_updated_and_changed_ones_kept(project: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    copy_lessons(own)
    write(own / LESSON, "my work")
    write(own / "notebooks/my_own.ipynb", "my notebook")
    assert copy_lessons(own) == [f"Lessons are in {own}."]  # nothing is new, so nothing is laid beside
    assert "notebooks/new-01_one.ipynb" not in files(own)

    write(project / LESSON, "second one")
    write(project / "notebooks/02_two.ipynb", "second two")
    write(project / "notebooks/03_three.ipynb", "a new lesson")
    said = copy_lessons(own)
    found = files(own)
    assert found[LESSON] == "my work" and found["notebooks/my_own.ipynb"] == "my notebook"
    assert found["notebooks/new-01_one.ipynb"] == "second one"
    assert found["notebooks/02_two.ipynb"] == "second two" and found["notebooks/03_three.ipynb"] == "a new lesson"
    assert said[1:] == [
        f"{LESSON}: you changed it, so it stays; the new version is beside it, new-01_one.ipynb.",
        "Brought up to date: one file that you had not changed.",
    ]
    assert copy_lessons(own)[1:] == []  # said once


def test_what_lies_beside_is_the_users_too(project: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    copy_lessons(own)
    write(own / LESSON, "my work")
    write(project / LESSON, "second")
    copy_lessons(own)
    write(own / "notebooks/new-01_one.ipynb", "my work in the new one")
    write(project / LESSON, "third")
    copy_lessons(own)
    found = files(own)
    assert found[LESSON] == "my work" and found["notebooks/new-01_one.ipynb"] == "my work in the new one"
    assert found["notebooks/new-2-01_one.ipynb"] == "third"


def test_a_lesson_that_was_deleted_comes_back(project: Path, tmp_path: Path) -> None:
    copy_lessons(tmp_path)
    (tmp_path / LESSON).unlink()
    copy_lessons(tmp_path)
    assert (tmp_path / LESSON).read_text() == f"first {LESSON}"


@pytest.mark.parametrize("record", ["", "no json", "[]", '{"notebooks/01_one.ipynb": 3}'])
def test_without_a_sound_record_every_file_there_is_kept(record: str, project: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    write(own / LESSON, "of somebody")
    if record:
        write(own / RECORD, record)
    copy_lessons(own)
    assert files(own)[LESSON] == "of somebody" and files(own)["notebooks/new-01_one.ipynb"] == f"first {LESSON}"
    assert set(json.loads((own / RECORD).read_text())) == {*files(own)} - {"notebooks/new-01_one.ipynb"}


def test_a_folder_that_cannot_be_made_is_said(project: Path, tmp_path: Path) -> None:
    write(tmp_path / "file", "")
    with pytest.raises(UserError, match=r"cannot write there .* name another folder"):
        copy_lessons(tmp_path / "file" / "own")


def test_jupyterlab_serves_the_copy_on_this_machine_only_and_asks_no_other(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labapp = pytest.importorskip("jupyterlab.labapp")
    seen: dict[str, Any] = {}

    def launch(words: list[str]) -> None:
        seen["words"] = words
        config = Path(os.environ["JUPYTER_CONFIG_PATH"].partition(os.pathsep)[0])
        seen["page"] = json.loads((config / "labconfig" / "page_config.json").read_text())

    monkeypatch.setattr(labapp.LabApp, "launch_instance", launch)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["lab", "my lessons", "--no-browser"])
    assert {"--ip=127.0.0.1", "--no-browser", f"--ServerApp.root_dir={tmp_path / 'my lessons'}"} <= set(seen["words"])
    assert seen["page"]["disabledExtensions"] == {"@jupyterlab/apputils-extension:announcements": True}
    assert (tmp_path / "my lessons" / LESSON).is_file()
    before = files(tmp_path)
    with pytest.raises(SystemExit):
        main(["lab", "--in-place"])
    assert f"--ServerApp.root_dir={project}" in seen["words"] and "--no-browser" not in seen["words"]
    assert files(tmp_path) == before


def test_an_installed_wheel_is_not_written_into(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(paths, "CHECKOUT", None)
    with pytest.raises(SystemExit) as left:
        main(["lab", "--in-place"])
    assert left.value.code == 2 and "--in-place is for a checkout" in capsys.readouterr().err


def test_without_jupyterlab_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jupyterlab.labapp", None)
    with pytest.raises(UserError, match=r"is not installed .* pip install"):
        open_jupyterlab(tmp_path)

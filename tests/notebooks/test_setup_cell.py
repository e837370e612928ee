"""The setup cell on a machine that lacks the project (Colab, Kaggle), after a restart there, and at home."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tools.notebook_pairs import setup_source


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """An empty working folder without the project; git makes the folders of a clone, pip is only noted."""
    seen: list[list[str]] = []

    def run(command: list[str], check: bool) -> None:
        assert check
        seen.append(command)
        if command[0] == "git":
            Path("dacl-edu/notebooks").mkdir(parents=True)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return seen


def without_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only a clone in the working folder that is on the path is found; this one may be called dacl-edu, too."""
    find, clone = importlib.util.find_spec, str(tmp_path / "dacl-edu")
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *more: None if name == "dacl_edu" and sys.path[0] != clone else find(name, *more),
    )


def test_it_fetches_once_and_finds_its_way_after_a_restart(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_the_project(monkeypatch, tmp_path)
    monkeypatch.setenv("DACL_EDU_REPOSITORY", "https://example.org/dacl-edu")
    exec(setup_source(), {})
    assert [command[0] for command in commands] == ["git", sys.executable]
    assert "https://example.org/dacl-edu" in commands[0] and "./dacl-edu[notebooks]" in commands[1]
    assert Path.cwd() == tmp_path / "dacl-edu" / "notebooks" and sys.path[0] == str(tmp_path / "dacl-edu")
    exec(setup_source(), {})  # the cell again
    assert len(commands) == 2 and Path.cwd() == tmp_path / "dacl-edu" / "notebooks"

    os.chdir(tmp_path)  # the kernel was restarted: back in the first folder, with a fresh path
    sys.path.remove(str(tmp_path / "dacl-edu"))
    exec(setup_source(), {})
    assert len(commands) == 2 and Path.cwd() == tmp_path / "dacl-edu" / "notebooks"
    assert sys.path[0] == str(tmp_path / "dacl-edu")


def test_at_home_it_does_nothing(commands: list[list[str]], tmp_path: Path) -> None:
    before = sys.path.copy()
    exec(setup_source(), {})
    assert commands == [] and Path.cwd() == tmp_path and sys.path == before


def test_without_an_address_it_says_so(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_the_project(monkeypatch, tmp_path)
    monkeypatch.delenv("DACL_EDU_REPOSITORY", raising=False)
    source = re.sub(r'address = ".*"', 'address = ""', setup_source())
    with pytest.raises(AssertionError, match="address of the project's repository"):
        exec(source, {})
    assert commands == []

"""make works in a folder of any name, and uses no command whose first line holds that name."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TARGETS = (
    "run", "test", "torture", "test-browser", "lab", "site", "course-demo", "assignments", "notebooks", "lint", "lock",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of what make reads, in which everything is installed."""
    folder = tmp_path / 'my "cour\'s" 王'
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    python = folder / ".venv" / "bin" / "python"
    # Types take a minute, and nothing of the project's own is in this folder.
    python.write_text(f'#!/bin/sh\n[ "$2" = mypy ] || exec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    for extra in ("run", "test", "course"):
        (folder / ".venv" / f"installed-{extra}").touch()
    return folder


def make(folder: Path, *words: str) -> str:
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}  # of the make that runs these tests
    own = {name: value for name, value in os.environ.items() if name not in outer}
    done = subprocess.run(["make", *words], cwd=folder, env=own, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("target", TARGETS)
def test_only_python_itself_is_started(target: str, folder: Path) -> None:
    lines = make(folder, "-n", target)
    started = re.findall(r"\.venv/bin/(\S+)", lines)
    assert started and set(started) == {"python"}, lines
    assert str(folder) not in lines, "nothing depends on where the folder is"


def test_a_recipe_runs_in_a_folder_with_quotes_and_spaces(folder: Path) -> None:
    file = folder / "untidy.py"
    file.write_text('"""A line."""\n\nimport sys\nimport os\n\nprint(os, sys)\n')
    make(folder, "lint")
    assert "import os\nimport sys\n" in file.read_text()

"""nbval compares what a notebook declares: strict all of it, lax only what is tagged; and it says the seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import nbformat.v4 as v4
import pytest

ROOT = Path(__file__).parents[2]


def notebook(folder: Path, mode: str, *tags: str, wrong: bool = True) -> None:
    cell = v4.new_code_cell("print(1)", execution_count=1, metadata={"tags": list(tags)})
    cell.outputs = [v4.new_output("stream", text="2\n" if wrong else "1\n")]
    meta = {"dacl_edu": {"mode": mode, "budget_seconds": 0.001 if wrong else 60}}
    nbformat.write(v4.new_notebook(cells=[cell], metadata=meta), folder / f"{mode}.ipynb")


def run_nbval(folder: Path) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\n")
    words = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=folder, env=dict(os.environ))


@pytest.mark.parametrize(
    ("mode", "tags", "code"),
    [("strict", (), 1), ("lax", (), 0), ("lax", ("nbval-check-output",), 1), ("strict", ("nbval-ignore-output",), 0)],
)
def test_a_wrong_stored_output_is_found_where_it_must_be(
    mode: str, tags: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    notebook(tmp_path, mode, *tags)
    assert run_nbval(tmp_path).returncode == code


def test_seconds_and_budgets_are_listed_and_an_overrun_is_no_failure(tmp_path: Path) -> None:
    notebook(tmp_path, "lax")
    notebook(tmp_path, "strict", wrong=False)
    done = run_nbval(tmp_path)
    assert done.returncode == 0
    lines = {
        line.split()[0]: line
        for line in done.stdout.splitlines()
        if (line.startswith(("lax", "strict")) and "60" in line) or "OVER" in line
    }
    assert "OVER BUDGET" in lines["lax.ipynb"] and "OVER" not in lines["strict.ipynb"]

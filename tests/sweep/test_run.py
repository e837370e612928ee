"""Every run exactly once, whatever is killed; what fails stops nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.lock import lock_run
from dacl_edu.sweep.plan import Cell, read_plan
from dacl_edu.sweep.run import epochs_done, is_done, run_cell, run_cells, state_of

PLAN = """
[base]
preset = "smoke"
limit = 28
epochs = {epochs}
[[grid]]
method = "softmax"
seed = "0-2"
"""


def cells_of(folder: Path, epochs: int) -> list[Cell]:
    (folder / "plan.toml").write_text(PLAN.format(epochs=epochs))
    return read_plan(folder / "plan.toml")


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "dacl_edu", "sweep", "plan.toml", "--out", "out", "--workers", "2", *options]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def training_process(out: Path, seconds: float = 90) -> int:
    """Wait until a run is in the middle of its training; return the process that holds it."""
    for _ in range(int(seconds * 20)):
        for lock in out.glob("*/.lock"):
            lines = lock.parent / "metrics.jsonl"
            if lines.is_file() and lines.read_bytes().count(b"\n") >= 2:
                return int(lock.read_text().split()[0])
        time.sleep(0.05)
    raise AssertionError("no run began")


def assert_each_ran_once(cells: list[Cell], out: Path, epochs: int) -> None:
    for cell in cells:
        lines = (out / cell.name / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == list(range(1, epochs + 1))
        assert json.loads((out / cell.name / "result.json").read_text())["seed"] == (cell.config or pytest.fail()).seed
        assert not (out / cell.name / ".lock").exists()


def test_a_killed_workers_run_is_taken_up_by_another_and_goes_on(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, epochs=25)
    sweep = started(tmp_path)
    os.kill(training_process(tmp_path / "out"), signal.SIGKILL)
    _, said = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, said
    assert_each_ran_once(cells, tmp_path / "out", 25)


def test_after_the_whole_sweep_is_killed_the_same_command_goes_on(tmp_path: Path) -> None:
    cells = cells_of(tmp_path, epochs=25)
    sweep = started(tmp_path)
    training_process(tmp_path / "out")
    children = psutil.Process(sweep.pid).children(recursive=True)
    sweep.kill()  # scheduler and client are this process
    sweep.communicate()
    psutil.wait_procs(children, timeout=60)  # workers leave when their parent is gone
    again = started(tmp_path)
    said, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors
    assert "dacl-edu compare out" in said
    assert_each_ran_once(cells, tmp_path / "out", 25)
    nothing = subprocess.run(again.args, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "3 skipped" in nothing.stdout


def test_workers_know_what_import_registered(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dacl_edu.losses import CenterLoss, register_loss\n\n\n"
        '@register_loss("renamed_center")\nclass Renamed(CenterLoss):\n    pass\n'
    )
    (tmp_path / "plan.toml").write_text(
        '[base]\npreset = "smoke"\nlimit = 28\nepochs = 1\n[[grid]]\nmethod = "renamed_center"\n'
    )
    command = [sys.executable, "-m", "dacl_edu", "--import", "mine", "sweep", "plan.toml", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1 done"), done.stderr


def test_a_run_that_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    cells = [
        Cell("bad", TrainConfig.from_preset("smoke", limit=28, epochs=1, root="/nowhere", data="rafdb")),
        Cell("good", TrainConfig.from_preset("smoke", limit=28, epochs=1)),
    ]
    said: list[str] = []
    outcomes = {o.name: o for o in run_cells(cells, tmp_path, workers=1, say=said.append)}
    assert outcomes["good"].state == "done" and is_done(cells[1], tmp_path)
    assert outcomes["bad"].state == "failed" and "/nowhere" in outcomes["bad"].words
    assert list(json.loads((tmp_path / "errors.json").read_text())) == ["bad"]
    assert len(said) == 2


def test_two_sweeps_never_write_one_folder(tmp_path: Path) -> None:
    (cell, *_) = cells_of(tmp_path, epochs=1)
    program = "import sys; from pathlib import Path; from dacl_edu.runs.lock import lock_run\n"
    program += "l = lock_run(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / cell.name)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout and other.stdout.readline() == "held\n"
    assert state_of(cell, tmp_path) == "running"
    assert run_cell(cell, tmp_path)[1:3] != ("done", "")
    outcome = run_cell(cell, tmp_path)
    assert outcome.state == "held" and str(other.pid) in outcome.words
    other.communicate("")
    assert run_cell(cell, tmp_path).state == "done"
    assert epochs_done(cell, tmp_path) == 1 and state_of(cell, tmp_path) == "done"


def test_notebooks_run_too_and_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    import nbformat.v4 as v4
    from nbformat import write

    code = v4.new_code_cell("seed: int = 0", metadata={"tags": ["parameters"]})
    book = v4.new_notebook(cells=[code, v4.new_code_cell("print(1 / seed)")])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    write(book, tmp_path / "99_divide.ipynb")
    (tmp_path / "plan.toml").write_text(f"notebook = '{tmp_path}/99_divide.ipynb'\n[[grid]]\nseed = '0-2'\n")
    cells = read_plan(tmp_path / "plan.toml")
    outcomes = [run_cell(cell, tmp_path / "out") for cell in cells]
    assert [outcome.state for outcome in outcomes] == ["failed", "done", "done"]
    assert "ZeroDivisionError" in outcomes[0].words
    copy = (tmp_path / "out" / cells[2].name / "99_divide.ipynb").read_text()
    assert "0.5" in copy
    assert [is_done(cell, tmp_path / "out") for cell in cells] == [False, True, True]


def test_a_lock_of_this_process_is_no_obstacle(tmp_path: Path) -> None:
    (cell, *_) = cells_of(tmp_path, epochs=1)
    lock = lock_run(tmp_path / cell.name)
    assert run_cell(cell, tmp_path).state == "done"
    lock.release(force=True)

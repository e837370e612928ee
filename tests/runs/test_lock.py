"""Two processes never write one run folder, and a dead one's claim binds nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import SoftFileLock

from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder
from dacl_edu.runs.lock import LOCK, RunLocked, holder, lock_run

HOLD = "import sys,time; from pathlib import Path; from dacl_edu.runs.lock import lock_run\n"
HOLD += "lock = lock_run(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"


@pytest.fixture
def held(tmp_path: Path):
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None and other.stdout.readline() == "held\n"
    yield tmp_path, other
    other.kill()
    other.wait()


def test_the_second_is_told_who_holds_the_folder(held: tuple[Path, subprocess.Popen[str]]) -> None:
    folder, other = held
    with pytest.raises(RunLocked, match=rf"process {other.pid} on this machine works in this folder"):
        lock_run(folder)
    with pytest.raises(UserError, match="works in this folder"):
        RunFolder(folder).start(TrainConfig.from_preset("smoke"), resume=False)
    assert not (folder / "config.json").exists()


def test_a_killed_holder_is_succeeded_at_once(held: tuple[Path, subprocess.Popen[str]]) -> None:
    folder, other = held
    other.kill()
    other.wait()
    with RunFolder(folder) as run:
        run.start(TrainConfig.from_preset("smoke"), resume=False)
        assert holder(folder) is not None and holder(folder)[0] == str(os.getpid())
    assert not (folder / LOCK).exists()


def test_a_cell_that_is_run_again_in_one_process_is_not_shut_out(tmp_path: Path) -> None:
    RunFolder(tmp_path / "run").start(TrainConfig.from_preset("smoke"), resume=False)  # interrupted: never given back
    with RunFolder(tmp_path / "run") as again:
        again.start(TrainConfig.from_preset("smoke"), resume=True)
    assert holder(tmp_path / "run") is None


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_lock_that_is_no_file_is_named_and_not_waited_for(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / LOCK)
    with pytest.raises(UserError, match="no file, so no lock"):
        lock_run(tmp_path)


def test_a_lock_that_is_no_text_still_binds(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_bytes(b"\xff\x80 here")
    with pytest.raises(RunLocked, match="works in this folder"):
        lock_run(tmp_path)


def test_who_begins_beside_another_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainConfig.from_preset("smoke")

    def meanwhile(folder: Path) -> SoftFileLock:
        monkeypatch.undo()
        with RunFolder(folder) as other:
            other.start(config, resume=False)
        return lock_run(folder)

    monkeypatch.setattr("dacl_edu.runs.folder.lock_run", meanwhile)
    with pytest.raises(UserError, match="already holds a run"):
        RunFolder(tmp_path).start(config, resume=False)
    assert holder(tmp_path) is None
    monkeypatch.setattr("dacl_edu.runs.folder.lock_run", meanwhile)
    with RunFolder(tmp_path / "new") as folder:
        folder.start(config, resume=True)

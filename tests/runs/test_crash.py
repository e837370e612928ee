"""Whatever a killed run leaves behind, the next start goes on."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from dacl_edu.errors import UserError
from dacl_edu.runs.checkpoint import load_checkpoint, newest_checkpoint, save_checkpoint, seed_everything
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder
from dacl_edu.training import train

CONFIG = TrainConfig.from_preset("smoke", method="center", limit=28, batch_size=14, epochs=3, device="cpu")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(folder / "checkpoint_last.pt")["model"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(CONFIG, folder, progress=False)
    return folder


@pytest.mark.parametrize(
    "left",
    [
        [".config.4711.json"],
        [".environment.4711.json"],
        ["environment.json"],
        ["environment.json", ".config.4711.json"],
        [".lock"],
    ],
)
def test_a_start_that_was_killed_between_two_writes_is_begun_again(left: list[str], tmp_path: Path) -> None:
    for name in left:
        (tmp_path / name).write_text("4194304\nelsewhere-that-is-this\n" if name == ".lock" else "{")
    if left == [".lock"]:  # of a process of this machine that is gone
        import socket

        (tmp_path / ".lock").write_text(f"4194304\n{socket.gethostname()}\n")
    with RunFolder(tmp_path) as folder:
        folder.start(CONFIG, resume=False)
    assert folder.config() == CONFIG and folder.environment_file.is_file()
    assert not [file.name for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_what_a_killed_write_left_goes_and_a_lost_environment_is_written_again(whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    for name in ("result.json", "environment.json"):
        (run / name).unlink()
    (run / ".checkpoint_last.4711.pt").write_bytes(b"half")
    train(CONFIG, run, resume=True, progress=False)
    assert not (run / ".checkpoint_last.4711.pt").exists()
    assert json.loads((run / "environment.json").read_text())["threads"] == torch.get_num_threads()


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    damage: str, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(whole, run)
    (run / "result.json").unlink()
    last = run / "checkpoint_last.pt"
    content = bytearray(last.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 512] = bytes(byte ^ 0x10 for byte in content[middle : middle + 512])
    if damage == "gone":
        last.unlink()
    else:
        last.write_bytes(content if damage == "flipped" else content[: len(content) // 2])
    train(CONFIG, run, resume=True, progress=False)
    said = capsys.readouterr().err
    assert "checkpoint_last.pt" in said and "going on from the one before, epoch 2" in said
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(run)[name]), "the same bits as the run that nothing happened to"


def test_both_damaged_is_an_error_with_a_name(tmp_path: Path) -> None:
    for name in ("last", "before"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(UserError, match=r"before: not a readable checkpoint"):
        newest_checkpoint(tmp_path / "last", tmp_path / "before", print)
    assert newest_checkpoint(tmp_path / "a", tmp_path / "b", print) is None


def test_a_full_disk_is_a_sentence_and_keeps_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"epoch": 1})

    def full(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match=r"cannot be written .*MiB free.*--resume"):
        save_checkpoint(path, {"epoch": 2})
    monkeypatch.undo()
    assert load_checkpoint(path)["epoch"] == 1 and len(list(tmp_path.iterdir())) == 1


def test_a_term_signal_says_what_is_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "dacl_edu", "train", "--preset", "smoke", "--epochs", "500", "--out", "run"]
    run = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    lines = tmp_path / "run" / "metrics.jsonl"
    for _ in range(1200):
        if lines.is_file():
            break
        time.sleep(0.1)
    os.kill(run.pid, signal.SIGTERM)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert "interrupted; finished epochs are in run" in said and "Traceback" not in said


def test_every_generator_is_seeded() -> None:
    seed_everything(5)
    first = random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002
    seed_everything(5)
    assert first == (random.random(), np.random.random(), torch.rand(1).item())  # noqa: NPY002


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_that_an_import_would_swallow_ends_the_command(number: int, tmp_path: Path) -> None:
    swallows = "import time\nprint('imports', flush=True)\ntry:\n    time.sleep(120)\nexcept BaseException:\n    pass\n"
    (tmp_path / "swallows.py").write_text(swallows)
    command = [sys.executable, "-m", "dacl_edu", "--import", "swallows", "doctor"]
    run = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # under nohup it would be ignored, as it should
    )  # fmt: skip
    assert run.stdout is not None and run.stdout.readline() == "imports\n"
    run.send_signal(number)
    out, said = run.communicate(timeout=100)
    assert (run.returncode, out, said) == (128 + number, "", "interrupted\n")

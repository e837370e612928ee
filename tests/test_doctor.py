"""The doctor finds every ailment, names the remedy, and never falls ill itself."""

from __future__ import annotations

import importlib.util
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from dacl_edu import doctor, losses, paths
from dacl_edu.cli import main


def examine(capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    with pytest.raises(SystemExit) as stopped:
        main(["doctor"])
    captured = capsys.readouterr()
    assert captured.err == ""
    return int(stopped.value.code or 0), captured.out.splitlines()


def test_a_machine_that_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = examine(capsys)
    assert code == 0 and all(line.startswith("[OK] ") for line in lines)
    said = "\n".join(lines)
    for part in ("Python 3.", f"torch: {torch.__version__}", "lightning-fabric: ", "Eq. 9 and 10", "train, val, test"):
        assert part in said


def fail(error: Exception) -> Any:
    def check(*_: Any, **__: Any) -> NoReturn:
        raise error

    return check


def absent_torchmetrics(monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version
    absent = fail(metadata.PackageNotFoundError("torchmetrics"))
    monkeypatch.setattr(metadata, "version", lambda name: absent() if name == "torchmetrics" else version(name))


def absent_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "umap" else find(name, *more))


def wrong_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    right = losses.sparse_center_loss
    # The value stays, the gradient loses attention's part.
    monkeypatch.setattr(losses, "sparse_center_loss", lambda x, a, y, c: right(x, a.detach(), y, c) + 0 * a.sum())


def lost_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(paths.bundled_faces(), "faces")
    Path("faces/test.npz").unlink()
    monkeypatch.setattr(paths, "bundled_faces", lambda: Path("faces"))


def damaged_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(paths.bundled_faces(), "faces")
    with open("faces/train.npz", "r+b") as file:
        file.write(b"spoilt")
    monkeypatch.setattr(paths, "bundled_faces", lambda: Path("faces"))


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1.5e9})())


def read_only_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", fail(PermissionError(13, "Permission denied")))


def old_python(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sys:
        version_info = (3, 9, 1)

    monkeypatch.setattr(doctor, "sys", Sys)


AILMENTS = [
    (absent_torchmetrics, "torchmetrics", "make install"),
    (absent_umap, "missing umap-learn", "notebooks"),
    (wrong_gradient, "gradients", "report it"),
    (lost_faces, "embedded faces: faces/test.npz: no such file", "git checkout -- data/faces"),
    (damaged_faces, "embedded faces: faces/train.npz: damaged", "git checkout -- data/faces"),
    (full_disk, "disk: 1.5 GB", "free at least 2 GB"),
    (read_only_folder, "current folder: PermissionError", "change to a folder"),
    (old_python, "Python 3.9.1", "PYTHON=python3.12"),
]


@pytest.mark.parametrize(("ail", "what", "hint"), AILMENTS, ids=[ail.__name__ for ail, _, _ in AILMENTS])
def test_each_ailment_is_one_line_with_its_mend(
    ail: Any, what: str, hint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    healthy = len(doctor.run_checks())
    ail(monkeypatch)
    code, lines = examine(capsys)
    assert code == 1 and len(lines) == healthy
    (failed,) = [line for line in lines if not line.startswith("[OK] ")]
    problem, _, advice = failed.partition(" — ")
    assert problem.startswith("[FAIL] ") and what in problem and hint in advice

"""Runs for the lessons: named ones are found and sorted, shipped ones read back, others trained."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dacl_edu import files, paths
from dacl_edu.errors import UserError
from dacl_edu.evaluation import Predictions
from dacl_edu.lessons.runs import lesson_runs
from dacl_edu.report.gather import gather
from dacl_edu.runs.folder import find_run_folders
from dacl_edu.runs.run import Run, find_runs, read_run
from dacl_edu.runs.snapshots import load_snapshots
from dacl_edu.runs.trained import compute_deep_features, load_head
from dacl_edu.training import TrainConfig, loop, train
from tools.shipped_runs import ship


def a_run(method: str, seed: int) -> Run:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(14) % 7
    predictions = Predictions(
        torch.randn(14, 7, generator=generator).half().float(),  # what half precision can hold
        torch.randn(14, 5, generator=generator),
        torch.rand(14, 5, generator=generator),
        labels,
        torch.arange(14),
    )
    config = TrainConfig.from_preset("smoke", method=method, seed=seed)
    what = {"method": method, "seed": seed, "dataset": "bundled", "split": "test", "images": 14}
    result = {**what, **predictions.scores(), "selected_by": "last epoch"}
    return Run(Path("nowhere"), config, result=result, predictions=predictions)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for method, seed in (("dacl", 1), ("softmax", 0), ("island", 0), ("center", 0), ("dacl", 0)):
        ship(a_run(method, seed), tmp_path / "a" / f"{method}{seed}")
    return tmp_path


def test_runs_are_found_below_a_folder_in_the_papers_order(runs: Path) -> None:
    found = [(run.config.method, run.config.seed) for run in find_runs(runs)]
    assert found == [("softmax", 0), ("center", 0), ("dacl", 0), ("dacl", 1), ("island", 0)]
    named = find_runs([str(runs / "a" / "dacl1"), runs / "a" / "softmax0", runs / "a" / "dacl1"])
    assert [run.config.method for run in named] == ["softmax", "dacl"]


def test_a_folder_may_have_any_name_and_be_a_link(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / 'my "cour\'s" 王 {0} [1]'
    (runs / "a").rename(odd)
    (odd / "up").symlink_to(tmp_path)  # walks in a circle
    (tmp_path / "link").symlink_to(odd / "dacl1")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "run").symlink_to(odd / "dacl1")
    monkeypatch.chdir(tmp_path)
    assert [len(find_runs(named)) for named in (odd, str(odd), odd.name, [odd.name])] == [5] * 4
    for link in ("link", "linked"):
        assert [run.config.seed for run in find_runs(link)] == [1]


def test_what_is_shipped_is_read_back(runs: Path) -> None:
    dacl = next(run for run in find_runs(runs) if run.config == a_run("dacl", 1).config)
    expected = a_run("dacl", 1)
    assert torch.equal(dacl.predictions.logits, expected.predictions.logits)
    assert dacl.result == expected.result
    assert torch.equal(dacl.correct, expected.predictions.logits.argmax(dim=1) == torch.arange(14) % 7)
    assert find_runs(runs)[0].predictions.features.shape == (14, 0)


def test_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished run in"):
        find_runs(tmp_path)
    (tmp_path / "a file").touch()
    for name, said in (("absent", "no such folder"), ("x" * 300, "no such folder"), ("a file", "a file, not a folder")):
        with pytest.raises(UserError, match=f"{name}: {said}"):
            find_runs([tmp_path, tmp_path / name])


def test_several_folders_in_one_text_are_told_to_be_a_list(runs: Path) -> None:
    with pytest.raises(UserError, match=r"no such folder — several folders are a list: \['.*/dacl0', '.*/dacl1'\]"):
        find_runs(f"{runs / 'a' / 'dacl0'} {runs / 'a' / 'dacl1'}")


def test_the_projects_own_runs_are_taken_unless_a_profile_is_asked_for(
    runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def stop(config: TrainConfig, *rest: object, **more: object) -> None:
        asked.append(config.preset)
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "train", stop)
    monkeypatch.setattr(paths, "shipped_runs", lambda: runs / "a")
    assert len(lesson_runs(out=tmp_path / "new")) == 5
    for profile, shipped in (("quick", runs / "a"), ("", runs / "nowhere")):
        monkeypatch.setattr(paths, "shipped_runs", lambda where=shipped: where)
        with pytest.raises(KeyboardInterrupt):
            lesson_runs(profile=profile, out=tmp_path / "new")
    assert asked == ["quick", "smoke"]


def test_runs_are_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(lesson_runs.__globals__, "METHODS", ("center",))
    first = lesson_runs(profile="smoke", seeds=1, out=tmp_path)
    again = lesson_runs(profile="smoke", seeds=1, out=tmp_path)
    assert [run.config.method for run in first] == ["center"]
    assert torch.equal(first[0].predictions.logits, again[0].predictions.logits)
    assert first[0].result["seconds"] == again[0].result["seconds"]


def test_a_run_shipped_whole_gives_what_the_run_folder_gives(tmp_path: Path) -> None:
    config = TrainConfig.from_preset("smoke", method="dacl", snapshots=2, precision="32-true")  # bfloat16 makes ties
    train(config, tmp_path / "run", progress=False)
    (original,) = find_runs(tmp_path / "run")
    ship(original, tmp_path / "shipped", whole=True)
    assert not list((tmp_path / "shipped").glob("*.pt"))
    (copy,) = find_runs(tmp_path / "shipped")
    for split, per_class in (("train", 3), ("test", 4)):
        ours, theirs = copy.deep_features(split, per_class), original.deep_features(split, per_class)
        assert len(ours) == 7 * per_class and ours.split == split
        assert ours.features.shape == theirs.features.shape
        assert torch.allclose(ours.features, theirs.features, rtol=1e-3, atol=1e-3)
        assert torch.allclose(ours.attention, theirs.attention, atol=1e-3)
        assert torch.equal(ours.indices, theirs.indices) and torch.equal(ours.labels, theirs.labels)
    deep, head = original.deep_features("test"), copy.head()
    assert torch.equal(head.logits(deep.features).argmax(dim=1), deep.predicted)
    assert [snapshot.epoch for snapshot in copy.snapshots()] == [0, 1, 2]
    assert copy.history == original.history and len(copy.history) == 2


def test_snapshots_follow_the_network_and_the_centers(tmp_path: Path) -> None:
    config = TrainConfig.from_preset("smoke", method="dacl", snapshots=2, precision="32-true")  # bfloat16 makes ties
    train(config, tmp_path, progress=False)
    before, _, after = load_snapshots(tmp_path)
    assert before.deep.split == "val" and before.deep.labels.bincount().tolist() == [2] * 7
    assert torch.equal(before.deep.indices, after.deep.indices)
    again = compute_deep_features(tmp_path, "val", 2)
    assert torch.equal(again.indices, after.deep.indices)
    assert torch.allclose(again.features, after.deep.features, atol=1e-2, rtol=1e-3)
    assert not torch.allclose(before.deep.features, after.deep.features, atol=1e-2)
    assert torch.allclose(load_head(tmp_path).centers, after.centers) and not torch.equal(before.centers, after.centers)


def test_missing_features_name_the_mend(tmp_path: Path) -> None:
    ship(a_run("dacl", 0), tmp_path)
    (run,) = find_runs(tmp_path)
    with pytest.raises(UserError, match="checkpoint"):
        run.deep_features("test")


@pytest.mark.parametrize("file", ["predictions.npz", "result.json"])
def test_files_of_two_runs_in_one_folder_are_no_result(file: str, runs: Path) -> None:
    ours, theirs = runs / "a" / "dacl0", runs / "a" / "dacl1"
    (ours / file).write_bytes((theirs / file).read_bytes())
    with pytest.raises(UserError, match=f"{file}.* of (the|another) run"):
        find_runs(ours)


@pytest.mark.parametrize("what", ["labels in two dimensions", "more classes", "a bomb", "a pipe"])
def test_odd_predictions_are_no_predictions(what: str, runs: Path) -> None:
    file = runs / "a" / "dacl0" / "predictions.npz"
    arrays = dict(np.load(file))
    if what.startswith("labels"):
        arrays["labels"] = arrays["labels"][:, None]
    else:
        shape = (14, 10_000_000 if what == "a bomb" else 8)
        arrays["logits"] = np.zeros(shape, np.float32)
    np.savez_compressed(file, **arrays)
    if what == "a pipe":
        file.unlink()
        os.mkfifo(file)
    run = read_run(file.parent)
    assert not run.finished and "predictions.npz" in " ".join(run.missing)


def test_what_may_not_be_read_is_said_and_the_others_are_read(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir, read = os.scandir, files.read_small
    closed = str(runs / "a" / "dacl1")

    def closed_folder(place: str) -> Any:  # who runs the tests may be allowed everything
        if str(place) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", closed)
        return scandir(place)

    monkeypatch.setattr(os, "scandir", closed_folder)
    with pytest.warns(UserWarning, match="dacl1: left out, cannot be read"):
        assert len(find_run_folders([runs])) == 4
    monkeypatch.setattr(os, "scandir", scandir)

    def closed_file(path: Path) -> bytes:
        if "dacl1" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(files, "read_small", closed_file)
    left, notes = gather([runs])
    assert len(left) == 4 and "dacl1/config.json: cannot be read (Permission denied)" in notes[0]

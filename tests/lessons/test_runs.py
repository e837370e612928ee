"""Runs for the lessons: named ones are found and sorted, shipped ones read back, others trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dacl_edu.errors import UserError
from dacl_edu.evaluation import Predictions
from dacl_edu.lessons import runs as module
from dacl_edu.lessons.runs import FinishedRun, find_runs, lesson_runs, ship
from dacl_edu.training import TrainConfig


def a_run(method: str, seed: int) -> FinishedRun:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(14) % 7
    predictions = Predictions(
        torch.randn(14, 7, generator=generator),
        torch.randn(14, 5, generator=generator),
        torch.rand(14, 5, generator=generator),
        labels,
        torch.arange(14),
    )
    config = TrainConfig.from_preset("smoke", method=method, seed=seed)
    return FinishedRun(config, {"method": method, "seed": seed, **predictions.scores()}, predictions)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for method, seed in (("dacl", 1), ("softmax", 0), ("island", 0), ("center", 0), ("dacl", 0)):
        ship(a_run(method, seed), tmp_path / "a" / f"{method}{seed}", features=method == "dacl")
    return tmp_path


def test_runs_are_found_below_a_folder_in_the_papers_order(runs: Path) -> None:
    found = [(run.config.method, run.config.seed) for run in find_runs(runs)]
    assert found == [("softmax", 0), ("center", 0), ("dacl", 0), ("dacl", 1), ("island", 0)]
    named = find_runs(f"{runs / 'a' / 'dacl1'} {runs / 'a' / 'softmax0'} {runs / 'a' / 'dacl1'}")
    assert [run.config.method for run in named] == ["softmax", "dacl"]


def test_what_is_shipped_is_read_back(runs: Path) -> None:
    dacl = next(run for run in find_runs(runs) if run.config == a_run("dacl", 1).config)
    expected = a_run("dacl", 1)
    assert torch.equal(dacl.predictions.logits, expected.predictions.logits)
    assert dacl.predictions.features.shape == (14, 5) and dacl.predictions.features.dtype == torch.float32
    assert dacl.result == expected.result
    assert torch.equal(dacl.right, expected.predictions.logits.argmax(dim=1) == torch.arange(14) % 7)
    assert find_runs(runs)[0].predictions.features.shape == (14, 0)


def test_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished run in"):
        find_runs(tmp_path)


def test_the_projects_own_runs_are_taken_unless_a_profile_is_asked_for(
    runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def stop(config: TrainConfig, *rest: object, **more: object) -> None:
        asked.append(config.preset)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train", stop)
    monkeypatch.setattr(module, "SHIPPED", runs / "a")
    assert len(lesson_runs(out=tmp_path / "new")) == 5
    for profile, shipped in (("quick", runs / "a"), ("", runs / "nowhere")):
        monkeypatch.setattr(module, "SHIPPED", shipped)
        with pytest.raises(KeyboardInterrupt):
            lesson_runs(profile=profile, out=tmp_path / "new")
    assert asked == ["quick", "smoke"]


def test_runs_are_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "METHODS", ("center",))
    first = lesson_runs(profile="smoke", seeds=1, out=tmp_path)
    again = lesson_runs(profile="smoke", seeds=1, out=tmp_path)
    assert [run.config.method for run in first] == ["center"]
    assert torch.equal(first[0].predictions.logits, again[0].predictions.logits)
    assert first[0].result["seconds"] == again[0].result["seconds"]

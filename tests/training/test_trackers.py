"""Trackers beside TensorBoard: off unless asked, local unless told, and of one run after an interruption."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.naming import config_hash
from dacl_edu.training import trackers, train


def config(logger: str) -> TrainConfig:
    return TrainConfig.from_preset("smoke", method="center", limit=28, batch_size=14, epochs=2, logger=logger)


def interrupted(logger: str, folder: Path) -> dict[str, Any]:
    """Train one epoch, be interrupted, and go on."""

    def stop(line: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config(logger), folder, progress=False, on_epoch=stop)
    return train(config(logger), folder, resume=True, progress=False)


def test_csv_has_a_row_an_epoch(tmp_path: Path) -> None:
    interrupted("csv", tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert table["epoch"].tolist() == [1, 2] and table["train/loss"].notna().all()
    assert config_hash(config("csv")) == config_hash(config("none")), "where it is logged makes no other run"


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_missing_library_is_said_before_anything_is_made(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=f"needs {name}"):
        train(config(name), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_weights_and_biases_stays_here_unless_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the library: it is not installed with the project."""
    opened, logged = list[dict[str, Any]](), list[int]()

    def init(**given: Any) -> Any:
        opened.append(given)
        return SimpleNamespace(
            id="abc", log=lambda line, step: logged.append(step), summary={}, finish=lambda: logged.append(-1)
        )

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init, Settings=lambda **given: given))
    monkeypatch.setattr(trackers, "find_spec", lambda name: object())
    monkeypatch.delenv("WANDB_MODE", raising=False)
    interrupted("wandb", tmp_path / "run")
    assert [given["mode"] for given in opened] == ["offline", "offline"]
    assert [given["id"] for given in opened] == [None, "abc"] and opened[0]["dir"] == tmp_path / "run"
    assert logged == [1, 2, -1]
    monkeypatch.setenv("WANDB_MODE", "online")
    train(config("wandb"), tmp_path / "other", progress=False)
    assert opened[-1]["mode"] == "online"


def test_mlflow_goes_on_in_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    from mlflow.tracking import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    result = interrupted("mlflow", tmp_path / "run")
    client = MlflowClient((tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name(trackers.PROJECT)
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED" and run.data.params["method"] == "center"
    assert [each.step for each in client.get_metric_history(run.info.run_id, "train/loss")] == [1, 2]
    assert run.data.metrics["test/accuracy"] == pytest.approx(result["accuracy"])

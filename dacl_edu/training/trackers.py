"""Experiment trackers beside TensorBoard: a CSV file, MLflow, Weights & Biases. Off and local unless asked.

Each is a few calls of its own library; a run that goes on after an interruption goes on in the tracker's run, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from dacl_edu.errors import UserError
from dacl_edu.files import read_object, replace_text, write_json
from dacl_edu.runs.config import TrainConfig
from dacl_edu.training.numbers import flat, scores

PROJECT = "dacl-edu"
"""What the runs are filed under: an experiment of MLflow, a project of Weights & Biases."""


class Tracker(Protocol):
    """What is told of a run: its epochs while it goes on, its result at the end."""

    def epoch(self, history: list[dict[str, Any]]) -> None:
        """Take the metrics of all epochs so far; the last is new."""

    def finish(self, result: dict[str, Any]) -> None:
        """Take the result, and close."""


def require_tracker(name: str) -> None:
    """Say at the start, not after an epoch, that a tracker's library is missing.

    Raises
    ------
    UserError
        It is not installed.

    Examples
    --------
    >>> require_tracker("csv")
    """
    if name in ("mlflow", "wandb") and find_spec(name) is None:
        raise UserError(f"--logger {name} needs {name}, which is not installed", hint=f"pip install {name}")


def open_tracker(config: TrainConfig, folder: Path) -> Tracker | None:
    """Return the tracker that a configuration asks for; None for none."""
    if config.logger == "none":
        return None
    require_tracker(config.logger)
    kinds: dict[str, Callable[[TrainConfig, Path], Tracker]] = {
        "csv": CsvTracker, "mlflow": MLflowTracker, "wandb": WandbTracker,
    }  # fmt: skip
    return kinds[config.logger](config, folder)


class CsvTracker:
    """``metrics.csv`` in the run's folder: a row an epoch, a column a number."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        self.file = folder / "metrics.csv"

    def epoch(self, history: list[dict[str, Any]]) -> None:
        """Write all rows anew."""
        import pandas as pd

        replace_text(self.file, pd.DataFrame([flat(line) for line in history]).to_csv(index=False))

    def finish(self, result: dict[str, Any]) -> None:
        """Nothing is left to do: the result is in ``result.json``."""


class MLflowTracker:
    """A run of MLflow: where ``MLFLOW_TRACKING_URI`` says, or else in ``mlruns`` beside the run's folder."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        from mlflow.entities import Param
        from mlflow.tracking import MlflowClient

        beside = folder.absolute().parent / "mlruns"
        address = os.environ.get("MLFLOW_TRACKING_URI")
        if address is None:  # a folder, which MLflow 3 takes only from who says so
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        self.client = MlflowClient(address or beside.as_uri())
        found = self.client.get_experiment_by_name(PROJECT)
        number = self.client.create_experiment(PROJECT) if found is None else found.experiment_id
        known = _known(folder, "mlflow")
        self.run = known or self.client.create_run(number, run_name=folder.name).info.run_id
        self.client.update_run(self.run, status="RUNNING")
        if known is None:
            _keep(folder, "mlflow", self.run)
            settings = config.model_dump(mode="json").items()
            self.client.log_batch(self.run, params=[Param(name, str(value)) for name, value in settings])

    def epoch(self, history: list[dict[str, Any]]) -> None:
        """Log the newest epoch."""
        for name, value in flat(history[-1]).items():
            self.client.log_metric(self.run, name, value, step=history[-1]["epoch"])

    def finish(self, result: dict[str, Any]) -> None:
        """Log the result and end the run."""
        for name, value in scores(result).items():
            self.client.log_metric(self.run, name, value, step=result["epochs"])
        self.client.set_terminated(self.run)


class WandbTracker:
    """A run of Weights & Biases: kept in the run's folder, and uploaded only where ``WANDB_MODE=online`` says so."""

    def __init__(self, config: TrainConfig, folder: Path) -> None:
        import wandb

        known = _known(folder, "wandb")
        self.run = wandb.init(
            project=PROJECT, name=folder.name, dir=folder, id=known, resume="allow" if known else None,
            mode=os.environ.get("WANDB_MODE", "offline"), config=config.model_dump(mode="json"),
            settings=wandb.Settings(silent=True, console="off"),
        )  # fmt: skip
        _keep(folder, "wandb", self.run.id)

    def epoch(self, history: list[dict[str, Any]]) -> None:
        """Log the newest epoch."""
        self.run.log(flat(history[-1]), step=history[-1]["epoch"])

    def finish(self, result: dict[str, Any]) -> None:
        """Write the result into the run's summary and end it."""
        self.run.summary.update(scores(result))
        self.run.finish()


def _known(folder: Path, tracker: str) -> str | None:
    """Return the tracker's name of an interrupted run."""
    file = folder / f"tracker-{tracker}.json"
    if not file.is_file():
        return None
    try:
        return str(read_object(file)["id"])
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{file}: cannot be read ({error})", hint="remove it: the tracker begins a new run") from error


def _keep(folder: Path, tracker: str, name: str) -> None:
    write_json(folder / f"tracker-{tracker}.json", {"id": name})

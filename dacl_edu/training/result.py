"""What a run says: a line an epoch, and the figures at its end."""

from __future__ import annotations

from typing import Any

from lightning_fabric import Fabric

from dacl_edu.data import FaceDataset
from dacl_edu.evaluation.predict import Predictions
from dacl_edu.training.config import TrainConfig
from dacl_edu.training.optim import resolve_precision
from dacl_edu.training.progress import Throughput
from dacl_edu.training.run_folder import git_sha, versions
from dacl_edu.training.state import RunState


def epoch_line(name: str, line: dict[str, Any]) -> str:
    """Return the metrics of an epoch as one line."""
    train, attention = line["train"], line["attention"]
    text = f"{name}  loss {train['loss']:.3f}  train {train['accuracy']:.1%}"
    if "validation" in line:
        text += f"  validation {line['validation']['accuracy']:.1%} / {line['validation']['average_accuracy']:.1%}"
    return f"{text}  attention {attention['mean']:.2f}  {line['images_per_second']:.0f} images/s"


def final_result(
    config: TrainConfig,
    run: RunState,
    predictions: Predictions,
    validation_source: str,
    evaluated: FaceDataset,
    fabric: Fabric,
    speed: Throughput,
) -> dict[str, Any]:
    """Return what ``result.json`` holds. How the epoch was selected is said in words."""
    selected_by = {"last": "last epoch", "validation": f"accuracy on validation ({validation_source})"}.get(
        config.select_by, "accuracy on the test part: optimistic, not comparable with honest results"
    )
    if config.select_by == "validation" and validation_source == evaluated.split:
        selected_by += ", the very images it is measured on: optimistic"
    return {
        "method": config.method,
        "dataset": config.data,
        "preset": config.preset,
        "seed": config.seed,
        "split": evaluated.split,
        "images": len(evaluated),
        "selected_by": selected_by,
        "selected_epoch": run.epoch,
        "classes": list(evaluated.classes),
        **predictions.scores(),
        "epochs": config.epochs,
        "images_per_second": speed.images_per_second,
        "data_wait": speed.data_wait,
        "seconds": speed.seconds,
        "device": str(fabric.device),
        "precision": resolve_precision(config),
        "parameters": sum(parameter.numel() for parameter in run.network.parameters()),
        "versions": versions(),
        "git_sha": git_sha(),
    }

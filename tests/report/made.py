"""Run folders made up in a moment: features around a center for each class, answers that are mostly right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from dacl_edu.evaluation import Predictions
from dacl_edu.evaluation.deep_features import ClassifierHead, DeepFeatures
from dacl_edu.files import write_json
from dacl_edu.runs.folder import environment
from dacl_edu.runs.run import FEATURES, HEAD
from dacl_edu.runs.splits import load_split
from dacl_edu.training import RunFolder, TrainConfig

WIDTH = 8  # dimensions of a feature


def make_run(folder: Path, method: str = "dacl", seed: int = 0, snapshots: int = 3, **changes: Any) -> Path:
    """Write what a finished ``smoke`` run on the bundled faces would have left, without training."""
    config = TrainConfig.from_preset("smoke", method=method, seed=seed, **changes)
    draw = torch.Generator().manual_seed(seed + sum(map(ord, method)))
    head = ClassifierHead(2 * torch.eye(7, WIDTH), torch.zeros(7), 2 * torch.eye(7, WIDTH))
    folder.mkdir(parents=True)
    write_json(folder / "config.json", config.model_dump(mode="json"))
    write_json(folder / "environment.json", {**environment(), "command": ["dacl-edu", "train", "--method", method]})
    lines = [_line(epoch, method) for epoch in (1, 2)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for split in ("train", "test"):
        dataset = load_split(config, split)
        deep = _deep(dataset.labels, head, method, split, 1.0, draw)
        deep.save(folder / FEATURES.format(split))
    predictions = Predictions(
        head.logits(deep.features), deep.features, deep.attention, deep.labels, torch.arange(len(deep))
    )
    predictions.save(folder / "predictions.npz")
    write_json(folder / "result.json", _result(config, predictions, len(deep)))
    head.save(folder / HEAD)
    (folder / "snapshots").mkdir()
    for epoch in range(snapshots):
        few = torch.arange(7).repeat_interleave(3)
        deep = _deep(few, head, method, "val", (epoch + 1) / snapshots, draw)
        deep.save(folder / "snapshots" / f"epoch_{epoch:03d}.npz", centers=head.centers)
    return folder


def change_predictions(folder: Path, rows: slice | torch.Tensor, **arrays: torch.Tensor) -> None:
    """Keep some rows of a run's predictions, and replace arrays; the result follows, the stored features go."""
    old = vars(Predictions.load(RunFolder(folder).predictions_file))
    new = Predictions(**{name: arrays.get(name, value[rows]) for name, value in old.items()})
    new.save(folder / "predictions.npz")
    write_json(folder / "result.json", _result(RunFolder(folder).config(), new, len(new.labels)))
    (folder / FEATURES.format("test")).unlink()


def _line(epoch: int, method: str) -> dict[str, Any]:
    metric = 0.0 if method == "softmax" else 0.1
    return {
        "epoch": epoch,
        "train": {"loss": 2 / epoch + metric, "softmax_loss": 2 / epoch, "metric_loss": 100 * metric, "accuracy": 0.4},
        "attention": {"mean": 0.5 if method == "dacl" else 1.0, "std": 0.1, "entropy": 0.98},
        "validation": {"accuracy": 0.3 * epoch},
    }


def _deep(
    labels: torch.Tensor, head: ClassifierHead, method: str, split: str, apart: float, draw: torch.Generator
) -> DeepFeatures:
    features = apart * head.centers[labels] + 0.6 * torch.randn(len(labels), WIDTH, generator=draw)
    own = torch.rand(len(labels), WIDTH, generator=draw)
    attention = 0.5 * own + 0.25 * (head.centers[labels] > 0) if method == "dacl" else torch.ones(len(labels), WIDTH)
    predicted = head.logits(features).argmax(dim=1)
    return DeepFeatures(features, attention, labels, predicted, torch.arange(len(labels)), split)


def _result(config: TrainConfig, predictions: Predictions, images: int) -> dict[str, Any]:
    return {
        "method": config.method, "dataset": "bundled", "preset": "smoke", "seed": config.seed, "split": "test",
        "images": images, "selected_by": "last epoch", "selected_epoch": 2, "seconds": 60.0, "device": "cpu",
        "classes": ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"],
        **predictions.scores(),
    }  # fmt: skip

"""One tiny data set, and one finished run on it that tests may look at but not change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training.tiny import tiny_config, write_faces

from dacl_edu.data import load_dataset, register_dataset, registry
from dacl_edu.evaluation import Predictions
from dacl_edu.losses import registry as loss_registry
from dacl_edu.runs.folder import RunFolder
from dacl_edu.training import TrainConfig, train


@pytest.fixture(scope="session")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="session")
def faces_without_val(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faces(tmp_path_factory.mktemp("no_val"), ("train", "test"))


@pytest.fixture
def config(faces: Path) -> Callable[..., TrainConfig]:
    return lambda **changes: tiny_config(faces, **changes)


@pytest.fixture(scope="session")
def finished(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], RunFolder]:
    """Result and folder of a DACL run of three epochs whose best epoch on validation is reported."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    return train(tiny_config(faces, epochs=3, select_by="validation"), folder, progress=False), RunFolder(folder)


@pytest.fixture
def reads(faces: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read of a data set named "watched", in order: each split at the moment when it is read."""
    monkeypatch.setattr(registry, "_READERS", dict(registry._READERS))
    events: list[str] = []

    @register_dataset("watched", splits=lambda root: ("train", "val", "test"))
    def load(split: str, root: Path, image_size: int | None) -> Any:
        events.append(split)
        return load_dataset("folder", split, faces, image_size)

    return events


@pytest.fixture
def validation_accuracy(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is put into this list are the next accuracies that a model is said to have; then come the true ones."""
    script: list[float] = []
    true_scores = Predictions.scores

    def scores(self: Predictions) -> dict[str, Any]:
        return {**true_scores(self), **({"accuracy": script.pop(0)} if script else {})}

    monkeypatch.setattr(Predictions, "scores", scores)
    return script


@pytest.fixture
def own_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(loss_registry, "_REGISTRY", dict(loss_registry._REGISTRY))

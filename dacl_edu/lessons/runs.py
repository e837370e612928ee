"""Finished runs for the lessons: those that are named, those that come with the project, or new ones in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dacl_edu.errors import UserError
from dacl_edu.evaluation.predict import Predictions
from dacl_edu.training import RunFolder, TrainConfig, train
from dacl_edu.training.run_folder import write_json

METHODS = ("softmax", "center", "dacl")
SHIPPED = Path(__file__).resolve().parents[2] / "notebooks" / "shipped"


@dataclass(frozen=True)
class FinishedRun:
    """What a lesson needs of a run.

    Attributes
    ----------
    config : TrainConfig
    result : dict
        As in ``result.json``.
    predictions : Predictions
        Of the evaluated split. A run that comes with the project may lack features and attention: (n, 0).
    """

    config: TrainConfig
    result: dict[str, Any]
    predictions: Predictions

    @property
    def right(self) -> torch.Tensor:
        """Whether each image was classified rightly, (n,) bool."""
        return self.predictions.logits.argmax(dim=1) == self.predictions.labels


def find_runs(folders: str | Path | Sequence[str | Path]) -> list[FinishedRun]:
    """Read every finished run in or below some folders, sorted by method (the paper's order) and seed.

    Parameters
    ----------
    folders : path, or sequence of paths, or a string of several divided by spaces

    Raises
    ------
    UserError
        There is none.
    """
    named = folders.split() if isinstance(folders, str) else [folders] if isinstance(folders, Path) else folders
    results = sorted({file for folder in named for file in Path(folder).expanduser().rglob("result.json")})
    runs = [_read(RunFolder(file.parent)) for file in results]
    if not runs:
        raise UserError(f"no finished run in {', '.join(map(str, named))}", mend="train some with notebook 07_training")
    order = {method: index for index, method in enumerate(METHODS)}
    return sorted(runs, key=lambda run: (order.get(run.config.method, len(order)), run.config.method, run.config.seed))


def lesson_runs(
    folders: str = "", profile: str = "", seeds: int = 3, seed: int = 0, out: str | Path = "", device: str = "auto"
) -> list[FinishedRun]:
    """Return the runs named; else, without a profile, those that come with the project; else train them.

    Parameters
    ----------
    folders : str
        Folders that hold runs, divided by spaces.
    profile : str
        Preset to train with: ``smoke`` takes seconds. Empty: the project's runs, or ``smoke`` where there are none.
    seeds : int, default 3
        How many seeds to train for each method.
    seed : int, default 0
        The first.
    out : path
        Folder for trained runs; finished ones in it are kept.
    device : str, default "auto"

    Returns
    -------
    list of FinishedRun
    """
    if folders:
        return find_runs(folders)
    if not profile and SHIPPED.is_dir():
        return find_runs(SHIPPED)
    profile = profile or "smoke"
    made = []
    for method in METHODS:
        for number in range(seed, seed + seeds):
            config = TrainConfig.from_preset(profile, method=method, seed=number, device=device)
            folder = RunFolder(Path(out) / f"bundled-{method}-{profile}-seed{number}")
            train(config, folder.path, resume=True, progress=False)
            made.append(_read(folder))
    return made


def ship(run: FinishedRun, folder: Path, features: bool = False) -> None:
    """Write a run as it comes with the project: no checkpoint, half precision, features only if asked for.

    Parameters
    ----------
    run : FinishedRun
    folder : Path
        Made if missing.
    features : bool, default False
        Keep features and attention too: about half a megabyte for a thousand images.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: tensor.numpy() for name, tensor in vars(run.predictions).items()}
    for name in ("features", "attention"):
        arrays[name] = arrays[name].astype(np.float16) if features else arrays[name][:, :0]
    arrays["logits"] = arrays["logits"].astype(np.float32)
    np.savez_compressed(folder / "predictions.npz", **arrays)
    write_json(folder / "config.json", run.config.model_dump(mode="json"))
    write_json(folder / "result.json", run.result)


def _read(folder: RunFolder) -> FinishedRun:
    if not folder.predictions_file.is_file():
        raise UserError(f"{folder.path}: no {folder.predictions_file.name}", mend="train it again")
    loaded = vars(Predictions.load(folder.predictions_file))
    wide = {name: value.float() if value.is_floating_point() else value for name, value in loaded.items()}
    return FinishedRun(folder.config(), folder.result(), Predictions(**wide))

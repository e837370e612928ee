"""Finished runs for the lessons: those that are named, those that come with the project, or new ones in seconds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dacl_edu.errors import UserError
from dacl_edu.evaluation.deep_features import DeepFeatures, Head, balanced_rows
from dacl_edu.evaluation.predict import Predictions
from dacl_edu.training import RunFolder, TrainConfig, train
from dacl_edu.training.reload import compute_deep_features, load_head
from dacl_edu.training.run_folder import find_run_folders
from dacl_edu.training.snapshots import Snapshot, load_snapshots

METHODS = ("softmax", "center", "dacl")
FEATURES, HEAD = "features-{}.npz", "head.npz"
SHIPPED = Path(__file__).resolve().parents[2] / "notebooks" / "shipped"


@dataclass(frozen=True)
class FinishedRun:
    """What a lesson needs of a run. It may be a whole run folder, or one that comes with the project.

    Attributes
    ----------
    folder : Path
    config : TrainConfig
    result : dict
        As in ``result.json``.
    predictions : Predictions
        Of the evaluated split. A run that comes with the project lacks features and attention there: (n, 0).
    """

    folder: Path
    config: TrainConfig
    result: dict[str, Any]
    predictions: Predictions

    @property
    def right(self) -> torch.Tensor:
        """Whether each image was classified rightly, (n,) bool."""
        return self.predictions.logits.argmax(dim=1) == self.predictions.labels

    @property
    def history(self) -> list[dict[str, Any]]:
        """The metrics of each epoch."""
        return [json.loads(line) for line in RunFolder(self.folder).metrics_file.read_text("utf-8").splitlines()]

    def deep_features(self, split: str, per_class: int | None = None) -> DeepFeatures:
        """Return features and attention: those stored with the run, or computed by its checkpoint.

        Parameters
        ----------
        split : str
            ``"train"``, ``"val"`` or ``"test"``.
        per_class : int, optional
            Only the first so many of each class (of those stored; a run of the project keeps
            30 of ``train`` and 50 of ``test``).

        Raises
        ------
        UserError
            Neither stored nor a checkpoint there.
        """
        stored = self.folder / FEATURES.format(split)
        if stored.is_file():
            deep = DeepFeatures.load(stored)
        elif split == self.result["split"] and self.predictions.features.shape[1]:
            deep = DeepFeatures.of(self.predictions, split)
        else:
            return compute_deep_features(self.folder, split, per_class)
        return deep if per_class is None else deep.rows(balanced_rows(deep.labels, per_class))

    def head(self) -> Head:
        """Return classifier and centers: those stored with the run, or its checkpoint's."""
        stored = self.folder / HEAD
        return Head.load(stored) if stored.is_file() else load_head(self.folder)

    def snapshots(self) -> list[Snapshot]:
        """Return features of some validation images after every epoch, where the run kept them."""
        return load_snapshots(self.folder)


def find_runs(folders: str | Path | Sequence[str | Path]) -> list[FinishedRun]:
    """Read every finished run in or below some folders, sorted by method (the paper's order) and seed.

    Parameters
    ----------
    folders : path, or sequence of paths

    Raises
    ------
    UserError
        One of the folders is not there, or no run is in them.
    """
    named = [folders] if isinstance(folders, str | Path) else folders
    try:
        runs = [_read(RunFolder(folder)) for folder in sorted(find_run_folders(named, "result.json"))]
    except UserError as error:
        several = isinstance(folders, str) and [part for part in folders.split() if Path(part).expanduser().is_dir()]
        if several:  # one text that names several folders
            raise UserError(error.problem, mend=f"several folders are a list: {several}") from error
        raise
    if not runs:
        raise UserError(f"no finished run in {', '.join(map(str, named))}", mend="train some with notebook 07_training")
    return sorted(runs, key=lambda run: papers_order(run.config))


def papers_order(config: TrainConfig) -> tuple[int, str, int]:
    """Return the key that sorts runs: the paper's three methods first, in its order, then others; then the seed.

    Examples
    --------
    >>> papers_order(TrainConfig.from_preset("quick", method="center", seed=2))
    (1, 'center', 2)
    """
    place = METHODS.index(config.method) if config.method in METHODS else len(METHODS)
    return place, config.method, config.seed


def lesson_runs(
    folders: str | Path | Sequence[str | Path] = "",
    profile: str = "",
    seeds: int = 3,
    seed: int = 0,
    out: str | Path = "",
    device: str = "auto",
) -> list[FinishedRun]:
    """Return the runs named; else, without a profile, those that come with the project; else train them.

    Parameters
    ----------
    folders : path, or sequence of paths
        Folders that hold runs, as for :func:`find_runs`.
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


def _read(folder: RunFolder) -> FinishedRun:
    if not folder.predictions_file.is_file():
        raise UserError(f"{folder.path}: no {folder.predictions_file.name}", mend="train it again")
    loaded = vars(Predictions.load(folder.predictions_file))
    wide = {name: value.float() if value.is_floating_point() else value for name, value in loaded.items()}
    return FinishedRun(folder.path, folder.config(), folder.result(), Predictions(**wide))

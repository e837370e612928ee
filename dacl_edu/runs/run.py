"""A run as lessons, explorers and reports see it: a whole run folder, or a small copy that comes with the project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from dacl_edu import paths
from dacl_edu._moved import warn_of_old_name
from dacl_edu.errors import UserError
from dacl_edu.evaluation.deep_features import ClassifierHead, DeepFeatures, balanced_rows
from dacl_edu.evaluation.predict import Predictions
from dacl_edu.expressions import EXPRESSIONS
from dacl_edu.files import read_object
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder, find_run_folders
from dacl_edu.runs.snapshots import Snapshot, load_snapshots
from dacl_edu.runs.trained import compute_deep_features, load_head

METHODS = ("softmax", "center", "dacl")
"""Methods in the paper's order, which tables and figures follow."""

FEATURES, HEAD = "features-{}.npz", "head.npz"
"""Files that a small copy keeps in place of a checkpoint."""


class _Scores(BaseModel, extra="allow"):
    accuracy: float | None = None
    average_accuracy: float | None = None


class _Epoch(BaseModel, extra="allow"):
    """A line of ``metrics.jsonl``, as far as figures need it."""

    epoch: int
    train: dict[str, float | None] = {}
    attention: dict[str, float | None] = {}
    validation: _Scores = _Scores()


@dataclass(frozen=True)
class Run:
    """What is known of a run, finished or not.

    Attributes
    ----------
    folder : Path
    config : TrainConfig
    history : list of dict
        The lines of ``metrics.jsonl``, one an epoch; empty where there are none.
    result : dict
        As in ``result.json``; empty where the run has not finished.
    predictions : Predictions or None
        Of the evaluated split. A small copy lacks features and attention there: (n, 0).
    environment : dict or None
        Where it ran.
    missing : tuple of str
        What the folder lacks, in words.
    group, name : str
        What a report calls it: the method with the settings that tell it from others, and the seed where a group has
        several. Empty until runs are put side by side.
    """

    folder: Path
    config: TrainConfig
    history: list[dict[str, Any]] = field(default_factory=list, repr=False)
    result: dict[str, Any] = field(default_factory=dict, repr=False)
    predictions: Predictions | None = field(default=None, repr=False)
    environment: dict[str, Any] | None = field(default=None, repr=False)
    missing: tuple[str, ...] = ()
    group: str = ""
    name: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; empty where it has not begun. Runs of an earlier release knew the paper's alone."""
        said = self.result.get("classes") or (self.environment or {}).get("classes")
        return tuple(said or (EXPRESSIONS if self.history else ()))

    @property
    def finished(self) -> bool:
        """Whether there is a result, image by image."""
        return bool(self.result) and self.predictions is not None

    @property
    def correct(self) -> torch.Tensor:
        """Whether each image was classified correctly, (n,) bool.

        Raises
        ------
        UserError
            The run has no predictions.
        """
        if self.predictions is None:
            raise UserError(f"{self.folder}: no predictions there", hint="train it again")
        return self.predictions.logits.argmax(dim=1) == self.predictions.labels

    @property
    def right(self) -> torch.Tensor:
        """The last release's name of :attr:`correct`."""
        warn_of_old_name("Run.right", "Run.correct")
        return self.correct

    def deep_features(self, split: str, per_class: int | None = None) -> DeepFeatures:
        """Return features and attention: those stored with the run, or computed by its checkpoint.

        Parameters
        ----------
        split : str
            ``"train"``, ``"val"`` or ``"test"``.
        per_class : int, optional
            Only the first so many of each class (of those stored; a small copy keeps 30 of ``train`` and 50 of
            ``test``).

        Raises
        ------
        UserError
            Neither stored nor a checkpoint there.
        """
        stored = self.folder / FEATURES.format(split)
        if stored.is_file():
            deep = DeepFeatures.load(stored)
        elif split == self.result.get("split") and self.predictions is not None and self.predictions.features.shape[1]:
            deep = DeepFeatures.of(self.predictions, split)
        else:
            return compute_deep_features(self.folder, split, per_class)
        return deep if per_class is None else deep.rows(balanced_rows(deep.labels, per_class))

    def head(self) -> ClassifierHead:
        """Return classifier and centers: those stored with the run, or its checkpoint's."""
        stored = self.folder / HEAD
        return ClassifierHead.load(stored) if stored.is_file() else load_head(self.folder)

    def snapshots(self) -> list[Snapshot]:
        """Return features of some validation images after every epoch, where the run kept them."""
        return load_snapshots(self.folder)


def read_run(path: str | Path) -> Run:
    """Read what is there of a run; what is not is said in ``missing``.

    Parameters
    ----------
    path : path
        A run folder, or a small copy of one.

    Raises
    ------
    UserError
        No configuration there, so no run.
    """
    folder = RunFolder(path)
    config, missing = folder.config(), list[str]()
    history: list[dict[str, Any]] = []
    if folder.metrics_file.is_file():
        for line in folder.metrics_file.read_bytes().splitlines():
            try:
                history.append(_Epoch.model_validate_json(line).model_dump(exclude_unset=True))
            except ValueError:
                missing.append("a line of metrics.jsonl is damaged; the epochs before it are shown.")
                break
    else:
        missing.append("no metrics.jsonl, so no training curves.")
    result = _optional(folder.result, folder.result_file, missing, "no result yet (the run has not finished).")
    predictions = _optional(
        lambda: Predictions.load(folder.predictions_file), folder.predictions_file, missing,
        "no predictions.npz, so nothing image by image.",
    )  # fmt: skip
    if result and predictions is not None and not _belong(predictions, result):
        missing.append("predictions.npz is not of the run that result.json is of; copy the folder anew.")
        predictions = None
    environment = _optional(lambda: read_object(folder.environment_file), folder.environment_file, missing, "")
    return Run(folder.path, config, history, result or {}, predictions, environment, tuple(missing))


def find_runs(folders: str | Path | Sequence[str | Path]) -> list[Run]:
    """Read every finished run in or below some folders, sorted by method (the paper's order) and seed.

    Raises
    ------
    UserError
        One of the folders is not there, no run is in them, or one lacks its predictions.
    """
    named = [folders] if isinstance(folders, str | Path) else folders
    try:
        runs = [read_run(folder) for folder in sorted(find_run_folders(named, "result.json"))]
    except UserError as error:
        several = isinstance(folders, str) and [part for part in folders.split() if Path(part).expanduser().is_dir()]
        if several:  # one text that names several folders
            raise UserError(error.problem, hint=f"several folders are a list: {several}") from error
        raise
    if not runs:
        raise UserError(f"no finished run in {', '.join(map(str, named))}", hint="train some with notebook 07_training")
    for run in runs:
        if not run.finished:
            raise UserError(f"{run.folder}: {' '.join(run.missing)}", hint="train it again")
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


def shipped_runs() -> list[Run]:
    """Return the runs that come with the project: three methods, three seeds.

    Raises
    ------
    UserError
        This copy of the project has none.

    Examples
    --------
    >>> sorted({run.config.method for run in shipped_runs()})
    ['center', 'dacl', 'softmax']
    """
    if not paths.shipped_runs().is_dir():
        raise UserError("no run was named, and none comes with this copy", hint="train some: dacl-edu demo")
    return find_runs(paths.shipped_runs())


def _belong(predictions: Predictions, result: dict[str, Any]) -> bool:
    """Whether predictions give a result's confusions; a small copy's half precision may turn one image in a hundred."""
    k = len(result["confusion"])
    if predictions.logits.shape[1] != k:
        return False
    pairs = k * predictions.labels + predictions.logits.argmax(dim=1)
    confusion = torch.bincount(pairs, minlength=k * k).view(k, k)
    return float((confusion - torch.tensor(result["confusion"])).abs().sum()) <= 0.02 * len(pairs)


def _optional(read: Callable[[], Any], file: Path, missing: list[str], otherwise: str) -> Any:
    if not file.is_file():
        if otherwise:
            missing.append(otherwise)
        return None
    try:
        return read()
    except UserError as error:
        missing.append(f"{error.problem}.")
        return None
    except Exception as error:  # a damaged archive of arrays fails in many ways
        missing.append(f"{file.name} cannot be read ({type(error).__name__}).")
        return None

"""The runs that a report is about: whatever is there of each, and a sentence for whatever is not."""

from __future__ import annotations

import json
import shlex
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dacl_edu.errors import UserError
from dacl_edu.evaluation.deep_features import DeepFeatures, Head
from dacl_edu.evaluation.predict import Predictions
from dacl_edu.lessons.runs import FinishedRun, papers_order
from dacl_edu.training.config import PRESETS, TrainConfig
from dacl_edu.training.run_folder import RunFolder, find_run_folders
from dacl_edu.training.snapshots import Snapshot

PLACE = ("seed", "root", "workers", "device", "snapshots")
"""Settings that do not make another method: which repetition it is, where it ran, what it kept."""


@dataclass(frozen=True)
class ReportRun:
    """A run folder, finished or not.

    Attributes
    ----------
    folder : Path
    config : TrainConfig
    history : list of dict
        The lines of ``metrics.jsonl``; empty where there are none.
    environment, result : dict or None
    predictions : Predictions or None
        Of the evaluated split.
    group : str
        The method, with the settings that tell it from others of the same method.
    name : str
        The group, with the seed where the group has several.
    missing : tuple of str
        What the folder lacks, in words.
    """

    folder: Path
    config: TrainConfig
    history: list[dict[str, Any]] = field(repr=False)
    environment: dict[str, Any] | None = field(repr=False)
    result: dict[str, Any] | None = field(repr=False)
    predictions: Predictions | None = field(repr=False)
    group: str = ""
    name: str = ""
    missing: tuple[str, ...] = ()

    def deep_features(self, split: str, per_class: int) -> DeepFeatures:
        """Return features and attention of some images; errors as ``FinishedRun.deep_features``."""
        return self._finished().deep_features(split, per_class)

    def head(self) -> Head:
        """Return classifier and centers; errors as ``FinishedRun.head``."""
        return self._finished().head()

    def snapshots(self) -> list[Snapshot]:
        """Return the snapshots, where the run kept them."""
        return self._finished().snapshots()

    def _finished(self) -> FinishedRun:
        none = torch.zeros(0, dtype=torch.int64)
        empty = Predictions(torch.zeros(0, 0), torch.zeros(0, 0), torch.zeros(0, 0), none, none)
        return FinishedRun(self.folder, self.config, self.result or {"split": ""}, self.predictions or empty)


def gather(folders: Iterable[str | Path]) -> tuple[list[ReportRun], list[str]]:
    """Read every run in or below some folders, sorted by method (the paper's order) and seed.

    Parameters
    ----------
    folders : iterable of path

    Returns
    -------
    runs : list of ReportRun
    notes : list of str
        One sentence for each thing that is not there or cannot be read.

    Raises
    ------
    UserError
        No run at all.
    """
    named = [Path(folder).expanduser() for folder in folders]
    found: dict[Path, Path] = {}
    runs, notes = [], []
    for place in named:
        try:
            for folder in find_run_folders([place]):
                found.setdefault(folder.resolve(), folder)
        except UserError as error:
            if len(named) == 1:
                raise
            notes.append(f"{error}.")
    for folder in found.values():
        try:
            runs.append(_read(RunFolder(folder)))
        except UserError as error:
            notes.append(f"Left out: {error}.")
    if not runs:
        more = f" ({notes[0]})" if notes else ""
        raise UserError(
            f"no run in {', '.join(map(str, named))}{more}",
            mend="name run folders, e.g. runs/demo; dacl-edu demo trains",
        )
    runs.sort(key=lambda run: papers_order(run.config))
    named_runs = _named(runs)
    notes += [f"{run.name}: {' '.join(run.missing)}" for run in named_runs if run.missing]
    return named_runs, notes


def parts(runs: Sequence[ReportRun]) -> list[list[ReportRun]]:
    """Divide finished runs into those that may be compared: the same data set, split, images and classes."""
    found: dict[tuple[Any, ...], list[ReportRun]] = {}
    for run in runs:
        if run.result is not None:
            r = run.result
            found.setdefault((r["dataset"], r["split"], r["images"], tuple(r["classes"])), []).append(run)
    return list(found.values())


def first_of_each(runs: Iterable[ReportRun]) -> dict[str, ReportRun]:
    """Return the first run (the lowest seed) of each group."""
    first: dict[str, ReportRun] = {}
    for run in runs:
        first.setdefault(run.group, run)
    return first


def equivalent_command(config: TrainConfig) -> str:
    """Return a command line that trains with this configuration, to be pasted into a shell.

    Examples
    --------
    >>> equivalent_command(TrainConfig.from_preset("quick", method="center", seed=2))
    'dacl-edu train --preset quick --method center --seed 2'
    >>> print(equivalent_command(TrainConfig.from_preset("quick", root="/my faces")))
    dacl-edu train --preset quick --method dacl --seed 0 --root '/my faces'
    """
    base = TrainConfig.from_preset(config.preset if config.preset in PRESETS else "quick")  # quick: the command's own
    words = ["dacl-edu", "train"] + (["--preset", config.preset] if base.preset == config.preset else [])
    for name in TrainConfig.model_fields:
        value = getattr(config, name)
        if name != "preset" and (value != getattr(base, name) or name in ("method", "seed")):
            words += [f"--{name.replace('_', '-')}", _word(value)]
    return shlex.join(words)


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read(folder: RunFolder) -> ReportRun:
    config, missing = folder.config(), []
    history: list[dict[str, Any]] = []
    if folder.metrics_file.is_file():
        for line in folder.metrics_file.read_text("utf-8").splitlines():
            try:
                history.append(json.loads(line))
            except json.JSONDecodeError:
                missing.append("a line of metrics.jsonl is damaged; the epochs before it are shown.")
                break
    else:
        missing.append("no metrics.jsonl, so no training curves.")
    result = _optional(folder.result, folder.result_file, missing, "no result yet (the run has not finished).")
    predictions = _optional(
        lambda: _predictions(folder.predictions_file), folder.predictions_file, missing,
        "no predictions.npz, so nothing image by image.",
    )  # fmt: skip
    environment = _optional(
        lambda: json.loads(folder.environment_file.read_text("utf-8")), folder.environment_file, missing, ""
    )
    return ReportRun(folder.path, config, history, environment, result, predictions, missing=tuple(missing))


def _optional(read: Callable[[], Any], file: Path, missing: list[str], otherwise: str) -> Any:
    if not file.is_file():
        if otherwise:
            missing.append(otherwise)
        return None
    try:
        return read()
    except (UserError, OSError, KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        missing.append(f"{file.name} cannot be read ({type(error).__name__}).")
        return None


def _predictions(file: Path) -> Predictions:
    loaded: dict[str, Tensor] = vars(Predictions.load(file))
    return Predictions(
        **{name: value.float() if value.is_floating_point() else value for name, value in loaded.items()}
    )


def _named(runs: Sequence[ReportRun]) -> list[ReportRun]:
    settings = [
        {key: value for key, value in run.config.model_dump(mode="json").items() if key not in PLACE} for run in runs
    ]
    groups = []
    for run, own in zip(runs, settings, strict=True):
        same = [other for other in settings if other["method"] == own["method"]]
        differs = [key for key in own if any(other[key] != own[key] for other in same)]
        words = [f"{key.replace('_', ' ')} {own[key] if own[key] is not None else 'default'}" for key in differs]
        groups.append(", ".join([run.config.method, *words]))
    named: list[ReportRun] = []
    for run, group in zip(runs, groups, strict=True):
        several = groups.count(group) > 1
        name = f"{group}, seed {run.config.seed}" if several else group
        again = sum(other.name.partition(" (again")[0] == name for other in named)
        named.append(replace(run, group=group, name=f"{name} (again, {again + 1})" if again else name))
    return named

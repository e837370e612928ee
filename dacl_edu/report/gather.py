"""The runs that a report is about, with names that tell them apart, and a sentence for whatever is missing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from dacl_edu.errors import UserError
from dacl_edu.runs.config import PRESETS, TrainConfig
from dacl_edu.runs.folder import find_run_folders
from dacl_edu.runs.methods import SCRIPT
from dacl_edu.runs.naming import named
from dacl_edu.runs.run import Run, papers_order, read_run


def gather(folders: Iterable[str | Path]) -> tuple[list[Run], list[str]]:
    """Read every run in or below some folders, sorted by method (the paper's order) and seed.

    Returns
    -------
    runs : list of Run
    notes : list of str
        One sentence for each thing that is not there or cannot be read.

    Raises
    ------
    UserError
        No run at all.
    """
    places = [Path(folder).expanduser() for folder in folders]
    found: dict[Path, Path] = {}
    runs, notes = [], []
    for place in places:
        try:
            for folder in find_run_folders([place]):
                found.setdefault(folder.resolve(), folder)
        except UserError as error:
            if len(places) == 1:
                raise
            notes.append(f"{error}.")
    for folder in found.values():
        try:
            runs.append(read_run(folder))
        except UserError as error:
            notes.append(f"Left out: {error}.")
    if not runs:
        more = f" ({notes[0]})" if notes else ""
        raise UserError(
            f"no run in {', '.join(map(str, places))}{more}",
            hint="name run folders, e.g. runs/demo; dacl-edu demo trains",
        )
    named_runs = named(sorted(runs, key=lambda run: papers_order(run.config)))
    notes += [f"{run.name}: {' '.join(run.missing)}" for run in named_runs if run.missing]
    return named_runs, notes


def comparable_groups(runs: Sequence[Run]) -> list[list[Run]]:
    """Divide finished runs into those that may be compared: the same data set, split, images and classes."""
    found: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        if run.result:
            r = run.result
            found.setdefault((r["dataset"], r["split"], r["images"], tuple(r["classes"])), []).append(run)
    return list(found.values())


def first_of_each(runs: Iterable[Run]) -> dict[str, Run]:
    """Return the first run (the lowest seed) of each group."""
    first: dict[str, Run] = {}
    for run in runs:
        first.setdefault(run.group, run)
    return first


def equivalent_command(config: TrainConfig, module: str = "") -> str:
    """Return a command line that trains with this configuration, to be pasted into a shell; ``module`` is imported.

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
        if name == "method" and module not in ("", SCRIPT):
            words += ["--import", module]
        if name != "preset" and (value != getattr(base, name) or name in ("method", "seed")):
            words += [f"--{name.replace('_', '-')}", _word(value)]
    return shlex.join(words)


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

"""Finished runs for the lessons: those that are named, those that come with the project, or new ones in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dacl_edu import paths
from dacl_edu._moved import old_names
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.run import METHODS, Run, find_runs, read_run, shipped_runs


def lesson_runs(
    folders: str | Path | Sequence[str | Path] = "",
    profile: str = "",
    seeds: int = 3,
    seed: int = 0,
    out: str | Path = "",
    device: str = "auto",
) -> list[Run]:
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
    list of Run
    """
    if folders:
        return find_runs(folders)
    if not profile and paths.shipped_runs().is_dir():
        return shipped_runs()
    from dacl_edu.training import train

    profile = profile or "smoke"
    made = []
    for method in METHODS:
        for number in range(seed, seed + seeds):
            config = TrainConfig.from_preset(profile, method=method, seed=number, device=device)
            folder = Path(out) / f"bundled-{method}-{profile}-seed{number}"
            train(config, folder, resume=True, progress=False)
            made.append(read_run(folder))
    return made


__getattr__ = old_names(__name__)  # names of the last release

"""Finished runs for the lessons: those that are named, those that come with the project, or new ones in seconds."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dacl_edu import paths
from dacl_edu._moved import old_names
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.naming import config_hash, full_name, run_name
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
            folder = Path(out) / run_name(config)
            train(config, folder, resume=True, progress=False)
            made.append(read_run(folder))
    return made


Key = TypeVar("Key", bound=Hashable)


def train_each(
    configs: Mapping[Key, TrainConfig], out: str | Path, done: Sequence[Run] = ()
) -> dict[Key, dict[str, Any]]:
    """Train several configurations in a notebook, saying in one line how far they are.

    Parameters
    ----------
    configs : mapping of key to TrainConfig
    out : path
        Folder of the runs. A finished one is kept, an interrupted one goes on.
    done : sequence of Run
        Runs that come from elsewhere: whatever of them computes the same is not trained again.

    Returns
    -------
    dict of key to dict
        The results, as :func:`dacl_edu.training.train` returns them.

    Examples
    --------
    >>> import tempfile
    >>> config = TrainConfig.from_preset("smoke", method="center", limit=28, batch_size=14, epochs=1)
    >>> results = train_each({("center", 0): config}, tempfile.mkdtemp())
    >>> results["center", 0]["epochs"]
    1
    """
    from IPython import get_ipython
    from IPython.display import display

    from dacl_edu.training import train

    known = {config_hash(run.config): run.result for run in done}
    # Elsewhere than in a notebook a line cannot be changed any more once it is printed: nothing is.
    in_notebook = hasattr(get_ipython(), "kernel")
    line = display({"text/plain": "starting"}, raw=True, display_id=True) if in_notebook else None
    results: dict[Key, dict[str, Any]] = {}
    for number, (key, config) in enumerate(configs.items(), start=1):
        result = known.get(config_hash(config))
        if result is None:
            run = f"run {number} of {len(configs)}: {config.method}, seed {config.seed}"

            def say(epoch: dict[str, Any], run: str = run, last: int = config.epochs) -> None:
                if line is not None:
                    line.update({"text/plain": f"{run}, epoch {epoch['epoch']} of {last}"}, raw=True)

            result = train(config, Path(out) / full_name(config), resume=True, progress=False, on_epoch=say)
        results[key] = result
    return results


__getattr__ = old_names(__name__)  # names of the last release

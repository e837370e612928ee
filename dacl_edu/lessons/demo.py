"""The first thing a newcomer runs: lessons 07 and 10 on the bundled faces, their table, and the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dacl_edu.lessons.cli import run_notebook
from dacl_edu.runs.run import Run, find_runs

EPOCHS = 9
"""Of the 28 of ``quick``: three runs in minutes, enough to see the methods learn, too few to rank them."""


def run_demo(profile: str, epochs: int | None, seed: int, out: Path) -> list[Run]:
    """Execute 07_training and 10_results with parameters; return the runs that they trained and looked at.

    Finished runs in ``out`` are kept and an interrupted one is continued, so the call can simply be repeated.

    Parameters
    ----------
    profile : str
        As in lesson 07: ``smoke``, ``quick``, ...
    epochs : int or None
        Of each run; None takes the profile's, and 9 for ``quick``.
    seed : int
    out : Path
        Run folders, executed notebooks, their figures and ``results.csv`` are put here.

    Returns
    -------
    list of Run

    Raises
    ------
    UserError
        As :func:`dacl_edu.lessons.cli.run_notebook`.
    """
    if epochs is None and profile == "quick":
        epochs = EPOCHS
    given = {"profile": profile, "seed": str(seed), **({} if epochs is None else {"epochs": str(epochs)})}
    run_notebook("07_training", given, out)
    run_notebook("10_results", {"runs": str(out)}, out)
    runs = find_runs(out)
    write_results(runs, out / "results.csv")
    return runs


def write_results(runs: list[Run], file: Path) -> None:
    """Write one line a run: what it is and how well it did."""
    columns = ["method", "dataset", "split", "images", "seed", "epochs", "accuracy", "average_accuracy", "seconds"]
    rows = [{column: run.result[column] for column in columns} for run in runs]
    pd.DataFrame(rows).to_csv(file, index=False)

"""The first thing a newcomer runs: three methods, three seeds each, lessons 07 and 10 on them, and the report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dacl_edu.errors import UserError
from dacl_edu.files import replace_text
from dacl_edu.lessons.cli import run_notebook
from dacl_edu.runs.naming import run_name
from dacl_edu.runs.plan import planned
from dacl_edu.runs.run import METHODS, Run, find_runs
from dacl_edu.sweep.cli import run_visibly
from dacl_edu.sweep.plan import Cell


def run_demo(profile: str, epochs: int | None, seeds: str, out: Path, workers: int | None = None) -> list[Run]:
    """Train what is not trained yet, several runs at once; then execute 07_training and 10_results on the runs.

    Finished runs in ``out`` are kept and interrupted ones are continued, so the call can simply be repeated.
    ``profile`` is a preset, ``epochs`` None takes its own, the first of ``seeds`` (as ``0-2``) is that of lesson 07,
    and as many runs as fit go at once.

    Raises
    ------
    UserError
        A run that failed, or as :func:`dacl_edu.lessons.cli.run_notebook`.
    """
    changes = {"method": list(METHODS), **({} if epochs is None else {"epochs": epochs})}
    configs = planned(profile, None, seeds, changes)
    changed = "" if epochs is None else f"-epochs{epochs}"  # as lesson 07 names them
    cells = [Cell(run_name(config) + changed, config) for config in configs]
    outcomes = run_visibly(cells, out, workers)
    for outcome in outcomes:
        if outcome.state in ("failed", "held"):
            raise UserError(f"{outcome.name}: {outcome.words}", hint="the same command tries again")
    given = {"profile": profile, "seed": str(configs[0].seed), **({} if epochs is None else {"epochs": str(epochs)})}
    run_notebook("07_training", given, out)
    run_notebook("10_results", {"runs": str(out)}, out)
    runs = find_runs(out)
    write_results(runs, out / "results.csv")
    return runs


def write_results(runs: list[Run], file: Path) -> None:
    """Write one line a run: what it is and how well it did."""
    columns = ["method", "dataset", "split", "images", "seed", "epochs", "accuracy", "average_accuracy", "seconds"]
    rows = [{column: run.result[column] for column in columns} for run in runs]
    replace_text(file, pd.DataFrame(rows).to_csv(index=False))

"""Several runs side by side: mean and spread over seeds for each method."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from dacl_edu.errors import UserError
from dacl_edu.files import read_object


def compare_runs(runs: Iterable[str | Path | dict[str, Any]]) -> pd.DataFrame:
    """Summarise finished runs: one row for each method on each data set and split.

    Parameters
    ----------
    runs : iterable of path or dict
        Run folders, or what their ``result.json`` holds.

    Returns
    -------
    pandas.DataFrame
        Columns ``dataset, split, method, seeds`` (how many) and mean and sample standard deviation of
        ``accuracy`` and ``average_accuracy`` (the deviation of a single seed is NaN: one run has no spread).

    Raises
    ------
    UserError
        A folder without a result.

    Examples
    --------
    >>> run = {"dataset": "bundled", "split": "test", "method": "dacl", "accuracy": 0.8, "average_accuracy": 0.7}
    >>> table = compare_runs([{**run, "seed": 0}, {**run, "seed": 1, "accuracy": 0.6}])
    >>> round(float(table["accuracy_mean"].iloc[0]), 3), int(table["seeds"].iloc[0])
    (0.7, 2)
    """
    results = [run if isinstance(run, dict) else _read(Path(run)) for run in runs]
    if not results:
        raise UserError("no runs to compare", hint="name at least one run folder")
    columns = ["dataset", "split", "method", "seed", "accuracy", "average_accuracy"]
    table = pd.DataFrame([{column: result[column] for column in columns} for result in results])
    return (
        table.groupby(["dataset", "split", "method"], sort=False)
        .agg(
            seeds=("seed", "nunique"),
            accuracy_mean=("accuracy", "mean"),
            accuracy_std=("accuracy", "std"),
            average_accuracy_mean=("average_accuracy", "mean"),
            average_accuracy_std=("average_accuracy", "std"),
        )
        .reset_index()
    )


def _read(folder: Path) -> dict[str, Any]:
    file = folder / "result.json"
    if not file.is_file():
        raise UserError(
            f"{folder}: no finished run (no result.json)", hint="train it first, or finish it with --resume"
        )
    try:
        return read_object(file)
    except ValueError as error:
        raise UserError(f"{file}: {error}", hint="train it again") from error

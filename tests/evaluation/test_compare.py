"""Several runs side by side."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dacl_edu.errors import UserError
from dacl_edu.evaluation import compare_runs

ACCURACY = {"dacl": [0.8, 0.84, 0.79], "center": [0.7, 0.75, 0.71]}


def result(method: str, seed: int, accuracy: float, **more: Any) -> dict[str, Any]:
    values = {"dataset": "toy", "split": "test", "method": method, "seed": seed, "accuracy": accuracy}
    return {**values, "average_accuracy": accuracy - 0.1, **more}


def runs() -> list[dict[str, Any]]:
    return [result(method, seed, value) for method, values in ACCURACY.items() for seed, value in enumerate(values)]


def test_one_row_a_method_with_mean_and_sample_deviation() -> None:
    table = compare_runs(runs()).set_index("method")
    assert list(table.index) == ["dacl", "center"] and table["seeds"].tolist() == [3, 3]
    for method, values in ACCURACY.items():
        row = table.loc[method]
        assert row["accuracy_mean"] == pytest.approx(np.mean(values))
        assert row["accuracy_std"] == pytest.approx(np.std(values, ddof=1))
        assert row["average_accuracy_mean"] == pytest.approx(np.mean(values) - 0.1)
        assert row["average_accuracy_std"] == pytest.approx(np.std(values, ddof=1))


def test_other_data_and_other_splits_are_never_averaged_together() -> None:
    other = [result("dacl", 0, 0.1, dataset="other"), result("dacl", 0, 0.2, split="val")]
    table = compare_runs([*runs(), *other])
    assert table[["dataset", "split", "method"]].values.tolist() == [
        ["toy", "test", "dacl"], ["toy", "test", "center"], ["other", "test", "dacl"], ["toy", "val", "dacl"],
    ]  # fmt: skip
    assert table["accuracy_mean"].tolist()[2:] == [0.1, 0.2]


def test_one_seed_has_no_spread() -> None:
    assert math.isnan(compare_runs([result("dacl", 0, 0.8)])["accuracy_std"].iloc[0])


def test_folders_are_read(tmp_path: Path) -> None:
    for run in runs():
        folder = tmp_path / f"{run['method']}{run['seed']}"
        folder.mkdir()
        (folder / "result.json").write_text(json.dumps(run))
    assert compare_runs(sorted(tmp_path.iterdir())).set_index("method")["seeds"].to_dict() == {"center": 3, "dacl": 3}


def test_an_unfinished_run_and_no_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no finished run.*--resume"):
        compare_runs([tmp_path])
    with pytest.raises(UserError, match="no runs to compare"):
        compare_runs([])

"""What runs may claim: how far they went, and what stands beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.run import Run, shipped_runs
from dacl_edu.runs.standing import (
    QUESTION,
    accuracy_by_method,
    first_lines,
    full_beside,
    how_far,
    is_short,
    over_seeds,
    ranks,
)


def made(method: str = "dacl", seed: int = 0, preset: str = "quick", accuracy: float = 0.5, **changes: Any) -> Run:
    config = TrainConfig.from_preset(preset, method=method, seed=seed, **changes)
    result = {
        "dataset": config.data, "split": "test", "method": method, "seed": seed, "epochs": config.epochs,
        "accuracy": accuracy, "average_accuracy": accuracy,
    }  # fmt: skip
    return Run(Path("x"), config, result=result)


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([made(m, epochs=9) for m in ("softmax", "dacl")], "9 of 28 epochs, one seed: this ranks nothing."),
        ([made(m) for m in ("softmax", "dacl")], "All 28 epochs, one seed: this ranks nothing."),
        (
            [made(m, seed, epochs=9) for m in ("softmax", "dacl") for seed in (0, 1)],
            "9 of 28 epochs, two seeds: this ranks nothing.",
        ),
        (
            [made("softmax", epochs=9), made("dacl"), made("dacl", 1)],
            "9 to 28 of 28 epochs, one to two seeds: this ranks nothing.",
        ),
        (
            [made("softmax", preset="smoke"), made("dacl", preset="smoke")],
            "All 2 epochs, one seed, at most 140 images of each split: this ranks nothing.",
        ),
        ([made("dacl", epochs=40)], "40 of 28 epochs, one seed: a single run, so there is nothing to compare."),
        (
            [made("dacl", seed) for seed in (0, 1)],
            "All 28 epochs, two seeds: runs that differ in their seed alone, so there is nothing to compare.",
        ),
        (  # a setting of another value is another method
            [made("dacl", seed, lam=lam, epochs=9) for seed in (0, 1) for lam in (0.01, 1)],
            "9 of 28 epochs, two seeds: this ranks nothing.",
        ),
    ],
)
def test_the_first_line_is_computed_from_settings_and_preset(runs: list[Run], said: str) -> None:
    assert how_far(runs) == said


def test_values_of_a_setting_are_tested_as_methods_are() -> None:
    runs = [made("dacl", s, accuracy=0.5 + 0.01 * s + 0.2 * lam, lam=lam) for s in range(3) for lam in (0, 1)]
    said = over_seeds(runs)
    assert "dacl, lam 1.0 71.00 ± 1.00 %, dacl, lam 0.0 51.00 ± 1.00 %" in said
    assert accuracy_by_method(runs)["dacl, lam 1.0"] == pytest.approx({0: 0.7, 1: 0.71, 2: 0.72})


def test_equal_differences_make_no_order() -> None:
    runs = [made(method, s, accuracy=a + 0.1 * s) for method, a in (("softmax", 0.5), ("dacl", 0.7)) for s in (0, 1)]
    assert "is above" not in over_seeds(runs) and "none is tested" in over_seeds(runs)


@pytest.mark.parametrize(
    ("trained", "images", "limited"), [(32, 8, False), (140, 60, True), (40, 140, True), (None, 8, True)]
)
def test_a_limit_that_left_nothing_out_is_not_held_against_a_run(
    trained: int | None, images: int, limited: bool
) -> None:
    runs = [made("dacl", seed, preset="smoke") for seed in (0, 1)]
    runs = [replace(run, result={**run.result, "train_images": trained, "images": images}) for run in runs]
    assert ("at most 140 images" in how_far(runs)) == limited == any(map(is_short, runs))


def test_an_interrupted_run_is_as_long_as_its_history() -> None:
    stopped = replace(made("dacl"), result={}, history=[{"epoch": 1}, {"epoch": 2}])
    assert how_far([stopped]).startswith("2 of 28 epochs")


def test_a_short_run_stands_beside_the_full_experiment_and_a_full_one_does_not() -> None:
    short = [made(m, epochs=9) for m in ("softmax", "center", "dacl")]
    assert [run.folder for run in full_beside(short)] == [run.folder for run in shipped_runs()]
    first, second, question = first_lines(short)
    assert first == how_far(short) and over_seeds(shipped_runs()) in second and question == QUESTION
    assert full_beside(shipped_runs()) == []
    assert full_beside([made("dacl", data="rafdb", epochs=9)]) == []  # other data


def test_runs_can_rank_only_when_whole_and_with_several_seeds() -> None:
    assert ranks(shipped_runs())
    assert not ranks([made("dacl"), made("softmax")])
    assert not ranks([made("dacl", s, preset="smoke") for s in range(3)])


def test_methods_are_ordered_by_their_mean_and_a_clear_difference_is_named() -> None:
    runs = [made("softmax", s, accuracy=0.5 + 0.01 * s) for s in range(3)]
    runs += [made("dacl", s, accuracy=0.7 + 0.01 * s + 0.001 * (s == 1)) for s in range(3)]
    said = over_seeds(runs)
    assert said.index("dacl 71.03 ± 1.00 %") < said.index("softmax 51.00 ± 1.00 %")
    assert "dacl is above softmax (p < 0.001)" in said

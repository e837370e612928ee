"""Assignment 6: the form of a plan and its results; and the worked example's numbers are those of the stored runs."""

from __future__ import annotations

import ast
import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from course.solutions.usual import graded

from dacl_edu.runs.run import shipped_runs
from dacl_edu_course.questions import a6_open_experiment as questions
from tools.notebook_pairs import read_text

SOURCE = Path(__file__).parents[2] / "notebooks/assignments/source/a6_open_experiment/a6_open_experiment.py"
PLAN: dict[str, Any] = {
    "variants": {"learned": {"method": "dacl"}, "dealt": {"method": "dacl", "attention": "permuted"}},
    "seeds": [0, 1, 2],
    "select_by": "last",
}
ROWS: list[Any] = [(name, seed, 0.8 + seed / 100) for name in PLAN["variants"] for seed in PLAN["seeds"]]
SINGLE = [(name, seed, np.float32(share)) for name, seed, share in ROWS]


def plan(**changes: Any) -> dict[str, Any]:
    return {**deepcopy(PLAN), **changes}


def variants(**fields: Any) -> dict[str, Any]:
    return plan(variants={"plain": {"method": "center"}, "other": fields})


GOOD_PLANS = {
    "as_it_is": plan(),
    "lam": variants(method="center", lam=0.005),
    "validation": plan(select_by="validation"),
    "five_seeds_in_a_tuple": plan(seeds=(4, 1, 7, 0, 2)),
    "own_loss": variants(method="my_module:MyLoss"),
    "metric_learning": variants(method="pml:TripletMarginLoss", loss_parameters={"margin": 0.2}),
    "more_entries": plan(measure="mean attention"),
    "three": plan(variants={name: {"method": "dacl", "center_init": name} for name in ("zeros", "fan_in_classes")}),
}
BAD_PLANS = {
    "nothing": (None, "is a NoneType"),
    "list": ([PLAN], "is a list"),
    "no_seeds": ({k: v for k, v in PLAN.items() if k != "seeds"}, "seeds is missing"),
    "two_seeds": (plan(seeds=[0, 1]), "names 2 seeds"),
    "the_same_seed": (plan(seeds=[0, 0, 1]), "a seed twice"),
    "seeds_in_words": (plan(seeds="0 1 2"), "must be a list of whole numbers"),
    "half_seeds": (plan(seeds=[0, 1.5, 2]), "whole numbers, 0 or more"),
    "negative_seed": (plan(seeds=[-1, 0, 1]), "whole numbers, 0 or more"),
    "selects_on_test": (plan(select_by="test"), "selects on the test part"),
    "one_variant": (plan(variants={"dacl": {"method": "dacl"}}), "nothing to compare it with"),
    "names_only": (plan(variants=["dacl", "center"]), "must be a dictionary: a name"),
    "methods_only": (plan(variants={"a": "dacl", "b": "center"}), "a variant is a name and a dictionary"),
    "two_the_same": (variants(method="center"), "'plain' and 'other' would be the same runs"),
    "a_default_by_name": (plan(variants={"a": {"method": "dacl"}, "b": {"method": "dacl", "lam": 0.01}}), "the same"),
    "learned_is_usual": (
        plan(variants={"a": {"method": "dacl"}, "b": {"method": "dacl", "attention": "learned"}}),
        "the same runs",
    ),
    "softmax_feels_no_lam": (
        plan(variants={f"{lam}": {"method": "softmax", "lam": lam} for lam in (0.01, 1.0)}),
        "the same runs",
    ),
    "all_ones_is_center": (variants(method="dacl", attention="ones"), "the same runs"),
    "two_names_of_one_loss": (
        plan(variants={name: {"method": name} for name in ("dacl", "sparse_center")}),
        "the same",
    ),
    "center_has_no_attention": (variants(method="center", attention="mean"), "does not use attention"),
    "unknown_method": (variants(method="centre"), "unknown method 'centre'"),
    "no_method": (variants(lam=0.1), "names no method"),
    "own_epochs": (variants(method="dacl", epochs=3), "sets 'epochs', which must be the same"),
    "own_seed": (variants(method="dacl", seed=3), "sets 'seed'"),
    "own_selection": (variants(method="dacl", select_by="test"), "sets 'select_by'"),
    "negative_lam": (variants(method="dacl", lam=-1.0), "cannot be trained: lam"),
    "unknown_attention": (variants(method="dacl", attention="random"), "cannot be trained: attention"),
}


@pytest.mark.parametrize("name", list(GOOD_PLANS))
def test_a_plan_that_can_be_carried_out_passes(name: str) -> None:
    assert graded(questions.my_plan, lambda: GOOD_PLANS[name]) == ""


@pytest.mark.parametrize("name", list(BAD_PLANS))
def test_a_plan_that_cannot_is_named(name: str) -> None:
    bad, said = BAD_PLANS[name]
    message = graded(questions.my_plan, lambda: bad)
    assert said in message and "Where to look" in message


def judged(rows: Any, made: Any = None) -> str:
    return graded(lambda answer, seed: questions.my_results((lambda: made or PLAN, answer), seed), lambda: rows)


@pytest.mark.parametrize("rows", [ROWS, ROWS[::-1], [list(row) for row in ROWS], tuple(ROWS), SINGLE])
def test_a_row_for_each_run_passes(rows: Any) -> None:
    assert judged(rows) == ""


BAD_ROWS = {
    "nothing": (None, "are a NoneType"),
    "dictionary": (dict.fromkeys(range(3)), "are a dict"),
    "words": ("0.8 0.9", "are a str"),
    "one_missing": (ROWS[:-1], "has no row: 'dealt', seed 2"),
    "none": ([], "has no row: 'learned', seed 0"),
    "twice": ([*ROWS, ROWS[0]], "has two rows"),
    "not_planned": ([*ROWS, ("center", 0, 0.8)], "not of the plan: 'center', seed 0"),
    "percent": ([(v, s, 100 * q) for v, s, q in ROWS], "no share between 0 and 1"),
    "negative": ([(v, s, -q) for v, s, q in ROWS], "no share between 0 and 1"),
    "not_a_number": ([*ROWS[:-1], ("dealt", 2, math.nan)], "is that run finished"),
    "forgotten": ([*ROWS[:-1], ("dealt", 2, None)], "is that run finished"),
    "all_alike": ([(v, s, 0.8) for v, s, _ in ROWS], "all accuracies are the same"),
    "two_columns": ([row[:2] for row in ROWS], "a row must be"),
    "words_for_rows": (["dac"] * 6, "a row must be"),
}


@pytest.mark.parametrize("name", list(BAD_ROWS))
def test_results_that_do_not_fit_the_plan_are_named(name: str) -> None:
    rows, said = BAD_ROWS[name]
    assert said in judged(rows)


def test_results_without_a_plan_are_not_judged() -> None:
    assert "the plan is a str" in judged(ROWS, "none")


def test_the_worked_example_reports_the_runs_that_come_with_the_project() -> None:
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell.source for cell in read_text(SOURCE).cells}
    answers: dict[str, Any] = {}
    for name in ("my_plan", "my_results"):
        exec(compile(ast.parse(cells[name]), name, "exec"), answers)
    assert graded(questions.my_plan, answers["my_plan"]) == ""
    stored = {(run.config.method, run.config.seed): round(run.result["accuracy"], 4) for run in shipped_runs()}
    assert {row[:2]: row[2] for row in answers["my_results"]()} == stored

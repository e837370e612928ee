"""A comparison as a table: what fits a terminal, and what a paper's LaTeX can read."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dacl_edu.evaluation.crossed import CrossedDifference, crossed_difference
from dacl_edu.evaluation.significance import Interval
from dacl_edu.runs.comparison import Comparison, Row, sentence
from dacl_edu.runs.comparison_table import for_terminal, written


def row(name: str, low: float, high: float, difference: object = None) -> Row:
    middle = (low + high) / 2
    interval = Interval(low, middle, high)
    return Row(name, 2, interval, 0.1, interval, 0.1, difference, math.nan if difference is None else 1.0)  # type: ignore[arg-type]


@pytest.fixture
def found() -> Comparison:
    rng = np.random.default_rng(0)
    worse = crossed_difference(rng.random((2, 400)) < 0.6, rng.random((2, 400)) < 0.8)
    rows = [row("softmax", 0.8, 0.9), row("absolute_center", -0.469, 2.178, worse)]
    return Comparison("pets test", "softmax", rows, "")


def test_an_interval_of_an_accuracy_stays_between_0_and_100(found: Comparison) -> None:
    assert list(for_terminal(found).columns[3].cells) == ["80.0–90.0", "0.0–100.0"]


def test_a_difference_of_accuracies_stays_between_minus_and_plus_100() -> None:
    wide = CrossedDifference(-1.693, -0.111, 1.471, 0.6, 2, 9, 0.1, 0.1, 0.1)
    rows = [row("softmax", 0.8, 0.9), row("dacl", 0.7, 0.8, wide)]
    table = for_terminal(Comparison("few", "softmax", rows, ""))
    assert list(table.columns[-2].cells) == ["–", "−11.1 (−100.0, +100.0)"]
    assert "−11.1 points, −100.0 to +100.0" in sentence(rows, "softmax")


def test_seeds_that_happen_to_agree_give_no_interval() -> None:
    same = np.array([[True, False, True]] * 2)
    rows = [row("softmax", 2 / 3, 2 / 3), row("dacl", 2 / 3, 2 / 3, crossed_difference(same, same))]
    table = for_terminal(Comparison("few", "softmax", rows, ""))
    assert list(table.columns[3].cells) == ["–", "–"] and list(table.columns[-2].cells) == ["–", "+0.0 (–)"]
    assert "+0.0 points, interval not known" in sentence(rows, "softmax")


def test_latex_has_only_what_pdflatex_knows(found: Comparison) -> None:
    text = written(found, "latex")
    assert text.isascii() and r"absolute\_center" in text and r"95 \%" in text and r"85.00 $\pm$ 10.00" in text
    assert "80.0--90.0" in text and "($-$" in text and r"\begin{tabular}{lrrrrr}" in text


def test_without_any_spread_no_number_of_seeds_is_promised() -> None:
    same = np.ones((2, 24), dtype=bool)
    rows = [row("softmax", 1, 1), row("dacl", 1, 1, crossed_difference(same, same))]
    said = sentence(rows, "softmax")
    assert "nothing is known of the spread" in said and "would need" not in said

"""What a probe may be asked, and what it says of nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from dacl_edu.errors import UserError
from dacl_edu.evaluation.probes import kept_and_let_go, linear_probes
from dacl_edu.plots import strength_curves

RNG = np.random.default_rng(0)
X: NDArray[np.float64] = RNG.normal(size=(60, 4))
Y, PEOPLE = np.arange(60) % 3, np.arange(60) // 2


def test_one_factor_is_told_as_several_are() -> None:
    factors = pd.DataFrame({"sum": X.sum(axis=1), "first": X[:, 0]})
    both, one = linear_probes(X, Y, PEOPLE, factors), linear_probes(X, Y, PEOPLE, factors[["sum"]])
    assert one["sum"] == pytest.approx(both["sum"], abs=1e-9) and one["sum"] > 0.99
    assert 0.1 < both["class"] < 0.6, "labels that the features know nothing of are guessed"


def test_no_person_is_on_both_sides() -> None:
    """Features that name the person, and a class of each person's own: other people tell nothing."""
    person = np.repeat(np.eye(30), 2, axis=0)
    drawn = RNG.permutation(30) % 3
    assert linear_probes(person, drawn[PEOPLE], PEOPLE)["class"] < 0.6


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"labels": np.zeros(60, int)}, "two classes"), ({"groups": PEOPLE[:10]}, "10 people for 60"),
        ({"groups": np.zeros(60)}, "5 folds of 1 people"), ({"folds": 0}, "0 folds"), ({"folds": 1000}, "1000 folds"),
        ({"factors": pd.DataFrame({"a": np.ones(60)})}, "always the same"),
        ({"factors": pd.DataFrame({"a": ["x"] * 60})}, "no number"),
        ({"factors": pd.DataFrame({"a": [np.nan, *range(59)]})}, "no number"),
        ({"factors": pd.DataFrame({"a": range(9)})}, "9 rows"), ({"factors": pd.DataFrame({"class": Y})}, "'class'"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_a_sentence(given: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        linear_probes(**{"features": X, "labels": Y, "groups": PEOPLE, **given})  # type: ignore[arg-type]


def test_halves_share_no_dimension() -> None:
    halves = kept_and_let_go(RNG.random((5, 9)), draws=3)
    kept, let_go = halves["kept"][0], halves["let go"][0]
    assert sorted([*kept, *let_go]) == list(range(9)) and len({tuple(half) for half in halves["random"]}) == 3


@pytest.mark.parametrize("series", [{}, {"a": {}}, {"a": {0.0: (0.1, 0.2, 0.3)}}, {"a": {float("nan"): (0, 0, 0)}}])
def test_a_logarithmic_axis_has_no_place_for_it(series: dict[str, dict[float, tuple[float, float, float]]]) -> None:
    with pytest.raises(UserError, match="logarithmic"):
        strength_curves(series, "t", "y")

"""Bars and heat maps of compactness and separation hold the numbers of the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dacl_edu.errors import UserError
from dacl_edu.evaluation.geometry import center_distances, compare_geometry
from dacl_edu.plots import LOOKS, center_distance_heatmap, geometry_comparison
from dacl_edu.plots.geometry import MEASURES

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1], 10)
TABLE = compare_geometry(
    {name: RNG.normal(size=(20, 3)) + LABELS[:, None] * far for name, far in (("a", 1), ("b", 9))}, LABELS
)


def test_a_bar_a_method_in_each_panel_and_the_better_direction_is_said() -> None:
    figure = geometry_comparison(TABLE)
    assert len(figure.data) == 2 * len(MEASURES)
    for place, measure in enumerate(MEASURES):
        first, second = figure.data[2 * place : 2 * place + 2]
        assert (first.y[0], second.y[0]) == pytest.approx(tuple(TABLE[measure]))
        assert (first.x, second.x) == (("a",), ("b",)) and first.marker.color == LOOKS[0][0]
        title = figure.layout.annotations[place].text
        assert measure in title and f"{MEASURES[measure]} is better" in title
    alt = figure.layout.meta["alt"]
    assert "within share (lower is better): best is b" in alt and "silhouette (higher is better): best is b" in alt


def test_a_number_that_could_not_be_measured_has_no_bar() -> None:
    figure = geometry_comparison(compare_geometry({"one": [[1.0, 2.0]]}, [0]))
    assert all(trace.y == (None,) for trace in figure.data)
    assert figure.data[0].text == ("not measurable",)


def test_a_negative_silhouette_has_room() -> None:
    figure = geometry_comparison(pd.DataFrame({"silhouette": [-0.2, 0.1]}, index=["a", "b"]), {"silhouette": "higher"})
    low, high = figure.layout.yaxis.range
    assert low < -0.2 and high > 0.1


def test_a_table_without_the_column_is_refused() -> None:
    with pytest.raises(UserError, match="no radius / gap"):
        geometry_comparison(TABLE.drop(columns="radius / gap"))
    with pytest.raises(UserError):
        geometry_comparison(TABLE.iloc[:0])


def test_heat_maps_share_one_scale_and_leave_the_diagonal_and_absent_classes_empty() -> None:
    centers = np.array([[0.0, 0.0], [3.0, 4.0], [np.nan, np.nan]])
    figure = center_distance_heatmap(
        {"near": center_distances(centers), "far": center_distances(2 * centers)}, ["x", "y", "z"], unit="in pixels"
    )
    assert figure.data[0].z == ([None, 5.0, None], [5.0, None, None], [None, None, None])
    assert figure.data[1].z[0][1] == 10.0
    assert figure.data[0].coloraxis == figure.data[1].coloraxis == "coloraxis"
    assert "near: nearest are x and y at 5" in figure.layout.meta["alt"] and "in pixels" in figure.layout.title.text


def test_heat_maps_refuse_another_number_of_classes() -> None:
    with pytest.raises(UserError, match=r"\(3, 3\)"):
        center_distance_heatmap({"a": np.zeros((2, 2))}, ["x", "y", "z"])
    with pytest.raises(UserError):
        center_distance_heatmap({}, ["x"])
    assert "nearest" not in center_distance_heatmap({"a": [[0.0]]}, ["x"]).layout.meta["alt"]

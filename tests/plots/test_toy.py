"""The small figures of lessons draw what they are given, and can be told apart without colour."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dacl_edu.plots import bars, lines, points, tables


def test_lines_draw_values_pairs_and_tensors_that_need_a_gradient() -> None:
    x = torch.linspace(0, 1, 3, requires_grad=True)
    figure = lines({"pair": (x, x**2), "alone": (4.0, 5.0, 6.0), "list": [1, 2]}, "t", "three lines")
    assert [list(trace.y) for trace in figure.data] == [[0, 0.25, 1], [4, 5, 6], [1, 2]]
    assert list(figure.data[0].x) == [0, 0.5, 1] and figure.data[1].x is None


def test_tiny_numbers_survive_on_a_logarithmic_axis() -> None:
    figure = lines({"error": ([1e-12, 1e-6], [1e-15, 1e-3])}, "t", "one line", log="xy")
    assert figure.data[0].y[0] == 1e-15 and figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_series_differ_in_more_than_colour() -> None:
    drawn = lines({name: [1, 2] for name in "abcd"}, "t", "four lines").data
    assert len({trace.line.dash for trace in drawn}) == 4
    drawn = bars({name: [1, 2] for name in "abc"}, ["u", "v"], "t", "bars").data
    assert len({trace.marker.pattern.shape for trace in drawn}) == 3


def test_points_draw_each_sample_once_in_each_panel_with_its_class() -> None:
    x, y = torch.arange(8.0).view(4, 2), torch.tensor([1, 0, 1, 1])
    figure = points({"before": x, "after": 2 * x}, y, "t", "two panels")
    assert [len(trace.x) for trace in figure.data] == [1, 3, 1, 3]
    assert list(figure.data[1].x) == [0, 4, 6] and list(figure.data[3].x) == [0, 8, 12]
    assert [trace.showlegend for trace in figure.data] == [True, True, False, False]


def test_a_sample_is_joined_to_the_center_of_its_own_class() -> None:
    x, y = [[0.0, 0.0], [5.0, 5.0]], [1, 0]
    figure = points({"": x}, y, "t", "joined", centers={"": [[9.0, 9.0], [1.0, 1.0]]})
    joins = [trace for trace in figure.data if trace.mode == "lines"]
    assert [(list(trace.x), list(trace.y)) for trace in joins] == [([0, 1], [0, 1]), ([5, 9], [5, 9])]


def test_tables_share_one_scale_and_zero_is_its_middle() -> None:
    figure = tables({"a": np.eye(2), "b": -3 * np.eye(2)}, "t", "two tables")
    assert {(trace.zmin, trace.zmax) for trace in figure.data} == {(-3, 3)}
    assert tables({"a": np.eye(2)}, "t", "one", limit=10).data[0].zmax == 10


@pytest.mark.parametrize("figure", [lines({"a": [1]}, "t", "words"), bars({"a": [1]}, "u", "t", "words")])
def test_each_has_words(figure: object) -> None:
    assert figure.layout.meta["alt"] == "words"  # type: ignore[attr-defined]

"""Figures for 2 to 100 classes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dacl_edu.plots import confusion_matrices, correct_and_wrong, per_class_comparison
from dacl_edu.plots.embedding import embedding_plot
from dacl_edu.plots.geometry import center_distance_heatmap
from dacl_edu.plots.style import class_look

COUNTS = (2, 7, 10, 11, 40, 100)


def names(count: int) -> list[str]:
    return [f"class {k}" for k in range(count)]


def contrast_with_white(colour: str) -> float:
    linear = [(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4) for v in (
        int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)
    )]  # fmt: skip
    return 1.05 / (0.05 + float(np.dot([0.2126, 0.7152, 0.0722], linear)))


def test_every_class_has_a_look_of_its_own() -> None:
    looks = [class_look(k) for k in range(100)]
    assert len({look.colour for look in looks}) == 100
    assert min(contrast_with_white(look.colour) for look in looks) > 1.9
    assert all(a.symbol != b.symbol for a, b in pairwise(looks[7:]))
    distance = [
        np.linalg.norm([int(a.colour[i : i + 2], 16) - int(b.colour[i : i + 2], 16) for i in (1, 3, 5)])
        for place, a in enumerate(looks[:12]) for b in looks[:place]
    ]  # fmt: skip
    assert min(distance) > 50, "twelve classes can be told apart by colour"


@pytest.mark.parametrize("count", COUNTS)
def test_confusion_matrix(count: int) -> None:
    counts = np.random.default_rng(0).integers(0, 50, size=(count, count))
    figure = confusion_matrices({"a": counts, "b": counts}, names(count))
    assert 300 <= figure.layout.width <= 2000 and figure.layout.height <= 2400
    written = any(text for row in figure.data[0].text for text in row)
    assert written == (count <= 20)
    ticks = figure.layout.xaxis.tickvals or names(count)
    (left, right) = figure.layout.xaxis.domain
    room = (right - left) * (figure.layout.width - figure.layout.margin.l - figure.layout.margin.r) / len(ticks)
    assert room >= 11, "a line of text for each name"
    assert np.array_equal(np.array(figure.data[1].customdata), counts)


@pytest.mark.parametrize("count", COUNTS)
def test_a_long_legend_is_not_in_the_plot(count: int) -> None:
    labels = np.repeat(np.arange(count), 3)
    figure = embedding_plot(np.random.default_rng(0).normal(size=(len(labels), 2)), labels, names(count))
    listed = sum(trace.showlegend for trace in figure.data)
    assert listed == (count if count <= 20 else 0)
    assert all(f"class {k}" in trace.hovertemplate for k, trace in enumerate(figure.data))
    assert ("the pointer names them" in figure.layout.title.text) == (count > 20)


@pytest.mark.parametrize("count", COUNTS)
def test_other_figures(count: int) -> None:
    counts = np.random.default_rng(0).integers(1, 50, size=(count, count))
    per_class = per_class_comparison({"a": [counts]}, names(count))
    assert per_class.layout.height <= 2100
    heat = center_distance_heatmap({"a": counts.astype(float)}, names(count))
    assert (heat.data[0].texttemplate is not None) == (count <= 12)
    labels = np.arange(2 * count) % count
    images = np.zeros((2 * count, 3, 8, 8), dtype=np.uint8)
    probability = np.random.default_rng(1).dirichlet(np.ones(count), size=2 * count)
    sheet = correct_and_wrong(images, labels, probability, names(count))
    assert len(sheet.data[0].text) == 2 * min(count, 12)

"""The gradient explorer without a browser: slopes against the formulas, curves against the loss written out."""

from __future__ import annotations

import pytest
import torch

from dacl_edu.widgets import gradient_explorer as gradients
from dacl_edu.widgets.gradient_explorer import (
    A_RANGE,
    Point,
    autograd_slopes,
    comparison,
    gradient_explorer,
    gradient_figure,
    numeric_slopes,
    package_slopes,
    sentence,
)

POINTS = [Point(*values) for values in (torch.rand(12, 4, dtype=torch.float64) * 4 - 2).tolist()]
POINTS = [Point(p.x, p.c, abs(p.a) / 2, abs(p.lam) / 2) for p in POINTS]


@pytest.mark.parametrize("point", POINTS)
def test_the_three_ways_give_eq_9_and_eq_10(point: Point) -> None:
    eq_9 = point.lam * point.a * (point.x - point.c)
    eq_10 = point.lam * (point.x - point.c) ** 2 / 2
    for slopes in (package_slopes(point), autograd_slopes(point), numeric_slopes(point)):
        assert slopes == pytest.approx((eq_9, eq_10), abs=1e-6)
    assert package_slopes(point).by_a >= 0


@pytest.mark.parametrize("point", POINTS[:4])
def test_curves_hold_the_loss_and_tangents_touch_them(point: Point) -> None:
    figure = gradient_figure(point)
    traces = {t.name: t for t in figure.data}
    over_x, over_a = traces["Eq. 4 over x"], traces["Eq. 4 over a"]
    assert list(over_x.y) == pytest.approx([point.lam * point.a * (x - point.c) ** 2 / 2 for x in over_x.x], abs=1e-6)
    assert list(over_a.y) == pytest.approx([point.lam * a * (point.x - point.c) ** 2 / 2 for a in over_a.x], abs=1e-6)
    assert (over_a.x[0], over_a.x[-1]) == A_RANGE
    height = point.lam * point.a * (point.x - point.c) ** 2 / 2
    for name, here, slope in zip(
        ("slope, Eq. 9", "slope, Eq. 10"), (point.x, point.a), package_slopes(point), strict=True
    ):
        (x0, x1), (y0, y1) = traces[name].x, traces[name].y
        assert (y1 - y0) / (x1 - x0) == pytest.approx(slope)
        assert y0 + slope * (here - x0) == pytest.approx(height)
    assert traces["center c"].x == (point.c,)


def test_a_broken_backward_is_called_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    right = gradients.sparse_center_loss

    def broken(features, attention, labels, centers):  # value right, gradient doubled
        value = right(features, attention, labels, centers)
        return 2 * value - value.detach()

    assert [row[-1] for row in comparison(Point())] == ["ok", "ok"]
    monkeypatch.setattr(gradients, "sparse_center_loss", broken)
    assert [row[-1] for row in comparison(Point())] == ["wrong value", "wrong value"]


def test_the_sentence_says_where_the_sample_goes() -> None:
    assert "moves x left" in sentence(Point(x=1.0, c=0.0)) and "lowers a" in sentence(Point(x=1.0, c=0.0))
    assert "moves x right" in sentence(Point(x=-1.0, c=0.0))
    assert "nothing pulls at x, however far" in sentence(Point(x=1.0, c=0.0, a=0.0))
    assert "λ = 0" in sentence(Point(lam=0.0))


def test_sliders_move_curves_words_and_table() -> None:
    controls, figure, words, table = gradient_explorer().children
    x, c, a, lam = controls.children
    for control in controls.children:
        assert control.description and len(control.tooltip) > 8
    before, told, listed = tuple(figure.data[2].x), words.value, table.value
    x.value = -1.0
    assert before != figure.data[2].x == (-1.0,) and words.value != told and table.value != listed
    assert table.value.count(">ok<") == 2 and "<caption" in table.value
    a.value = 0.0
    assert set(figure.data[0].y) == {0.0}
    c.value = -1.0
    assert "lies on its center" in words.value
    a.value = 1.0
    before = tuple(figure.data[0].y)
    lam.value = 0.5
    assert tuple(figure.data[0].y) != before

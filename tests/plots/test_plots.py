"""What a figure shows is in its traces, so the traces are compared with the arrays that went in."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from dacl_edu.errors import UserError
from dacl_edu.losses import build_loss
from dacl_edu.plots import (
    LOOKS,
    confusion_matrices,
    correct_and_wrong,
    face_sheet,
    gradient_field,
    interval_plot,
    per_class_comparison,
    training_curves,
)
from dacl_edu.plots.curves import PANELS
from dacl_edu.plots.samples import most_confident
from dacl_edu.plots.style import BLUE, GREY, class_look


def line(epoch: int, loss: float) -> dict:
    return {"epoch": epoch, "train": {"softmax_loss": loss, "accuracy": 1 - loss / 4}, "attention": {"mean": loss / 8}}


def test_curves_hold_every_epoch_of_every_run_in_three_panels() -> None:
    figure = training_curves({"softmax": [line(1, 2.0), line(2, 1.0)], "dacl": [line(1, 1.5)]})
    assert [list(trace.y) for trace in figure.data[:3]] == [[2.0, 1.0], [0.5, 0.75], [0.25, 0.125]]
    assert [list(trace.x) for trace in figure.data[3:]] == [[1]] * 3
    assert [trace.name for trace in figure.data if trace.showlegend] == ["softmax", "dacl"]
    assert figure.data[0].line.dash != figure.data[3].line.dash  # told apart without colour


def test_curves_of_every_term_add_up_and_what_a_run_did_not_write_is_a_gap() -> None:
    full = line(1, 2.0)
    full["train"]["loss"] = 2.3
    figure = training_curves({"dacl": [full], "old": [line(1, 1.0)]}, panels=list(PANELS))
    assert len(figure.data) == 2 * len(PANELS) == len(figure.layout.annotations) * 2
    by_panel = dict(zip(PANELS, figure.data, strict=False))
    total, softmax, metric = (by_panel[name].y[0] for name in list(PANELS)[:3])
    assert total == 2.3 and softmax == 2.0 and metric == pytest.approx(0.3)
    assert figure.data[len(PANELS)].y == (None,) and by_panel["entropy of attention"].y == (None,)
    assert "λ × metric loss from 0.3" in figure.layout.meta["alt"]
    assert figure.layout.yaxis.title.text == "loss" and figure.layout.yaxis4.tickformat == ".0%"


def test_runs_of_a_method_share_a_look_and_a_place_in_the_legend() -> None:
    lines = [line(1, 2.0)]
    groups = {"a0": "a", "a1": "a", "b0": "b"}
    figure = training_curves({"a0": lines, "a1": lines, "b0": lines}, groups=groups)
    assert [trace.line.color for trace in figure.data[::3]] == [LOOKS[0][0], LOOKS[0][0], LOOKS[1][0]]
    assert [trace.name for trace in figure.data if trace.showlegend] == ["a", "b"]
    assert "a1, epoch" in figure.data[3].hovertemplate
    assert "a (2 runs): softmax loss from 2 to 2" in figure.layout.meta["alt"]


def test_curves_of_nothing_are_an_error() -> None:
    with pytest.raises(UserError, match="no panel 'colour'"):
        training_curves({"a": [line(1, 1.0)]}, panels=["colour"])
    with pytest.raises(UserError, match="no runs"):
        training_curves({})


def test_confusion_cells_show_percent_and_counts() -> None:
    figure = confusion_matrices({"dacl": [[8, 2], [0, 0]]}, ["x", "y"])
    assert [list(row) for row in figure.data[0].text] == [["80 %<br>8", "20 %<br>2"], ["", ""]]
    assert [list(row) for row in figure.data[0].customdata] == [[8, 2], [0, 0]]
    notes = {note.text: note.y for note in figure.layout.annotations}
    assert notes["no image of this class"] == "y" and "dacl" in notes
    assert "most often x is taken for y (2 images)" in figure.layout.meta["alt"]


def test_more_than_three_confusion_matrices_begin_a_row() -> None:
    figure = confusion_matrices({name: np.eye(2) for name in "abcd"}, ["x", "y"])
    assert [trace.xaxis for trace in figure.data] == ["x", "x2", "x3", "x4"]
    assert figure.layout.xaxis4.domain[0] == figure.layout.xaxis.domain[0]
    assert figure.layout.yaxis4.domain[1] < figure.layout.yaxis.domain[0]


def test_confusion_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(UserError, match="a: counts of shape"):
        confusion_matrices({"a": np.eye(3)}, ["x", "y"])
    with pytest.raises(UserError, match="no confusion matrix"):
        confusion_matrices({}, ["x"])


def test_confusion_is_percent_of_the_true_class_and_empty_where_it_does_not_occur() -> None:
    figure = confusion_matrices({"a": [[8, 2, 0], [1, 3, 0], [0, 0, 0]], "b": np.eye(3, dtype=int)}, ["x", "y", "z"])
    assert [list(row) for row in figure.data[0].z] == [[80, 20, 0], [25, 75, 0], [None] * 3]
    assert [list(row) for row in figure.data[1].z] == [[100, 0, 0], [0, 100, 0], [0, 0, 100]]


@pytest.mark.parametrize("count", [1, 4, 5])
def test_a_sheet_holds_the_faces_in_order(count: int) -> None:
    levels = torch.linspace(0, 240, count).to(torch.uint8)
    images = levels[:, None, None, None].expand(count, 3, 16, 16)
    figure = face_sheet(images, columns=3, captions=[str(i) for i in range(count)], row_names=["one"])
    assert figure.data[0].text == tuple(str(i) for i in range(count))
    assert len(figure.layout.images) == -(-count // 3)
    for row, image in enumerate(figure.layout.images):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image.source.partition(",")[2]))))
        assert pixels.shape == (16, 48, 3)
        for column in range(min(3, count - 3 * row)):
            assert abs(int(pixels[8, 16 * column + 8, 0]) - int(levels[3 * row + column])) < 6


def test_an_interval_goes_from_low_to_high() -> None:
    figure = interval_plot({"a": (1.0, 3.0, 4.0), "b": (0.0, 0.5, 2.0)}, "t", "x")
    assert [(trace.x[0], trace.y[0]) for trace in figure.data] == [(3.0, "a"), (0.5, "b")]
    assert figure.data[0].error_x.array == (1.0,) and figure.data[0].error_x.arrayminus == (2.0,)


def test_an_interval_over_images_only_is_grey_and_open() -> None:
    figure = interval_plot({"a": (1.0, 3.0, 4.0), "b": (0.0, 0.5, 2.0)}, "t", "x", images_only={"b"})
    assert [trace.marker.color for trace in figure.data] == [BLUE, GREY]
    assert figure.data[1].marker.symbol.endswith("-open")


def test_an_interval_that_is_not_known_is_a_point() -> None:
    figure = interval_plot({"a": (float("nan"), 0.5, float("nan"))}, "t", "x")
    assert figure.data[0].x == (0.5,) and figure.data[0].error_x.array is None
    assert "interval not known" in figure.data[0].hovertemplate


def test_classes_are_compared_over_images_or_over_seeds() -> None:
    from dacl_edu.evaluation.significance import accuracy_interval, seeds_interval

    one, two = [[80, 20, 0], [5, 15, 0], [0, 0, 0]], [[60, 40, 0], [10, 10, 0], [0, 0, 0]]
    figure = per_class_comparison({"single": [one], "both": [one, two]}, ["x", "y", "z"])
    single, both = figure.data
    assert single.x == (80.0, 75.0, None) and both.x == (70.0, 62.5, None)
    low, middle, high = accuracy_interval([True] * 80 + [False] * 20)
    assert single.error_x.array[0] == pytest.approx(100 * (high - middle))
    assert single.error_x.arrayminus[0] == pytest.approx(100 * (middle - low))
    low, middle, high = seeds_interval([0.8, 0.6])
    assert low < 0 and list(both.customdata[0]) == [0.0, 100.0], "cut to what an accuracy can be"
    assert "2 seeds" in both.name and "one seed" in single.name and isinstance(both.hovertemplate, str)
    (equal,) = per_class_comparison({"equal": [one, [[80, 20, 0], [4, 16, 0], [0, 0, 0]]]}, ["x", "y", "z"]).data
    assert equal.error_x.array[0] is None and equal.error_x.array[1] > 0, "seeds that agree do not tell their spread"
    assert "interval not known" in equal.hovertemplate[0] and "from" in equal.hovertemplate[1]
    assert len({*single.y, *both.y}) == 6 and abs(single.y[1] - 1) < 0.5, "side by side in the row of their class"
    assert figure.layout.yaxis.ticktext == ("x", "y", "z")
    with pytest.raises(UserError, match="do not fit"):
        per_class_comparison({"a": [np.eye(2)]}, ["x"])


def probabilities() -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.tensor([0, 0, 0, 1, 1])
    p = torch.tensor([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [float("nan"), float("nan")]])
    return labels, p


def test_the_most_confident_answers_are_chosen_class_by_class() -> None:
    labels, p = probabilities()
    assert most_confident(labels, p, correct=True, per_class=2) == [[1, 0], [3]]
    assert most_confident(labels, p, correct=False) == [[2], []], "what is not a number is no answer"


def test_right_answers_stand_above_wrong_ones_in_the_column_of_their_class() -> None:
    labels, p = probabilities()
    images = torch.arange(5, dtype=torch.uint8)[:, None, None, None].mul(50).expand(5, 3, 8, 8).contiguous()
    figure = correct_and_wrong(images, labels, p, ["fear", "anger"], name="dacl")
    captions, hover = figure.data
    assert captions.customdata == (1, 3, 2, -1)
    assert captions.text == ("p: fear 90 %<br>t: fear", "p: anger 70 %<br>t: anger", "p: anger 80 %<br>t: fear", "none")
    assert hover.hovertext[2] == "image 2: true class fear, predicted anger, probability 0.800"
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(figure.layout.images[0].source.partition(",")[2]))))
    assert abs(int(shown[4, 4, 0]) - 50) < 6 and abs(int(shown[4, 12, 0]) - 150) < 6
    assert figure.layout.title.text.startswith("dacl:") and "p: anger 80 %, t: fear" in figure.layout.meta["alt"]


@pytest.mark.parametrize(
    ("labels", "p"), [([0], [[1.0, 0.0, 0.0]]), ([0, 1], [[1.0, 0.0]]), ([5], [[1.0, 0.0]]), ([], np.zeros((0, 2)))]
)
def test_samples_that_do_not_belong_together_are_an_error(labels: list[int], p: object) -> None:
    images = torch.zeros(len(labels), 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(UserError):
        correct_and_wrong(images, labels, p, ["fear", "anger"])


def test_a_sheet_of_nothing_is_an_error() -> None:
    with pytest.raises(UserError, match="n > 0"):
        face_sheet(torch.zeros(0, 3, 8, 8, dtype=torch.uint8), columns=2)


def arrows(figure: object, panel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Begins, steps and gradients of the arrows of a panel."""
    trace = figure.data[2 * panel]  # type: ignore[attr-defined]
    ends = np.array([[x, y] for x, y in zip(trace.x, trace.y, strict=True) if x is not None]).reshape(-1, 2, 2)
    return ends[:, 0], ends[:, 1] - ends[:, 0], np.array(trace.customdata)[::3, :2]


def test_arrows_are_minus_the_gradient_of_equations_3_and_4() -> None:
    center, a = np.array([0.5, -1.0]), np.array([0.9, 0.3])
    figure = gradient_field(attention=a.tolist(), centers=[center.tolist()], classes=["fear"], points=4)
    for panel, weight in enumerate((np.ones(2), a)):
        places, steps, gradient = arrows(figure, panel)
        assert places.shape == gradient.shape == (16, 2)
        assert np.allclose(gradient, weight * (center - places), atol=1e-5)
        assert np.allclose(steps, gradient * steps[0, 0] / gradient[0, 0], atol=1e-5), "to scale"
    assert np.allclose(
        arrows(figure, 0)[1] / arrows(figure, 0)[2], arrows(figure, 1)[1] / arrows(figure, 1)[2], atol=1e-4
    )
    assert figure.data[1].text == ("c of fear",) and figure.data[1].marker.color == (class_look(0).colour,)


def test_any_loss_and_several_centers_can_be_drawn() -> None:
    def away(features: torch.Tensor, *rest: torch.Tensor) -> torch.Tensor:
        return -(features**2).sum()

    losses = {"away": away, "center": build_loss("center")}
    figure = gradient_field(losses, centers=[[0.0, 0.0], [1.0, 1.0]], label=1, points=3)
    places, _, gradient = arrows(figure, 0)
    assert np.allclose(gradient, 2 * places, atol=1e-5) and places.mean(axis=0).tolist() == [1.0, 1.0]
    assert len(figure.data[1].x) == 2 and [note.text for note in figure.layout.annotations] == list(losses)


def test_a_field_that_cannot_be_drawn_is_an_error() -> None:
    with pytest.raises(UserError, match="two dimensions"):
        gradient_field(attention=(1.0, 1.0, 1.0))
    with pytest.raises(UserError, match="no center"):
        gradient_field(label=3)


def test_every_figure_has_a_title_axes_and_words() -> None:
    labels, p = probabilities()
    images = torch.zeros(5, 3, 8, 8, dtype=torch.uint8)
    figures = [
        training_curves({"a": [line(1, 1.0)]}, panels=list(PANELS)),
        confusion_matrices({"a": np.eye(2)}, ["x", "y"]),
        per_class_comparison({"a": [np.eye(2)]}, ["x", "y"]),
        interval_plot({"a": (0.1, 0.2, 0.3)}, "Accuracy", "accuracy, %"),
        gradient_field(points=2),
        correct_and_wrong(images, labels, p, ["fear", "anger"]),
    ]
    for figure in figures:
        assert figure.layout.title.text and len(figure.layout.meta["alt"]) > 40
        assert all(trace.hovertemplate or trace.hovertext or trace.hoverinfo == "skip" for trace in figure.data)
    for figure in figures[:-1]:
        axes = [axis for axis in figure.select_xaxes() if axis.visible is not False]
        assert axes and all(axis.title.text for axis in axes)


def test_series_differ_in_colour_dash_and_symbol() -> None:
    for parts in zip(*LOOKS, strict=True):
        assert len(set(parts)) == len(LOOKS)

"""Embedding figures: what is in the traces, their hover, frames and words; thumbnails."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from dacl_edu.errors import UserError
from dacl_edu.plots import FACE_ON_HOVER, embedding_animation, embedding_comparison, embedding_plot, thumbnails
from dacl_edu.plots.embedding import WEBGL_FROM
from dacl_edu.plots.style import class_look

CLASSES = ["joy", "fear", "calm"]
LABELS = np.array([0, 0, 2, 2, 2])  # no fear
POINTS = np.arange(10.0).reshape(5, 2)
PREDICTED = np.array([1, 0, 2, 0, 2])


def test_a_trace_a_class_in_its_look_and_a_ring_around_wrong_answers() -> None:
    figure = embedding_plot(
        POINTS, LABELS, CLASSES, PREDICTED, ids=list("abcde"), faces=[f"data:{i}" for i in range(5)]
    )
    assert [trace.name for trace in figure.data] == ["joy", "calm"]
    for trace, label in zip(figure.data, (0, 2), strict=True):
        look = class_look(label)
        assert (trace.marker.color, trace.marker.symbol) == (look.colour, look.symbol)
    joy, calm = figure.data
    assert joy.x == (2.0, 0.0) and joy.y == (3.0, 1.0)  # the wrong one comes last
    assert joy.customdata == (["joy", "b", "data:1"], ["fear", "a", "data:0"])
    assert [width > 1 for width in joy.marker.line.width] == [False, True]
    assert [row[1] for row in calm.customdata] == ["c", "e", "d"]
    assert all(width > 0 for width in joy.marker.line.width), "plotly's legend takes the first that is not zero"
    for said in ("true: joy", "%{customdata[0]}", "%{customdata[1]}"):
        assert said in joy.hovertemplate
    assert figure.layout.xaxis.title.text == "UMAP 1" and figure.layout.yaxis.title.text == "UMAP 2"


def test_without_answers_nothing_is_ringed_or_said() -> None:
    figure = embedding_plot(POINTS, LABELS, CLASSES, note="PCA instead of UMAP")
    assert all(trace.marker.line.width == 0 for trace in figure.data)
    assert "predicted" not in figure.data[0].hovertemplate and "Ring" not in figure.layout.title.text
    assert "PCA instead of UMAP" in figure.layout.title.text


def test_methods_share_one_legend_and_hold_the_same_images() -> None:
    figure = embedding_comparison(
        {"softmax": POINTS, "dacl": -POINTS}, LABELS, CLASSES, {"softmax": PREDICTED, "dacl": LABELS}
    )
    assert [(trace.name, trace.showlegend, trace.xaxis) for trace in figure.data] == [
        ("joy", True, "x"), ("calm", True, "x"), ("joy", False, "x2"), ("calm", False, "x2"),
    ]  # fmt: skip
    assert len({trace.legendgroup for trace in figure.data}) == 2
    assert sorted(figure.data[0].x) == sorted(-value for value in figure.data[2].x)
    assert [note.text for note in figure.layout.annotations] == ["softmax", "dacl"]
    alt = figure.layout.meta["alt"]
    assert "5 points of 2 classes (joy, calm)" in alt and "2 are classified wrongly" in alt and "0 are" in alt


def test_three_dimensions_are_scenes_with_3d_symbols() -> None:
    space = np.arange(15.0).reshape(5, 3)
    figure = embedding_comparison({"a": space, "b": space}, LABELS, CLASSES, {"a": PREDICTED})
    assert [trace.type for trace in figure.data] == ["scatter3d"] * 4
    assert figure.data[2].scene == "scene2" and figure.data[1].z == (8.0, 14.0, 11.0)
    assert figure.data[1].marker.symbol == class_look(2).symbol
    assert figure.layout.scene.zaxis.title.text == "UMAP 3"


@pytest.mark.parametrize("count", [WEBGL_FROM, WEBGL_FROM + 1, 30_000])
def test_many_points_are_drawn_by_webgl(count: int) -> None:
    labels = np.arange(count) % 7
    figure = embedding_plot(np.zeros((count, 2)) + labels[:, None], labels, list("abcdefg"))
    assert {trace.type for trace in figure.data} == {"scattergl" if count > WEBGL_FROM else "scatter"}
    assert sum(len(trace.x) for trace in figure.data) == count


def test_one_point_is_a_figure() -> None:
    figure = embedding_plot([[1.0, 2.0]], [2], CLASSES, [2])
    assert len(figure.data) == 1 and "1 points of 1 classes" in figure.layout.meta["alt"]


@pytest.mark.parametrize(
    ("points", "more", "said"),
    [
        (POINTS[:4], {}, "shape"),
        (np.zeros((5, 4)), {}, "shape"),
        (np.zeros((0, 2)), {}, "shape"),
        (np.where(POINTS == 3, np.nan, POINTS), {}, "NaN"),
        (POINTS, {"ids": ["a"]}, "1 ids for 5 points"),
        (POINTS, {"faces": []}, "0 faces for 5 points"),
    ],
)
def test_bad_input_is_said(points: np.ndarray, more: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        embedding_plot(points, LABELS, CLASSES, **more)
    with pytest.raises(UserError, match="method"):
        embedding_comparison({}, LABELS, CLASSES)


def test_an_animation_has_a_frame_an_epoch_and_axes_that_stay() -> None:
    epochs = {8: POINTS + 20, 0: POINTS, 2: POINTS - 5}
    centers = {epoch: np.array([[epoch, 1.0], [np.nan, np.nan], [2.0, epoch]]) for epoch in epochs}
    figure = embedding_animation(epochs, LABELS, CLASSES, centers)
    assert [frame.name for frame in figure.frames] == ["0", "2", "8"]
    for frame, epoch in zip(figure.frames, (0, 2, 8), strict=True):
        assert len(frame.data) == len(frame.traces) == 3
        assert frame.data[1].x == tuple(epochs[epoch][LABELS == 2, 0])
        assert frame.data[2].y == (1.0, float(epoch))
    assert figure.data[0].x == tuple(epochs[8][:2, 0]), "it opens at the last epoch"
    (slider,) = figure.layout.sliders
    assert [step.label for step in slider.steps] == ["0", "2", "8"] and slider.active == 2
    assert [step.args[0] for step in slider.steps] == [("0",), ("2",), ("8",)]
    assert [button.label for button in figure.layout.updatemenus[0].buttons] == ["play", "pause"]
    low, high = figure.layout.xaxis.range
    assert low < -5 and high > 28
    assert "at 3 epochs, from 0 to 8" in figure.layout.meta["alt"]


@pytest.mark.parametrize(
    "epochs", [{}, {0: np.zeros((5, 3))}, {0: np.full((5, 2), np.inf)}, {0: POINTS, 1: POINTS[:3]}]
)
def test_an_animation_refuses_what_it_cannot_draw(epochs: dict) -> None:
    with pytest.raises(UserError):
        embedding_animation(epochs, LABELS, CLASSES)


def test_thumbnails_are_small_pictures_of_the_images() -> None:
    images = torch.zeros(2, 3, 96, 64, dtype=torch.uint8)
    images[1, 0] = 200
    made = thumbnails(images, side=48)
    pictures = [Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/jpeg;base64,")))) for uri in made]
    assert [picture.size for picture in pictures] == [(32, 48)] * 2  # (width, height)
    assert np.asarray(pictures[0]).max() < 5
    red, green, _ = np.asarray(pictures[1])[20, 16]
    assert abs(int(red) - 200) < 8 and green < 8
    assert thumbnails(images[:0]) == []
    with pytest.raises(UserError, match="uint8"):
        thumbnails(images.float())
    with pytest.raises(UserError, match="made of"):
        thumbnails(images[0])


def test_the_script_takes_only_pictures_that_the_page_holds_itself() -> None:
    assert "data:image" in FACE_ON_HOVER and "http" not in FACE_ON_HOVER and "</script" not in FACE_ON_HOVER
    assert thumbnails(np.zeros((1, 3, 4, 4), np.uint8))[0].startswith("data:image/jpeg;base64,")

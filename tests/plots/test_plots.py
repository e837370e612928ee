"""What a figure shows is in its traces, so the traces are compared with the arrays that went in."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from dacl_edu.plots import LOOKS, confusion_matrices, face_sheet, interval_plot, training_curves


def line(epoch: int, loss: float) -> dict:
    return {"epoch": epoch, "train": {"softmax_loss": loss, "accuracy": 1 - loss / 4}, "attention": {"mean": loss / 8}}


def test_curves_hold_every_epoch_of_every_run_in_three_panels() -> None:
    figure = training_curves({"softmax": [line(1, 2.0), line(2, 1.0)], "dacl": [line(1, 1.5)]})
    assert [list(trace.y) for trace in figure.data[:3]] == [[2.0, 1.0], [0.5, 0.75], [0.25, 0.125]]
    assert [list(trace.x) for trace in figure.data[3:]] == [[1]] * 3
    assert [trace.name for trace in figure.data if trace.showlegend] == ["softmax", "dacl"]
    assert figure.data[0].line.dash != figure.data[3].line.dash  # told apart without colour


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


def test_series_differ_in_colour_dash_and_symbol() -> None:
    for parts in zip(*LOOKS, strict=True):
        assert len(set(parts)) == len(LOOKS)

"""The confusion explorer without a browser: which faces a cell holds, in which order, what is said where none are."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from dacl_edu.data import load_dataset
from dacl_edu.evaluation.predict import Predictions
from dacl_edu.runs.run import Run
from dacl_edu.training import TrainConfig
from dacl_edu.widgets.confusion_explorer import (
    COLUMNS,
    MOST,
    ORDERS,
    SIDE,
    _Confusion,
    cell_of,
    confusion_explorer,
    counts_of,
    faces_of,
    heading,
    most_confused,
)


def run_of(logits: torch.Tensor, labels: torch.Tensor, method: str = "dacl", data: str = "bundled") -> Run:
    config = TrainConfig.from_preset("quick", method=method).model_copy(update={"data": data})
    empty = torch.zeros(len(labels), 0)
    predictions = Predictions(logits, empty, empty, labels, torch.arange(len(labels)))
    classes = list(load_dataset("bundled", "test").classes)
    return Run(Path("nowhere"), config, result={"classes": classes, "split": "test"}, predictions=predictions)


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    generator = torch.Generator().manual_seed(0)
    labels = load_dataset("bundled", "test").labels
    one_hot = torch.nn.functional.one_hot(labels, 7).float()
    noisy = [weight * one_hot + torch.randn(len(labels), 7, generator=generator) for weight in (2.0, 0.5)]
    return [run_of(noisy[0], labels, "softmax"), run_of(noisy[1], labels, "dacl")]


def click(explorer: _Confusion, row: int, column: int) -> None:
    explorer._clicked(explorer.matrix.data[0], SimpleNamespace(point_inds=[(row, column)]), None)


def test_a_cell_holds_its_images_the_most_confident_first() -> None:
    logits = torch.tensor([[0.0, 2.0], [3.0, 0.0], [0.0, 9.0], [0.0, 4.0], [float("nan"), 1.0]])
    labels = torch.tensor([0, 0, 0, 1, 0])
    cell = cell_of(logits, labels, true=0, predicted=1)
    assert cell.rows.tolist() == [2, 0]
    assert cell.probability.tolist() == pytest.approx([1 / (1 + 2.718281828**-9), 1 / (1 + 2.718281828**-2)])
    assert cell_of(logits, labels, 0, 1, ORDERS[1]).rows.tolist() == [0, 2]
    assert cell_of(logits, labels, 1, 0).rows.tolist() == []
    assert counts_of(logits, labels).tolist() == [[1, 2], [0, 1]]
    assert most_confused(counts_of(logits, labels)) == (0, 1)


def captions(html: str) -> list[tuple[float, int]]:
    """Probability and image number of each face."""
    return [(float(p), int(n)) for p, n in re.findall(r"<figcaption>([\d.]+) %<br>image (\d+)</figcaption>", html)]


def test_faces_carry_probability_and_the_number_of_the_image() -> None:
    images = torch.zeros(10, 3, 8, 8, dtype=torch.uint8)
    images[3] = 200
    logits, labels, indices = torch.tensor([[0.0, 2.0], [0.0, 9.0]]), torch.tensor([0, 0]), torch.tensor([7, 3])
    cell = cell_of(logits, labels, 0, 1)
    html = faces_of(images, indices, cell, ("fear", "surprise"))
    assert captions(html) == [(100.0, 3), (88.1, 7)]
    assert re.findall(r"alt='(.*?)'", html)[0] == "image 3: fear, taken for surprise"
    first = Image.open(io.BytesIO(base64.b64decode(re.findall(r"base64,(.*?)'", html)[0])))
    assert np.asarray(first).mean() == pytest.approx(200, abs=2)
    assert heading(cell, ("fear", "surprise"), ORDERS[0]) == "fear taken for surprise: 2 images, most confident first"
    none = cell_of(logits, labels, 1, 1)
    assert heading(none, ("fear", "fear"), ORDERS[0]) == "fear, recognised: no image"
    assert captions(faces_of(images, indices, none, ("fear", "fear"))) == []


def test_a_click_shows_the_faces_of_the_cell_and_frames_it(runs: list[Run]) -> None:
    explorer = _Confusion(runs)
    for row, column in [(3, 3), (1, 0), (6, 2)]:
        click(explorer, row, column)
        cell = cell_of(runs[0].predictions.logits, runs[0].predictions.labels, row, column)
        assert [number for _, number in captions(explorer.faces.value)] == cell.rows[:MOST].tolist()
        frame = explorer.matrix.layout.shapes[0]
        assert ((frame.x0 + frame.x1) / 2, (frame.y0 + frame.y1) / 2) == (column, row)
        assert (explorer.true.value, explorer.predicted.value) == (row, column)
        assert f"{len(cell.rows)} image" in explorer.words.value


def test_another_run_has_other_counts_and_other_faces(runs: list[Run]) -> None:
    explorer = _Confusion(runs)
    click(explorer, 1, 0)
    counts, faces = explorer.matrix.data[0].customdata, explorer.faces.value
    explorer.run.value = runs[1]
    assert explorer.faces.value != faces
    now = [list(row) for row in explorer.matrix.data[0].customdata]
    assert now == counts_of(runs[1].predictions.logits, runs[1].predictions.labels).tolist()
    assert now != [list(row) for row in counts]
    explorer.order.value = ORDERS[1]
    sure = [p for p, _ in captions(explorer.faces.value)]
    assert len(sure) > 3 and sure == sorted(sure)


def test_what_is_missing_is_said(runs: list[Run], tmp_path: Path) -> None:
    (words,) = confusion_explorer(str(tmp_path)).children
    assert "nothing to show: no finished run in" in words.value
    labels = runs[0].predictions.labels
    (words,) = confusion_explorer([run_of(runs[0].predictions.logits, labels, data="rafdb")]).children
    assert "nothing to show" in words.value and "Traceback" not in words.value


def test_labels_and_width(runs: list[Run]) -> None:
    explorer = _Confusion(runs)
    for control in (explorer.run, explorer.true, explorer.predicted, explorer.order):
        assert control.description and len(control.tooltip) > 8
    assert explorer.matrix.layout.width + COLUMNS * (SIDE + 5) <= 900

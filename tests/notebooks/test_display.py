"""What ``show`` stores: words, rounded numbers, a picture when asked for; and no model of a widget that is gone."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import IPython.display
import ipywidgets as widgets
import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from dacl_edu import notebook
from dacl_edu.lessons import display
from dacl_edu.lessons.display import show

PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
ALT = "Two bars, the second twice as high."


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    kept: list[tuple[dict[str, Any], dict[str, Any]]] = []
    monkeypatch.setattr(IPython.display, "display", lambda data, metadata, raw: kept.append((data, metadata)))
    monkeypatch.setenv("DACL_EDU_PNG", "0")
    return kept


def test_a_figure_carries_its_words_in_every_form(shown: list[Any]) -> None:
    show(go.Figure(go.Bar(y=[1, 2])), alt=f"  {ALT}\n  ")
    ((data, metadata),) = shown
    assert data["text/plain"] == data[PLOTLY]["layout"]["meta"]["alt"] == metadata[PLOTLY]["alt"] == ALT
    assert "image/png" not in data


def test_numbers_are_rounded_and_typed_arrays_are_written_out(shown: list[Any]) -> None:
    values = np.array([[1 / 3, 2.0], [1e-9 / 3, -0.0]])
    show(go.Figure(go.Heatmap(z=values, x=np.arange(2))), alt=ALT)
    trace = shown[0][0][PLOTLY]["data"][0]
    assert trace["z"] == [[0.333333, 2.0], [3.33333e-10, 0.0]]
    assert trace["x"] == [0, 1]
    json.dumps(shown[0][0])


def test_the_figure_itself_keeps_its_numbers(shown: list[Any]) -> None:
    figure = go.Figure(go.Bar(y=[1 / 3]))
    show(figure, alt=ALT)
    assert figure.data[0].y == (1 / 3,)


def test_a_widget_is_stored_as_words(shown: list[Any]) -> None:
    for widget in (widgets.VBox([widgets.IntSlider()]), go.FigureWidget(go.Bar(y=[1]))):
        show(widget, alt=ALT)
        data, _ = shown.pop()
        assert set(data) == {WIDGET, "text/plain"}
        assert data["text/plain"] == f"[interactive, run to use] {ALT}"


def test_words_that_say_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="says too little"):
        show(go.Figure(), alt="figure")


def test_nothing_offers_to_upload_a_figure(shown: list[Any]) -> None:
    live = go.FigureWidget(go.Bar(y=[1]))
    show(go.Figure(go.Bar(y=[1])), alt=ALT)
    show(widgets.VBox([widgets.HBox([live])]), alt=ALT)
    for config in (shown[0][0][PLOTLY]["config"], live._config):
        assert config["showSendToCloud"] is False and config["plotlyServerURL"] == ""


def test_a_picture_is_a_png_of_few_colours_and_a_large_one_with_faces_a_jpeg(
    shown: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def picture(side: int) -> bytes:
        buffer = io.BytesIO()
        noise = np.random.default_rng(0).integers(0, 255, (side, side, 3), dtype=np.uint8)
        Image.fromarray(noise).save(buffer, format="PNG")
        return buffer.getvalue()

    faces = go.Figure().add_layout_image(source="data:image/jpeg;base64,AAAA")
    monkeypatch.setattr(notebook, "stores_png", lambda: True)
    for figure, side, kind in ((faces, 20, "png"), (go.Figure(), 300, "png"), (faces, 300, "jpeg")):
        monkeypatch.setattr(notebook, "_png", lambda _, side=side: picture(side))
        show(figure, alt=ALT)
        data, metadata = shown.pop()
        assert metadata[f"image/{kind}"] == {"alt": ALT}
        stored = Image.open(io.BytesIO(base64.b64decode(data[f"image/{kind}"])))
        assert stored.size == (side, side) and stored.mode == {"png": "P", "jpeg": "RGB"}[kind]


def test_a_picture_is_drawn_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook.shutil, "which", lambda name: "browser")
    for value, expected in (("1", True), ("0", False)):
        monkeypatch.setenv("DACL_EDU_PNG", value)
        assert notebook.stores_png() is expected
    monkeypatch.setenv("DACL_EDU_PNG", "1")
    monkeypatch.setattr(notebook.shutil, "which", lambda name: None)
    assert not notebook.stores_png()


def test_a_widget_leaves_a_still_picture_of_how_it_opens(shown: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    figure = go.FigureWidget(go.Bar(y=[1, 2]))
    box = widgets.VBox([widgets.HBox([widgets.IntSlider()]), figure])
    show(box, alt=ALT)
    assert "image/png" not in shown[0][0], "only where a notebook is stored"
    drawn: list[Any] = []
    monkeypatch.setattr(display, "stores_png", lambda: True)
    monkeypatch.setattr(display, "_picture", lambda what: drawn.append(what) or ("image/png", b"a picture"))
    show(box, alt=ALT)
    data, metadata = shown[1]
    assert drawn == [figure] and base64.b64decode(data["image/png"]) == b"a picture"
    assert metadata["image/png"]["alt"] == ALT and WIDGET in data
    show(widgets.IntSlider(), alt=ALT)
    assert "image/png" not in shown[2][0], "a widget without a figure has none"

"""An explorer draws again when a control moves, and opens where it is told."""

from __future__ import annotations

import pytest
from plotly.graph_objects import Figure

from dacl_edu.data import load_dataset
from dacl_edu.errors import UserError
from dacl_edu.widgets.explore import explore
from dacl_edu.widgets.face_browser import FACTORS, face_browser, sorted_faces


def draw(slope: float, word: str, size: int) -> Figure:
    figure = Figure().add_scatter(x=[0, size], y=[0, slope * size]).add_heatmap(z=[[slope]])
    return figure.update_layout(title=f"{word} {slope:g}").update_xaxes(range=[0, size])


def test_every_control_redraws_lines_tables_title_and_axes() -> None:
    box = explore(draw, slope=(2.0, 0.0, 4.0, 0.5), word=["up", "down"], size=([1, 3], 3))
    assert list(box.figure.data[0].y) == [0, 6] and box.figure.layout.title.text == "up 2"
    box.controls["slope"].value = 0.5
    assert list(box.figure.data[0].y) == [0, 1.5] and box.figure.data[1].z[0][0] == 0.5
    box.controls["word"].value = "down"
    assert box.figure.layout.title.text == "down 0.5"
    box.controls["size"].value = 1
    assert list(box.figure.data[0].x) == [0, 1] and tuple(box.figure.layout.xaxis.range) == (0, 1)


def test_a_whole_step_makes_a_slider_of_whole_numbers() -> None:
    box = explore(lambda t: Figure().add_scatter(y=[t]), t=(2, 0, 5, 1))
    assert isinstance(box.controls["t"].value, int) and (box.controls["t"].min, box.controls["t"].max) == (0, 5)


def test_another_number_of_traces_is_an_error() -> None:
    box = explore(lambda n: Figure([{"y": [1]}] * n), n=[1, 2])
    with pytest.raises(ValueError, match=r"shorter|longer"):
        box.controls["n"].value = 2


def test_the_face_browser_shows_another_row_for_another_choice() -> None:
    box = face_browser(load_dataset("bundled", "val"))
    seen = {box.figure.data[0].source}
    for name, value in (("expression", "anger"), ("factor", "age")):
        box.controls[name].value = value
        seen.add(box.figure.data[0].source)
    assert len(seen) == 3 and box.figure.layout.title.text == "anger, sorted by: age"


@pytest.mark.parametrize("factor", sorted(FACTORS))
def test_faces_are_of_the_expression_and_sorted(factor: str) -> None:
    faces = load_dataset("bundled", "val")
    rows = sorted_faces(faces, "fear", factor)
    assert faces.factors is not None and len(set(rows)) == 7
    assert {faces.classes[faces.labels[row]] for row in rows} == {"fear"}
    assert faces.factors[FACTORS[factor]].iloc[rows].is_monotonic_increasing


def test_faces_without_factors_are_said() -> None:
    faces = load_dataset("bundled", "val")
    faces.factors = None
    with pytest.raises(UserError, match="not known"):
        face_browser(faces)

"""Faces of one expression, sorted by a factor that is known of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plotly.graph_objects import Figure

from dacl_edu.errors import UserError
from dacl_edu.plots import face_sheet
from dacl_edu.widgets.explore import explore

if TYPE_CHECKING:
    import ipywidgets as widgets

    from dacl_edu.data import FaceDataset

FACTORS = {
    "turn of the head": "yaw", "strength of it": "intensity", "nod": "pitch", "age": "age",
    "side of the light": "key_azimuth", "brightness": "exposure", "skin tone": "skin_tone",
    "width of the mouth": "mouth_width", "hair": "hair_volume", "blur": "blur",
}  # fmt: skip
"""What the box says → column of ``faces.factors``."""


def face_browser(faces: FaceDataset, expression: str = "happiness", factor: str = "turn of the head") -> widgets.VBox:
    """Return seven faces of an expression in a row, from the lowest to the highest value of a factor.

    Parameters
    ----------
    faces : FaceDataset
        One whose factors are known, such as ``bundled``.
    expression, factor : str
        What it opens with; a factor is a key of :data:`FACTORS`.

    Raises
    ------
    UserError
        The factors of these faces are not known.

    Examples
    --------
    >>> from dacl_edu.data import load_dataset
    >>> face_browser(load_dataset("bundled", "val")).controls["factor"].value
    'turn of the head'
    """
    if faces.factors is None:
        raise UserError(f"the factors of {faces.name} are not known", hint="look at the bundled faces")

    def draw(expression: str, factor: str) -> Figure:
        rows = sorted_faces(faces, expression, factor)
        sheet = face_sheet(faces.images[rows], columns=7, title=f"{expression}, sorted by: {factor}", side=120)
        figure = Figure({"type": "image", "source": sheet.layout.images[0].source, "hoverinfo": "skip"})
        figure.update_xaxes(visible=False).update_yaxes(visible=False)
        margin = {"l": 5, "r": 5, "t": 40, "b": 5}
        return figure.update_layout(title=sheet.layout.title, width=840, height=170, margin=margin)

    expressions = [expression, *(one for one in faces.classes if one != expression)]
    return explore(draw, expression=expressions, factor=[factor, *(one for one in FACTORS if one != factor)])


def sorted_faces(faces: FaceDataset, expression: str, factor: str, how_many: int = 7) -> list[int]:
    """Return rows of faces of an expression, evenly spaced from a factor's lowest to its highest value."""
    assert faces.factors is not None
    rows = (faces.labels == list(faces.classes).index(expression)).nonzero()[:, 0].tolist()
    rows.sort(key=lambda row: faces.factors[FACTORS[factor]].iloc[row])  # type: ignore[index]
    return [rows[round(k * (len(rows) - 1) / (how_many - 1))] for k in range(how_many)]

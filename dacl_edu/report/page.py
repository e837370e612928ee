"""From sections to one HTML file that needs nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dacl_edu import __version__
from dacl_edu.plots.figure_json import rounded
from dacl_edu.plots.reflow import SCRIPT
from dacl_edu.report.blocks import Drawing, Note, Section
from dacl_edu.report.tables import Table

_FACE = "data:image/jpeg;base64,"


def render(sections: Sequence[Section], title: str, lead: Sequence[str] = ()) -> str:
    """Return the page, HTML with plotly.js, style and data inside; it asks no server for anything.

    ``lead`` is what is said before anything else: how far the runs went.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
    from plotly.graph_objects import Figure
    from plotly.offline import get_plotlyjs

    folder = Path(__file__).parent / "template"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["drawing"] = lambda block: isinstance(block, Drawing)
    environment.tests["note"] = lambda block: isinstance(block, Note)
    environment.tests["table"] = lambda block: isinstance(block, Table)
    look = {
        name: json.loads(Figure(layout_template=template).to_json())["layout"]["template"]
        for name, template in (("light", "plotly_white"), ("dark", "plotly_dark"))
    }
    faces: dict[str, int] = {}
    numbers: dict[int, int] = {}
    figures: list[Markup] = []
    for section in sections:
        for drawing in section.drawings():
            numbers[id(drawing)] = len(figures)
            figures.append(Markup(_json(readable(packed(drawing.figure, faces)))))
    return environment.get_template("page.html").render(
        title=title,
        lead=lead,
        sections=sections,
        numbers=numbers,
        figures=figures,
        faces=Markup(_json([face.removeprefix(_FACE) for face in faces])),
        look=Markup(_json(look)),
        plotly=Markup(get_plotlyjs()),
        style=Markup((folder / "page.css").read_text(encoding="utf-8")),
        script=Markup((folder / "page.js").read_text(encoding="utf-8")),
        hover=Markup(_face_on_hover()),
        reflow=Markup(SCRIPT),
        heading=_heading,
        alt=_alt,
        identity=id,
        version=__version__,
        made=datetime.now().astimezone().strftime("%d %B %Y, %H:%M"),
    )


def packed(figure: Any, faces: dict[str, int]) -> dict[str, Any]:
    """Return a figure as small JSON: no template, single precision, each face once a page (``faces`` are those so far).

    Examples
    --------
    >>> from plotly.graph_objects import Figure, Scatter
    >>> known = {}
    >>> spec = packed(Figure(Scatter(x=[1 / 3], customdata=[["fear", "data:image/jpeg;base64,AAAA"]])), known)
    >>> spec["data"][0]["x"], spec["data"][0]["customdata"], list(known)
    ([0.333333], [['fear', '@face:0']], ['data:image/jpeg;base64,AAAA'])
    """
    spec = json.loads(figure.to_json())
    spec.get("layout", {}).pop("template", None)
    for trace in spec.get("data", []):
        if isinstance(trace.get("customdata"), list):
            trace["customdata"] = _with_references(trace["customdata"], faces)
    return rounded(spec, typed=True)


SMALLEST = 11
"""Pixels: no text of a figure is smaller."""


def readable(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a figure's JSON for the page: its title stands above it, no text is too small, pictures are left out.

    Examples
    --------
    >>> spec = {"data": [{"textfont": {"size": 8}}], "layout": {"title": {"text": "A"}, "margin": {"t": 80}}}
    >>> readable(spec)
    {'data': [{'textfont': {'size': 11}}], 'layout': {'margin': {'t': 46}}}
    """
    layout = spec.setdefault("layout", {})
    layout.pop("images", None)  # sheets of faces are elements of the page
    if layout.pop("title", None):
        margin = layout.setdefault("margin", {})
        margin["t"] = max(margin.get("t", 58) - 34, 24)
    return _with_larger_text(spec)


def _with_larger_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_larger_text(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"</?sup>", "", value) if "sup>" in value else value
    if not isinstance(value, dict):
        return value
    found = {key: _with_larger_text(item) for key, item in value.items()}
    for key, font in found.items():
        if key.endswith("font") and isinstance(font, dict) and isinstance(font.get("size"), int | float):
            font["size"] = max(font["size"], SMALLEST)
    return found


def _with_references(value: Any, faces: dict[str, int]) -> Any:
    if isinstance(value, list):
        return [_with_references(item, faces) for item in value]
    if isinstance(value, str) and value.startswith(_FACE):
        return f"@face:{faces.setdefault(value, len(faces))}"
    return value


def _json(value: Any) -> str:
    """JSON that may stand in a script element: it cannot end it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c").replace("&", "\\u0026")


def _face_on_hover() -> str:
    from dacl_edu.plots.thumbnails import FACE_ON_HOVER

    return FACE_ON_HOVER


def _heading(drawing: Drawing) -> list[str]:
    """Title and subtitle of a figure, without its tags."""
    head, _, below = (drawing.figure.layout.title.text or "").partition("<br>")
    return [re.sub(r"<[^>]*>", "", part) for part in (head, below.replace("<br>", " "))]


def _alt(drawing: Drawing) -> str:
    meta = drawing.figure.layout.meta
    return meta["alt"] if isinstance(meta, dict) and meta.get("alt") else drawing.caption

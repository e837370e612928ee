"""Figures stay where they are: plotly's button that uploads a figure, faces and all, is taken off."""

from __future__ import annotations

from typing import Any

CONFIG: dict[str, Any] = {"displaylogo": False, "showSendToCloud": False, "plotlyServerURL": ""}
"""For plotly.js, wherever a figure is shown. Its own default shows "Share chart", which sends it to a server."""


def keep_private(widget: Any) -> None:
    """Set :data:`CONFIG` on a FigureWidget that is not displayed yet, and on those inside a box.

    Examples
    --------
    >>> from plotly.graph_objects import FigureWidget
    >>> figure = FigureWidget()
    >>> keep_private(figure)
    >>> figure._config["showSendToCloud"]
    False
    """
    if hasattr(widget, "_config") and hasattr(widget, "_widget_layout"):
        widget._config = CONFIG  # plotly has no public way to configure a FigureWidget
    for child in getattr(widget, "children", ()):
        keep_private(child)

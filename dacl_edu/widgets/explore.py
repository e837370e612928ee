"""An explorer of any figure: boxes and sliders above, and what a function draws for their values below."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plotly.graph_objects import Figure

if TYPE_CHECKING:
    import ipywidgets as widgets

_DRAWN = ("x", "y", "z", "error_x", "error_y", "source")
"""What of a trace follows the controls."""


def explore(draw: Callable[..., Figure], **controls: Any) -> widgets.VBox:
    """Return a figure that is drawn anew whenever a control moves.

    Parameters
    ----------
    draw : callable
        Takes the controls' values by name and returns a Figure, always with the same traces in the same order.
    **controls
        Name → a list of values to choose from (opens at the first; a tuple ``(values, start)`` opens at another), or
        ``(start, low, high, step)`` for a slider.

    Returns
    -------
    ipywidgets.VBox
        With attributes ``controls`` (name → widget) and ``figure``.

    Examples
    --------
    >>> box = explore(lambda up: Figure().add_scatter(y=[0, up]), up=(1.0, 0.0, 2.0, 0.5))
    >>> box.controls["up"].value = 2.0
    >>> box.figure.data[0].y
    (0, 2.0)
    """
    import ipywidgets as widgets
    import plotly.graph_objects as go

    made = {name: _control(widgets, name, wanted) for name, wanted in controls.items()}
    figure = go.FigureWidget(draw(**{name: control.value for name, control in made.items()}))

    def redraw(change: Any = None) -> None:
        fresh = draw(**{name: control.value for name, control in made.items()})
        with figure.batch_update():
            figure.layout.title.text = fresh.layout.title.text
            for axis in ("xaxis", "yaxis"):
                figure.layout[axis].range = fresh.layout[axis].range
            for old, new in zip(figure.data, fresh.data, strict=True):
                old.update({key: new[key] for key in _DRAWN if key in new and new[key] is not None})

    for control in made.values():
        control.observe(redraw, names="value")
    box = widgets.VBox([widgets.HBox(list(made.values()), layout={"flex_flow": "row wrap"}), figure])
    box.controls, box.figure = made, figure
    return box


def _control(widgets: Any, name: str, wanted: Any) -> Any:
    if isinstance(wanted, list):
        return widgets.Dropdown(options=wanted, value=wanted[0], description=name)
    if isinstance(wanted[0], list):
        return widgets.SelectionSlider(options=wanted[0], value=wanted[1], description=name)
    start, low, high, step = wanted
    slider = widgets.IntSlider if isinstance(step, int) else widgets.FloatSlider
    return slider(value=start, min=low, max=high, step=step, description=name)

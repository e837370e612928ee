"""Small figures of lessons: lines, bars, points in panels, tables of numbers. One call each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots
from torch import Tensor

from dacl_edu.plots.style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, YELLOW, finish

_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY)
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "solid")
_SYMBOLS = ("circle", "diamond", "square", "star", "cross", "triangle-up")
_PATTERNS = ("", "/", "x", ".", "-", "+")


def _numbers(values: ArrayLike | Tensor) -> list[Any]:
    array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values, dtype=float)
    return array.tolist()


def lines(
    curves: Mapping[str, Any],
    title: str,
    alt: str,
    x: str = "",
    y: str = "",
    dots: Mapping[str, tuple[float, float]] | None = None,
    log: str = "",
    **layout: Any,
) -> Figure:
    """Draw one line a name, each with a colour and a dash of its own.

    Parameters
    ----------
    curves : mapping of str to values or (x values, y values)
    title, alt : str
    x, y : str
        What stands at the axes.
    dots : mapping of str to (x, y), optional
        Single points with a name beside them.
    log : str, default ""
        Axes that are logarithmic: ``"x"``, ``"y"`` or ``"xy"``.
    **layout
        As for ``Figure.update_layout``.

    Examples
    --------
    >>> [trace.name for trace in lines({"up": [1, 2], "down": ([0, 1], [2, 1])}, "Two", "Two lines.").data]
    ['up', 'down']
    """
    figure = Figure()
    for place, (name, values) in enumerate(curves.items()):
        at, drawn = values if isinstance(values, tuple) and len(values) == 2 else (None, values)
        look = {"color": _COLOURS[place % 6], "dash": _DASHES[place % 6]}
        figure.add_scatter(
            x=None if at is None else _numbers(at), y=_numbers(drawn), name=name, mode="lines", line=look
        )
    for name, (at, height) in (dots or {}).items():
        figure.add_scatter(
            x=[at], y=[height], mode="markers+text", text=[name], textposition="top center", showlegend=False,
            marker={"color": BLACK, "size": 9}, name=name,
        )  # fmt: skip
    figure.update_xaxes(title=x, type="log" if "x" in log else "linear", exponentformat="power")
    figure.update_yaxes(title=y, type="log" if "y" in log else "linear", exponentformat="power")
    return finish(figure, title, alt, **({"width": 720, "height": 380, "margin": _MARGIN} | layout))


def bars(
    groups: Mapping[str, Any], categories: Sequence[str], title: str, alt: str, y: str = "", **layout: Any
) -> Figure:
    """Draw bars beside each other, one colour and pattern a group.

    Parameters
    ----------
    groups : mapping of str to values, one a category
    categories : sequence of str
    title, alt, y : str
    **layout
        As for ``Figure.update_layout``.

    Examples
    --------
    >>> bars({"p": [0.2, 0.8]}, ["class 0", "class 1"], "Sure", "Two bars.").data[0].y
    (0.2, 0.8)
    """
    figure = Figure()
    for place, (name, values) in enumerate(groups.items()):
        look = {"color": _COLOURS[place % 6], "pattern": {"shape": _PATTERNS[place % 6]}}
        figure.add_bar(x=list(categories), y=_numbers(values), name=name, marker=look)
    return finish(figure, title, alt, yaxis_title=y, **({"width": 720, "height": 340, "margin": _MARGIN} | layout))


def points(
    panels: Mapping[str, Any],
    labels: Any,
    title: str,
    alt: str,
    centers: Mapping[str, Any] | None = None,
    names: Sequence[str] = (),
    axes: tuple[str, str] = ("x₁", "x₂"),
    **layout: Any,
) -> Figure:
    """Draw labelled points of the plane, panel beside panel on common axes.

    Parameters
    ----------
    panels : mapping of str to array, shape (n, 2)
    labels : array, shape (n,)
    title, alt : str
    centers : mapping of str to array, shape (K, 2), optional
        By the panel's name: crosses, joined to their points by thin lines where a panel has at most ten.
    names : sequence of str
        Of the classes; ``class 0``, … where none are given.
    axes : tuple of str
    **layout
        As for ``Figure.update_layout``.

    Examples
    --------
    >>> figure = points({"now": [[0, 1], [2, 3]]}, [0, 1], "Two", "Two points.", centers={"now": [[0, 0], [2, 2]]})
    >>> [trace.name for trace in figure.data if trace.name]
    ['class 0', 'center 0', 'class 1', 'center 1']
    """
    y = np.asarray(labels.tolist() if isinstance(labels, Tensor) else labels)
    figure = make_subplots(
        cols=len(panels), subplot_titles=list(panels) if len(panels) > 1 else None, shared_yaxes=True
    )
    for column, (panel, values) in enumerate(panels.items(), start=1):
        at, place = np.asarray(_numbers(values)), {"row": 1, "col": column}
        crosses = None if centers is None else np.asarray(_numbers(centers[panel]))
        for i in range(len(at)) if crosses is not None and len(at) <= 10 else ():
            ends = np.stack([at[i], crosses[y[i]]])  # type: ignore[index]
            look = {"color": "grey", "dash": "dash", "width": 1}
            figure.add_scatter(x=ends[:, 0], y=ends[:, 1], mode="lines", line=look, showlegend=False, **place)
        for k in np.unique(y).tolist():
            look = {"color": _COLOURS[k % 6], "symbol": _SYMBOLS[k % 6], "size": 9 if len(at) <= 10 else 6}
            name = names[k] if names else f"class {k}"
            common = {"mode": "markers", "showlegend": column == 1} | place
            figure.add_scatter(x=at[y == k, 0], y=at[y == k, 1], name=name, marker=look, **common)
            if crosses is not None:
                mark = look | {"symbol": "x", "size": 13, "line": {"width": 1, "color": "#333333"}}
                figure.add_scatter(
                    x=crosses[k : k + 1, 0], y=crosses[k : k + 1, 1], name=f"center {k}", marker=mark, **common
                )
    figure.update_xaxes(title=axes[0], matches="x").update_yaxes(title=axes[1], col=1)
    below = {"orientation": "h", "y": -0.22}
    shape = {"width": 760, "height": 420, "legend": below, "margin": {"l": 60, "r": 20, "t": 80, "b": 60}}
    return finish(figure, title, alt, **(shape | layout))


def tables(panels: Mapping[str, Any], title: str, alt: str, rows: str = "", limit: float = 0, **layout: Any) -> Figure:
    """Draw matrices as coloured tables with their numbers, side by side.

    Parameters
    ----------
    panels : mapping of str to array, shape (r, c)
    title, alt : str
    rows : str
        What a row is.
    limit : float, default 0
        The number that has the strongest colour; 0 takes the largest.
    **layout
        As for ``Figure.update_layout``.

    Examples
    --------
    >>> tables({"D": [[1, 2], [3, 4]]}, "D", "A table of four numbers.").data[0].z[1]
    [3.0, 4.0]
    """
    drawn = {name: _numbers(values) for name, values in panels.items()}
    far = limit or max(float(np.nanmax(np.abs(np.asarray(values)))) for values in drawn.values())
    figure = make_subplots(cols=len(drawn), subplot_titles=list(drawn))
    for column, values in enumerate(drawn.values(), start=1):
        figure.add_heatmap(
            z=values, colorscale="RdBu", zmin=-far, zmax=far, showscale=False, texttemplate="%{z:.3~g}",
            row=1, col=column,
        )  # fmt: skip
    figure.update_xaxes(visible=False).update_yaxes(autorange="reversed", tickmode="linear").update_yaxes(
        title=rows, col=1
    )
    return finish(figure, title, alt, **({"width": 740, "height": 320} | layout))


_MARGIN = {"l": 60, "r": 20, "t": 60, "b": 55}

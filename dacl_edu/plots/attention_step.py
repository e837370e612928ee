"""How many attention weights fall and how many rise: histograms of changes, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots
from torch import Tensor

from dacl_edu.errors import UserError
from dacl_edu.plots.style import BLUE, ORANGE, finish

_SIDES = np.linspace(-3, 3, 61)[:31], np.linspace(-3, 3, 61)[30:]
"""Edges of the bars of changes that fall, and that rise."""


def change_histograms(changes: Mapping[str, ArrayLike], title: str = "Which weights fall, which rise") -> Figure:
    """Draw one panel a case: the changes of all weights in units of their root mean square, falling and rising ones.

    Parameters
    ----------
    changes : mapping of str to array or Tensor
        Name of the case → changes of attention, of any shape.
    title : str

    Returns
    -------
    Figure
        Two traces a panel, ``falls`` and ``rises``: 30 bars each, in percent of all weights. Changes beyond three times
        the root mean square count in the outermost bar.

    Raises
    ------
    UserError
        Nothing to draw, or a case in which nothing changes.

    Examples
    --------
    >>> figure = change_histograms({"made up": [-1.0, -2.0, -1.0, 1.0]})
    >>> [sum(trace.y) for trace in figure.data]
    [75.0, 25.0]
    """
    if not changes:
        raise UserError("no changes to draw", hint="name at least one case")
    drawn, captions = {}, []
    for name, values in changes.items():
        array = _flat(values)
        size = np.sqrt(np.square(array).mean()) if array.size else 0.0
        if not np.isfinite(size) or size == 0:
            raise UserError(f"{name}: nothing changes, or a number is not finite", hint="leave this case out")
        drawn[name] = _heights(array, size)
        captions.append(f"{name}: {100 * (array > 0).mean():.0f} % rise")
    figure = make_subplots(cols=len(drawn), subplot_titles=captions, shared_yaxes=True, horizontal_spacing=0.04)
    for column, heights in enumerate(drawn.values(), start=1):
        for name, colour, side, height in zip(("falls", "rises"), (BLUE, ORANGE), _SIDES, heights, strict=True):
            figure.add_bar(
                x=((side[1:] + side[:-1]) / 2).round(3).tolist(), y=height,
                width=0.1, name=name, marker_color=colour, legendgroup=name, showlegend=column == 1,
                hovertemplate="%{y:.1f} % of the weights<extra></extra>", row=1, col=column,
            )  # fmt: skip
    figure.update_xaxes(range=[-3.1, 3.1])
    figure.update_xaxes(title="change ÷ its root mean square", row=1, col=(len(drawn) + 1) // 2)
    figure.update_yaxes(title="% of all weights", row=1, col=1)
    return finish(
        figure, title, f"Histograms of the changes of attention weights. {'; '.join(captions)}.", width=780, height=360,
        bargap=0, legend={"orientation": "h", "y": -0.28}, margin={"l": 60, "r": 15, "t": 80, "b": 90},
    )  # fmt: skip


def change_animation(
    cases: Mapping[str, Sequence[ArrayLike | Tensor]],
    steps: Sequence[int],
    title: str = "Which weights fall, which rise",
    unit: str = "step",
) -> Figure:
    """Draw :func:`change_histograms` as it grows from step to step: slider, play and pause.

    Parameters
    ----------
    cases : mapping of str to sequence of array or Tensor
        Name of the case → the changes of all weights since the start, one array a step. Each case is drawn in units of
        the root mean square of its last one, so that one sees the weights spread.
    steps : sequence of int
        The number of each step, for the slider.
    title : str
    unit : str, default "step"
        What the slider counts, such as ``epoch``.

    Returns
    -------
    Figure
        It opens at the last step, with the shares that fall and rise above the panels; a frame a step.

    Raises
    ------
    UserError
        Nothing to draw, cases of different length, or a case in which nothing changes.

    Examples
    --------
    >>> figure = change_animation({"free": [[-1.0, -2.0], [-2.0, -4.0]]}, [1, 2])
    >>> [frame.name for frame in figure.frames], [sum(trace.y) for trace in figure.data]
    (['1', '2'], [100.0, 0.0])
    """
    if any(len(moments) != len(steps) for moments in cases.values()):
        raise UserError("a case has another number of steps", hint="give one array of changes for each step")
    figure = change_histograms({name: moments[-1] for name, moments in cases.items()}, title)
    arrays = {name: [_flat(moment) for moment in moments] for name, moments in cases.items()}
    highest = max(max(trace.y) for trace in figure.data)
    places = {name: note.to_plotly_json() for name, note in zip(arrays, figure.layout.annotations, strict=True)}
    frames: list[dict[str, Any]] = []
    for place, step in enumerate(steps):
        heights, captions = [], []
        for name, moments in arrays.items():
            size = np.sqrt(np.square(moments[-1]).mean())
            heights += [{"y": height} for height in _heights(moments[place], size)]
            captions.append(places[name] | {"text": _caption(name, moments[place])})
        frames.append({"name": str(step), "data": heights, "layout": {"annotations": captions}})
    figure.frames = frames
    figure.update_layout(annotations=frames[-1]["layout"]["annotations"])
    figure.update_yaxes(range=[0, 1.15 * highest])  # of the last step: at first all stand in one bar, which is cut
    move = {"frame": {"duration": 450, "redraw": True}, "transition": {"duration": 0}, "mode": "immediate"}
    buttons = [
        {"label": "play", "method": "animate", "args": [None, move | {"fromcurrent": False}]},
        {"label": "pause", "method": "animate", "args": [[None], move]},
    ]
    slider = {
        "steps": [{"label": str(s), "method": "animate", "args": [[str(s)], move]} for s in steps],
        "active": len(steps) - 1, "x": 0.22, "len": 0.78, "y": -0.3, "currentvalue": {"prefix": f"{unit} "},
    }  # fmt: skip
    menu = {"type": "buttons", "direction": "left", "showactive": False, "buttons": buttons}
    menu |= {"x": 0, "xanchor": "left", "y": -0.42}
    last = "; ".join(_caption(name, moments[-1]) for name, moments in arrays.items())
    alt = f"Histograms of the changes of attention weights, growing over {len(steps)} moments. At the end: {last}."
    return finish(
        figure, title, alt, sliders=[slider], updatemenus=[menu], height=470, showlegend=False,
        margin={"l": 60, "r": 15, "t": 80, "b": 150},
    )  # fmt: skip


def _flat(changes: ArrayLike | Tensor) -> np.ndarray:
    return np.asarray(changes.detach().cpu() if isinstance(changes, Tensor) else changes, dtype=float).ravel()


def _heights(changes: np.ndarray, size: float) -> list[list[float]]:
    """Percent of all changes in each bar, in units of ``size``: of those that fall, of those that rise."""
    scaled = np.clip(changes / size, -2.999, 2.999)
    parts = scaled[changes <= 0], scaled[changes > 0]
    return [
        (100 * np.histogram(part, side)[0] / changes.size).round(3).tolist()
        for part, side in zip(parts, _SIDES, strict=True)
    ]


def _caption(name: str, changes: np.ndarray) -> str:
    return f"{name}: {100 * (changes <= 0).mean():.0f} % fall"

"""Deep features in the plane, from epoch to epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from plotly.graph_objects import Figure

from dacl_edu.errors import UserError
from dacl_edu.plots.embedding import WEBGL_FROM, agreement, checked_points, class_trace
from dacl_edu.plots.style import BLACK, MOST_IN_LEGEND, class_look, finish


def embedding_animation(
    epochs: Mapping[int, ArrayLike],
    labels: ArrayLike,
    classes: Sequence[str],
    centers: Mapping[int, ArrayLike] | None = None,
    title: str = "Deep features while the network learns",
    note: str = "",
) -> Figure:
    """Draw a 2-D embedding that moves from epoch to epoch: slider, play and pause.

    Parameters
    ----------
    epochs : mapping of int to array, shape (n, 2)
        Epoch → points, all by one projection (fitted on the last epoch, say), row by row the same images.
    labels : array or Tensor, shape (n,)
    classes : sequence of str
    centers : mapping of int to array, shape (K, 2), optional
        The class centers by the same projection: large crosses.
    title, note : str

    Returns
    -------
    Figure
        It opens at the last epoch; ``frames`` hold one epoch each, by name ``"0"``, ``"1"``, …; the axes stay.

    Examples
    --------
    >>> figure = embedding_animation({0: [[0.0, 0.0]], 5: [[1.0, 2.0]]}, [0], ["a"])
    >>> [(frame.name, frame.data[0].x) for frame in figure.frames]
    [('0', (0.0,)), ('5', (1.0,))]
    """
    y = np.asarray(labels)
    drawn = {epoch: checked_points(values, y, f"epoch {epoch}") for epoch, values in sorted(epochs.items())}
    if not drawn or next(iter(drawn.values())).shape[1] != 2:
        raise UserError("nothing to animate", hint="needed are (n, 2) points of at least one epoch")
    marks = {} if centers is None else {epoch: np.asarray(centers[epoch], dtype=float) for epoch in drawn}
    present, last = np.unique(y).tolist(), max(drawn)
    figure = Figure()
    for label in present:
        trace = class_trace(
            False, len(y) > WEBGL_FROM, drawn[last][y == label], label, np.zeros(int((y == label).sum()), bool)
        )
        named = {"name": classes[label], "hovertemplate": classes[label] + "<extra></extra>"}
        figure.add_trace(trace | named | {"showlegend": len(present) <= MOST_IN_LEGEND})
    if marks:
        looks = [class_look(label).colour for label in present]
        figure.add_scatter(
            x=marks[last][present, 0], y=marks[last][present, 1], mode="markers", name="centers",
            marker={"symbol": "x", "size": 13, "color": looks, "line": {"width": 1.5, "color": BLACK}},
            text=[classes[label] for label in present], hovertemplate="center of %{text}<extra></extra>",
        )  # fmt: skip
    figure.frames = [_epoch_frame(epoch, drawn[epoch], y, present, marks.get(epoch)) for epoch in drawn]
    everything = np.concatenate([*drawn.values(), *(mark[present] for mark in marks.values())])
    low, high = everything.min(axis=0), everything.max(axis=0)
    margin = 0.06 * np.maximum(high - low, 1e-9)
    figure.update_xaxes(range=[float(low[0] - margin[0]), float(high[0] + margin[0])], title="first direction")
    figure.update_yaxes(range=[float(low[1] - margin[1]), float(high[1] + margin[1])], title="second direction")
    first = min(drawn)
    near = [f"{agreement(drawn[epoch], y):.0%}" for epoch in (first, last)]
    alt = (
        f"{len(y)} points of {len(present)} classes at {len(drawn)} epochs, from {first} to {last}. The nearest drawn "
        f"point has the same class for {near[0]} of them at first, for {near[1]} at last."
    )
    return finish(
        figure, title + (f"<br><sup>{note}</sup>" if note else ""), alt, width=720, height=600,
        margin={"l": 60, "r": 20, "t": 80, "b": 60}, legend={"title": "true class"}, **_controls(list(drawn)),
    )  # fmt: skip


def _epoch_frame(
    epoch: int, points: np.ndarray, labels: np.ndarray, present: Sequence[int], marks: np.ndarray | None
) -> dict[str, Any]:
    moved = [dict(zip("xy", points[labels == label].T.tolist(), strict=True)) for label in present]
    if marks is not None:
        moved.append(dict(zip("xy", marks[list(present)].T.tolist(), strict=True)))
    return {"name": str(epoch), "data": moved, "traces": list(range(len(moved)))}


def _controls(epochs: Sequence[int]) -> dict[str, Any]:
    motion = {"frame": {"duration": 500, "redraw": False}, "transition": {"duration": 350}}
    still = {"frame": {"duration": 0, "redraw": False}, "mode": "immediate", "transition": {"duration": 0}}
    steps = [{"label": str(epoch), "method": "animate", "args": [[str(epoch)], still | motion]} for epoch in epochs]
    buttons = [
        {"label": "play", "method": "animate", "args": [None, motion | {"fromcurrent": False, "mode": "immediate"}]},
        {"label": "pause", "method": "animate", "args": [[None], still]},
    ]
    slider = {
        "steps": steps, "active": len(epochs) - 1, "x": 0.25, "len": 0.75, "y": -0.12, "pad": {"t": 10},
        "currentvalue": {"prefix": "epoch ", "xanchor": "left"},
    }  # fmt: skip
    menu = {
        "type": "buttons", "direction": "left", "showactive": False, "buttons": buttons, "x": 0.0, "y": -0.14,
        "xanchor": "left", "yanchor": "top",
    }  # fmt: skip
    return {"sliders": [slider], "updatemenus": [menu]}

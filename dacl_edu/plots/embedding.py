"""Deep features in the plane or in space: classes by colour and symbol, wrong answers ringed, faces in the hover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from dacl_edu.errors import UserError
from dacl_edu.plots.style import BLACK, MOST_IN_LEGEND, class_look, finish

WEBGL_FROM = 2_000
"""More points than this are drawn by WebGL: an SVG of so many is slow to move."""


def embedding_plot(
    points: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[str],
    predicted: ArrayLike | None = None,
    ids: Sequence[str] | None = None,
    faces: Sequence[str] | None = None,
    title: str = "Deep features",
    note: str = "",
    axis: str = "UMAP",
) -> Figure:
    """Draw one embedding: a trace a class.

    Parameters
    ----------
    points : array, shape (n, 2) or (n, 3)
        From :func:`dacl_edu.evaluation.embedding.embed`.
    labels : array or Tensor, shape (n,)
        True classes. One without a sample has no points, but stays in the legend's order.
    classes : sequence of str
    predicted : array or Tensor, shape (n,), optional
        Wrong answers get a dark ring (in 2-D).
    ids : sequence of str, length n, optional
    faces : sequence of str, length n, optional
        From :func:`dacl_edu.plots.thumbnails.thumbnails`. plotly cannot show a picture in its hover box; they lie in
        ``customdata``, and :data:`dacl_edu.plots.thumbnails.FACE_ON_HOVER` or the explorer shows them.
    title : str
    note : str
        A line below the title, e.g. an embedding's ``notice``.
    axis : str, default "UMAP"
        What the axes are called, with 1, 2 (and 3) behind it. They have no unit, so there are no ticks.

    Returns
    -------
    Figure
        Each point's ``customdata`` is (predicted class, id, face).

    Examples
    --------
    >>> figure = embedding_plot([[0.0, 1.0], [2.0, 3.0]], [0, 1], ["a", "b"], predicted=[0, 0])
    >>> [(trace.name, trace.x, trace.customdata[0][0]) for trace in figure.data]
    [('a', (0.0,), 'a'), ('b', (2.0,), 'a')]
    """
    return embedding_comparison({"": points}, labels, classes, {"": predicted}, ids, faces, title, note, axis)


def embedding_comparison(
    points: Mapping[str, ArrayLike],
    labels: ArrayLike,
    classes: Sequence[str],
    predicted: Mapping[str, ArrayLike | None] | None = None,
    ids: Sequence[str] | None = None,
    faces: Sequence[str] | None = None,
    title: str = "Deep features, method by method",
    note: str = "",
    axis: str = "UMAP",
) -> Figure:
    """Draw the embeddings of several methods side by side, with one legend.

    Parameters
    ----------
    points : mapping of str to array, shape (n, 2) or (n, 3)
        Name of a method → points, e.g. of :func:`dacl_edu.evaluation.embedding.embed_aligned`; row by row the same
        images.
    labels, classes, ids, faces, title, note, axis
        As for :func:`embedding_plot`.
    predicted : mapping of str to (n,) array or Tensor, optional
        By the same names.

    Returns
    -------
    Figure
        Traces are in the order method by method, class by class; in each, wrong answers come last and so on top.

    Examples
    --------
    >>> figure = embedding_comparison({"one": [[0.0, 1.0]], "two": [[5.0, 1.0]]}, [0], ["a"])
    >>> [(trace.x, trace.showlegend) for trace in figure.data]
    [((0.0,), True), ((5.0,), False)]
    """
    y = np.asarray(labels)
    drawn = {name: checked_points(values, y, name) for name, values in points.items()}
    if not drawn:
        raise UserError("nothing to draw", hint="name at least one method")
    for what, values in (("ids", ids), ("faces", faces)):
        if values is not None and len(values) != len(y):
            raise UserError(f"{len(values)} {what} for {len(y)} points", hint="give one a point, or none")
    dimensions = next(iter(drawn.values())).shape[1]
    space, count = dimensions == 3, len(drawn)
    titles = {"subplot_titles": list(drawn)} if any(drawn) else {}
    figure = make_subplots(
        cols=count, specs=[[{"type": "scene" if space else "xy"}] * count], horizontal_spacing=0.03, **titles
    )
    wide = len(y) * count > WEBGL_FROM
    listed = len(np.unique(y)) <= MOST_IN_LEGEND
    first_seen: set[int] = set()
    for column, (name, xyz) in enumerate(drawn.items(), start=1):
        answers = None if predicted is None or predicted.get(name) is None else np.asarray(predicted[name])
        extra = _customdata(y, answers, classes, ids, faces)
        for label in np.unique(y).tolist():
            rows = np.flatnonzero(y == label)
            wrong = np.zeros(len(rows), bool) if answers is None else answers[rows] != label
            rows, wrong = rows[np.argsort(wrong, kind="stable")], np.sort(wrong)
            trace = class_trace(space, wide, xyz[rows], label, wrong)
            trace |= {
                "name": classes[label],
                "legendgroup": classes[label],
                "showlegend": listed and label not in first_seen,
                "customdata": [extra[row] for row in rows],
                "hovertemplate": _hover(classes[label], answers is not None, ids is not None),
            }
            first_seen.add(label)
            figure.add_trace(trace, row=1, col=column)
    _frame(figure, space, axis)
    ringed = "" if space or predicted is None or all(v is None for v in predicted.values()) else "Ring: wrong answer. "
    many = "" if listed else f"{len(np.unique(y))} classes: the pointer names them. "
    under = (many + ringed + note).strip()
    return finish(
        figure,
        title + (f"<br><sup>{under}</sup>" if under else ""),
        _alt(drawn, y, classes, predicted),
        **_size(count, bool(under)),
    )


def checked_points(values: ArrayLike, labels: np.ndarray, name: str) -> np.ndarray:
    """Return points (n, 2) or (n, 3) as numbers, or say what is wrong with them."""
    array = np.asarray(values, dtype=float)
    called = f"points of {name}" if name else "points"
    if array.ndim != 2 or array.shape[1] not in (2, 3) or array.shape[:1] != labels.shape or not len(array):
        raise UserError(
            f"{called} of shape {array.shape} for labels of shape {labels.shape}",
            hint="needed is (n, 2) or (n, 3), (n,)",
        )
    if not np.isfinite(array).all():
        raise UserError(f"{called} hold NaN or infinity", hint="look at the features that they were made of")
    return array


def class_trace(space: bool, wide: bool, points: np.ndarray, label: int, wrong: np.ndarray) -> dict[str, Any]:
    """Return the trace of one class: points (n, 2 or 3) in its look, the ``wrong`` ones (n,) in a ring."""
    look = class_look(label)
    axes = dict(zip("xyz", points.T.tolist(), strict=False))
    if space:  # no ring there: a 3-D marker has one line width for all
        marker: dict[str, Any] = {"color": look.colour, "symbol": look.symbol, "size": 4}
        return {"type": "scatter3d", "mode": "markers", "marker": marker, **axes}
    ring = np.where(wrong, 1.8, 0.01).tolist() if wrong.any() else 0  # the legend takes the first that is not zero
    marker = {"color": look.colour, "symbol": look.symbol, "size": 7, "opacity": 0.85}
    marker["line"] = {"width": ring, "color": BLACK}
    return {"type": "scattergl" if wide else "scatter", "mode": "markers", "marker": marker, **axes}


def _customdata(
    labels: np.ndarray, answers: np.ndarray | None, classes: Sequence[str], ids: Sequence[str] | None,
    faces: Sequence[str] | None,
) -> list[list[str]]:  # fmt: skip
    return [
        [
            "" if answers is None else classes[int(answers[row])],
            "" if ids is None else str(ids[row]),
            "" if faces is None else faces[row],
        ]
        for row in range(len(labels))
    ]


def _hover(name: str, answered: bool, named: bool) -> str:
    lines = [f"true: {name}"]
    lines += ["predicted: %{customdata[0]}"] if answered else []
    lines += ["image: %{customdata[1]}"] if named else []
    return "<br>".join(lines) + "<extra></extra>"


def _frame(figure: Figure, space: bool, axis: str) -> None:
    names = [{"showticklabels": False, "zeroline": False, "title": f"{axis} {number}"} for number in (1, 2, 3)]
    if space:
        figure.update_layout(legend_itemsizing="constant")  # the markers are small there
        figure.update_scenes(
            xaxis=names[0],
            yaxis=names[1],
            zaxis=names[2],
            aspectmode="cube",
            camera={"eye": {"x": 1.35, "y": 1.35, "z": 0.9}, "center": {"x": 0, "y": 0, "z": -0.12}},
        )
        return
    lines = {"showline": True, "linecolor": "#bbb", "mirror": True, "title_standoff": 4}
    figure.update_xaxes(**names[0], **lines)
    figure.update_yaxes(**names[1], **lines)
    figure.update_yaxes(title="", selector=lambda drawn: drawn.plotly_name != "yaxis")


def _size(count: int, noted: bool) -> dict[str, Any]:
    """Width, height and legend: one picture has it at its right, several below; none is wider than a page."""
    top = 90 if noted else 70
    if count == 1:
        margin = {"l": 35, "r": 15, "t": top, "b": 35}
        return {"width": 710, "height": 500 + top, "margin": margin, "legend": {"title": "true class"}}
    side = max(700 // count, 230)
    legend = {"title": "true class: ", "orientation": "h", "y": -45 / side, "yanchor": "top", "x": 0}
    margin = {"l": 30, "r": 15, "t": top, "b": 90}
    return {"width": 50 + side * count, "height": side + top + 90, "margin": margin, "legend": legend}


def _alt(
    drawn: Mapping[str, np.ndarray], labels: np.ndarray, classes: Sequence[str], predicted: Mapping[str, Any] | None
) -> str:
    present = np.unique(labels)
    names = f" ({', '.join(classes[k] for k in present)})" if len(present) <= MOST_IN_LEGEND else ""
    parts = [f"{len(labels)} points of {len(present)} classes{names}."]
    for name, points in drawn.items():
        text = f"the nearest drawn point has the same class for {agreement(points, labels):.0%}"
        answers = None if predicted is None else predicted.get(name)
        if answers is not None:
            text += f"; {int((np.asarray(answers) != labels).sum())} are classified wrongly"
        parts.append(f"{name}: {text}." if name else f"{text[0].upper()}{text[1:]}.")
    return " ".join(parts)


def agreement(points: np.ndarray, labels: np.ndarray) -> float:
    """Share of the points whose nearest other drawn point has the same class."""
    from scipy.spatial import cKDTree

    if len(points) < 2:
        return 0.0
    _, found = cKDTree(points).query(points, k=2)
    other = np.where(found[:, 0] == np.arange(len(points)), found[:, 1], found[:, 0])
    return float((labels[other] == labels).mean())

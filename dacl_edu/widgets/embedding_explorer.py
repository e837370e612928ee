"""Embedding explorer: choose method and colouring, point at faces, see their neighbours in feature space."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from plotly.graph_objects import Figure

from dacl_edu.errors import UserError
from dacl_edu.evaluation.embedding import CAUTION, embed_aligned
from dacl_edu.plots.embedding import WEBGL_FROM
from dacl_edu.plots.style import BLUE, MOST_IN_LEGEND, ORANGE, class_look
from dacl_edu.plots.thumbnails import thumbnails

if TYPE_CHECKING:
    import pandas as pd

    from dacl_edu.runs.run import Run

TRUE, PREDICTED, RIGHT = "true class", "predicted class", "right or wrong"
FACTORS = (
    "intensity",
    "second_weight",
    "yaw",
    "pitch",
    "key_strength",
    "exposure",
    "occlusion",
    "glasses",
    "age",
    "blur",
)
"""Generating factors of the bundled faces that are offered for colouring, as far as they are there and differ."""
MOST_FACES = 36


@dataclass(frozen=True)
class ExplorerData:
    """What the explorer shows: n images, the same ones for each method.

    Attributes
    ----------
    points : mapping of str to array, shape (n, 2)
        Name of a method → where its images are drawn.
    features : mapping of str to array, shape (n, d)
        Neighbours are looked for here, not in the picture.
    predicted : mapping of str to array, shape (n,)
    labels : array, shape (n,)
    classes : sequence of str
    ids, faces : sequence of str, length n
        Names and data URIs.
    factors : pandas.DataFrame or None
        One row an image.
    notice : str
    """

    points: Mapping[str, np.ndarray]
    features: Mapping[str, np.ndarray]
    predicted: Mapping[str, np.ndarray]
    labels: np.ndarray
    classes: Sequence[str]
    ids: Sequence[str]
    faces: Sequence[str]
    factors: pd.DataFrame | None = None
    notice: str = ""


def explorer_data(
    runs: Sequence[Run], split: str = "test", per_class: int = 30, cache: str | Path | None = None, **options: Any
) -> ExplorerData:
    """Gather what the explorer needs: features of the same images by each run, an aligned embedding, the faces.

    Parameters
    ----------
    runs : sequence of Run
        One a method; of several with one method, the first is taken.
    split : str, default "test"
    per_class : int, default 30
        Images of each class.
    cache, **options
        As for :func:`dacl_edu.evaluation.embedding.embed_aligned`.

    Raises
    ------
    UserError
        No run, or runs on different images.
    """
    from dacl_edu.runs.splits import load_split

    first: dict[str, Run] = {}
    for run in runs:
        first.setdefault(run.config.method, run)
    if not first:
        raise UserError("no run to explore", hint="train one, or name its folder")
    deep = {method: run.deep_features(split, per_class) for method, run in first.items()}
    indices = next(iter(deep.values())).indices
    if any(not np.array_equal(d.indices, indices) for d in deep.values()):
        raise UserError("the runs keep features of different images", hint="take runs on one data set and split")
    run = next(iter(first.values()))
    dataset = load_split(run.config, split)
    features = {method: d.features.numpy() for method, d in deep.items()}
    made = embed_aligned(features, cache=cache, **options)
    rows = indices.tolist()
    factors = getattr(dataset, "factors", None)
    return ExplorerData(
        {method: embedding.points for method, embedding in made.items()},
        features,
        {method: d.predicted.numpy() for method, d in deep.items()},
        next(iter(deep.values())).labels.numpy(),
        run.result["classes"],
        [dataset.ids[row] for row in rows],
        thumbnails(dataset.images[indices]),
        None if factors is None else factors.iloc[rows].reset_index(drop=True),
        next(iter(made.values())).notice,
    )


@dataclass(frozen=True)
class Paint:
    """How the points look: colours (strings, or numbers for a scale), symbols, and what the legend says."""

    colours: list[Any]
    symbols: list[str]
    legend: list[tuple[str, str, str]] = field(default_factory=list)
    scale: str = ""


def colourings(data: ExplorerData) -> list[str]:
    """Return by what the points can be coloured: three answers, and each factor that is there and differs.

    Examples
    --------
    >>> colourings(ExplorerData({}, {}, {}, np.zeros(1, int), ["a"], [""], [""]))
    ['true class', 'predicted class', 'right or wrong']
    """
    known = [] if data.factors is None else [name for name in FACTORS if name in data.factors]
    differ = [name for name in known if data.factors is not None and data.factors[name].nunique() > 1]
    return [TRUE, PREDICTED, RIGHT, *differ]


def paint(data: ExplorerData, method: str, by: str) -> Paint:
    """Return colours and symbols of all points by one of :func:`colourings`.

    For a factor of numbers: the numbers, and its name as ``scale``. Symbols always tell the true class, except where
    colours tell the predicted one.
    """
    own = [class_look(int(label)).symbol for label in data.labels]
    if by in (TRUE, PREDICTED):
        shown = data.labels if by == TRUE else data.predicted[method]
        looks = [class_look(int(label)) for label in shown]
        named = np.unique(shown).tolist() if len(np.unique(shown)) <= MOST_IN_LEGEND else []
        legend = [(data.classes[k], class_look(k).colour, class_look(k).symbol) for k in named]
        return Paint([look.colour for look in looks], [look.symbol for look in looks], legend)
    if by == RIGHT:
        correct = data.predicted[method] == data.labels
        legend = [("right", BLUE, "circle"), ("wrong", ORANGE, "circle")]
        return Paint(np.where(correct, BLUE, ORANGE).tolist(), own, legend)
    if data.factors is None or by not in data.factors:
        raise UserError(f"no colouring {by!r}", hint=f"use one of {', '.join(colourings(data))}")
    import pandas as pd

    column = data.factors[by]
    if pd.api.types.is_numeric_dtype(column):
        return Paint(column.astype(float).tolist(), own, scale=by)
    codes, names = pd.factorize(column, sort=True)
    legend = [(str(name), class_look(code).colour, "circle") for code, name in enumerate(names)]
    return Paint([class_look(int(code)).colour for code in codes], own, legend)


def neighbour_rows(data: ExplorerData, method: str, row: int, count: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest other images in feature space, nearest first: rows (<= count,) and distances.

    Examples
    --------
    >>> line = np.array([[0.0], [5.0], [1.0]])
    >>> data = ExplorerData({}, {"toy": line}, {}, np.zeros(3, int), ["a"], [""] * 3, [""] * 3)
    >>> [array.tolist() for array in neighbour_rows(data, "toy", 0)]
    [[2, 1], [1.0, 5.0]]
    """
    features = data.features[method]
    distances = np.linalg.norm(features - features[row], axis=1)
    order = np.argsort(distances, kind="stable")
    order = order[order != row][:count]
    return order, distances[order]


def hover_texts(data: ExplorerData, method: str) -> list[str]:
    """Return what stands in the hover box of each point."""
    names, answers = data.classes, data.predicted[method]
    return [
        f"true: {names[int(true)]}<br>predicted: {names[int(answer)]}<br>image: {name}"
        for true, answer, name in zip(data.labels, answers, data.ids, strict=True)
    ]


def faces_html(data: ExplorerData, method: str, rows: Iterable[int], notes: Sequence[str] = (), side: int = 60) -> str:
    """Return a row of faces with true and predicted class below each; a wrong answer is framed and said."""
    cells = []
    for place, row in enumerate(rows):
        true, answer = (data.classes[int(k)] for k in (data.labels[row], data.predicted[method][row]))
        wrong = true != answer
        said = html.escape(f"{true}, taken for {answer}" if wrong else f"{true}, right")
        note = f"<br>{html.escape(notes[place])}" if place < len(notes) else ""
        cells.append(
            f'<div style="width:{side + 20}px;text-align:center;font-size:11px;line-height:1.25">'
            f'<img src="{data.faces[row]}" width="{side}" height="{side}" alt="{said}" '
            f'style="border:3px solid {ORANGE if wrong else "#ddd"};border-radius:4px"><br>{said}{note}</div>'
        )
    return f'<div style="display:flex;flex-wrap:wrap;gap:4px">{"".join(cells)}</div>'


def image_html(data: ExplorerData, method: str, row: int, count: int = 6) -> str:
    """Return the chosen face and its nearest neighbours in feature space."""
    rows, distances = neighbour_rows(data, method, row, count)
    same = int((data.labels[rows] == data.labels[row]).sum())
    notes = [f"distance {distance:.2f}" for distance in distances]
    said = (
        f"{same} of {len(rows)} are of its class. Lines lead to them. A long line: the picture tore neighbours apart."
    )
    return (
        f"<b>{html.escape(str(data.ids[row]))}</b>{faces_html(data, method, [row], side=96)}"
        f"<p style='line-height:1.3'><b>Nearest in feature space</b> ({method}): {said}</p>"
        f"{faces_html(data, method, rows, notes)}"
    )


def selection_html(data: ExplorerData, method: str, rows: Sequence[int]) -> str:
    """Return the faces of several points, and what they are."""
    if not len(rows):
        return "No point is selected. Draw a loop around some, or choose an image by its number."
    chosen = np.asarray(rows)
    counts = Counter(data.classes[int(label)] for label in data.labels[chosen])
    wrong = int((data.predicted[method][chosen] != data.labels[chosen]).sum())
    listed = ", ".join(f"{count} {name}" for name, count in counts.most_common())
    more = f" The first {MOST_FACES} are shown." if len(chosen) > MOST_FACES else ""
    return (
        f"<p style='line-height:1.3'><b>{len(chosen)} selected:</b> {listed}. "
        f"{method} has {wrong} of them wrong.{more}</p>"
        f"{faces_html(data, method, chosen[:MOST_FACES], side=48)}"
    )


class EmbeddingExplorer:
    """Dropdowns for method and colouring, a figure to point at, and a panel of faces.

    Parameters
    ----------
    data : ExplorerData
        From :func:`explorer_data`.

    Attributes
    ----------
    widget : ipywidgets.VBox
        To be shown, in a notebook or by voila.
    figure : plotly FigureWidget
        ``data[0]`` holds the points, ``data[1]`` the lines from the chosen image to its neighbours, the others the
        legend.
    method, colouring, image : ipywidgets controls
    panel : ipywidgets.HTML
    """

    def __init__(self, data: ExplorerData) -> None:
        import ipywidgets
        from plotly.graph_objects import FigureWidget

        from dacl_edu.widgets.layout import slider

        self.data, self.rows, self.looped = data, [0], False
        wide = {"style": {"description_width": "initial"}}
        self.method = ipywidgets.Dropdown(
            options=list(data.points), description="method", layout={"width": "190px"}, **wide
        )
        self.colouring = ipywidgets.Dropdown(
            options=colourings(data), description="colour by", layout={"width": "220px"}, **wide
        )
        self.image = slider("image", 0, 0, len(data.labels) - 1, 1, "Which image is chosen.", whole=True)
        self.panel = ipywidgets.HTML()
        self.figure: Any = _empty_figure(data)
        self.redraw()
        self.figure = FigureWidget(
            self.figure
        )  # full from the start: voila knows nothing of updates before its page opens
        self.figure.data[0].on_click(lambda trace, points, state: self.choose(points.point_inds))
        self.figure.data[0].on_selection(lambda trace, points, selector: self.loop(points.point_inds))
        for control in (self.method, self.colouring):
            control.observe(lambda change: self.redraw(), names="value")
        self.image.observe(lambda change: self.choose([change["new"]]), names="value")
        note = f"{data.notice} {CAUTION}".strip()
        beside = ipywidgets.VBox([self.panel], layout={"width": "280px", "height": "540px", "overflow": "auto"})
        row = {"flex_flow": "row wrap"}
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox([self.method, self.colouring, self.image], layout=row),
                ipywidgets.HBox([self.figure, beside], layout=row),
                ipywidgets.HTML(f"<small>{html.escape(note)}</small>"),
            ]
        )

    def redraw(self) -> None:
        """Draw the chosen method in the chosen colouring; the selection stays."""
        data, method = self.data, self.method.value
        look = paint(data, method, self.colouring.value)
        wrong = int((data.predicted[method] != data.labels).sum())
        counted = f"{len(data.labels)} images, {wrong} answered wrongly"
        xs, ys = data.points[method].T.tolist()
        bar = {"title": {"text": look.scale}, "thickness": 12} if look.scale else None
        marker = {"color": look.colours, "symbol": look.symbols, "showscale": bool(look.scale), "colorbar": bar}
        marker["colorscale"] = "Cividis" if look.scale else None
        self.figure.data[0].update(x=xs, y=ys, text=hover_texts(data, method), marker=marker)
        words = (
            f"Deep features of {method} in the plane, a point an image, coloured by {self.colouring.value}; {counted}."
        )
        # The browser draws once a message. A batch must set the same properties of all its traces: it resets, in the
        # browser, those that one lacks; so the points are not in it.
        unused = ("", "white", "circle")
        with self.figure.batch_update():
            for slot, trace in enumerate(self.figure.data[2:]):
                name, colour, symbol = look.legend[slot] if slot < len(look.legend) else unused
                marker = {"color": colour, "symbol": symbol}
                trace.update(showlegend=slot < len(look.legend), name=name, marker=marker)
            self.figure.layout.title.text = f"{method}, coloured by {self.colouring.value}<br><sup>{counted}</sup>"
            self.figure.layout.meta = {"alt": words}
        self._tell()

    def choose(self, rows: Sequence[int]) -> None:
        """Show one image and its neighbours; nothing pointed at changes nothing."""
        if not len(rows):
            return
        self.rows, self.looped = [int(rows[0])], False
        self.image.value = self.rows[0]
        self._tell()

    def loop(self, rows: Sequence[int]) -> None:
        """Show the faces of all points in a loop."""
        self.rows, self.looped = [int(row) for row in rows], True
        self._tell()

    def _tell(self) -> None:
        data, method = self.data, self.method.value
        xs: list[float | None] = []
        ys: list[float | None] = []
        if not self.looped:
            (row,) = self.rows
            here = data.points[method][row]
            for other in neighbour_rows(data, method, row)[0]:
                there = data.points[method][other]
                xs += [float(here[0]), float(there[0]), None]
                ys += [float(here[1]), float(there[1]), None]
        self.figure.data[0].selectedpoints = self.rows if self.looped and self.rows else None
        self.figure.data[1].update(x=xs, y=ys)
        show = selection_html(data, method, self.rows) if self.looped else image_html(data, method, self.rows[0])
        self.panel.value = show


def _empty_figure(data: ExplorerData) -> Figure:
    """The traces without their points, and everything that never changes."""
    kind = "scattergl" if len(data.labels) > WEBGL_FROM else "scatter"
    points: dict[str, Any] = {"type": kind, "mode": "markers", "marker": {"size": 8}, "showlegend": False}
    points |= {"hovertemplate": "%{text}<extra></extra>", "unselected": {"marker": {"opacity": 0.2}}}
    blank: dict[str, Any] = {"type": "scatter", "mode": "markers", "x": [None], "y": [None], "hoverinfo": "skip"}
    blank["showlegend"] = False
    lines = blank | {"mode": "lines+markers", "x": [], "y": [], "line": {"color": "#333", "width": 1}}
    lines["marker"] = {"symbol": "circle-open", "size": 15, "color": "#333"}
    slots = max(len(paint(data, method, by).legend) for method in data.points for by in colourings(data))
    figure = Figure(data=[points, lines, *([blank] * slots)])
    bare = {"showticklabels": False, "zeroline": False, "showline": True, "linecolor": "#bbb", "mirror": True}
    figure.update_xaxes(**bare)
    figure.update_yaxes(**bare)
    return figure.update_layout(
        template="plotly_white", width=470, height=540, dragmode="lasso", hovermode="closest", uirevision="kept",
        legend={"orientation": "h", "y": -0.03, "yanchor": "top", "x": 0},
        margin={"l": 15, "r": 10, "t": 60, "b": 90},
    )  # fmt: skip

"""Compactness and separation of the classes, method beside method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from dacl_edu.errors import UserError
from dacl_edu.plots.style import LOOKS, WRITTEN, finish

if TYPE_CHECKING:
    import pandas as pd

MEASURES = {
    "within share": "lower",
    "radius / gap": "lower",
    "Davies-Bouldin": "lower",
    "silhouette": "higher",
    "kNN accuracy": "higher",
}
"""Measures that do not change when all features are scaled alike → which direction means better separated."""


def geometry_comparison(
    table: pd.DataFrame, measures: Mapping[str, str] | None = None, title: str = "Compactness and separation"
) -> Figure:
    """Draw one panel a measure, one bar a method.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`dacl_edu.evaluation.geometry.compare_geometry`: one row a method.
    measures : mapping of str to {"lower", "higher"}, optional
        Column → what is better; :data:`MEASURES` if left out.
    title : str

    Returns
    -------
    Figure
        Traces are in the order measure by measure, method by method; a number that could not be measured has no bar.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"silhouette": [0.1, 0.3]}, index=["a", "b"])
    >>> figure = geometry_comparison(table, {"silhouette": "higher"})
    >>> [trace.y for trace in figure.data]
    [(0.1,), (0.3,)]
    """
    chosen = dict(MEASURES if measures is None else measures)
    missing = [name for name in chosen if name not in table.columns]
    if missing or not len(table):
        raise UserError(f"no {' and no '.join(missing) or 'method'} in the table", hint="make it with compare_geometry")
    titles = [f"{name}<br><sup>{better} is better</sup>" for name, better in chosen.items()]
    figure = make_subplots(cols=len(chosen), subplot_titles=titles, horizontal_spacing=0.06)
    best = []
    for column, (measure, better) in enumerate(chosen.items(), start=1):
        for index, (method, value) in enumerate(table[measure].items()):
            known = bool(np.isfinite(value))
            figure.add_bar(
                x=[method],
                y=[float(value) if known else None],
                name=str(method),
                text=[f"{value:.3g}" if known else "not measurable"],
                textposition="outside" if known else "inside",
                textfont={"size": 10},
                textangle=0,
                cliponaxis=False,
                marker_color=LOOKS[index % len(LOOKS)][0],
                hovertemplate=f"%{{x}}<br>{measure}: %{{y:.4g}}<extra></extra>",
                showlegend=False,
                row=1,
                col=column,
            )
        figure.update_yaxes(range=_room(table[measure].to_numpy(dtype=float)), row=1, col=column)
        if table[measure].notna().any():
            values = table[measure]
            winner, value = (values.idxmin(), values.min()) if better == "lower" else (values.idxmax(), values.max())
            best.append(f"{measure} ({better} is better): best is {winner} with {value:.3g}")
    figure.update_xaxes(tickangle=-35)
    figure.update_annotations(font_size=12)
    return finish(
        figure, title, f"Bars for {len(table)} methods. " + "; ".join(best) + ".",
        width=max(420, 60 + 138 * len(chosen)), height=340, margin={"l": 45, "r": 15, "t": 105, "b": 70},
    )  # fmt: skip


def center_distance_heatmap(
    distances: Mapping[str, ArrayLike],
    classes: Sequence[str],
    title: str = "Distances between class centers",
    unit: str = "in units of the features",
) -> Figure:
    """Draw the distances of all centers from one another, one heat map a method, on one colour scale.

    Parameters
    ----------
    distances : mapping of str to (K, K) array
        From :func:`dacl_edu.evaluation.geometry.center_distances`. Divide them by each method's ``radius`` (its
        ``scale``): features of another length are not farther apart.
    classes : sequence of str, length K
    title, unit : str
        What the numbers are.

    Returns
    -------
    Figure
        ``z`` holds the distances, None on the diagonal and for a class without a sample.

    Examples
    --------
    >>> figure = center_distance_heatmap({"toy": [[0.0, 2.0], [2.0, 0.0]]}, ["a", "b"])
    >>> figure.data[0].z
    ([None, 2.0], [2.0, None])
    """
    tables = {name: np.asarray(values, dtype=float) for name, values in distances.items()}
    for name, values in tables.items():
        if values.shape != (len(classes),) * 2:
            raise UserError(
                f"distances of {name} of shape {values.shape}", hint=f"needed is ({len(classes)}, {len(classes)})"
            )
    if not tables:
        raise UserError("no distances to draw", hint="name at least one method")
    few = len(classes) <= WRITTEN
    figure = make_subplots(cols=len(tables), subplot_titles=list(tables), shared_yaxes=True, horizontal_spacing=0.03)
    said = []
    for column, (name, values) in enumerate(tables.items(), start=1):
        off = np.where(np.eye(len(classes), dtype=bool), np.nan, values)
        figure.add_heatmap(
            z=[[None if np.isnan(value) else float(value) for value in row] for row in off],
            x=list(classes),
            y=list(classes),
            coloraxis="coloraxis",
            texttemplate="%{z:.1f}" if few else None,
            hovertemplate="%{y} to %{x}: %{z:.3g}<extra></extra>",
            hoverongaps=False,
            row=1,
            col=column,
        )
        if np.isfinite(off).any():
            one, two = divmod(int(np.nanargmin(off)), len(classes))
            said.append(f"{name}: nearest are {classes[one]} and {classes[two]} at {off[one, two]:.2g}")
    figure.update_xaxes(tickangle=-45)
    figure.update_yaxes(autorange="reversed")
    side = 195 if few else 330
    alt = f"A {len(classes)} by {len(classes)} table of distances for each method, {unit}. " + "; ".join(said) + "."
    return finish(
        figure, f"{title}<br><sup>{unit}</sup>", alt, width=170 + side * len(tables), height=155 + side,
        font={"size": 10},
        coloraxis={"colorscale": "Cividis", "colorbar": {"title": "distance", "thickness": 10}},
        margin={"l": 80, "r": 20, "t": 95, "b": 80},
    )  # fmt: skip


def _room(values: np.ndarray) -> list[float]:
    """From zero (or below) to above the highest bar, so that its number is inside the panel."""
    known = values[np.isfinite(values)]
    low, high = min(0.0, *known, 0.0), max(0.0, *known, 0.0)
    reach = (high - low) or 1.0
    return [low - (0.18 * reach if low < 0 else 0.0), high + 0.18 * reach]

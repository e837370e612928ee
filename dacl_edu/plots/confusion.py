"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots


def confusion_matrices(counts: Mapping[str, Sequence[Sequence[int]]], classes: Sequence[str]) -> Figure:
    """Draw row-normalised confusion matrices side by side, as in Fig. 4 of the paper.

    Parameters
    ----------
    counts : mapping of str to (K, K) counts
        Name of a method → rows are true classes, columns predicted ones.
    classes : sequence of str

    Returns
    -------
    Figure
        One heat map a method; ``z`` holds percent of the true class, None where a class does not occur.

    Examples
    --------
    >>> figure = confusion_matrices({"toy": [[3, 1], [0, 2]]}, ["a", "b"])
    >>> figure.data[0].z
    ([75, 25], [0, 100])
    """
    figure = make_subplots(cols=len(counts), subplot_titles=list(counts), shared_yaxes=True, horizontal_spacing=0.03)
    for column, matrix in enumerate(counts.values(), start=1):
        rows = np.asarray(matrix, dtype=float)
        support = rows.sum(axis=1, keepdims=True)
        percent = [
            [round(100 * value / total) if total else None for value in row]
            for row, (total,) in zip(rows.tolist(), support.tolist(), strict=True)
        ]
        figure.add_heatmap(
            z=percent,
            x=list(classes),
            y=list(classes),
            zmin=0,
            zmax=100,
            colorscale="Cividis",
            texttemplate="%{z}",
            showscale=False,  # the numbers are written in the cells
            hovertemplate="%{y} taken for %{x}: %{z} %<extra></extra>",
            row=1,
            col=column,
        )
    figure.update_xaxes(title="predicted", tickangle=-45)
    figure.update_yaxes(autorange="reversed")
    figure.update_yaxes(title="true class", col=1)
    figure.update_layout(
        title="Confusion matrices, percent of the true class", width=130 + 210 * len(counts), height=350
    )
    figure.update_layout(margin={"l": 90, "r": 20, "t": 70, "b": 90}, font={"size": 11})
    return figure

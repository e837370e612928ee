"""Which classes a method wins and loses, with how much of it may be luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from plotly.graph_objects import Figure

from dacl_edu.errors import UserError
from dacl_edu.plots.style import GREY, LOOKS, MOST_IN_LEGEND, finish

if TYPE_CHECKING:
    from dacl_edu.evaluation.significance import Interval


def class_intervals(confusions: Sequence[ArrayLike]) -> list[Interval | None]:
    """Return the accuracy of each class with its 95 % interval, from one (K, K) matrix of counts a seed.

    A single one: Wilson's interval, over other images. Several: Student's t interval of the mean over seeds, cut to 0
    .. 1, and NaN where these are all equal. None for a class that does not occur.

    Examples
    --------
    >>> (first, second) = class_intervals([[[8, 2], [0, 0]]])
    >>> [round(value, 2) for value in first], second
    ([0.49, 0.8, 0.94], None)
    """
    from dacl_edu.evaluation.significance import Interval, accuracy_interval, seeds_interval, within

    counts = np.asarray(confusions, dtype=float)  # (s, K, K)
    correct, support = counts.diagonal(axis1=1, axis2=2), counts.sum(axis=2)  # (s, K)
    found: list[Interval | None] = []
    for label in range(counts.shape[1]):
        occurs = support[:, label] > 0
        if not occurs.any():
            found.append(None)
        elif occurs.sum() == 1:
            hits, images = int(correct[occurs, label][0]), int(support[occurs, label][0])
            found.append(accuracy_interval([True] * hits + [False] * (images - hits)))
        else:
            low, middle, high = seeds_interval(correct[occurs, label] / support[occurs, label])
            low, high = within(low, high, 0.0, 1.0) or (np.nan, np.nan)
            found.append(Interval(low, middle, high))
    return found


def per_class_comparison(confusions: Mapping[str, Sequence[ArrayLike]], classes: Sequence[str]) -> Figure:
    """Compare methods class by class: one point a method with a 95 % interval.

    Parameters
    ----------
    confusions : mapping of str to sequence of (K, K) counts
        Name of a method → one confusion matrix a seed; rows are true classes.
    classes : sequence of str

    Returns
    -------
    Figure
        One trace a method; ``x`` is the accuracy in percent (None where a class does not occur), ``customdata`` the
        interval in percent.

    Examples
    --------
    >>> figure = per_class_comparison({"dacl": [[[8, 2], [0, 0]]]}, ["fear", "anger"])
    >>> figure.data[0].x
    (80.0, None)
    """
    if not confusions:
        raise UserError("no method to compare", hint="name at least one")
    number = len(classes)
    figure, said = Figure(), []
    for index, (name, matrices) in enumerate(confusions.items()):
        if not len(matrices) or any(np.shape(matrix) != (number, number) for matrix in matrices):
            raise UserError(f"{name}: counts do not fit {number} classes", hint=f"give {(number, number)} a seed")
        intervals = class_intervals(matrices)
        known = [i if i is not None else (None, None, None) for i in intervals]
        low, middle, high = (
            [None if v is None or np.isnan(v) else 100 * v for v in part] for part in zip(*known, strict=True)
        )
        over = f"over {len(matrices)} seeds" if len(matrices) > 1 else "one seed: images only"
        colour, _, symbol = LOOKS[index % len(LOOKS)]
        place = 0.62 * ((index + 0.5) / len(confusions) - 0.5)  # below and above the line of the class
        spans = ("from %{customdata[0]:.1f} to %{customdata[1]:.1f}", "interval not known")
        templates = [
            f"{name}, %{{text}}: %{{x:.1f}} %, {spans[m is not None and v is None]} ({over})<extra></extra>"
            for m, v in zip(middle, low, strict=True)
        ]
        figure.add_scatter(
            x=middle,
            y=[row + place for row in range(number)],
            name=f"{name} ({over})",
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 10},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [None if m is None or h is None else h - m for m, h in zip(middle, high, strict=True)],
                "arrayminus": [None if m is None or v is None else m - v for m, v in zip(middle, low, strict=True)],
                "thickness": 1.5,
                "color": colour if len(matrices) > 1 else GREY,
            },
            customdata=[[a, b] for a, b in zip(low, high, strict=True)],
            text=list(classes),
            hovertemplate=templates if len(set(templates)) > 1 else templates[0],
        )
        parts = [f"{c} {m:.0f} %" if m is not None else f"{c} none" for c, m in zip(classes, middle, strict=True)]
        said.append(f"{name}: {', '.join(parts)}")
    figure.update_yaxes(
        tickvals=list(range(number)), ticktext=list(classes), range=[number - 0.5, -0.5], title="true class",
        zeroline=False, showgrid=False,
    )  # fmt: skip
    for row in range(1, number):
        figure.add_hline(y=row - 0.5, line={"color": "#dddddd", "width": 1})
    figure.update_xaxes(title="accuracy of the class, %", range=[-2, 102], zeroline=False)
    return finish(
        figure,
        "Accuracy of each class, with 95 % intervals",
        f"Accuracy of each class, one point a method. {'; '.join(said)}.",
        width=760,
        height=170 + number * max(34 if number <= MOST_IN_LEGEND else 18, 16 * len(confusions)),
        legend={"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom"},
        margin={"l": max(110, 25 + 6 * max(map(len, classes))), "r": 20, "t": 60, "b": 110},
    )

"""A number against a weight that varies over decades, such as λ: one line a method, with intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping

from plotly.graph_objects import Figure

from dacl_edu.errors import UserError
from dacl_edu.plots.style import GREY, LOOKS, finish

Interval = tuple[float, float, float]


def strength_curves(
    series: Mapping[str, Mapping[float, Interval]],
    title: str,
    y: str,
    x: str = "λ",
    reference: tuple[str, Interval] | None = None,
) -> Figure:
    """Draw intervals over a logarithmic axis.

    Parameters
    ----------
    series : mapping of str to mapping of float to (low, middle, high)
        Name of a line → weight → interval; NaN for low and high where it is not known.
    title, y, x : str
        Of the figure and its axes.
    reference : (name, (low, middle, high)), optional
        What does not depend on the weight: a grey line with its band.

    Returns
    -------
    Figure
        One trace a line, after that of the reference.

    Raises
    ------
    UserError
        No point at all, or a weight that a logarithmic axis has no place for.

    Examples
    --------
    >>> figure = strength_curves({"dacl": {0.1: (0.7, 0.8, 0.9), 1.0: (0.6, 0.7, 0.8)}}, "Accuracy", "share")
    >>> figure.data[0].x, figure.data[0].y
    ((0.1, 1.0), (0.8, 0.7))
    """
    figure = Figure()
    said = []
    weights = sorted({weight for line in series.values() for weight in line})
    if not weights or not all(0 < weight < math.inf for weight in weights):
        raise UserError(f"weights {weights} on a logarithmic axis", hint="give at least one, all above 0 and finite")
    if reference is not None:
        name, (low, middle, high) = reference
        figure.add_hrect(y0=low, y1=high, fillcolor=GREY, opacity=0.15, line_width=0)
        across = [weights[0], weights[-1]]
        figure.add_scatter(
            x=across, y=[middle, middle], name=name, mode="lines", line={"color": GREY, "dash": "dot"},
            hovertemplate=f"{name}: {middle:.4g}, from {low:.4g} to {high:.4g}<extra></extra>",
        )  # fmt: skip
        said.append(f"{name}: {middle:.4g}, from {low:.4g} to {high:.4g}")
    for index, (name, line) in enumerate(series.items()):
        colour, dash, symbol = LOOKS[index % len(LOOKS)]
        known = [(weight, *line[weight]) for weight in sorted(line)]
        shift = 1.03 ** (index - (len(series) - 1) / 2)  # so that bars of two lines stand side by side
        figure.add_scatter(
            x=[weight * shift if len(series) > 1 else weight for weight, *_ in known],
            y=[middle for _, _, middle, _ in known],
            name=name,
            mode="lines+markers",
            line={"color": colour, "dash": dash},
            marker={"symbol": symbol, "size": 9},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [high - middle if math.isfinite(high) else 0 for _, _, middle, high in known],
                "arrayminus": [middle - low if math.isfinite(low) else 0 for _, low, middle, _ in known],
                "thickness": 1.2,
            },
            customdata=[[weight, low, high] for weight, low, _, high in known],
            hovertemplate=f"{name}, {x} = %{{customdata[0]}}: %{{y:.4g}}"
            "<br>from %{customdata[1]:.4g} to %{customdata[2]:.4g}<extra></extra>",
        )
        said.append(f"{name}: " + ", ".join(f"{middle:.3g} at {weight:g}" for weight, _, middle, _ in known))
    named: list[float] = []  # a decade has room for three numbers
    for weight in weights:
        if not named or weight >= 1.9 * named[-1]:
            named.append(weight)
    figure.update_xaxes(type="log", title=x, tickvals=named, ticktext=[f"{each:g}" for each in named], tickangle=0)
    figure.update_yaxes(title=y)
    return finish(
        figure, title, f"{y} over {x}. {'; '.join(said)}.", width=680, height=394,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, margin={"t": 104},
    )  # fmt: skip

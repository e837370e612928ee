"""Two methods, seed by seed, and their mean difference."""

from __future__ import annotations

import math
from collections.abc import Mapping

from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from dacl_edu.plots.style import BLUE, ORANGE, finish


def paired_seeds(
    pairs: Mapping[int, tuple[float, float]], names: tuple[str, str], difference: tuple[float, float, float], title: str
) -> Figure:
    """Draw one line a seed from one method to the other, and beside it the mean difference with its interval.

    Parameters
    ----------
    pairs : mapping of int to (float, float)
        Seed → accuracy of the first and of the second method.
    names : (str, str)
    difference : (low, middle, high)
        Second minus first; NaN for low and high where the interval is not known.
    title : str

    Returns
    -------
    Figure
        One trace a seed, then the difference.

    Examples
    --------
    >>> pairs = {0: (0.8, 0.82), 1: (0.79, 0.78)}
    >>> figure = paired_seeds(pairs, ("dacl", "mine"), (-0.2, 0.005, 0.2), "Mine beside DACL")
    >>> [trace.y for trace in figure.data]
    [(0.8, 0.82), (0.79, 0.78), (0.005,)]
    """
    low, middle, high = difference
    figure = make_subplots(cols=2, subplot_titles=("accuracy, one line a seed", "mean difference, 95 % interval"))
    for seed, pair in pairs.items():
        figure.add_scatter(x=names, y=pair, name=f"seed {seed}", line_color=BLUE, row=1, col=1)
    bar = {"type": "data", "symmetric": False, "array": [high - middle], "arrayminus": [middle - low], "width": 12}
    figure.add_scatter(
        x=[f"{names[1]} − {names[0]}"], y=[middle], mode="markers", name="difference", row=1, col=2,
        marker={"color": ORANGE, "size": 13, "symbol": "diamond"}, error_y=bar if math.isfinite(low) else None,
    )  # fmt: skip
    figure.add_hline(y=0, line_dash="dot", row=1, col=2)
    figure.update_xaxes(range=[-0.3, 1.3], row=1, col=1)
    interval = f", interval from {low:.3f} to {high:.3f}" if math.isfinite(low) else ""
    return finish(
        figure, title,
        f"Left: {len(pairs)} lines, one a seed, from the accuracy of {names[0]} to that of {names[1]}. Right: the mean "
        f"difference {middle:.3f}{interval}, and a dotted line at zero.",
        width=760, height=400, showlegend=False,
    )  # fmt: skip

"""Numbers with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping

from plotly.graph_objects import Figure

from dacl_edu.plots.style import LOOKS


def interval_plot(intervals: Mapping[str, tuple[float, float, float]], title: str, axis: str) -> Figure:
    """Draw one point a row with a bar from low to high.

    Parameters
    ----------
    intervals : mapping of str to (low, middle, high)
    title : str
    axis : str
        What the numbers are.

    Returns
    -------
    Figure
        One trace a row.

    Examples
    --------
    >>> figure = interval_plot({"dacl": (0.7, 0.8, 0.85)}, "Accuracy", "accuracy")
    >>> figure.data[0].x, figure.data[0].y
    ((0.8,), ('dacl',))
    """
    figure = Figure()
    for index, (name, (low, middle, high)) in enumerate(intervals.items()):
        colour, _, symbol = LOOKS[index % len(LOOKS)]
        figure.add_scatter(
            x=[middle],
            y=[name],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 12},
            error_x={"type": "data", "symmetric": False, "array": [high - middle], "arrayminus": [middle - low]},
            showlegend=False,
        )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title=axis)
    figure.update_layout(title=title, width=640, height=150 + 50 * len(intervals), margin={"l": 150})
    return figure

"""Numbers with their uncertainty."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping

from plotly.graph_objects import Figure

from dacl_edu.plots.style import BLACK, GREY, LOOKS, finish


def interval_plot(
    intervals: Mapping[str, tuple[float, float, float]], title: str, axis: str, images_only: Container[str] = ()
) -> Figure:
    """Draw one point a row with a bar from low to high.

    Parameters
    ----------
    intervals : mapping of str to (low, middle, high)
        NaN for low and high where the interval is not known: the point stands alone.
    title : str
    axis : str
        What the numbers are, with their unit.
    images_only : container of str, default none
        Rows whose interval is of a single seed: it says what other images might have given, nothing of another seed.
        They are drawn in grey, with an open symbol.

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
    said = []
    for index, (name, (low, middle, high)) in enumerate(intervals.items()):
        # More rows than looks: a look that comes twice would say that two rows belong together.
        colour, _, symbol = LOOKS[index if len(intervals) <= len(LOOKS) else 0]
        if name in images_only:
            colour, symbol = GREY, f"{symbol}-open"
        known = math.isfinite(low) and math.isfinite(high)
        words = f"{middle:.4g}" + (f", from {low:.4g} to {high:.4g}" if known else ", interval not known")
        called = name.replace("<br>", ", ")
        said.append(f"{called}: {words}")
        figure.add_scatter(
            x=[middle],
            y=[name],
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 12, "line": {"width": 2}},
            error_x={"type": "data", "symmetric": False, "array": [high - middle], "arrayminus": [middle - low]}
            if known
            else None,
            hovertemplate=f"{called}: {words}<extra></extra>",
            showlegend=False,
        )
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title=axis, zerolinecolor=BLACK, zerolinewidth=1.5)
    return finish(
        figure,
        title,
        f"One point with a bar a row. {'; '.join(said)}.",
        width=640,
        height=150 + 50 * len(intervals),
        margin={"l": 150},
    )

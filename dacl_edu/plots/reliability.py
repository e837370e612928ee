"""Confidence against accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from dacl_edu.errors import UserError
from dacl_edu.plots.style import GREY, LOOKS, finish

if TYPE_CHECKING:
    from dacl_edu.evaluation.calibration import Reliability


def reliability_diagram(found: Mapping[str, Reliability], errors: Mapping[str, float] | None = None) -> Figure:
    """Draw accuracy over confidence, and below it how many images each part of the confidence holds.

    Parameters
    ----------
    found : mapping of str to Reliability
        By method, from :func:`dacl_edu.evaluation.calibration.reliability`.
    errors : mapping of str to float, optional
        Expected calibration errors, for the words.

    Returns
    -------
    Figure
        For each method a line (percent over percent) and a line of counts; first the diagonal.

    Examples
    --------
    >>> import numpy as np
    >>> from dacl_edu.evaluation.calibration import Reliability
    >>> one = Reliability(np.array([0.5, 0.9]), np.array([0.4, 0.8]), np.array([3, 7]))
    >>> [trace.name for trace in reliability_diagram({"dacl": one}).data]
    ['as sure as right', 'dacl', 'dacl']
    """
    if not found:
        raise UserError("no method to draw", hint="name at least one")
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06)
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", name="as sure as right", line={"color": GREY, "dash": "dot"},
        hoverinfo="skip", row=1, col=1,
    )  # fmt: skip
    said = []
    for index, (name, one) in enumerate(found.items()):
        colour, dash, symbol = LOOKS[index % len(LOOKS)]
        confidence, accuracy = (100 * one.confidence).round(2).tolist(), (100 * one.accuracy).round(2).tolist()
        look = {"line": {"color": colour, "dash": dash}, "marker": {"symbol": symbol, "size": 8}, "legendgroup": name}
        figure.add_scatter(
            x=confidence, y=accuracy, mode="lines+markers", name=name, customdata=one.images.tolist(), row=1, col=1,
            hovertemplate=f"{name}: %{{customdata}} images, %{{x:.0f}} % sure, %{{y:.0f}} % right<extra></extra>",
            **look,
        )  # fmt: skip
        figure.add_scatter(
            x=confidence, y=one.images.tolist(), mode="lines+markers", name=name, showlegend=False, row=2, col=1,
            hovertemplate=f"{name}: %{{y}} images<extra></extra>", **look,
        )  # fmt: skip
        error = f", calibration error {100 * errors[name]:.1f} points" if errors and name in errors else ""
        said.append(f"{name}: {confidence[-1]:.0f} % sure and {accuracy[-1]:.0f} % right where it is surest{error}")
    figure.update_xaxes(range=[0, 102])
    figure.update_xaxes(title="confidence of the answer, %", row=2, col=1)
    figure.update_yaxes(title="right answers, %", range=[0, 102], row=1, col=1)
    figure.update_yaxes(title="images", rangemode="tozero", row=2, col=1)
    return finish(
        figure, "Confidence and accuracy", f"Lines above, counts below. {'; '.join(said)}.",
        width=640, height=520, margin={"l": 65, "r": 15, "t": 60, "b": 100},
        legend={"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom"},
    )  # fmt: skip

"""How runs went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from dacl_edu.plots.style import LOOKS

PANELS = {
    "softmax loss": ("train", "softmax_loss"),
    "right on training images": ("train", "accuracy"),
    "mean attention": ("attention", "mean"),
}


def training_curves(histories: Mapping[str, Sequence[Mapping[str, Any]]], title: str = "Training curves") -> Figure:
    """Draw softmax loss, training accuracy and mean attention over the epochs, one line a run.

    Parameters
    ----------
    histories : mapping of str to sequence of dict
        Name of a run → the lines of its ``metrics.jsonl``.
    title : str

    Returns
    -------
    Figure
        Three panels; traces are in the order run by run, panel by panel.

    Examples
    --------
    >>> line = {"epoch": 1, "train": {"softmax_loss": 1.9, "accuracy": 0.2}, "attention": {"mean": 0.5}}
    >>> [list(trace.y) for trace in training_curves({"dacl": [line]}).data]
    [[1.9], [0.2], [0.5]]
    """
    figure = make_subplots(cols=len(PANELS), subplot_titles=list(PANELS), horizontal_spacing=0.09)
    for index, (name, lines) in enumerate(histories.items()):
        colour, dash, symbol = LOOKS[index % len(LOOKS)]
        for column, (group, key) in enumerate(PANELS.values(), start=1):
            figure.add_scatter(
                x=[line["epoch"] for line in lines],
                y=[line[group][key] for line in lines],
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                mode="lines+markers",
                line={"color": colour, "dash": dash},
                marker={"symbol": symbol, "size": 7},
                row=1,
                col=column,
            )
    figure.update_xaxes(title="epoch")
    figure.update_layout(title=title, width=760, height=340, legend={"orientation": "h", "y": -0.3})
    figure.update_layout(margin={"l": 50, "r": 10, "t": 80})
    return figure

"""How runs went, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import mean, stdev
from typing import Any, NamedTuple

from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from dacl_edu.errors import UserError
from dacl_edu.evaluation.metrics import uses_attention
from dacl_edu.plots.style import LOOKS, finish

Line = Mapping[str, Any]


class Panel(NamedTuple):
    """One quantity over the epochs: what its axis says, how a hover prints it, and where it is in a line."""

    axis: str
    format: str
    value: Callable[[Line], float | None]


def _of(group: str, key: str) -> Callable[[Line], float | None]:
    return lambda line: (line.get(group) or {}).get(key)


def _attention(key: str) -> Callable[[Line], float | None]:
    """Of a method without attention all weights are 1: no line, so that the scale is that of those with one."""
    return lambda line: (line["attention"] or {}).get(key) if uses_attention(line.get("attention")) else None


def _weighted(line: Line) -> float | None:
    total, softmax = _of("train", "loss")(line), _of("train", "softmax_loss")(line)
    return None if total is None or softmax is None else total - softmax  # Eq. 8


PANELS: dict[str, Panel] = {
    "total loss, Eq. 8": Panel("loss", ".4f", _of("train", "loss")),
    "softmax loss": Panel("loss", ".4f", _of("train", "softmax_loss")),
    "λ × metric loss": Panel("loss", ".4f", _weighted),
    "right on training images": Panel("share of images", ".1%", _of("train", "accuracy")),
    "right on validation images": Panel("share of images", ".1%", _of("validation", "accuracy")),
    "mean attention": Panel("mean of a, 0 to 1", ".4f", _attention("mean")),
    "entropy of attention": Panel("share of log d", ".4f", _attention("entropy")),
}
"""What can be drawn from ``metrics.jsonl``."""
SHORT = ("softmax loss", "right on training images", "mean attention")


def training_curves(
    histories: Mapping[str, Sequence[Line]],
    title: str = "Training curves",
    panels: Sequence[str] = SHORT,
    groups: Mapping[str, str] | None = None,
    band: bool = False,
) -> Figure:
    """Draw quantities of training over the epochs, one line a run or one a method.

    Parameters
    ----------
    histories : mapping of str to sequence of dict
        Name of a run → the lines of its ``metrics.jsonl``.
    title : str
    panels : sequence of str
        Names in :data:`PANELS`; ``list(PANELS)`` draws them all. The term of the metric loss is that of Eq. 8, with λ.
    groups : mapping of str to str, optional
        Name of a run → name of its method: runs of a method share a look and one entry in the legend.
    band : bool, default False
        Draw the runs of a method as their mean, with a band of one sample standard deviation to each side. A method
        with a single run keeps its line, without a band.

    Returns
    -------
    Figure
        One panel a quantity, three in a row; traces are in the order run by run, panel by panel. A quantity that a run
        did not write is None there. With ``band`` a method with several runs has two traces a panel, the band first.

    Examples
    --------
    >>> line = {"epoch": 1, "train": {"softmax_loss": 1.9, "accuracy": 0.2}, "attention": {"mean": 0.5}}
    >>> [list(trace.y) for trace in training_curves({"dacl": [line]}).data]
    [[1.9], [0.2], [0.5]]
    """
    unknown = [name for name in panels if name not in PANELS]
    if unknown or not panels:
        raise UserError(f"no panel {', '.join(map(repr, unknown))}", hint=f"known: {', '.join(PANELS)}")
    if not histories:
        raise UserError("no runs to draw", hint="name at least one")
    columns, longest = min(len(panels), 3), max(map(len, histories.values()))
    rows = -(-len(panels) // columns)
    figure = make_subplots(
        rows=rows, cols=columns, subplot_titles=list(panels), horizontal_spacing=0.09, vertical_spacing=0.42 / rows**1.3
    )
    order = list(dict.fromkeys((groups or {}).get(name, name) for name in histories))
    named: set[str] = set()
    for name, series, spreads in _drawn(histories, panels, groups or {}, band):
        group = (groups or {}).get(name, name)
        colour, dash, symbol = LOOKS[order.index(group) % len(LOOKS)]
        for index, panel in enumerate(panels):
            form, place = PANELS[panel].format, {"row": index // columns + 1, "col": index % columns + 1}
            epochs, middle = series[panel]
            if panel in spreads:
                known = [(x, y, s) for x, y, s in zip(epochs, middle, spreads[panel], strict=True) if y is not None]
                figure.add_scatter(
                    x=[x for x, _, _ in known] + [x for x, _, _ in reversed(known)],
                    y=[y + s for _, y, s in known] + [y - s for _, y, s in reversed(known)],
                    name=f"{group}: ± one standard deviation",
                    legendgroup=group,
                    showlegend=False,
                    mode="lines",
                    line={"width": 0, "color": colour},
                    fill="toself",
                    fillcolor=_faint(colour),
                    hoverinfo="skip",
                    **place,
                )
            figure.add_scatter(
                x=epochs,
                y=middle,
                name=group,
                legendgroup=group,
                showlegend=group not in named and index == 0,
                mode="lines+markers",
                line={"color": colour, "dash": dash},
                marker={"symbol": symbol, "size": 7 if longest < 20 else 4},
                hovertemplate=f"{name}, epoch %{{x}}: %{{y:{form}}}<extra></extra>",
                **place,
            )
        named.add(group)
    for index, panel in enumerate(panels):
        figure.update_yaxes(
            title={"text": PANELS[panel].axis, "standoff": 4},
            tickformat=".0%" if PANELS[panel].format.endswith("%") else None,
            row=index // columns + 1,
            col=index % columns + 1,
        )
    figure.update_xaxes(title={"text": "epoch", "standoff": 4})
    return finish(
        figure,
        title,
        _words(histories, panels, groups or {}),
        width=820 if columns == 3 else 400 * columns,
        height=90 + 250 * rows,
        legend={"orientation": "h", "y": 0, "yref": "container", "yanchor": "bottom"},
        margin={"l": 60, "r": 10, "t": 80, "b": 90},
    )


Series = tuple[list[int], list[float | None]]


def _drawn(
    histories: Mapping[str, Sequence[Line]], panels: Sequence[str], groups: Mapping[str, str], band: bool
) -> Iterator[tuple[str, dict[str, Series], dict[str, list[float]]]]:
    """What is drawn as one: name, epochs and values of each panel, and standard deviations where there are several."""
    members: dict[str, list[Sequence[Line]]] = {}
    for name, lines in histories.items():
        members.setdefault(groups.get(name, name) if band else name, []).append(lines)
    for name, runs in members.items():
        series: dict[str, Series] = {}
        spreads: dict[str, list[float]] = {}
        for panel in panels:
            found: dict[int, list[float]] = {}
            for lines in runs:
                for line in lines:
                    value = PANELS[panel].value(line)
                    found.setdefault(line["epoch"], []).extend([] if value is None else [value])
            series[panel] = sorted(found), [mean(found[epoch]) if found[epoch] else None for epoch in sorted(found)]
            if len(runs) > 1:
                spreads[panel] = [stdev(found[e]) if len(found[e]) > 1 else 0.0 for e in sorted(found)]
        yield name, series, spreads


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"


def _words(histories: Mapping[str, Sequence[Line]], panels: Sequence[str], groups: Mapping[str, str]) -> str:
    """Say where the lines begin and end, for those who do not see them; method by method."""
    members: dict[str, list[Sequence[Line]]] = {}
    for name, lines in histories.items():
        members.setdefault(groups.get(name, name), []).append(lines)
    said = []
    for group, runs in members.items():
        parts = []
        for panel in panels:
            known = [
                [value for line in lines if (value := PANELS[panel].value(line)) is not None and math.isfinite(value)]
                for lines in runs
            ]
            ends = [(values[0], values[-1]) for values in known if values]
            if ends:
                first, last = (_span(side) for side in zip(*ends, strict=True))
                parts.append(f"{panel} from {first} to {last}")
        several = f" ({len(runs)} runs)" if len(runs) > 1 else ""
        said.append(f"{group}{several}: {', '.join(parts) or 'no values'}")
    return f"{len(panels)} panels over the epochs, one line a run. {'; '.join(said)}."


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low}–{high}"

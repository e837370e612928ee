"""The picture of the loss lab: features, centers, arrows, and the losses over the steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from plotly.graph_objects import Figure
from plotly.subplots import make_subplots
from torch import Tensor

from dacl_edu.plots.style import LOOKS, ORANGE, SKY, class_look, finish

MOST_CLASSES = 7
ARROWS = ("metric loss", "softmax loss", "both (Eq. 8)", "none")
_GREY = "#767676"


def lab_figure(
    features: Tensor,
    labels: Tensor,
    centers: Tensor,
    center_path: Tensor,
    of_softmax: Tensor,
    of_metric: Tensor,
    center_step: Tensor,
    history: Sequence[tuple[float, float, float]],
    attention: Sequence[float] = (1.0, 1.0),
    of_attention: Sequence[float] = (0.0, 0.0),
    arrows: str = ARROWS[0],
) -> Figure:
    """Draw a state of the loss lab; the traces are the same, in the same order, for every state.

    Parameters
    ----------
    features : Tensor, shape (m, 2)
    labels : Tensor, shape (m,)
    centers : Tensor, shape (K, 2), K at most 7
    center_path : Tensor, shape (steps + 1, K, 2)
    of_softmax, of_metric : Tensor, shape (m, 2)
        Gradients of L_S and of λ L_metric by the features. Arrows are ``-m`` times as long, so that with a = 1 and
        λ = 1 those of Eq. 9 end in the center.
    center_step : Tensor, shape (K, 2)
        What one step adds to the centers, Eq. 11.
    history : sequence of (total, softmax, metric)
        Before each step taken, and now.
    attention, of_attention : (float, float)
        The a of both dimensions, and the gradient of λ L_metric by it, Eq. 10.
    arrows : {"metric loss", "softmax loss", "both (Eq. 8)", "none"}

    Returns
    -------
    Figure
        Seven traces of features (empty beyond K), then ``paths of centers``, ``gradient``, ``centers``,
        ``center steps``; at the upper right ``L``, ``L_S`` and ``λ L_metric``; below bars of ``a`` and ``∂L/∂a``.
    """
    figure = make_subplots(
        rows=2, cols=2, column_widths=[0.62, 0.38], horizontal_spacing=0.1, vertical_spacing=0.16,
        specs=[[{"rowspan": 2}, {}], [None, {}]],
    )  # fmt: skip
    left: dict[str, Any] = {"row": 1, "col": 1}
    for k in range(MOST_CLASSES):
        look, of_class = class_look(k), features[labels == k]
        figure.add_scatter(
            **_xy(of_class), mode="markers", name=f"class {k}", showlegend=k < len(centers),
            marker={"color": look.colour, "symbol": look.symbol, "size": 7, "opacity": 0.8},
            hovertemplate=f"class {k}: (%{{x:.2f}}, %{{y:.2f}})<extra></extra>", **left,
        )  # fmt: skip
    figure.add_scatter(
        **_joined([center_path[:, k] for k in range(len(centers))]), mode="lines", name="paths of centers",
        line={"color": _GREY, "width": 1, "dash": "dot"}, hoverinfo="skip", showlegend=False, **left,
    )  # fmt: skip
    shown = {ARROWS[0]: of_metric, ARROWS[1]: of_softmax, ARROWS[2]: of_metric + of_softmax}.get(arrows)
    figure.add_scatter(
        **_arrows(features, None if shown is None else -len(features) * shown, _GREY, 1, 8), name="−m ∂L/∂x", **left,
    )  # fmt: skip
    figure.add_scatter(
        **_xy(centers), mode="markers", name="centers",
        marker={
            "color": [class_look(k).colour for k in range(len(centers))],
            "symbol": [class_look(k).symbol for k in range(len(centers))],
            "size": 15, "line": {"color": "black", "width": 2},
        },
        text=[f"center {k}" for k in range(len(centers))], hovertemplate="%{text}: (%{x:.2f}, %{y:.2f})<extra></extra>",
        **left,
    )  # fmt: skip
    figure.add_scatter(**_arrows(centers, center_step, "black", 2.5, 11), name="−α Δc, Eq. 11", **left)
    _add_losses(figure, history)
    _add_attention(figure, attention, of_attention)
    reach = _reach(features, center_path[-1])
    figure.update_xaxes(title="x₁", range=[-reach, reach], **left)
    figure.update_yaxes(title="x₂", range=[-reach, reach], scaleanchor="x", **left)
    return finish(
        figure, "Features, losses and attention",
        _alt(features, labels, centers, history) + _said(attention, of_attention),
        width=800, height=560, margin={"l": 50, "r": 10, "t": 50, "b": 50},
        legend={"orientation": "h", "y": -0.13, "yanchor": "top"}, uirevision="same",
    )  # fmt: skip


def _add_losses(figure: Figure, history: Sequence[tuple[float, float, float]]) -> None:
    curves = ("L", [total for total, _, _ in history]), ("L_S", [softmax for _, softmax, _ in history])
    # λ may have been changed on the way: its share is what total and softmax leave.
    share = [total - softmax for total, softmax, _ in history]
    for (name, values), (colour, dash, _) in zip((*curves, ("λ L_metric", share)), LOOKS, strict=False):
        figure.add_scatter(
            x=list(range(len(history))), y=values, name=name, mode="lines+markers" if len(history) < 2 else "lines",
            line={"color": colour, "dash": dash}, hovertemplate=f"{name} after %{{x}} steps: %{{y:.3f}}<extra></extra>",
            row=1, col=2,
        )  # fmt: skip
    most = max(total for total, *_ in history)
    figure.update_xaxes(title="steps taken", range=[-0.5, max(20, len(history) - 1)], row=1, col=2)
    figure.update_yaxes(title="loss", range=[0, 1.08 * most] if most > 0 else None, row=1, col=2)


def _add_attention(figure: Figure, attention: Sequence[float], of_attention: Sequence[float]) -> None:
    for name, values, colour, pattern in (("a", attention, SKY, ""), ("∂L/∂a, Eq. 10", of_attention, ORANGE, "/")):
        figure.add_bar(
            x=["a₁", "a₂"], y=list(values), name=name, marker={"color": colour, "pattern": {"shape": pattern}},
            hovertemplate=f"{name} of %{{x}}: %{{y:.3f}}<extra></extra>", row=2, col=2,
        )  # fmt: skip
    ends = [0.0, 1.0, *of_attention]
    figure.update_yaxes(title="a and its gradient", range=[1.08 * min(ends), 1.08 * max(ends)], row=2, col=2)


def _reach(*points: Tensor) -> float:
    """Half the side of the picture: grows in steps, so that it does not shiver while points move."""
    largest = max(float(p.abs().max()) for p in points)
    return 3.0 * 1.25 ** max(0, math.ceil(math.log(max(largest * 1.08, 1e-9) / 3.0, 1.25)))


def _xy(points: Tensor) -> dict[str, list[float]]:
    x, y = points.T.tolist() if len(points) else ([], [])
    return {"x": x, "y": y}


def _joined(paths: Sequence[Tensor]) -> dict[str, list[float | None]]:
    """Several lines as one trace, divided by None."""
    x: list[float | None] = []
    y: list[float | None] = []
    for path in paths:
        ends = _xy(path)
        x += [*ends["x"], None]
        y += [*ends["y"], None]
    return {"x": x, "y": y}


def _arrows(origin: Tensor, shift: Tensor | None, colour: str, width: float, head: int) -> dict[str, Any]:
    import torch

    pairs = [] if shift is None else [torch.stack(ends) for ends in zip(origin, origin + shift, strict=True)]
    return {
        **_joined(pairs),
        "mode": "lines+markers",
        "line": {"color": colour, "width": width},
        "marker": {"symbol": "arrow", "angleref": "previous", "color": colour, "size": [0, head, 0] * len(pairs)},
        "hoverinfo": "skip",
    }


def _alt(
    features: Tensor, labels: Tensor, centers: Tensor, history: Sequence[tuple[float, float, float]]
) -> str:  # fmt: skip
    own = (features - centers[labels]).norm(dim=1).mean().item()
    words = (
        f"{len(features)} points of {len(centers)} classes in the plane with their centers, step {len(history) - 1}; "
    )
    words += f"mean distance to the own center {own:.2f}. "
    return words + f"The loss went from {history[0][0]:.2f} to {history[-1][0]:.2f}."


def _said(attention: Sequence[float], of_attention: Sequence[float]) -> str:
    (a1, a2), (d1, d2) = attention, of_attention
    return f" Attention {a1:.2f} and {a2:.2f}, its gradient {d1:.2f} and {d2:.2f}."

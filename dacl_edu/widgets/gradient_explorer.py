"""The gradient explorer: one sample, one dimension; Eq. 4 over x and over a, with its slopes, Eq. 9 and 10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from dacl_edu.check.gradients import GradientCheck, compare_gradients
from dacl_edu.losses import sparse_center_loss
from dacl_edu.text import fixed

if TYPE_CHECKING:
    import ipywidgets as widgets
    from plotly.graph_objects import Figure

X_RANGE, A_RANGE = (-3.0, 3.0), (0.0, 1.0)
_STEP = 1e-6  # half the distance of a finite difference


@dataclass(frozen=True)
class Point:
    """Where the sliders stand: one sample (m = 1) in one dimension.

    Attributes
    ----------
    x, c : float
        Feature and center.
    a : float
        Attention.
    lam : float
        λ, the gradient that arrives from above.
    """

    x: float = 1.5
    c: float = -0.5
    a: float = 0.6
    lam: float = 1.0

    def inputs(self) -> dict[str, Tensor]:
        """Return the arguments of :func:`dacl_edu.losses.sparse_center_loss`, each (1, 1)."""
        x, a, c = (torch.full((1, 1), value, dtype=torch.float64) for value in (self.x, self.a, self.c))
        return {"features": x, "attention": a, "labels": torch.tensor([0]), "centers": c}


class Slopes(NamedTuple):
    """A derivative by x and by a."""

    by_x: float
    by_a: float


def loss_at(point: Point) -> float:
    """λ times Eq. 4, by the package.

    Examples
    --------
    >>> loss_at(Point(x=2.0, c=0.0, a=0.5))
    1.0
    """
    return point.lam * sparse_center_loss(**point.inputs()).item()


def package_slopes(point: Point) -> Slopes:
    """Eq. 9 and Eq. 10: what the package's hand-written backward returns.

    Examples
    --------
    >>> package_slopes(Point(x=2.0, c=0.0, a=0.5))   # a (x - c), (x - c)² / 2
    Slopes(by_x=1.0, by_a=2.0)
    """
    return _differentiated(sparse_center_loss, point)


def long_hand(features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
    """Eq. 4 in plain tensor operations, for autograd to differentiate."""
    return (attention * (features - centers[labels]) ** 2).sum() / (2 * len(features))


def autograd_slopes(point: Point) -> Slopes:
    """What autograd makes of :func:`long_hand`."""
    return _differentiated(long_hand, point)


def numeric_slopes(point: Point) -> Slopes:
    """Central finite differences of the package's loss.

    Examples
    --------
    >>> [round(slope, 6) for slope in numeric_slopes(Point(x=2.0, c=0.0, a=0.5))]
    [1.0, 2.0]
    """
    return Slopes(*(_difference(point, name) for name in ("x", "a")))


def _difference(point: Point, name: str) -> float:
    here = vars(point)
    above, below = (Point(**{**here, name: here[name] + sign * _STEP}) for sign in (1, -1))
    return (loss_at(above) - loss_at(below)) / (2 * _STEP)


def _differentiated(loss: Any, point: Point) -> Slopes:
    inputs = point.inputs()
    by = [inputs[name].requires_grad_() for name in ("features", "attention")]
    by_x, by_a = torch.autograd.grad(point.lam * loss(**inputs), by)
    return Slopes(by_x.item(), by_a.item())


def checks(point: Point) -> list[GradientCheck]:
    """Compare package and autograd with finite differences, by :func:`dacl_edu.check.gradients.compare_gradients`.

    Returns
    -------
    list of GradientCheck
        By x and by a; first the package, then autograd of the long-hand formula.

    Examples
    --------
    >>> [check.verdict for check in checks(Point())]
    ['ok', 'ok', 'ok', 'ok']
    """

    def scaled(loss: Any) -> Any:
        return lambda **inputs: point.lam * loss(**inputs)

    return compare_gradients(scaled(sparse_center_loss), point.inputs(), reference=scaled(long_hand))


def comparison(point: Point) -> list[tuple[str, str, str, str, str]]:
    """Return the rows of the table: slope, package, autograd, finite differences, verdict.

    Examples
    --------
    >>> comparison(Point(x=2.0, c=0.0, a=0.5))[0][1:]
    ('1.0000', '1.0000', '1.0000', 'ok')
    """
    found = checks(point)
    columns = package_slopes(point), autograd_slopes(point), numeric_slopes(point)
    names = {"features": "∂L/∂x = λ a (x − c)   Eq. 9", "attention": "∂L/∂a = λ (x − c)² / 2   Eq. 10"}
    table = []
    for place, (quantity, name) in enumerate(names.items()):
        bad = [check.verdict for check in found if check.quantity == quantity and not check.ok]
        values = [fixed(slopes[place], 4) for slopes in columns]
        table.append((name, values[0], values[1], values[2], bad[0] if bad else "ok"))
    return table


def gradient_figure(point: Point) -> Figure:
    """Draw Eq. 4 over x and over a through a point, each with its tangent: losses and slopes are the package's.

    Left: ``Eq. 4 over x``, ``slope, Eq. 9``, the point, the center. Right: ``Eq. 4 over a``, ``slope, Eq. 10``, it.
    """
    from plotly.subplots import make_subplots

    from dacl_edu.plots.style import BLUE, ORANGE, finish

    slopes, height = package_slopes(point), loss_at(point)
    panels = (("x", X_RANGE, point.x, slopes.by_x, 9, 1.0), ("a", A_RANGE, point.a, slopes.by_a, 10, 0.25))
    figure = make_subplots(cols=2, horizontal_spacing=0.1, subplot_titles=[" ", " "])
    for col, (name, limits, here, slope, equation, half) in enumerate(panels, start=1):
        places = torch.linspace(*limits, 61).tolist()
        values = [loss_at(Point(**{**vars(point), name: place})) for place in places]
        figure.add_scatter(
            x=places, y=values, name=f"Eq. 4 over {name}", line={"color": BLUE, "width": 3},
            hovertemplate=f"{name} = %{{x:.2f}}: λL = %{{y:.3f}}<extra></extra>", row=1, col=col,
        )  # fmt: skip
        figure.add_scatter(
            x=[here - half, here + half], y=[height - half * slope, height + half * slope], mode="lines",
            name=f"slope, Eq. {equation}", line={"color": ORANGE, "width": 3, "dash": "dash"}, hoverinfo="skip",
            row=1, col=col,
        )  # fmt: skip
        figure.add_scatter(
            x=[here], y=[height], mode="markers", name="sample", showlegend=col == 1,
            marker={"color": ORANGE, "size": 12, "symbol": "circle"},
            hovertemplate=f"{name} = %{{x:.2f}}: λL = %{{y:.3f}}<extra></extra>", row=1, col=col,
        )  # fmt: skip
        figure.layout.annotations[col - 1].text = f"slope by {name}: {fixed(slope, 3)}"
        if name == "x":
            figure.add_scatter(
                x=[point.c], y=[0], mode="markers", name="center c", hovertemplate="c = %{x:.2f}<extra></extra>",
                marker={"color": "black", "size": 13, "symbol": "x"}, row=1, col=col,
            )  # fmt: skip
    figure.update_xaxes(title="feature x", range=list(X_RANGE), row=1, col=1)
    figure.update_xaxes(title="attention a", range=[-0.05, 1.05], row=1, col=2)
    figure.update_yaxes(range=[-1, 8.5], row=1)
    figure.update_yaxes(title="λ × L of Eq. 4", row=1, col=1)
    return finish(
        figure, "The loss of one sample, its two slopes",
        f"Two panels. Left, a parabola over x with its lowest point at the center {fixed(point.c, 2)}; at "
        f"x = {fixed(point.x, 2)} the tangent has slope {fixed(slopes.by_x, 3)}. Right, a straight line over a that "
        f"never falls; its slope is {slopes.by_a:.3f}.",
        width=800, height=430, margin={"l": 60, "r": 10, "t": 90, "b": 50},
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"}, uirevision="same",
    )  # fmt: skip


def sentence(point: Point) -> str:
    """Say what the slopes do to the sample.

    Examples
    --------
    >>> sentence(Point(x=1.0, c=1.0))
    'The sample lies on its center: nothing pulls at x, and nothing at a.'
    """
    if point.lam == 0:
        return "With λ = 0 the loss asks for nothing."
    by_x, by_a = package_slopes(point)
    if by_a == 0:
        return "The sample lies on its center: nothing pulls at x, and nothing at a."
    down = f"Gradient descent also lowers a (slope {by_a:.3f}, a square, so never negative)."
    if by_x == 0:
        return f"With a = 0 nothing pulls at x, however far the center is. {down}"
    return f"Gradient descent moves x {'left' if by_x > 0 else 'right'}, towards its center. {down}"


def gradient_explorer() -> widgets.VBox:
    """Return the explorer: sliders for x, c, a and λ, the two curves, and a table that compares the gradients."""
    from dacl_edu.widgets import layout

    begin, slider = Point(), layout.slider
    controls: Mapping[str, Any] = {
        "x": slider("feature x", begin.x, -2, 2, 0.1, "Where the sample is."),
        "c": slider("center c", begin.c, -2, 2, 0.1, "Where the center of its class is."),
        "a": slider("attention a", begin.a, 0, 1, 0.05, "How much this dimension counts."),
        "lam": slider("λ", begin.lam, 0, 1, 0.05, "Weight of the loss, Eq. 8: it multiplies both slopes."),
    }
    figure, words, table = layout.live(gradient_figure(begin)), layout.text(), layout.text()

    def changed() -> None:
        point = Point(**{name: round(control.value, 6) for name, control in controls.items()})
        layout.follow(figure, gradient_figure(point), ("meta", "annotations[0].text", "annotations[1].text"))
        layout.say(words, sentence(point))
        head = ("slope", "package, by hand", "autograd", "finite differences", "they agree")
        table.value = layout.table("The same slopes in three ways", head, comparison(point))

    changed()
    layout.watch(controls.values(), changed)
    return layout.rows(list(controls.values()), figure, words, table)

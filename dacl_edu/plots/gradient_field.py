"""Where a loss pulls: its gradient at each place around a center, in two dimensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots
from torch import Tensor

from dacl_edu.errors import UserError
from dacl_edu.plots.style import BLACK, class_look, finish

LossFunction = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def negative_gradient(
    loss: LossFunction, places: Tensor, attention: Tensor, centers: Tensor, label: int = 0
) -> tuple[Tensor, Tensor]:
    """Return loss and −∂L/∂x for one sample at each place, alone in its batch.

    Parameters
    ----------
    loss : callable
        ``(features (1, d), attention (1, d), labels (1,), centers (K, d)) -> scalar``: any ``MetricLoss``.
    places : Tensor, shape (n, d)
    attention : Tensor, shape (d,)
    centers : Tensor, shape (K, d)
    label : int, default 0
        The class of the sample.

    Returns
    -------
    value : Tensor, shape (n,)
    step : Tensor, shape (n, d)

    Examples
    --------
    >>> from dacl_edu.losses import build_loss
    >>> x, a, c = torch.tensor([[2.0, 1.0]]), torch.tensor([1.0, 0.5]), torch.zeros(1, 2)
    >>> negative_gradient(build_loss("sparse_center"), x, a, c)[1].tolist()  # −a (x − c), Eq. 9
    [[-2.0, -0.5]]
    """
    values, steps = [], []
    for place in places:
        x = place[None].detach().clone().requires_grad_()
        value = loss(x, attention[None], torch.tensor([label]), centers)
        (gradient,) = torch.autograd.grad(value, x)
        values.append(value.detach())
        steps.append(-gradient[0])
    return torch.stack(values), torch.stack(steps)


def gradient_field(
    losses: Mapping[str, LossFunction] | None = None,
    attention: Sequence[float] = (1.0, 0.2),
    centers: Sequence[Sequence[float]] = ((0.0, 0.0),),
    classes: Sequence[str] = (),
    label: int = 0,
    span: float = 2.0,
    points: int = 11,
) -> Figure:
    """Draw arrows of −∂L/∂x around a class center, one panel a loss, all on one scale.

    Parameters
    ----------
    losses : mapping of str to callable, optional
        Name → any ``MetricLoss``, or a function of the same arguments. By default center loss (Eq. 3) beside sparse
        center loss (Eq. 4).
    attention : (2,) numbers
        a of Eq. 4, the same at each place.
    centers : (K, 2) numbers
    classes : sequence of str, optional
        Names of the K classes.
    label : int, default 0
        The class of the sample that is moved about; its center is in the middle.
    span : float, default 2
        How far the picture goes from that center.
    points : int, default 11
        Arrows along each side.

    Returns
    -------
    Figure
        For each loss a trace of arrows (``customdata``: the gradient's two numbers, then the loss) and one of the
        centers. An arrow is drawn to scale; the longest of all panels is as long as the grid is wide.

    Raises
    ------
    UserError
        Attention or centers that are not two-dimensional, or a class that has no center.

    Examples
    --------
    >>> figure = gradient_field(points=3)
    >>> figure.data[0].customdata[1][:2]  # the end of the first arrow, at (-2, -2): straight to the center
    [2.0, 2.0]
    """
    a, c = torch.tensor(attention, dtype=torch.float32), torch.tensor(centers, dtype=torch.float32)
    if a.shape != (2,) or c.dim() != 2 or c.shape[1] != 2:
        raise UserError(
            f"attention {tuple(a.shape)} and centers {tuple(c.shape)}", hint="two dimensions: (2,) and (K, 2)"
        )
    if not 0 <= label < len(c):
        raise UserError(f"class {label} has no center", hint=f"there are {len(c)}")
    losses = losses or _paper_losses()
    steps = torch.linspace(-span, span, max(points, 2))
    places = c[label] + torch.cartesian_prod(steps, steps)  # (points², 2)
    fields = {name: negative_gradient(loss, places, a, c, label) for name, loss in losses.items()}
    largest = max(float(step.norm(dim=1).nan_to_num().max()) for _, step in fields.values())
    scale = float(steps[1] - steps[0]) / largest if largest else 0.0
    names = [classes[k] if k < len(classes) else f"class {k}" for k in range(len(c))]
    figure = make_subplots(cols=len(fields), subplot_titles=list(fields), shared_yaxes=True, horizontal_spacing=0.05)
    for column, (value, step) in enumerate(fields.values(), start=1):
        figure.add_scatter(**_arrows(places, step, value, scale), row=1, col=column)
        looks = [class_look(k) for k in range(len(c))]
        figure.add_scatter(
            x=c[:, 0].tolist(),
            y=c[:, 1].tolist(),
            mode="markers+text",
            text=[f"c of {name}" for name in names],
            textposition="top center",
            marker={
                "color": [look.colour for look in looks],
                "symbol": [look.symbol for look in looks],
                "size": 14,
                "line": {"color": BLACK, "width": 1.5},
            },
            hovertemplate="center, %{text}: (%{x:.2f}, %{y:.2f})<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
    edge = span * (1 + 1.2 / max(points - 1, 1))
    middle = c[label].tolist()
    figure.update_xaxes(title="x₁, first dimension", range=[middle[0] - edge, middle[0] + edge], constrain="domain")
    figure.update_yaxes(range=[middle[1] - edge, middle[1] + edge], constrain="domain")
    figure.update_yaxes(title="x₂, second dimension", col=1)
    for column in range(2, len(fields) + 1):
        figure.update_xaxes(matches="x", col=column)
    figure.update_yaxes(scaleanchor="x", col=1)
    return finish(
        figure,
        f"−∂L/∂x for a sample of {names[label]}, a = ({a[0]:g}, {a[1]:g})",
        _words(fields, names[label]),
        width=90 + 350 * len(fields),
        height=460,
        margin={"l": 65, "r": 15, "t": 85, "b": 55},
    )


def _paper_losses() -> dict[str, LossFunction]:
    from dacl_edu.losses import build_loss

    return {"center loss, Eq. 3": build_loss("center"), "sparse center loss, Eq. 4": build_loss("sparse_center")}


def _arrows(places: Tensor, step: Tensor, value: Tensor, scale: float) -> dict[str, object]:
    hover = "−∂L/∂x = (%{customdata[0]:.3f}, %{customdata[1]:.3f}), L = %{customdata[2]:.3f}<extra></extra>"
    ends = places + scale * step
    x: list[float | None] = []
    y: list[float | None] = []
    numbers: list[list[float]] = []
    for start, end, (dx, dy), level in zip(places.tolist(), ends.tolist(), step.tolist(), value.tolist(), strict=True):
        x += [start[0], end[0], None]
        y += [start[1], end[1], None]
        numbers += [[dx, dy, level]] * 3
    return {
        "x": x,
        "y": y,
        "customdata": numbers,
        "mode": "lines+markers",
        "line": {"color": "#777777", "width": 1.5},
        "marker": {"symbol": "arrow", "angleref": "previous", "size": [0, 9, 0] * len(places), "color": BLACK},
        "hovertemplate": hover,
        "showlegend": False,
    }


def _words(fields: Mapping[str, tuple[Tensor, Tensor]], name: str) -> str:
    said = []
    for loss, (_, step) in fields.items():
        across, up = np.abs(step.nan_to_num().numpy()).mean(axis=0)
        said.append(f"{loss}: on average {across:.2f} along the first dimension and {up:.2f} along the second")
    return f"Arrows show where the loss pulls a sample of {name} from each place around its center. {'; '.join(said)}."

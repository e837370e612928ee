"""The loss lab: free 2-D features under Eq. 8 and centers under Eq. 11, step by step.

The state goes in and comes out of plain functions (:func:`start`, :func:`step`, :func:`lab_figure`); the widget of
:func:`loss_lab` only calls them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from dacl_edu.centers import center_delta
from dacl_edu.losses import MetricLoss, available_losses, build_loss, softmax_loss
from dacl_edu.text import fixed

if TYPE_CHECKING:
    import ipywidgets as widgets

PER_CLASS = 12
STEP_SIZE = 0.1
"""η: a feature moves by ``-η · m · ∂L/∂x``; the m takes back the mean over the batch, so that steps can be seen.
Attention that learns moves by ``-η · ∂L/∂a``, between 0 and 1."""
MOST_CLASSES = 7
LAMBDAS = (0, 0.01, 0.03, 0.1, 0.3, 1, 3)
_RANGES = ("meta", *(f"{axis}.range" for axis in ("xaxis", "yaxis", "xaxis2", "yaxis2", "yaxis3")))


@dataclass(frozen=True)
class LabSettings:
    """What the controls say.

    Attributes
    ----------
    loss : str
        Name of a registered loss, or ``package.module:ClassName``.
    lam : float
        λ of Eq. 8.
    alpha : float
        α of Algorithm 1, line 15.
    classes : int
        K, 2 to 7.
    attention : (float, float)
        a of every sample.
    softmax : bool
        Whether the softmax loss takes part; its classifier is fixed, one direction a class.
    learns : bool
        Whether a step moves the attention, too.
    seed : int
    """

    loss: str = "sparse_center"
    lam: float = 1.0
    alpha: float = 0.5
    classes: int = 3
    attention: tuple[float, float] = (1.0, 1.0)
    softmax: bool = True
    learns: bool = False
    seed: int = 0


@dataclass(frozen=True)
class LabState:
    """Where everything is.

    Attributes
    ----------
    features : Tensor, shape (m, 2)
    labels : Tensor, shape (m,)
    centers : Tensor, shape (K, 2)
    center_path : Tensor, shape (steps + 1, K, 2)
    history : tuple of (float, float, float)
        Total, softmax and metric loss before each step.
    """

    features: Tensor
    labels: Tensor
    centers: Tensor
    center_path: Tensor
    history: tuple[tuple[float, float, float], ...] = ()


class Pulls(NamedTuple):
    """Losses and gradients at one state.

    Attributes
    ----------
    total, softmax, metric : float
        Of Eq. 8; metric before λ.
    of_softmax, of_metric : Tensor, shape (m, 2)
        Gradients of L_S and of λ L_metric by the features.
    of_attention : Tensor, shape (2,)
        Gradient of λ L_metric by the attention vector that all samples share (Eq. 10, summed); zeros where the loss
        reads no attention.
    """

    total: float
    softmax: float
    metric: float
    of_softmax: Tensor
    of_metric: Tensor
    of_attention: Tensor


def start(settings: LabSettings) -> LabState:
    """Draw features around K places of a circle, and centers as the released code does (std sqrt(2 / K)).

    Examples
    --------
    >>> state = start(LabSettings(classes=4))
    >>> tuple(state.features.shape), tuple(state.centers.shape)
    ((48, 2), (4, 2))
    """
    generator = torch.Generator().manual_seed(settings.seed)
    labels = torch.arange(settings.classes).repeat_interleave(PER_CLASS)  # (m,)
    noise = torch.randn(len(labels), 2, generator=generator, dtype=torch.float64)
    features = 1.6 * directions(settings.classes)[labels] + 0.8 * noise  # (m, 2)
    drawn = torch.randn(settings.classes, 2, generator=generator, dtype=torch.float64)
    centers = math.sqrt(2 / settings.classes) * drawn  # (K, 2)
    return LabState(features, labels, centers, centers[None])


def directions(classes: int) -> Tensor:
    """Return the fixed classifier: one unit vector a class, evenly around the circle, (K, 2).

    Examples
    --------
    >>> directions(2).round().tolist()
    [[1.0, 0.0], [-1.0, 0.0]]
    """
    angle = 2 * math.pi * torch.arange(classes, dtype=torch.float64) / classes
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def measure(state: LabState, settings: LabSettings, metric: MetricLoss) -> Pulls:
    """Return losses and gradients; for the sparse center loss they are the hand-written ones, Eq. 9 and Eq. 10.

    Examples
    --------
    >>> settings = LabSettings(attention=(1.0, 0.0))
    >>> pulls = measure(start(settings), settings, build_loss("sparse_center"))
    >>> tuple(pulls.of_metric.shape), pulls.of_metric[:, 1].abs().max().item()   # no attention, no pull
    ((36, 2), 0.0)
    """
    x = state.features.detach().requires_grad_()  # (m, 2)
    shared = torch.tensor(settings.attention, dtype=x.dtype, requires_grad=True)  # (2,)
    logits = x @ directions(len(state.centers)).T  # (m, K)
    softmax = softmax_loss(logits, state.labels) * float(settings.softmax)
    value = metric(x, shared.expand_as(x), state.labels, state.centers)
    (of_softmax,) = torch.autograd.grad(softmax, x)
    of_metric, of_attention = _gradients(settings.lam * value, (x, shared))
    total = softmax.item() + settings.lam * value.item()
    return Pulls(total, softmax.item(), value.item(), of_softmax, of_metric, of_attention)


def _gradients(value: Tensor, by: tuple[Tensor, ...]) -> list[Tensor]:
    if not value.requires_grad:  # a loss that does not look at the features
        return [torch.zeros_like(tensor) for tensor in by]
    found = torch.autograd.grad(value, by, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for t, g in zip(by, found, strict=True)]


def center_step(state: LabState, settings: LabSettings, metric: MetricLoss) -> Tensor:
    """Eq. 11, and what a loss adds to it: where the centers go next, minus where they are, (K, 2)."""
    attention = torch.tensor(settings.attention, dtype=state.features.dtype).expand_as(state.features)
    weights = attention if metric.uses_attention else None
    delta = center_delta(state.features, weights, state.labels, state.centers)
    with torch.no_grad():
        push = metric.center_push(state.centers)
    return -settings.alpha * (delta if push is None else delta + push)


def attention_step(state: LabState, settings: LabSettings, metric: MetricLoss) -> tuple[float, float]:
    """Eq. 10: return where the attention is after a step down its gradient, kept between 0 and 1.

    Examples
    --------
    >>> settings = LabSettings(learns=True)
    >>> max(attention_step(start(settings), settings, build_loss("sparse_center"))) < 1
    True
    """
    if not settings.learns:
        return settings.attention
    slopes = measure(state, settings, metric).of_attention.tolist()
    a1, a2 = (min(max(a - STEP_SIZE * slope, 0.0), 1.0) for a, slope in zip(settings.attention, slopes, strict=True))
    return a1, a2


def step(state: LabState, settings: LabSettings, metric: MetricLoss) -> LabState:
    """Take one step: features down the gradient of Eq. 8, centers by Eq. 11, both from the same state.

    Raises
    ------
    ValueError
        The loss or its gradient is not finite: nothing moves.

    Examples
    --------
    >>> settings = LabSettings()
    >>> metric, state = build_loss(settings.loss), start(settings)
    >>> for _ in range(3):
    ...     state = step(state, settings, metric)
    >>> first, *_, last = [total for total, _, _ in state.history]
    >>> last < first
    True
    """
    pulls = measure(state, settings, metric)
    gradient = pulls.of_softmax + pulls.of_metric
    if not (math.isfinite(pulls.total) and gradient.isfinite().all()):
        raise ValueError("the loss is not finite here, so nothing moves: press reset, or choose a smaller λ")
    moved = state.features - STEP_SIZE * len(state.labels) * gradient
    centers = state.centers + center_step(state, settings, metric)
    return replace(
        state,
        features=moved,
        centers=centers,
        center_path=torch.cat([state.center_path, centers[None]]),
        history=(*state.history, (pulls.total, pulls.softmax, pulls.metric)),
    )


def losses_in_the_plane(names: Sequence[str] | None = None) -> list[str]:
    """Return the names of the losses that work on 2-D features: all registered ones, or some named.

    Examples
    --------
    >>> {"center", "sparse_center"} <= set(losses_in_the_plane())
    True
    """
    good = []
    for name in available_losses() if names is None else names:
        settings = LabSettings(loss=name, classes=2)
        try:
            step(start(settings), settings, build_loss(name))
        except Exception:  # a loss that needs parameters, or more dimensions; a student's can fail in any way
            if names is not None:
                raise
            continue
        good.append(name)
    return good


def summary(state: LabState, settings: LabSettings, pulls: Pulls, metric: MetricLoss) -> str:
    """Return the numbers of a state as sentences.

    Examples
    --------
    >>> settings = LabSettings()
    >>> state, metric = start(settings), build_loss("sparse_center")
    >>> summary(state, settings, measure(state, settings, metric), metric)[:7]
    'Step 0:'
    """
    own = (state.features - state.centers[state.labels]).norm(dim=1).mean().item()
    apart = torch.pdist(state.centers).min().item()
    words = (
        f"Step {len(state.history)}: L = {pulls.total:.3f} = L_S {pulls.softmax:.3f} + λ {settings.lam:g} × "
        f"L_metric {pulls.metric:.3f}. Mean distance to the own center {own:.2f}; "
        f"the two nearest centers are {apart:.2f} apart. "
    )
    if not metric.uses_attention:
        return words + "This loss does not read attention."
    a1, a2 = pulls.of_attention.tolist()
    return words + f"∂L/∂a = ({fixed(a1, 3)}, {fixed(a2, 3)}), summed over the samples."


def loss_lab(losses: Sequence[str] | None = None) -> widgets.VBox:
    """Return the explorer: λ, α, K, a loss, an attention vector; step, run 20, reset.

    Parameters
    ----------
    losses : sequence of str, optional
        Names to offer, e.g. a student's own ``"package.module:ClassName"``; all registered ones that work in the
        plane if left out.
    """
    return _Lab(losses_in_the_plane(losses)).widget


class _Lab:
    """Controls, state and figure, held together."""

    def __init__(self, losses: Sequence[str]) -> None:
        from dacl_edu.widgets import layout
        from dacl_edu.widgets.loss_lab_figure import ARROWS, lab_figure

        self._figure, self._layout = lab_figure, layout
        first = "sparse_center" if "sparse_center" in losses else losses[0]
        self._metrics: dict[str, MetricLoss] = {}
        self._moving = False
        begin = LabSettings(loss=first)
        slider = layout.slider
        self.controls: dict[str, Any] = {
            "loss": layout.choice("loss", losses, first, "The metric loss that λ weighs."),
            "lam": layout.steps("λ", LAMBDAS, begin.lam, "Weight of the metric loss, Eq. 8. The paper takes 0.01."),
            "alpha": slider("α", begin.alpha, 0, 1, 0.05, "How far centers follow, Eq. 11. The paper takes 0.5."),
            "classes": slider("classes K", 3, 2, MOST_CLASSES, 1, "How many classes; begins anew.", whole=True),
            "a1": slider("attention a₁", 1, 0, 1, 0.05, "Weight of the horizontal dimension, for every sample."),
            "a2": slider("attention a₂", 1, 0, 1, 0.05, "Weight of the vertical dimension, for every sample."),
            "learns": layout.choice(
                "attention", [("stays", False), ("learns", True)], False, "Whether a step moves a, too, by Eq. 10."
            ),
            "softmax": layout.choice(
                "softmax loss", [("with", True), ("without", False)], True, "Whether L_S takes part in Eq. 8."
            ),
            "arrows": layout.choice("arrows", list(ARROWS), ARROWS[0], "Which gradient the arrows at features show."),
            "seed": slider("seed", 0, 0, 20, 1, "Other random places; begins anew.", whole=True),
        }
        self.state = start(begin)
        self.words = layout.text()
        self.figure = layout.live(self._drawn())
        buttons = [
            layout.button("step", "One step of features and centers.", self.step),
            layout.button("run 20", "Twenty steps.", lambda: self.run(20)),
            layout.button("reset", "Back to the first places.", self.reset),
        ]
        again = [self.controls[name] for name in ("classes", "seed")]
        seen = [control for name, control in self.controls.items() if control not in again and name != "learns"]
        layout.watch(seen, self.redraw)
        layout.watch(again, self.reset)
        self.widget = layout.rows(list(self.controls.values()), buttons, self.figure, self.words)
        self.redraw()

    @property
    def settings(self) -> LabSettings:
        values = {name: control.value for name, control in self.controls.items() if name != "arrows"}
        return LabSettings(attention=(values.pop("a1"), values.pop("a2")), **values)

    def _metric(self) -> MetricLoss:
        name = self.settings.loss
        if name not in self._metrics:
            self._metrics[name] = build_loss(name)
        return self._metrics[name]

    def _drawn(self) -> Any:
        settings, metric = self.settings, self._metric()
        pulls = measure(self.state, settings, metric)
        self._layout.say(self.words, summary(self.state, settings, pulls, metric))
        for name in ("a1", "a2", "learns"):
            self.controls[name].disabled = not metric.uses_attention
        moves = center_step(self.state, settings, metric)
        history = (*self.state.history, (pulls.total, pulls.softmax, pulls.metric))
        return self._figure(
            self.state.features, self.state.labels, self.state.centers, self.state.center_path,
            pulls.of_softmax, pulls.of_metric, moves, history, settings.attention, pulls.of_attention.tolist(),
            self.controls["arrows"].value,
        )  # fmt: skip

    def redraw(self) -> None:
        if self._moving:  # a slider that the lab itself moves: drawn once, afterwards
            return
        self._layout.follow(self.figure, self._drawn(), _RANGES)

    def step(self) -> None:
        self.run(1)

    def run(self, count: int) -> None:
        for _ in range(count):
            settings, metric = self.settings, self._metric()
            try:
                attention = attention_step(self.state, settings, metric)
                self.state = step(self.state, settings, metric)
            except (ValueError, IndexError) as error:
                self._layout.say(self.words, f"{error}.")
                return
            self._set_attention(*attention)
            self.redraw()

    def _set_attention(self, a1: float, a2: float) -> None:
        self._moving = True
        self.controls["a1"].value, self.controls["a2"].value = a1, a2
        self._moving = False

    def reset(self) -> None:
        if self.controls["learns"].value:
            self._set_attention(1, 1)
        self.state = start(self.settings)
        self.redraw()

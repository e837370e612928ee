"""The attention explorer: faces, their attention, what the classifier makes of each feature, and ablation."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dacl_edu.errors import UserError
from dacl_edu.evaluation.ablation import AblationCurves, ablation_curves
from dacl_edu.evaluation.attention_statistics import class_contrast
from dacl_edu.evaluation.deep_features import ClassifierHead, DeepFeatures

if TYPE_CHECKING:
    import ipywidgets as widgets
    from plotly.graph_objects import Figure

CHOICES = ("most attended", "least attended", "largest contribution", "random")
"""Which dimensions are ablated."""
ORDERS = ("number", "contrast between classes", "attention of the face")
"""How dimensions stand in a row."""
FILLS = ("zero", "mean")
_ABLATED = "#d4d4d4"


@dataclass(frozen=True)
class AttentionData:
    """What the explorer shows, with everything that takes time computed beforehand; made by :meth:`of`.

    Attributes
    ----------
    deep : DeepFeatures
        Of n images.
    head : ClassifierHead
    images : Tensor, shape (n, 3, H, W), uint8
        The same images in the same order.
    classes : tuple of str
    curves : dict of str to AblationCurves
        By what an ablated feature becomes: zero, mean.
    by_contrast : array, shape (d,)
        Dimensions, the largest contrast between classes first.
    """

    deep: DeepFeatures
    head: ClassifierHead
    images: Tensor
    classes: tuple[str, ...]
    curves: dict[str, AblationCurves]
    by_contrast: np.ndarray[Any, Any]

    @classmethod
    def of(
        cls, deep: DeepFeatures, head: ClassifierHead, images: Tensor, classes: Sequence[str], seeds: int = 20
    ) -> AttentionData:
        """Compute the curves: about half a second for 350 images.

        Raises
        ------
        UserError
            Not one image for each row of features, or features that are no numbers.
        """
        if len(images) != len(deep):
            raise UserError(f"{len(images)} images for {len(deep)} rows", hint="take images[deep.indices]")
        curves = {fill: ablation_curves(deep, head, fill, seeds) for fill in FILLS}
        try:
            order = class_contrast(deep.attention, deep.labels)["dimension"].to_numpy()
        except UserError:  # one class or one sample: nothing to order by
            order = np.arange(deep.attention.shape[1])
        return cls(deep, head, images, tuple(classes), curves, order)

    def rows_of(self, label: int) -> list[int]:
        """Return the rows of a class."""
        return (self.deep.labels == label).nonzero()[:, 0].tolist()

    def contributions(self, row: int) -> Tensor:
        """Return w_j x_j for the class that wins, (d,): what each dimension adds to its score, Eq. 1."""
        x = self.deep.features[row]
        return self.head.weight[self.head.logits(x).argmax()] * x


class Answer(NamedTuple):
    """What the classifier says, and how sure it is."""

    label: int
    probability: float


def ablated_dimensions(data: AttentionData, row: int, k: int, which: str) -> Tensor:
    """Return the k dimensions, (k,), that are ablated in one sample; ``which`` is one of :data:`CHOICES`.

    "random" is drawn by lot, for each row always the same.
    """
    attention = data.deep.attention[row]
    score = {
        "most attended": attention,
        "least attended": -attention,
        "largest contribution": data.contributions(row).abs(),
        "random": torch.rand(attention.shape, generator=torch.Generator().manual_seed(row)),
    }[which]
    return score.argsort(descending=True, stable=True)[:k]


def answer(data: AttentionData, row: int, ablated: Tensor, fill: str = "zero") -> Answer:
    """Classify one sample with some of its features, the dimensions ``ablated`` (k,), set to zero or to their mean."""
    x = data.deep.features[row].clone()
    x[ablated] = 0.0 if fill == "zero" else data.deep.features[:, ablated].mean(dim=0)
    probability, label = torch.softmax(data.head.logits(x), dim=0).max(dim=0)
    return Answer(int(label), float(probability))


def accuracy(data: AttentionData, k: int, which: str, fill: str = "zero") -> float:
    """Return the accuracy over all images with k dimensions of each ablated; for "random", the mean of the draws."""
    curves = data.curves[fill]
    curve = {
        "most attended": curves.top, "least attended": curves.bottom, "largest contribution": curves.contribution,
        "random": curves.random.mean(axis=0),
    }[which]  # fmt: skip
    return float(curve[k])


def sentence(data: AttentionData, row: int, k: int, which: str, fill: str = "zero") -> str:
    """Say what ablation does to one sample, and to all."""
    before = answer(data, row, torch.zeros(0, dtype=torch.int64), fill)
    after = answer(data, row, ablated_dimensions(data, row, k, which), fill)
    n, d = data.deep.features.shape
    words = (
        f"This face: {data.classes[int(data.deep.labels[row])]}, taken for {data.classes[before.label]} "
        f"({before.probability:.0%} sure). With {k} of {d} dimensions ablated ({which}): "
        f"{data.classes[after.label]} ({after.probability:.0%}). "
    )
    return words + (
        f"All {n} images: {accuracy(data, 0, which, fill):.1%} right, then {accuracy(data, k, which, fill):.1%}; "
        f"with {k} ablated by lot {accuracy(data, k, 'random', fill):.1%}."
    )


def dimension_order(data: AttentionData, row: int, order: str) -> np.ndarray[Any, Any]:
    """Return the dimensions in the order in which they are drawn, (d,)."""
    if order == ORDERS[1]:
        return data.by_contrast
    if order == ORDERS[2]:
        return data.deep.attention[row].argsort(descending=True, stable=True).numpy()
    return np.arange(data.deep.attention.shape[1])


def explorer_figure(
    data: AttentionData,
    row: int,
    other: int | None = None,
    k: int = 0,
    which: str = CHOICES[0],
    order: str = ORDERS[0],
    fill: str = "zero",
) -> Figure:
    """Draw one state of the explorer: sample ``row``, the attention of the ``other``, ``k`` dimensions ablated.

    Its traces are ``attention`` and ``attention, ablated`` (bars; each dimension has its in one of them, 0 in the
    other), ``other face`` (line), ``contribution`` and ``contribution, ablated`` (bars); ``customdata`` are the
    dimensions; then the curves ``random``, ``most attended``, ``least attended``, ``largest contribution``, and
    ``chosen``, a point.
    """
    from plotly.subplots import make_subplots

    from dacl_edu.plots.style import BLACK, BLUE, ORANGE, PURPLE, class_look, finish

    places, ablated = dimension_order(data, row, order), np.zeros(data.deep.attention.shape[1], dtype=bool)
    ablated[ablated_dimensions(data, row, k, which).numpy()] = True
    position, label = np.arange(len(places)), int(data.deep.labels[row])
    figure = make_subplots(
        rows=2, cols=2, column_widths=[0.6, 0.4], specs=[[{}, {"rowspan": 2}], [{}, None]], shared_xaxes=True,
        horizontal_spacing=0.12, vertical_spacing=0.1,
    )  # fmt: skip

    def add_bars(name: str, said: str, values: np.ndarray[Any, Any], place: int) -> None:
        # Two traces of one colour each: a list of words is checked one by one, which a moving slider would feel, and
        # numbers on a scale are no colours to plotly's hover.
        for ending, shown, colour in (("", ~ablated, class_look(label).colour), (", ablated", ablated, _ABLATED)):
            figure.add_bar(
                x=position, y=np.where(shown, values, 0)[places], name=name + ending, customdata=places,
                marker={"color": colour, "line": {"width": 0}}, showlegend=False, row=place, col=1,
                hovertemplate=f"dimension %{{customdata}}: {said} = %{{y}}<extra></extra>",
            )  # fmt: skip

    add_bars("attention", "a", data.deep.attention[row].double().numpy().round(3), 1)
    second = np.zeros(0) if other is None else data.deep.attention[other].double().numpy()[places].round(3)
    figure.add_scatter(
        x=position[: len(second)], y=second, name="other face", mode="lines", showlegend=False,
        line={"color": BLACK, "width": 1.5}, row=1, col=1, customdata=places,
        hovertemplate="other face, dimension %{customdata}: a = %{y}<extra></extra>",
    )  # fmt: skip
    add_bars("contribution", "w x", data.contributions(row).double().numpy().round(4), 2)
    curves = data.curves[fill]
    for name, values, colour, dash in (
        ("random", curves.random.mean(axis=0), BLACK, "solid"), (CHOICES[0], curves.top, BLUE, "solid"),
        (CHOICES[1], curves.bottom, ORANGE, "dash"), (CHOICES[2], curves.contribution, PURPLE, "dashdot"),
    ):  # fmt: skip
        figure.add_scatter(
            x=np.arange(len(values)), y=(100 * values).round(2), name=name, mode="lines",
            line={"color": colour, "dash": dash, "width": 4 if name == which else 1.5}, row=1, col=2,
            hovertemplate=f"{name}: %{{x}} ablated, %{{y:.1f}} % right<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=[k], y=[round(100 * accuracy(data, k, which, fill), 2)], name="chosen", mode="markers", showlegend=False,
        marker={"color": BLACK, "size": 11, "symbol": "diamond"}, row=1, col=2,
        hovertemplate="%{x} ablated, %{y:.1f} % right<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(title="attention a", range=[0, 1], row=1, col=1)
    figure.update_yaxes(title="w x of the winner", row=2, col=1)
    figure.update_yaxes(title={"text": "accuracy, %", "standoff": 2}, range=[0, 100], row=1, col=2)
    figure.update_xaxes(title=f"dimensions, by {order}", showticklabels=order == ORDERS[0], row=2, col=1)
    figure.update_xaxes(title="ablated dimensions", range=[0, len(places)], row=1, col=2)
    return finish(
        figure, "Attention, contribution, ablation",
        f"Bars of the attention and of the contribution of {len(places)} dimensions, {k} of them grey; four curves of "
        f"accuracy. {sentence(data, row, k, which, fill)}",
        width=760, height=470, bargap=0.1, barmode="overlay", margin={"l": 60, "r": 10, "t": 50, "b": 90},
        legend={"orientation": "h", "y": -0.17, "yanchor": "top", "x": 1, "xanchor": "right"}, uirevision="same",
    )  # fmt: skip


def faces(data: AttentionData, rows: Sequence[int], side: int = 104) -> str:
    """Return faces with a line below each, as HTML that carries its pictures."""
    from dacl_edu.plots.thumbnails import thumbnails

    made = []
    for row, source in zip(rows, thumbnails(data.images[list(rows)], side=64, quality=85), strict=True):
        truth, taken = (data.classes[int(labels[row])] for labels in (data.deep.labels, data.deep.predicted))
        words = html.escape(f"{truth}, taken for {taken}")
        made.append(
            f"<figure style='margin:0 14px 4px 0;text-align:center'><img src='{source}' width='{side}' height='{side}' "
            f"alt='Face of row {row}: {words}'><figcaption style='line-height:1.4'>{words}</figcaption></figure>"
        )
    return f"<div style='display:flex'>{''.join(made)}</div>"


def attention_explorer(
    deep: DeepFeatures, head: ClassifierHead, images: Tensor, classes: Sequence[str], seeds: int = 20
) -> widgets.VBox:
    """Return the explorer: one or two faces, their attention, and a slider that ablates dimensions.

    Parameters
    ----------
    deep : DeepFeatures
        Of n images.
    head : ClassifierHead
        Of the same run.
    images : Tensor, shape (n, 3, H, W), uint8
        The same images in the same order.
    classes : sequence of str
    seeds : int, default 20
        Draws of the random control.

    Raises
    ------
    UserError
        As :meth:`AttentionData.of`.

    Returns
    -------
    VBox
        It also has ``controls`` (a dict of widgets) and ``figure``, so that a page can move it.
    """
    return _Explorer(AttentionData.of(deep, head, images, classes, seeds)).widget


class _Explorer:
    """Controls and figure, held together."""

    def __init__(self, data: AttentionData) -> None:
        from dacl_edu.widgets import layout

        self.data, self._layout = data, layout
        there = [(name, k) for k, name in enumerate(data.classes) if data.rows_of(k)]
        first = there[0][1]
        d = data.deep.attention.shape[1]
        self.controls: dict[str, Any] = {
            "class": layout.choice("face of", there, first, "Class of the face."),
            "number": layout.slider("number", 1, 1, len(data.rows_of(first)), 1, "Which of its class.", whole=True),
            "other class": layout.choice("other face", [("none", -1), *there], -1, "Class of a face to compare with."),
            "other number": layout.slider("its number", 1, 1, 1, 1, "Which of its class.", whole=True),
            "k": layout.slider("ablate k", 0, 0, d, 1, "How many dimensions of each sample are ablated.", whole=True),
            "which": layout.choice("which", CHOICES, CHOICES[0], "Which dimensions are ablated."),
            "fill": layout.choice("they become", FILLS, FILLS[0], "What an ablated feature becomes."),
            "order": layout.choice("order by", ORDERS, ORDERS[0], "How the dimensions stand in a row."),
        }
        self.words, self.faces = layout.text(), layout.text()
        self.figure = layout.live(explorer_figure(data, self.row))
        layout.watch([self.controls["class"]], lambda: self._renew("class", "number"))
        layout.watch([self.controls["other class"]], lambda: self._renew("other class", "other number"))
        layout.watch(self.controls.values(), self.redraw)
        groups = ("class", "number"), ("other class", "other number"), ("k", "which"), ("fill", "order")
        lines = [[self.controls[name] for name in group] for group in groups]
        self.widget = layout.rows(*lines, self.faces, self.figure, self.words)
        self.widget.controls, self.widget.figure = self.controls, self.figure
        self._renew("other class", "other number")
        self.redraw()

    @property
    def row(self) -> int:
        return self.data.rows_of(self.controls["class"].value)[self.controls["number"].value - 1]

    @property
    def other(self) -> int | None:
        if self.controls["other class"].value < 0:
            return None
        return self.data.rows_of(self.controls["other class"].value)[self.controls["other number"].value - 1]

    def _renew(self, group: str, number: str) -> None:
        """Fit a number's slider to the size of the class that was chosen."""
        label = self.controls[group].value
        self.controls[number].disabled = label < 0
        if label >= 0:
            self.controls[number].max = len(self.data.rows_of(label))

    def redraw(self) -> None:
        values = [self.controls[name].value for name in ("k", "which", "order", "fill")]
        fresh = explorer_figure(self.data, self.row, self.other, *values)
        self._layout.follow(self.figure, fresh, ("meta", "xaxis3.title.text", "xaxis3.showticklabels"))
        self._layout.say(self.words, sentence(self.data, self.row, values[0], values[1], values[3]))
        self.faces.value = faces(self.data, [row for row in (self.row, self.other) if row is not None])

"""Attention: samples beside their class, dimensions by contrast, drift, ablation, and what it follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from plotly.graph_objects import Figure
from plotly.subplots import make_subplots

from dacl_edu.errors import UserError
from dacl_edu.plots.style import BLACK, BLUE, GREY, LOOKS, ORANGE, PURPLE, WRITTEN, class_look, finish

if TYPE_CHECKING:
    import pandas as pd

    from dacl_edu.evaluation.ablation import AblationCurves


_MATRIX_ROWS = 8
"""Rows of samples beside which the matrix of similarities stands; with more of them it keeps its shape."""


def attention_profiles(
    attention: ArrayLike,
    labels: Sequence[int],
    classes: Sequence[str],
    means: ArrayLike,
    similarities: ArrayLike,
    names: Sequence[str] = (),
) -> Figure:
    """Draw the attention of some samples, each over its class mean, beside the similarity of the classes: Fig. 5.

    Parameters
    ----------
    attention : array or Tensor, shape (s, d)
        Of the chosen samples, one row each.
    labels : sequence of int, length s
    classes : sequence of str, length K
    means : array, shape (K, d)
        Class means, from :func:`dacl_edu.evaluation.attention_statistics.class_means`.
    similarities : array, shape (K, K)
        From :func:`dacl_edu.evaluation.attention_statistics.class_similarity`.
    names : sequence of str, length s, optional
        By default class and number, as in the paper: "surprise 1".

    Returns
    -------
    Figure
        For each sample two lines, class mean and sample; then the matrix as a heat map.

    Examples
    --------
    >>> figure = attention_profiles([[0.2, 0.8]], [0], ["fear", "anger"], [[0.3, 0.7], [0.6, 0.4]], [[1, -1], [-1, 1]])
    >>> [trace.name for trace in figure.data]
    ['class mean', 'fear 1', 'similarity']
    """
    a, mean, pairs = (np.asarray(values, dtype=float) for values in (attention, means, similarities))
    count, number = len(labels), len(classes)
    if not count or a.shape[:1] != (count,) or mean.shape != (number, *a.shape[1:]) or pairs.shape != (number,) * 2:
        raise UserError(
            f"attention {a.shape}, class means {mean.shape} and similarities {pairs.shape} for {count} samples and "
            f"{number} classes", hint="use (s, d), (K, d) and (K, K)",
        )  # fmt: skip
    seen: list[int] = []
    for label in labels:
        seen.append(int(label))
    named = list(names) or [f"{classes[k]} {seen[: i + 1].count(k)}" for i, k in enumerate(seen)]
    figure = make_subplots(
        rows=count, cols=2, column_widths=[0.56, 0.44], shared_xaxes=True, horizontal_spacing=0.19,
        vertical_spacing=0.3 / count,
        specs=[[{}, {"rowspan": min(count, _MATRIX_ROWS)} if row == 0 else None] for row in range(count)],
    )  # fmt: skip
    dimensions = list(range(a.shape[1]))
    for row, (label, name) in enumerate(zip(seen, named, strict=True), start=1):
        look = class_look(label)
        figure.add_scatter(
            x=dimensions, y=mean[label].round(4).tolist(), name="class mean", legendgroup="mean", showlegend=row == 1,
            mode="lines", line={"color": "#999999", "width": 3}, row=row, col=1,
            hovertemplate=f"mean of {classes[label]}, dimension %{{x}}: %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=dimensions, y=a[row - 1].round(4).tolist(), name=name, showlegend=False, row=row, col=1,
            mode="lines", line={"color": look.colour, "width": 1.5},
            hovertemplate=f"{name}, dimension %{{x}}: a = %{{y:.2f}}<extra></extra>",
        )  # fmt: skip
        figure.update_yaxes(
            range=[-0.02, 1.02], tickvals=[0, 0.5, 1], tickfont={"size": 11}, title={"text": name, "font_size": 12},
            row=row, col=1,
        )  # fmt: skip
    figure.update_xaxes(title="dimension of the feature", row=count, col=1)
    shown = [[None if np.isnan(value) else round(float(value), 2) + 0.0 for value in line] for line in pairs]
    figure.add_heatmap(
        z=shown, x=list(classes), y=list(classes), zmin=-1, zmax=1, colorscale="RdBu", reversescale=True,
        texttemplate="%{z:.2f}" if len(classes) <= WRITTEN else None, textfont={"size": 11},
        showscale=False, xgap=1, ygap=1, name="similarity",
        hovertemplate="two samples, of %{y} and %{x}: mean similarity %{z}<extra></extra>", row=1, col=2,
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", row=1, col=2)
    figure.update_xaxes(tickangle=-45, title="mean similarity of two samples", row=1, col=2)
    inside, across = _diagonal(pairs)
    told = f": {inside:.2f} on average on the diagonal, {across:.2f} off it"
    if np.isnan(inside) and np.isnan(across):
        told = ", empty: attention is the same for all samples, so there is nothing to compare"
        figure.add_annotation(
            x=0.5, y=0.5, xref="x2 domain", yref="y2 domain", showarrow=False,
            text="the same for all samples:<br>nothing to compare",
        )  # fmt: skip
    return finish(
        figure,
        "Attention of samples, and how alike two samples are",
        f"Left, {count} lines of {a.shape[1]} attention weights between 0 and 1, each over the grey mean of its class: "
        f"{', '.join(named)}. Right, a matrix of similarities{told}.",
        width=760,
        height=max(430, 130 + 150 * count),  # a strip of 120 pixels and its gap
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        margin={"l": 70, "r": 15, "t": 80, "b": 60},
    )


def _diagonal(pairs: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Mean of what is on the diagonal, and off it; NaN where nothing is."""
    own = np.eye(len(pairs), dtype=bool)
    groups = [pairs[mask & np.isfinite(pairs)] for mask in (own, ~own)]
    return tuple(float(group.mean()) if group.size else float("nan") for group in groups)  # type: ignore[return-value]


def attention_heatmap(
    attention: ArrayLike, labels: ArrayLike, classes: Sequence[str], contrast: pd.DataFrame
) -> Figure:
    """Draw attention as colours: samples in rows, class by class; dimensions in columns, the largest contrast first.

    Parameters
    ----------
    attention : array or Tensor, shape (n, d)
        A few samples of each class; some ten of each can be told apart.
    labels : array or Tensor, shape (n,)
    classes : sequence of str
    contrast : DataFrame
        From :func:`dacl_edu.evaluation.attention_statistics.class_contrast`, of these samples or of more.

    Returns
    -------
    Figure
        ``eta²`` of each dimension as bars above, and the heat map; its columns are named by dimension.

    Examples
    --------
    >>> import pandas as pd
    >>> contrast = pd.DataFrame({"dimension": [1, 0], "eta2": [0.9, 0.1]})
    >>> figure = attention_heatmap([[0.5, 0.9], [0.5, 0.1]], [1, 0], ["fear", "anger"], contrast)
    >>> figure.data[1].x, figure.data[1].z
    (('1', '0'), ([0.1, 0.5], [0.9, 0.5]))
    """
    a, y = np.asarray(attention, dtype=float), np.asarray(labels, dtype=int)
    if a.ndim != 2 or not len(a) or y.shape != a.shape[:1] or len(contrast) != a.shape[1]:
        raise UserError(
            f"attention {a.shape}, labels {y.shape}, {len(contrast)} dimensions of contrast", hint="use (n, d), (n,), d"
        )
    order, by_class = contrast["dimension"].to_numpy(), np.argsort(y, kind="stable")
    columns = [str(j) for j in order]
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.22, 0.78], vertical_spacing=0.04)
    figure.add_bar(
        x=columns, y=contrast["eta2"].round(3).tolist(), name="eta²", marker_color=BLUE, row=1, col=1,
        hovertemplate="dimension %{x}: %{y:.0%} of its variance lies between classes<extra></extra>",
    )  # fmt: skip
    figure.add_heatmap(
        z=a[by_class][:, order].round(3).tolist(), x=columns, name="attention", zmin=0, zmax=1, colorscale="Cividis",
        colorbar={"title": "a", "len": 0.75, "y": 0.38, "thickness": 14}, row=2, col=1,
        customdata=[[classes[k]] * len(order) for k in y[by_class]] if a.size <= 4000 else None,
        hovertemplate=("%{customdata}, " if a.size <= 4000 else "")
        + "row %{y}, dimension %{x}: a = %{z:.2f}<extra></extra>",
    )  # fmt: skip
    ends = np.searchsorted(y[by_class], np.arange(len(classes) + 1))
    for end in ends[1:-1]:
        figure.add_hline(y=float(end) - 0.5, line={"color": "white", "width": 2}, row=2, col=1)
    there = [k for k in range(len(classes)) if ends[k + 1] > ends[k]]
    figure.update_yaxes(
        tickvals=[(ends[k] + ends[k + 1] - 1) / 2 for k in there], ticktext=[classes[k] for k in there],
        autorange="reversed", row=2, col=1,
    )  # fmt: skip
    figure.update_yaxes(title="eta²", range=[0, 1], row=1, col=1)
    figure.update_xaxes(type="category", showticklabels=False, row=1, col=1)
    figure.update_xaxes(
        type="category", nticks=14, tickangle=0, tickfont={"size": 11},
        title="dimension of the feature, the largest contrast between classes first", row=2, col=1,
    )  # fmt: skip
    eta2 = contrast["eta2"].to_numpy()
    return finish(
        figure, "Attention of samples, class by class",
        f"A heat map: {len(a)} samples in {len(there)} bands of classes, {a.shape[1]} dimensions. Bars above give each "
        f"dimension's share of variance between classes: from {eta2.max():.2f} at the left to {eta2.min():.2f}.",
        width=760, height=500, showlegend=False, bargap=0, margin={"l": 85, "r": 10, "t": 60, "b": 60},
    )  # fmt: skip


def drift_curves(drifts: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw how attention changed over the epochs: mean, spread, entropy, and how alike samples of one class are.

    Parameters
    ----------
    drifts : mapping of str to DataFrame
        Name of a run → what :func:`dacl_edu.evaluation.attention_statistics.attention_drift` says of it. Runs with
        other attention modes can be laid over each other.

    Returns
    -------
    Figure
        Four panels. For each run: ``mean``, ``std``, ``entropy``, ``within``, ``between``, ``features_within``.

    Examples
    --------
    >>> import pandas as pd
    >>> names = ("epoch", "mean", "std", "entropy", "within", "between", "features_within")
    >>> len(drift_curves({"dacl": pd.DataFrame([{name: 0.5 for name in names}])}).data)
    6
    """
    if not drifts:
        raise UserError("no runs to draw", hint="name at least one")
    titles = ("mean of a", "spread of a", "entropy of a", "how alike two samples are")
    figure = make_subplots(rows=2, cols=2, subplot_titles=titles, horizontal_spacing=0.11, vertical_spacing=0.2)
    panels = {
        "mean": (1, 1, "mean attention"), "std": (1, 2, "standard deviation"), "entropy": (2, 1, "share of log d"),
        "within": (2, 2, "centred cosine"), "between": (2, 2, "centred cosine"),
        "features_within": (2, 2, "centred cosine"),
    }  # fmt: skip
    kinds = {"within": ("one class", "solid"), "between": ("two classes", "dot"), "features_within": ("", "dash")}
    words = []
    for index, (name, table) in enumerate(drifts.items()):
        colour, _, symbol = LOOKS[index % len(LOOKS)]
        for column, (row, col, axis) in panels.items():
            kind, dash = kinds.get(column, ("", "solid"))
            text = f"{name}: features, one class" if column == "features_within" else f"{name}: attention, {kind}"
            figure.add_scatter(
                x=table["epoch"].tolist(), y=table[column].tolist(), name=text if column in kinds else name,
                mode="lines+markers", showlegend=column in kinds, meta=column, row=row, col=col,
                line={"color": GREY if column == "features_within" else colour, "dash": dash},
                marker={"symbol": symbol, "size": 6},
                hovertemplate=f"{name}, epoch %{{x}}: %{{y:.3f}}<extra></extra>",
            )  # fmt: skip
            figure.update_yaxes(title={"text": axis, "standoff": 4}, row=row, col=col)
        first, last = table.iloc[0], table.iloc[-1]
        words.append(
            f"{name}, epoch {first['epoch']:.0f} to {last['epoch']:.0f}: mean {first['mean']:.3f} to "
            f"{last['mean']:.3f}, spread {first['std']:.3f} to {last['std']:.3f}, similarity within classes "
            f"{first['within']:.2f} to {last['within']:.2f}"
        )
    lowest = min([0.3, *(float(table["mean"].min()) - 0.05 for table in drifts.values())])
    highest = max([0.7, *(float(table["mean"].max()) + 0.05 for table in drifts.values())])
    figure.update_yaxes(range=[lowest, highest], row=1, col=1)
    figure.add_hline(y=0.5, line={"color": GREY, "dash": "dot", "width": 1}, row=1, col=1)
    figure.update_xaxes(title={"text": "epoch", "standoff": 4})
    return finish(
        figure, "Attention over the epochs", f"Four panels over the epochs. {'; '.join(words)}.",
        width=760, height=580, margin={"l": 65, "r": 15, "t": 80, "b": 110},
        legend={"orientation": "h", "y": -0.14, "yanchor": "top"},
    )  # fmt: skip


def ablation_plot(ablation: AblationCurves, chosen: int | None = None) -> Figure:
    """Draw accuracy over the number of ablated dimensions, for each order of ablation.

    Parameters
    ----------
    ablation : AblationCurves
        From :func:`dacl_edu.evaluation.ablation.ablation_curves`.
    chosen : int, optional
        A number of dimensions to mark.

    Returns
    -------
    Figure
        Traces ``random, range`` (a band), ``random``, ``most attended``, ``least attended``, ``largest contribution``;
        in percent.

    Examples
    --------
    >>> import numpy as np
    >>> from dacl_edu.evaluation.ablation import AblationCurves
    >>> line = np.array([0.8, 0.5])
    >>> [trace.name for trace in ablation_plot(AblationCurves(line, line, line, line[None])).data][1:]
    ['random', 'most attended first', 'least attended first', 'largest contribution first']
    """
    lots = 100 * np.asarray(ablation.random)
    k = list(range(len(ablation.top)))
    figure = Figure()
    if len(lots):
        low, high = lots.min(axis=0).round(2).tolist(), lots.max(axis=0).round(2).tolist()
        figure.add_scatter(
            x=k + k[::-1], y=high + low[::-1], fill="toself", fillcolor="rgba(120,120,120,0.3)", line={"width": 0},
            mode="lines", hoverinfo="skip", name=f"random, range of {len(lots)} draws",
        )  # fmt: skip
    curves = {
        "random": (lots.mean(axis=0) if len(lots) else np.full(len(k), np.nan), BLACK, "solid", 1.5),
        "most attended first": (100 * ablation.top, BLUE, "solid", 3),
        "least attended first": (100 * ablation.bottom, ORANGE, "dash", 3),
        "largest contribution first": (100 * ablation.contribution, PURPLE, "dashdot", 2.5),
    }
    for name, (values, colour, dash, width) in curves.items():
        figure.add_scatter(
            x=k, y=[None if np.isnan(value) else round(float(value), 3) for value in values], name=name, mode="lines",
            line={"color": colour, "dash": dash, "width": width},
            hovertemplate=f"{name}: %{{x}} ablated, %{{y:.1f}} % right<extra></extra>",
        )  # fmt: skip
    if chosen is not None:
        figure.add_vline(x=chosen, line={"color": GREY, "width": 1})
    half = len(k) // 2
    at_half = ", ".join(f"{name} {values[half]:.0f} %" for name, (values, *_) in curves.items())
    figure.update_xaxes(title="ablated dimensions of each sample", range=[0, k[-1] or 1])
    figure.update_yaxes(title="accuracy, %", range=[0, 100])
    return finish(
        figure, "Accuracy when features are ablated",
        f"Accuracy falls from {100 * ablation.top[0]:.0f} % as more dimensions are ablated. With {half} of {k[-1]}: "
        f"{at_half}.",
        width=740, height=430, margin={"l": 60, "r": 15, "t": 60, "b": 110},
        legend={"orientation": "h", "y": -0.2, "yanchor": "top"},
    )  # fmt: skip


def factor_bars(found: pd.DataFrame, names: Mapping[str, str] | None = None, most: int = 16) -> Figure:
    """Draw which share of attention's variance goes along with each generating factor.

    Parameters
    ----------
    found : DataFrame
        From :func:`dacl_edu.evaluation.factors.factor_association`.
    names : mapping of str to str, optional
        How a factor is called in the figure.
    most : int, default 16
        Only the first so many.

    Returns
    -------
    Figure
        Bars of ``share`` in percent, dark where q < 0.05, and ``chance`` as marks.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"factor": "yaw", "share": 0.1, "chance": 0.02, "dimension": 3, "p": 0.01, "q": 0.04}
    >>> factor_bars(pd.DataFrame([row])).data[0].x
    (10.0,)
    """
    if not len(found):
        raise UserError("no factors to draw", hint="give some")
    table = found.head(most)
    called = [(names or {}).get(factor, factor) for factor in table["factor"]]
    sure = (table["q"] < 0.05).tolist()
    figure = Figure()
    figure.add_bar(
        x=(100 * table["share"]).round(2).tolist(), y=called, orientation="h", name="share", showlegend=False,
        marker={"color": [BLUE if s else "#c8d3da" for s in sure], "line": {"color": BLUE, "width": 1}},
        customdata=table[["p", "q", "dimension"]].round(4).to_numpy().tolist(),
        hovertemplate="%{y}: %{x:.1f} % (p %{customdata[0]}, corrected %{customdata[1]}), "
        "most in dimension %{customdata[2]:.0f}<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=(100 * table["chance"]).round(2).tolist(), y=called, mode="markers", name="by chance",
        marker={"symbol": "line-ns-open", "size": 13, "color": ORANGE, "line": {"width": 3}},
        hovertemplate="%{y}, by chance: %{x:.1f} %<extra></extra>",
    )  # fmt: skip
    for is_sure, colour, text in ((True, BLUE, "q below 0.05"), (False, "#c8d3da", "not told from chance")):
        if is_sure not in sure:
            continue
        figure.add_bar(x=[None], y=[None], name=text, marker={"color": colour, "line": {"color": BLUE, "width": 1}})
    figure.update_yaxes(autorange="reversed", automargin=True)
    figure.update_xaxes(title="share of the variance of attention, %", rangemode="tozero")
    strongest = ", ".join(f"{n} {100 * s:.1f} %" for n, s in zip(called[:4], table["share"], strict=False))
    return finish(
        figure, "What attention goes along with",
        f"Bars of {len(table)} factors; furthest above chance: {strongest}. {sum(sure)} of those shown can be told "
        "from chance.",
        width=760, height=140 + 24 * len(table), barmode="overlay", bargap=0.25,
        legend={"orientation": "h", "y": 1, "yanchor": "bottom"}, margin={"l": 60, "r": 20, "t": 90, "b": 50},
    )  # fmt: skip

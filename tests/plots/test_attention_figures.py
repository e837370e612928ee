"""The figures of attention hold the numbers they are given, in the looks of the classes, and say them in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from plotly.graph_objects import Figure

from dacl_edu.errors import UserError
from dacl_edu.evaluation.ablation import AblationCurves
from dacl_edu.evaluation.attention_statistics import attention_drift, class_contrast, class_means, class_similarity
from dacl_edu.plots import ablation_plot, attention_heatmap, attention_profiles, drift_curves, factor_bars
from dacl_edu.plots.style import class_look

CLASSES = ["surprise", "fear", "neutral"]
N, D = 30, 12


def data() -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(N) % 3
    attention = 0.3 + 0.2 * np.random.default_rng(0).random((N, D))
    attention[np.arange(N), labels] += 0.4
    return attention, labels


def said(figure: Figure) -> str:
    assert figure.layout.title.text
    return figure.layout.meta["alt"]


def test_profiles_draw_each_sample_over_its_class_mean_beside_the_matrix() -> None:
    attention, labels = data()
    means, pairs = class_means(attention, labels), class_similarity(attention, labels)
    chosen = [2, 5, 0]
    figure = attention_profiles(attention[chosen], labels[chosen], CLASSES, means, pairs)
    assert [trace.name for trace in figure.data] == [
        "class mean", "neutral 1", "class mean", "neutral 2", "class mean", "surprise 1", "similarity",
    ]  # fmt: skip
    for place, row in enumerate(chosen):
        mean, line = figure.data[2 * place : 2 * place + 2]
        np.testing.assert_allclose(line.y, attention[row], atol=1e-4)
        np.testing.assert_allclose(mean.y, means[labels[row]], atol=1e-4)
        assert line.line.color == class_look(labels[row]).colour and mean.line.color != line.line.color
    np.testing.assert_allclose(np.array(figure.data[-1].z, dtype=float), pairs, atol=0.005)
    assert list(figure.data[-1].y) == CLASSES and figure.data[-1].zmin == -1
    assert "neutral 1, neutral 2, surprise 1" in said(figure) and f"{np.diag(pairs).mean():.2f}" in said(figure)
    assert sum(bool(trace.showlegend) for trace in figure.data[:-1]) == 1


def test_an_absent_class_is_an_empty_cell() -> None:
    attention, labels = data()
    means, pairs = class_means(attention, labels, 4), class_similarity(attention, labels, 4)
    figure = attention_profiles(attention[:1], labels[:1], [*CLASSES, "anger"], means, pairs)
    assert list(figure.data[-1].z[3]) == [None] * 4
    assert "nan" not in said(figure)


def test_attention_that_is_the_same_for_all_is_said() -> None:
    ones, labels = np.ones((N, D)), np.arange(N) % 3
    figure = attention_profiles(
        ones[:1], labels[:1], CLASSES, class_means(ones, labels), class_similarity(ones, labels)
    )
    assert "nothing to compare" in said(figure) and "nan" not in said(figure)
    assert figure.layout.annotations[-1].text.endswith("nothing to compare")


def test_the_heat_map_has_samples_by_class_and_dimensions_by_contrast() -> None:
    attention, labels = data()
    contrast = class_contrast(attention, labels)
    bars, colours = (figure := attention_heatmap(attention, labels, CLASSES, contrast)).data
    order, rows = contrast["dimension"].to_numpy(), np.argsort(labels, kind="stable")
    assert list(colours.x) == list(bars.x) == [str(j) for j in order]
    np.testing.assert_allclose(np.array(colours.z), attention[rows][:, order], atol=6e-4)
    np.testing.assert_allclose(bars.y, contrast["eta2"], atol=6e-4)
    assert colours.customdata[0][0] == "surprise" and colours.customdata[-1][0] == "neutral"
    assert list(figure.layout.yaxis2.ticktext) == CLASSES and list(figure.layout.yaxis2.tickvals) == [4.5, 14.5, 24.5]
    assert "30 samples in 3 bands" in said(figure)
    missing = attention_heatmap(attention[labels != 1], labels[labels != 1], CLASSES, contrast)
    assert list(missing.layout.yaxis2.ticktext) == ["surprise", "neutral"]


def test_drift_has_four_panels_and_runs_lie_over_each_other() -> None:
    table = pd.DataFrame(
        {"epoch": [0, 2], "mean": [0.5, 0.2], "std": [0.1, 0.2], "entropy": [0.99, 0.9], "within": [0.0, 0.4],
         "between": [0.0, -0.1], "features_within": [0.1, 0.5]}
    )  # fmt: skip
    figure = drift_curves({"dacl": table, "permuted": table + 0.01})
    assert len(figure.data) == 12
    for trace, column in zip(figure.data, 2 * list(table.columns[1:]), strict=True):
        assert trace.meta == column
    assert list(figure.data[3].y) == [0.0, 0.4] and figure.data[9].y == pytest.approx([0.01, 0.41])
    assert figure.data[0].line.color != figure.data[6].line.color
    low, high = figure.layout.yaxis.range
    assert low < 0.2 and high > 0.5, "the mean is inside its panel"
    assert "mean 0.500 to 0.200" in said(figure)
    with pytest.raises(UserError):
        drift_curves({})


def test_drift_of_one_epoch_is_a_figure() -> None:
    from types import SimpleNamespace

    import torch

    from dacl_edu.evaluation.deep_features import DeepFeatures

    attention, labels = data()
    deep = DeepFeatures(torch.rand(N, D), torch.from_numpy(attention), *[torch.from_numpy(labels)] * 3, "val")
    assert len(drift_curves({"dacl": attention_drift([SimpleNamespace(epoch=0, deep=deep)])}).data) == 6


def test_ablation_shows_percent_and_the_range_of_draws() -> None:
    top, bottom, most = np.array([0.8, 0.7, 0.1]), np.array([0.8, 0.4, 0.1]), np.array([0.8, 0.0, 0.1])
    lots = np.array([[0.8, 0.5, 0.1], [0.8, 0.7, 0.1]])
    figure = ablation_plot(AblationCurves(top, bottom, most, lots), chosen=1)
    band, middle, *curves = figure.data
    assert list(band.y) == [80, 70, 10, 10, 50, 80] and list(middle.y) == [80, 60, 10]
    assert [list(curve.y) for curve in curves] == [[80, 70, 10], [80, 40, 10], [80, 0, 10]]
    assert len({(c.line.color, c.line.dash) for c in curves}) == 3
    assert figure.layout.shapes[0].x0 == 1
    assert "least attended first 40 %" in said(figure)
    alone = ablation_plot(AblationCurves(top, bottom, most, lots[:0]))
    assert alone.data[0].name == "random" and list(alone.data[0].y) == [None] * 3


def test_factor_bars_tell_found_from_not_found() -> None:
    found = pd.DataFrame(
        {"factor": ["au25", "yaw"], "share": [0.06, 0.01], "chance": [0.003, 0.008], "dimension": [3, 4],
         "p": [0.002, 0.4], "q": [0.01, 0.6]}
    )  # fmt: skip
    figure = factor_bars(found, {"au25": "AU 25, lips part"})
    bars, chance = figure.data[:2]
    assert list(bars.x) == [6, 1] and list(bars.y) == ["AU 25, lips part", "yaw"]
    assert list(chance.x) == [0.3, 0.8]
    assert bars.marker.color[0] != bars.marker.color[1]
    assert "1 of those shown" in said(figure)
    assert list(factor_bars(found, most=1).data[0].y) == ["au25"]
    with pytest.raises(UserError, match="no factors"):
        factor_bars(found[:0])


def test_shapes_that_do_not_fit_are_one_sentence() -> None:
    attention, labels = data()
    means, pairs = class_means(attention, labels), class_similarity(attention, labels)
    one = attention[:1]
    for rows, chosen, table in ((attention[:2], [0], means), (one[:0], [], means), (one, [0], means[:2])):
        with pytest.raises(UserError, match="class means"):
            attention_profiles(rows, chosen, CLASSES, table, pairs)
    with pytest.raises(UserError, match="dimensions of contrast"):
        attention_heatmap(attention, labels, CLASSES, class_contrast(attention, labels)[:3])

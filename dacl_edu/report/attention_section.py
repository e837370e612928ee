"""Sections on attention: what it looks like, whom it serves, and where its loss pulls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dacl_edu.errors import UserError
from dacl_edu.report.blocks import Block, Drawing, Note, Section, attempt
from dacl_edu.report.faces import Pictures
from dacl_edu.report.features import Features
from dacl_edu.report.tables import frame_table

ROWS = 10  # samples of each class in the heat map: as many as can be told apart
MOST = 2  # methods whose attention is drawn in full


def attention_section(all_features: Sequence[Features], pictures: Pictures) -> Section:
    """Class means and similarity, heat map, drift, ablation, controls, factors."""
    section = Section(
        "attention",
        "Attention",
        "Attention weighs each dimension of each image in the loss of Eq. 4; no prediction ever sees it. See whether "
        "it differs between classes at all, and whether the dimensions it prefers are those that the classifier needs.",
    )
    for features in all_features:
        section.blocks += attempt("Attention", _all, features, pictures)
    return section


def with_attention(features: Features) -> list[str]:
    """Names of the methods whose attention is not the same everywhere."""
    return [name for name, deep in features.shown.items() if float(deep.attention.std()) > 1e-4]


def _all(features: Features, pictures: Pictures) -> Iterator[Block]:
    features.require()
    names = with_attention(features)
    if not names:
        raise UserError("every run weighs all dimensions alike, as softmax and center loss do", hint="add a dacl run")
    for name in names[:MOST]:
        yield from attempt(f"{name}: the attention of samples", _profiles, features, name)
        yield from attempt(f"{name}: the heat map of attention", _heat_map, features, name)
    yield from attempt("The drift of attention", _drift, features, names[:MOST])
    for name in names[:MOST]:
        yield from attempt(f"{name}: ablation", _ablation, features, name)
        yield from attempt(f"{name}: the controls", _controls, features, name)
        yield from attempt(f"{name}: what attention goes along with", _factors, features, name, pictures)
    if len(names) > MOST:
        yield Note(f"Not drawn, to keep the page small: {', '.join(names[MOST:])}. Name their runs alone to see them.")


def _profiles(features: Features, name: str) -> Drawing:
    from dacl_edu.evaluation.attention_statistics import class_similarity
    from dacl_edu.evaluation.samples import class_means
    from dacl_edu.plots.attention_figures import attention_profiles

    deep, count = features.shown[name], len(features.classes)
    present = deep.labels.unique().tolist()
    chosen = [row for k in present for row in (deep.labels == k).nonzero()[:2, 0].tolist()][:5]
    figure = attention_profiles(
        deep.attention[chosen],
        deep.labels[chosen].tolist(),
        features.classes,
        class_means(deep.attention, deep.labels, count),
        class_similarity(deep.attention, deep.labels, count),
    )
    return Drawing(
        figure,
        f"{name}, as in the paper's Fig. 5: two samples of a class, and their class's mean. The paper reads off such "
        "lines that samples of a class attend alike; the matrix says how much alike, after taking away what all share.",
    )


def _heat_map(features: Features, name: str) -> Drawing:
    from dacl_edu.evaluation.attention_statistics import class_contrast
    from dacl_edu.evaluation.deep_features import balanced_rows
    from dacl_edu.plots.attention_figures import attention_heatmap

    deep = features.shown[name]
    rows = balanced_rows(deep.labels, ROWS)
    contrast = class_contrast(deep.attention, deep.labels)
    figure = attention_heatmap(deep.attention[rows], deep.labels[rows], features.classes, contrast)
    return Drawing(
        figure,
        f"{name}: {ROWS} images of each class. See how many dimensions at the left tell classes apart, and how few.",
    )


def _drift(features: Features, names: Sequence[str]) -> Drawing:
    from dacl_edu.evaluation.attention_statistics import attention_drift
    from dacl_edu.plots.attention_figures import drift_curves

    kept = {name: snapshots for name in names if (snapshots := features.runs[name].snapshots())}
    if not kept:
        raise UserError("no run with attention kept snapshots", hint="train with --snapshots 15")
    return Drawing(
        drift_curves({name: attention_drift(snapshots) for name, snapshots in kept.items()}),
        "On validation images. See whether attention selects (its spread grows, its entropy falls), and where its "
        "mean goes.",
    )


def _ablation(features: Features, name: str) -> Drawing:
    from dacl_edu.evaluation.ablation import ablation_curves
    from dacl_edu.plots.attention_figures import ablation_plot

    deep = features.shown[name]
    figure = ablation_plot(ablation_curves(deep, features.runs[name].head(), seeds=8))
    return Drawing(
        figure,
        f"{name}: features set to zero, the most or the least attended first. If attention knew what matters, the line "
        "of the most attended would fall well below chance order, towards the line of the largest contribution.",
    )


def _controls(features: Features, name: str) -> Iterator[Block]:
    from dacl_edu.evaluation.attention_statistics import control_effects

    deep, head = features.shown[name], features.runs[name].head()
    table = control_effects(deep, head.centers)
    yield frame_table(
        f"{name}: the gradient of L_SC (Eq. 9) under controls, against that under learned attention",
        table, digits=4, head="attention",
    )  # fmt: skip
    yield Note(
        "A cosine near 1 means that the control would have pulled the features in almost the same direction; a length "
        "other than 1 acts like another λ. Compare with the attention's mean before crediting its selection."
    )


def _factors(features: Features, name: str, pictures: Pictures) -> Drawing:
    from dacl_edu.evaluation.factors import factor_association
    from dacl_edu.plots.attention_figures import factor_bars

    deep, run = features.shown[name], features.runs[name]
    table = pictures.split(run, deep.split).factors
    if table is None:
        raise UserError("the generating factors of these images are not known", hint="the bundled faces have them")
    found = factor_association(deep.attention, table.iloc[deep.indices.tolist()].reset_index(drop=True), deep.labels)
    return Drawing(
        factor_bars(found),
        f"{name}: share of attention's variance within a class that goes along with what the face was made from. See "
        "whether attention follows the expression, or the pose and the light.",
    )


def gradient_section(all_features: Sequence[Features]) -> Section:
    """Where Eq. 3 and Eq. 4 pull."""
    section = Section(
        "gradient",
        "Where the losses pull",
        "Arrows of −∂L/∂x around a class center in two dimensions. See that center loss (Eq. 3) pulls straight to the "
        "center, while sparse center loss (Eq. 4) pulls the less along a dimension, the lower its attention.",
    )
    section.blocks += attempt("The gradient field", _field, all_features)
    return section


def _field(all_features: Sequence[Features]) -> Drawing:
    from dacl_edu.plots import gradient_field

    attention, words = (1.0, 0.2), "Attention is chosen by hand."
    for features in all_features:
        for name in with_attention(features):
            found = features.shown[name].attention.flatten().double().numpy()
            attention = (round(float(np.quantile(found, 0.95)), 2), round(float(np.quantile(found, 0.05)), 2))
            words = f"Of all attention weights of {name}, 5 % exceed the first number and 5 % are below the second."
    classes = [features.classes[0] for features in all_features if features.runs][:1]
    return Drawing(gradient_field(attention=attention, classes=classes), f"{words} All arrows have one scale.")

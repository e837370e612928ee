"""Attention: patterns, ablation, controls and factors, each against a loop, and against data whose answer is known."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_selection import f_classif

from dacl_edu.errors import UserError
from dacl_edu.evaluation.ablation import ablation_curve, ablation_curves
from dacl_edu.evaluation.attention_statistics import (
    attention_drift,
    class_contrast,
    class_means,
    class_similarity,
    control_effects,
    controls,
    similarity,
    within_between,
)
from dacl_edu.evaluation.deep_features import ClassifierHead, DeepFeatures
from dacl_edu.evaluation.factors import factor_association
from dacl_edu.model.attention import AttentionNetwork

N, D, K = 60, 9, 3


def sample(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention whose class pattern is known: dimension k is raised for class k."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(N) % K
    attention = 0.4 + 0.1 * torch.rand(N, D, generator=generator)
    attention[torch.arange(N), labels] += 0.4
    return attention, labels


def deep(seed: int = 0) -> DeepFeatures:
    attention, labels = sample(seed)
    features = torch.rand(N, D, generator=torch.Generator().manual_seed(seed + 100))
    return DeepFeatures(features, attention, labels, labels, torch.arange(N), "test")


def head(seed: int = 0) -> ClassifierHead:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(K, D, generator=generator)
    return ClassifierHead(weight, 0.1 * torch.randn(K, generator=generator) - weight.sum(dim=1) / 2, torch.rand(K, D))


def test_class_means_equal_a_loop_and_an_absent_class_is_nan() -> None:
    attention, labels = sample()
    means = class_means(attention, labels, K + 1)
    assert means.shape == (K + 1, D)
    for k in range(K):
        mean = sum(attention[i].double() for i in range(N) if labels[i] == k) / int((labels == k).sum())
        np.testing.assert_allclose(means[k], mean, atol=1e-9)
    assert np.isnan(means[K]).all()


def test_similarity_equals_a_loop() -> None:
    attention = sample()[0].double().numpy()
    for centred in (True, False):
        pairs = similarity(attention, centred)
        assert pairs.shape == (N, N)
        rows = attention - attention.mean(axis=0) * centred
        for i, j in ((0, 1), (3, 0), (7, 8)):
            expected = rows[i] @ rows[j] / (np.linalg.norm(rows[i]) * np.linalg.norm(rows[j]))
            assert abs(pairs[i, j] - expected) < 1e-12


def test_plain_similarity_hides_what_centred_similarity_shows() -> None:
    attention, labels = sample()
    plain, centred = within_between(attention, labels, centred=False), within_between(attention, labels)
    assert plain.between > 0.7 and plain.within > 0.9
    assert centred.within > 0.9
    assert centred.between == pytest.approx(-centred.within / (K - 1), abs=0.03)  # what centring makes of nothing


def test_class_similarity_leaves_out_a_sample_and_itself() -> None:
    attention, labels = sample()
    pairs, matrix = similarity(attention), class_similarity(attention, labels)
    for k, other in itertools.product(range(K), repeat=2):
        values = [pairs[i, j] for i in range(N) for j in range(N) if i != j and labels[i] == k and labels[j] == other]
        assert matrix[k, other] == pytest.approx(np.mean(values), abs=1e-12)
    single = class_similarity(attention[:4], [0, 1, 1, 3], 4)
    assert np.isnan(single[0, 0]) and np.isnan(single[2]).all() and not np.isnan(single[1, 1])


def test_attention_that_is_the_same_for_all_has_no_similarity_and_no_contrast() -> None:
    ones, labels = torch.ones(N, D), torch.arange(N) % K
    assert np.isnan(similarity(ones)).all()
    assert np.isnan(within_between(ones, labels)).all()
    table = class_contrast(ones, labels)
    assert (table[["F", "eta2"]] == 0).all().all() and np.isfinite(table).all().all()


def test_contrast_is_the_f_ratio_in_falling_order() -> None:
    attention, labels = sample()
    table = class_contrast(attention, labels)
    expected, _ = f_classif(attention.double().numpy(), labels.numpy())
    np.testing.assert_allclose(table["F"], expected[table["dimension"]], rtol=1e-6)
    assert set(table["dimension"][:K]) == set(range(K))
    assert (table["eta2"].diff().dropna() <= 0).all() and table["eta2"].between(0, 1).all()


def test_drift_follows_the_class_means() -> None:
    early, late = deep(), deep()
    late = DeepFeatures(late.features, late.attention + 0.05, late.labels, late.predicted, late.indices, "val")
    drift = attention_drift([SimpleNamespace(epoch=0, deep=early), SimpleNamespace(epoch=4, deep=late)])
    assert drift["epoch"].tolist() == [0, 4]
    assert drift["mean"][0] == pytest.approx(early.attention.mean().item(), abs=1e-6)
    assert drift["mean"][1] == pytest.approx(late.attention.mean().item(), abs=1e-6)
    assert np.isnan(drift["change"][0]) and drift["change"][1] == pytest.approx(0.05, abs=1e-6)
    assert drift["within"][0] == pytest.approx(drift["within"][1], abs=1e-5)
    with pytest.raises(UserError, match="no snapshots"):
        attention_drift([])


@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_ablation_equals_a_loop_over_samples(fill: str) -> None:
    data, classifier = deep(), head()
    value = torch.zeros(D) if fill == "zero" else data.features.mean(dim=0)
    curve = ablation_curve(data.features, data.labels, classifier, data.attention, value.numpy())
    assert curve.shape == (D + 1,)
    for k in range(D + 1):
        right = 0
        for i in range(N):
            x = data.features[i].clone()
            for j in sorted(range(D), key=lambda j: -float(data.attention[i, j]))[:k]:
                x[j] = value[j]
            right += int(classifier.logits(x).argmax() == data.labels[i])
        assert curve[k] == pytest.approx(right / N)
    curves = ablation_curves(data, classifier, fill, seeds=2)
    np.testing.assert_array_equal(curves.top, curve)
    assert curves.random.shape == (2, D + 1)


def test_ablation_finds_out_whether_attention_marks_what_matters() -> None:
    labels = torch.arange(N) % K
    features = torch.full((N, D), 0.1)
    features[torch.arange(N), labels] = 1.0  # only this one tells the class
    classifier = ClassifierHead(torch.eye(K, D), torch.zeros(K), torch.zeros(K, D))
    for attention, top, bottom in ((features, 0.0, 1.0), (-features, 1.0, 0.0)):
        data = DeepFeatures(features, 0.5 + attention / 4, labels, labels, labels, "test")
        curves = ablation_curves(data, classifier, seeds=5)
        assert curves.top[0] == 1 and curves.top[1] == top and curves.bottom[1] == bottom
        assert curves.contribution[1] == 0
        assert 0.6 < curves.random[:, 1].mean() < 1
        assert (curves.random[0] != curves.random[1]).any()


def test_with_everything_ablated_only_the_bias_answers() -> None:
    data, classifier = deep(), head()
    curves = ablation_curves(data, classifier, seeds=3)
    expected = float((data.labels == classifier.bias.argmax()).double().mean())
    assert curves.top[-1] == curves.bottom[-1] == curves.random[0, -1] == curves.contribution[-1] == expected


def test_controls_are_those_of_the_network() -> None:
    maps, made = torch.randn(5, 4, 3, 3), {}
    for mode in ("learned", "mean", "normalized", "ones"):
        torch.manual_seed(1)
        made[mode] = AttentionNetwork((4, 3, 3), 6, (8, 4), mode=mode)(maps).detach()
    ours = controls(made["learned"])
    for mode, weights in made.items():
        torch.testing.assert_close(ours[mode], weights)
    assert torch.equal(ours["permuted"].sort(dim=1).values, ours["learned"].sort(dim=1).values)
    assert not torch.equal(ours["permuted"], ours["learned"])


def test_control_effects_equal_eq_4_and_9() -> None:
    data, centers = deep(), torch.rand(K, D)
    table = control_effects(data, centers, seed=3)
    difference = (data.features - centers[data.labels]).double()
    learned = data.attention.double() * difference / N  # Eq. 9
    for name, weights in controls(data.attention, seed=3).items():
        gradient = weights.double() * difference / N
        assert table.loc[name, "loss"] == pytest.approx(float((weights * difference**2).sum() / (2 * N)), rel=1e-5)
        cosine = (gradient * learned).sum() / (gradient.norm() * learned.norm())
        assert table.loc[name, "cosine"] == pytest.approx(float(cosine), abs=1e-6)
        assert table.loc[name, "length"] == pytest.approx(float(gradient.norm() / learned.norm()), rel=1e-5)


def factors(seed: int = 0) -> tuple[np.ndarray, pd.DataFrame, np.ndarray]:
    """Attention that follows `true` and `word` within classes; `proxy` is the class with some noise; others nothing."""
    rng = np.random.default_rng(seed)
    n = 150
    labels = np.arange(n) % K
    table = pd.DataFrame(
        {
            "true": rng.random(n), "proxy": labels + 0.01 * rng.random(n), "word": rng.choice(list("abc"), n),
            "constant": 1.0, "look_seed": rng.integers(0, 9, n), **{f"none{i}": rng.random(n) for i in range(20)},
        }
    )  # fmt: skip
    attention = 0.05 * rng.standard_normal((n, D))
    attention[:, 0] += labels
    attention[:, 1] += 0.5 * table["true"] ** 3
    attention[:, 2] += 0.2 * (table["word"] == "b")
    return attention, table, labels


def test_factors_are_found_and_a_class_is_no_explanation() -> None:
    attention, table, labels = factors()
    found = factor_association(attention, table, labels).set_index("factor")
    assert "constant" not in found.index and "look_seed" not in found.index
    assert set(found.index[found["q"] < 0.05]) == {"true", "word"}
    assert found.loc["true", "dimension"] == 1 and found.loc["word", "dimension"] == 2
    assert found.loc["word", "kind"] == "word" and found.loc["true", "kind"] == "number"
    assert found["p"].min() >= 1 / 1000 and (found["q"] >= found["p"] - 1e-12).all()
    raw = factor_association(attention, table, permutations=99).set_index("factor")
    assert raw.index[0] == "proxy" and raw.loc["proxy", "share"] > 0.5
    assert found.loc["proxy", "share"] < 0.05


def test_the_share_is_eta_squared() -> None:
    attention, table, labels = factors()
    share = factor_association(attention[:, :1], table[["word"]], permutations=9)["share"][0]
    codes = table["word"].map({"a": 0, "b": 1, "c": 2}).to_numpy()
    assert share == pytest.approx(class_contrast(attention[:, :1], codes)["eta2"][0])
    adjusted = factor_association(attention[:, :1], table[["word"]], labels, permutations=9)["share"][0]
    within = attention[:, :1] - class_means(attention[:, :1], labels)[labels]
    residual = within.copy()
    design = np.column_stack([np.eye(3)[codes], np.eye(K)[labels]])
    residual -= design @ np.linalg.lstsq(design, within, rcond=None)[0]
    assert adjusted == pytest.approx(1 - (residual**2).sum() / (within**2).sum())


def test_useless_factors_are_seldom_found_and_chance_is_what_luck_explains() -> None:
    rng, hits, shares, chances = np.random.default_rng(5), 0, [], []
    labels = np.arange(90) % K
    for _ in range(6):
        table = pd.DataFrame({f"f{i}": rng.random(90) for i in range(20)} | {"w": rng.choice(list("abcdef"), 90)})
        found = factor_association(rng.random((90, 5)), table, labels, permutations=99).set_index("factor")
        hits += int((found["q"] < 0.05).sum())
        shares.append(found["share"].mean())
        chances.append(found["chance"].mean())
        assert found.loc["w", "chance"] > 3 * found.loc["f0", "chance"]
    assert hits <= 2
    assert np.mean(shares) == pytest.approx(np.mean(chances), rel=0.25)


def test_bad_input_is_one_clear_sentence() -> None:
    attention, labels = sample()
    broken = attention.clone()
    broken[3, 2] = float("nan")
    with pytest.raises(UserError, match="1 of 60 rows hold NaN"):
        class_means(broken, labels)
    with pytest.raises(UserError, match="labels of shape"):
        class_means(attention, labels[:5])
    with pytest.raises(UserError, match="one row a sample, at least one"):
        similarity(torch.zeros(0, 3))
    for rows in ([0], [0, 3, 6]):
        with pytest.raises(UserError, match="needs two classes"):
            class_contrast(attention[rows], labels[rows])
    assert np.isnan(within_between(attention[:1], labels[:1])).all()
    with pytest.raises(UserError, match="fill is 'noise'"):
        ablation_curves(deep(), head(), "noise")
    with pytest.raises(UserError, match="one score for each feature"):
        ablation_curve(deep().features, labels, head(), torch.zeros(N, 2))
    with pytest.raises(UserError, match="rows of factors"):
        factor_association(attention, pd.DataFrame({"a": [1.0]}), labels)
    with pytest.raises(UserError, match="does not vary"):
        factor_association(torch.ones(N, D), pd.DataFrame({"a": range(N)}), labels)
    with pytest.raises(UserError, match="no factor varies"):
        factor_association(attention, pd.DataFrame({"a": [1.0] * N}), labels)


def test_thirty_thousand_samples_are_ablated_in_pieces() -> None:
    rows = 30_000
    data = DeepFeatures(
        torch.rand(rows, 16), torch.rand(rows, 16), torch.arange(rows) % K, torch.arange(rows) % K,
        torch.arange(rows), "test",
    )  # fmt: skip
    classifier = ClassifierHead(torch.rand(K, 16), torch.zeros(K), torch.zeros(K, 16))
    assert ablation_curves(data, classifier, seeds=1).top.shape == (17,)

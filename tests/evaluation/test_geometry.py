"""Compactness and separation against loops written from the definitions; scale, missing classes, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dacl_edu.errors import UserError
from dacl_edu.evaluation import geometry as g
from dacl_edu.evaluation.samples import class_means

RNG = np.random.default_rng(0)
LABELS = np.repeat([0, 1, 3], 8)  # class 2 has no sample
FEATURES = RNG.normal(size=(24, 5)) + 2.0 * np.eye(5)[LABELS]


def test_wcss_is_the_loop_of_its_definition() -> None:
    total = 0.0
    for label in (0, 1, 3):
        mean = [sum(FEATURES[i, j] for i in range(24) if LABELS[i] == label) / 8 for j in range(5)]
        for i in range(24):
            if LABELS[i] == label:
                total += sum((FEATURES[i, j] - mean[j]) ** 2 for j in range(5))
    assert g.wcss(FEATURES, LABELS) == pytest.approx(total, rel=1e-12)
    assert g.wcss(torch.tensor(FEATURES), torch.tensor(LABELS)) == pytest.approx(total)


def test_wcss_around_other_centers_is_larger() -> None:
    means = class_means(FEATURES, LABELS, 4)
    moved = means + 0.1
    assert g.wcss(FEATURES, LABELS, means) == pytest.approx(g.wcss(FEATURES, LABELS))
    assert g.wcss(FEATURES, LABELS, moved) == pytest.approx(g.wcss(FEATURES, LABELS) + 24 * 5 * 0.01)


def test_an_absent_class_has_no_mean_and_no_distance() -> None:
    means = class_means(FEATURES, LABELS, 4)
    assert means.shape == (4, 5) and np.isnan(means[2]).all() and np.isfinite(means[[0, 1, 3]]).all()
    distances = g.center_distances(means, scale=2.0)
    assert np.isnan(distances[2]).all()
    assert distances[0, 3] == pytest.approx(np.sqrt(np.square(means[0] - means[3]).sum()) / 2)


def test_the_scale_free_measures_do_not_change_with_the_scale_and_the_others_do() -> None:
    small, large = g.geometry(0.1 * FEATURES, LABELS), g.geometry(FEATURES, LABELS)
    free = {
        "WCSS, unit length", "within share", "radius / gap", "silhouette", "silhouette, unit length", "Davies-Bouldin",
        "kNN accuracy",
    }  # fmt: skip
    for name in free:
        assert small[name] == pytest.approx(large[name]), name
    assert small["WCSS"] == pytest.approx(0.01 * large["WCSS"])
    for name in ("mean length", "radius", "gap"):
        assert small[name] == pytest.approx(0.1 * large[name]), name
    assert set(large) == free | {"WCSS", "mean length", "radius", "gap"}


def test_within_share_is_zero_for_points_and_near_one_without_classes() -> None:
    points = np.eye(5)[LABELS]
    assert g.geometry(points, LABELS)["within share"] == pytest.approx(0)
    shuffled = np.tile(FEATURES[:12], (2, 1))
    assert g.geometry(shuffled, np.repeat([0, 1], 12))["within share"] == pytest.approx(1)


def test_silhouette_is_the_mean_over_samples() -> None:
    scores = []
    for i in range(24):
        far = {
            k: [np.linalg.norm(FEATURES[i] - FEATURES[j]) for j in range(24) if LABELS[j] == k and j != i]
            for k in (0, 1, 3)
        }
        own = float(np.mean(far.pop(LABELS[i])))
        other = min(float(np.mean(values)) for values in far.values())
        scores.append((other - own) / max(own, other))
    assert g.geometry(FEATURES, LABELS)["silhouette"] == pytest.approx(np.mean(scores))


def test_neighbours_leave_the_sample_itself_out() -> None:
    found = g.nearest(FEATURES, 3)
    assert found.shape == (24, 3)
    for i in range(24):
        order = sorted((j for j in range(24) if j != i), key=lambda j: np.linalg.norm(FEATURES[i] - FEATURES[j]))
        assert found[i].tolist() == order[:3]


def test_neighbour_accuracy_votes() -> None:
    line = np.array([[0.0], [1.0], [2.0], [10.0], [11.0], [2.2]])
    labels = np.array([0, 0, 0, 1, 1, 1])  # the last one stands among strangers
    assert g.neighbour_accuracy(line, labels, neighbours=1) == pytest.approx(4 / 6)  # it and its neighbour are wrong
    assert np.isnan(g.neighbour_accuracy(line[:1], labels[:1]))


def test_overlap_counts_common_neighbours() -> None:
    assert g.neighbour_overlap(FEATURES, 3 * FEATURES + 1, 5) == 1
    other = RNG.normal(size=(24, 2))
    expected = np.mean(
        [len(set(a) & set(b)) / 5 for a, b in zip(g.nearest(FEATURES, 5), g.nearest(other, 5), strict=True)]
    )
    assert g.neighbour_overlap(FEATURES, other, 5) == pytest.approx(expected)
    with pytest.raises(UserError, match="23 and 24 samples"):
        g.neighbour_overlap(FEATURES[1:], other, 5)
    with pytest.raises(UserError, match="24 neighbours of 24"):
        g.neighbour_overlap(FEATURES, other, 24)


@pytest.mark.parametrize(("features", "labels"), [(FEATURES[:1], LABELS[:1]), (FEATURES[:8], LABELS[:8])])
def test_one_sample_or_one_class_gives_what_can_be_measured(features: np.ndarray, labels: np.ndarray) -> None:
    found = g.geometry(features, labels)
    assert np.isfinite(found["WCSS"])
    for name in ("gap", "radius / gap", "silhouette", "Davies-Bouldin"):
        assert np.isnan(found[name]), name


def test_constant_features_give_no_ratio_and_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    found = g.geometry(np.ones((6, 3)), [0, 0, 0, 1, 1, 1])
    assert found["WCSS"] == 0 and found["gap"] == 0
    assert all(np.isnan(found[name]) for name in ("within share", "radius / gap", "silhouette", "Davies-Bouldin"))
    assert not recwarn.list


@pytest.mark.parametrize(
    ("features", "labels", "said"),
    [
        (np.where(np.arange(120).reshape(24, 5) == 17, np.nan, FEATURES), LABELS, "1 of 24 rows .* the first is row 3"),
        (FEATURES[:0], LABELS[:0], "at least one"),
        (FEATURES[0], LABELS, "one row a sample"),
        (FEATURES, LABELS[:5], "for 24 samples"),
    ],
)
def test_bad_input_is_said_in_one_sentence(features: np.ndarray, labels: np.ndarray, said: str) -> None:
    with pytest.raises(UserError, match=said):
        g.geometry(features, labels)


def test_the_table_has_a_row_a_method_and_an_error_names_it() -> None:
    table = g.compare_geometry({"wide": 2 * FEATURES, "narrow": FEATURES}, {"wide": LABELS, "narrow": LABELS})
    assert table.index.tolist() == ["wide", "narrow"]
    assert table.loc["wide", "WCSS"] == pytest.approx(4 * table.loc["narrow", "WCSS"])
    with pytest.raises(UserError, match="features of broken"):
        g.compare_geometry({"fine": FEATURES, "broken": np.full((24, 5), np.inf)}, LABELS)
    with pytest.raises(UserError, match="no features"):
        g.compare_geometry({}, LABELS)


def test_many_samples_are_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(g, "MOST", 12)
    first, again = g.geometry(FEATURES, LABELS), g.geometry(FEATURES, LABELS)
    assert first == again and first["WCSS"] == pytest.approx(g.wcss(FEATURES, LABELS))

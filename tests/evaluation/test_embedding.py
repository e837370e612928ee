"""Projections: PCA against the definition, UMAP's repeatability, alignment, the cache, bad input."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dacl_edu.errors import UserError
from dacl_edu.evaluation import embedding as e
from dacl_edu.evaluation.geometry import neighbour_overlap

RNG = np.random.default_rng(0)
LABELS = np.repeat(np.arange(3), 20)
CLOUDS = RNG.normal(size=(60, 8)) + 30.0 * np.eye(8)[LABELS]  # so far apart that the graph is disconnected
needs_umap = pytest.mark.skipif(importlib.util.find_spec("umap") is None, reason="umap-learn is not installed")


@pytest.mark.parametrize("dimensions", [2, 3])
def test_pca_keeps_the_most_spread_and_transforms_with_the_mean_of_the_fitted(dimensions: int) -> None:
    made = e.embed(CLOUDS, CLOUDS[:5] + 1.0, method="pca", dimensions=dimensions)
    assert made.points.shape == (60, dimensions) and made.others[0].shape == (5, dimensions) and made.method == "pca"
    covariance = np.cov(CLOUDS.T)
    largest = np.sort(np.linalg.eigvalsh(covariance))[::-1][:dimensions]
    np.testing.assert_allclose(made.points.var(axis=0, ddof=1), largest)
    assert not np.allclose(made.others[0], made.points[:5])
    np.testing.assert_allclose(
        e.embed(CLOUDS, CLOUDS[:5], method="pca").others[0], e.embed(CLOUDS, method="pca").points[:5]
    )


def test_tensors_are_welcome_and_pca_has_one_sign() -> None:
    made = e.embed(torch.tensor(CLOUDS), method="pca")
    turned = e.embed(CLOUDS[::-1].copy(), method="pca")
    np.testing.assert_allclose(made.points, turned.points[::-1], atol=1e-9)


@needs_umap
def test_umap_is_the_same_twice_though_the_graph_is_disconnected_and_keeps_neighbours() -> None:
    first, second = (e.embed(CLOUDS, CLOUDS[:7] + 0.01, n_neighbors=6, seed=3) for _ in range(2))
    assert first.method == "umap" and first.points.shape == (60, 2) and first.others[0].shape == (7, 2)
    assert np.array_equal(first.points, second.points) and np.array_equal(first.others[0], second.others[0])
    assert not np.array_equal(first.points, e.embed(CLOUDS, n_neighbors=6, seed=4).points)
    assert neighbour_overlap(CLOUDS, first.points, 19) > 0.9  # each cloud's 19 others
    assert e.embed(CLOUDS, n_neighbors=6, dimensions=3).points.shape == (60, 3)


@needs_umap
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_torch_keeps_its_number_of_threads(threads: int) -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        e.embed(CLOUDS[:20], n_neighbors=6)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@needs_umap
def test_the_test_images_do_not_change_the_map() -> None:
    alone, together = e.embed(CLOUDS, n_neighbors=6), e.embed(CLOUDS, CLOUDS[:9] * 2, n_neighbors=6)
    assert np.array_equal(alone.points, together.points)


@needs_umap
def test_more_neighbours_than_images_are_lowered_and_that_is_said() -> None:
    made = e.embed(CLOUDS[:10], n_neighbors=15)
    assert made.method == "umap" and "lowered from 15 to 9" in made.notice and made.points.shape == (10, 2)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (CLOUDS[:1], "A single image"),
        (np.ones((20, 4)), "All images have the same features"),
        (CLOUDS[:3], "3 images are too few"),
        (CLOUDS[:, :2], "only 2 dimension"),
        (CLOUDS[:, :1], "only 1 dimension"),
    ],
)
def test_where_umap_cannot_work_pca_does_and_says_so(features: np.ndarray, said: str) -> None:
    made = e.embed(features, features)
    assert made.method == "pca" and said in made.notice
    assert made.points.shape == (len(features), 2) and np.isfinite(made.points).all()
    np.testing.assert_allclose(made.points, made.others[0])


@needs_umap
@pytest.mark.parametrize("exponent", [100, 900, -100, -900])  # about 1e30 and 1e270, 1e-30 and 1e-270
def test_umap_takes_features_of_any_size(exponent: int) -> None:
    made = e.embed(np.ldexp(CLOUDS, exponent), np.ldexp(CLOUDS[:3], exponent))
    assert made.method == "umap" and np.isfinite(made.points).all() and np.isfinite(made.others[0]).all()
    assert neighbour_overlap(CLOUDS, made.points, 19) > 0.9
    aligned = e.embed_aligned({"one": np.ldexp(CLOUDS, exponent), "two": CLOUDS}, method="pca")
    assert all(np.isfinite(each.points).all() for each in aligned.values())


def test_others_of_another_size_are_refused() -> None:
    with pytest.raises(UserError, match="1e15 times larger"):
        e.embed(CLOUDS, CLOUDS * 1e30, method="pca")


def test_without_umap_learn_pca_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "umap" else real(name, *more))
    made = e.embed(CLOUDS)
    assert made.method == "pca" and "umap-learn is not installed" in made.notice
    np.testing.assert_allclose(made.points, e.embed(CLOUDS, method="pca").points)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ([np.where(CLOUDS > 31, np.nan, CLOUDS)], {}, "rows hold NaN"),
        ([CLOUDS, CLOUDS[:, :5]], {}, "8, 5 dimensions"),
        ([CLOUDS[:0]], {}, "at least one"),
        ([CLOUDS], {"method": "tsne"}, "unknown projection"),
        ([CLOUDS], {"dimensions": 4}, "4 dimensions"),
        ([CLOUDS], {"n_neighbors": 1}, "n_neighbors"),
        ([CLOUDS], {"min_dist": -0.1}, "min_dist"),
    ],
)
def test_bad_input_is_said(arguments: list[Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        e.embed(*arguments, **options)


def test_the_cache_is_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = e._pca
    monkeypatch.setattr(e, "_pca", lambda *given: calls.append(1) or real(*given))
    first = e.embed(CLOUDS, CLOUDS[:3], method="pca", cache=tmp_path / "new")
    again = e.embed(CLOUDS, CLOUDS[:3], method="pca", cache=tmp_path / "new")
    assert len(calls) == 1 and np.array_equal(first.points, again.points)
    np.testing.assert_array_equal(first.others[0], again.others[0])
    e.embed(CLOUDS + 1e-9, CLOUDS[:3], method="pca", cache=tmp_path / "new")
    e.embed(CLOUDS, CLOUDS[:3], method="pca", dimensions=3, cache=tmp_path / "new")
    e.embed(CLOUDS, method="pca", cache=tmp_path / "new")
    assert len(calls) == 4 and len(list((tmp_path / "new").iterdir())) == 4


@pytest.mark.parametrize("damage", [b"", b"no archive", None])
def test_a_damaged_cache_file_is_computed_again(tmp_path: Path, damage: bytes | None) -> None:
    first = e.embed(CLOUDS, method="pca", cache=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:200] if damage is None else damage)
    again = e.embed(CLOUDS, method="pca", cache=tmp_path)
    assert np.array_equal(first.points, again.points)
    with np.load(file) as stored:
        np.testing.assert_array_equal(stored["points_0"], first.points)


def test_aligned_pictures_lie_on_each_other() -> None:
    turn, _ = np.linalg.qr(RNG.normal(size=(8, 8)))
    made = e.embed_aligned(
        {"one": CLOUDS, "two": 5 * CLOUDS @ turn + 7},
        {"one": CLOUDS[:4], "two": 5 * CLOUDS[:4] @ turn + 7},
        method="pca",
    )
    assert list(made) == ["one", "two"]
    np.testing.assert_allclose(made["one"].points, made["two"].points, atol=1e-8)
    np.testing.assert_allclose(made["one"].others[0], made["two"].others[0], atol=1e-8)


@needs_umap
def test_alignment_turns_a_umap_picture_as_a_whole_and_is_repeatable() -> None:
    features = {"one": CLOUDS, "two": CLOUDS[:, ::-1] + RNG.normal(size=(60, 8))}
    first, second = (e.embed_aligned(features, n_neighbors=6) for _ in range(2))
    for name in features:
        assert np.array_equal(first[name].points, second[name].points)
    one, two = (first[name].points - first[name].points.mean(axis=0) for name in features)
    assert np.square(one - two).sum() < 0.5 * np.square(one).sum()
    bare = e.embed(features["two"], n_neighbors=6, init=e._common_start(list(features.values()), 2)).points
    ratio = np.linalg.norm(two[0] - two[1]) / np.linalg.norm(bare[0] - bare[1])
    far = np.linalg.norm(two[0] - two[-1]) / np.linalg.norm(bare[0] - bare[-1])
    assert far == pytest.approx(ratio)  # one scale for all of it: nothing was bent


def test_alignment_needs_the_same_images_and_names() -> None:
    with pytest.raises(UserError, match="one 60, two 59"):
        e.embed_aligned({"one": CLOUDS, "two": CLOUDS[1:]})
    with pytest.raises(UserError, match="no further features of two"):
        e.embed_aligned({"one": CLOUDS, "two": CLOUDS}, {"one": CLOUDS})
    with pytest.raises(UserError, match="no features"):
        e.embed_aligned({})
    with pytest.raises(UserError, match=r"features of two: .*NaN"):
        e.embed_aligned({"one": CLOUDS, "two": np.full((60, 8), np.nan)})

"""Scores against scikit-learn, statistics of attention against NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, recall_score

from dacl_edu.evaluation import attention_stats, score
from dacl_edu.evaluation.metrics import AttentionMeter

pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=60)


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_scores_are_scikit_learns(samples: list[tuple[int, int]]) -> None:
    predicted, labels = (torch.tensor(column) for column in zip(*samples, strict=True))
    scores = score(predicted, labels, 7)
    assert scores["accuracy"] == pytest.approx(accuracy_score(labels, predicted), rel=1e-12)
    recalls = recall_score(labels, predicted, labels=range(7), average=None, zero_division=np.nan)
    present = [k for k in range(7) if k in labels]
    assert scores["average_accuracy"] == pytest.approx(recalls[present].mean(), rel=1e-12)
    assert scores["confusion"] == confusion_matrix(labels, predicted, labels=range(7)).tolist()
    assert [value is not None for value in scores["per_class_accuracy"]] == [k in present for k in range(7)]
    assert [v for v in scores["per_class_accuracy"] if v is not None] == pytest.approx(recalls[present].tolist())


def test_average_accuracy_is_balanced_accuracy_where_the_test_set_is_not() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.multinomial(torch.tensor([0.6, 0.2, 0.1, 0.04, 0.03, 0.02, 0.01]), 2000, True, generator=generator)
    predicted = torch.where(torch.rand(2000, generator=generator) < 0.7, labels, 0)
    scores = score(predicted, labels, 7)
    assert scores["average_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predicted), rel=1e-12)
    assert scores["accuracy"] - scores["average_accuracy"] > 0.05


def test_rows_are_true_classes_and_columns_predicted_ones() -> None:
    confusion = score(torch.tensor([1, 1, 1]), torch.tensor([0, 0, 1]), 2)["confusion"]
    assert confusion == [[0, 2], [0, 1]]


def test_a_class_that_does_not_occur_is_none_and_not_in_the_average() -> None:
    scores = score(torch.tensor([0, 2]), torch.tensor([0, 1]), 3)
    assert scores["per_class_accuracy"] == [1.0, 0.0, None]
    assert scores["average_accuracy"] == 0.5


@pytest.mark.parametrize(
    ("predicted", "labels"), [([], []), ([1, 2], [1]), ([[1, 2]], [[1, 2]])], ids=["none", "unequal", "a matrix"]
)
def test_what_cannot_be_scored_is_refused(predicted: list, labels: list) -> None:
    with pytest.raises(ValueError, match=r"one shape \(n,\), n > 0"):
        score(torch.tensor(predicted, dtype=torch.int64), torch.tensor(labels, dtype=torch.int64), 7)


def test_attention_statistics_are_numpys_and_scipys() -> None:
    attention = torch.rand(50, 16, generator=torch.Generator().manual_seed(0)) ** 3
    stats, array = attention_stats(attention), attention.double().numpy()
    assert stats["mean"] == pytest.approx(array.mean(), abs=1e-6)
    assert stats["std"] == pytest.approx(array.std(), abs=1e-6)
    assert stats["entropy"] == pytest.approx(np.mean(entropy(array, axis=1)) / np.log(16), abs=1e-5)


@pytest.mark.parametrize(
    ("attention", "expected"),
    [
        (torch.full((3, 8), 0.5), (0.5, 0.0, 1.0)),
        (torch.eye(8), (1 / 8, (1 / 8 - 1 / 64) ** 0.5, 0.0)),  # one dimension has it all
        (torch.zeros(3, 8), (0.0, 0.0, 0.0)),  # switched off: no nan
        (torch.ones(3, 1), (1.0, 0.0, 0.0)),  # a single dimension leaves nothing to choose
    ],
    ids=["even", "one each", "zero", "single"],
)
def test_attention_statistics_at_the_ends(attention: torch.Tensor, expected: tuple[float, ...]) -> None:
    assert tuple(attention_stats(attention).values()) == pytest.approx(expected, abs=1e-6)


def test_batches_of_unequal_size_add_up_to_the_whole() -> None:
    attention = torch.rand(50, 16, generator=torch.Generator().manual_seed(0))
    meter = AttentionMeter()
    for part in attention.split([7, 40, 3]):
        meter.add(part)
    assert meter.stats() == attention_stats(attention)


def test_a_spread_that_is_small_beside_the_mean_keeps_its_digits() -> None:
    attention = 0.5 + 1e-4 * torch.randn(1000, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert attention_stats(attention)["std"] == pytest.approx(1e-4, rel=0.02)


def test_half_precision_is_widened_and_no_attention_is_an_error() -> None:
    assert attention_stats(torch.full((3, 300), 0.5, dtype=torch.bfloat16)) == {"mean": 0.5, "std": 0.0, "entropy": 1.0}
    with pytest.raises(ValueError, match="no attention"):
        AttentionMeter().stats()

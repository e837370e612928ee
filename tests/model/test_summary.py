"""Shapes, parameters and multiply-adds of a network against sums that are done by hand."""

from __future__ import annotations

import itertools

import pytest

from dacl_edu.errors import UserError
from dacl_edu.model.summary import Row, summarize


def by_part(rows: list[Row]) -> dict[str, Row]:
    return {row.part.partition(" ")[0]: row for row in rows}


def test_the_paper_configuration() -> None:
    """Sec. 4.2: ResNet-18, a map of 512 x 7 x 7, an encoder of 3,584, 512 and 64 channels, 512 heads."""
    rows = by_part(summarize("resnet18", 224))
    assert rows["backbone"].output == (512, 7, 7) and rows["backbone"].parameters == 11_176_512
    assert rows["pooling"].output == (512,) and rows["pooling"].parameters == 0
    assert rows["classifier"].output == (7,) and rows["classifier"].parameters == 512 * 7 + 7
    widths = [512 * 7 * 7, 3584, 512, 64]
    linear = sum(a * b for a, b in itertools.pairwise(widths))
    assert rows["context"].output == (64,)
    assert rows["context"].parameters == linear + 3 * sum(widths[1:])  # a bias and two numbers of BatchNorm each
    assert rows["heads"].output == (512,) and rows["heads"].parameters == 64 * 1024 + 1024
    assert rows["context"].parameters + rows["heads"].parameters == 91_862_208
    assert rows["context"].macs == linear and rows["heads"].macs == 64 * 1024 and rows["classifier"].macs == 512 * 7
    # He et al. give 1.8 billion multiply-adds for ResNet-18.
    assert rows["backbone"].macs == pytest.approx(1.8e9, rel=0.02)


def test_the_last_row_is_the_sum() -> None:
    *parts, total = summarize("small_resnet", 56)
    assert total.part == "all"
    assert total.parameters == sum(row.parameters for row in parts)
    assert total.macs == sum(row.macs for row in parts)


def test_a_convolution_counts_once_for_each_output_pixel() -> None:
    small, large = (by_part(summarize("small_resnet", side))["backbone"].macs for side in (32, 64))
    assert large == 4 * small


def test_without_attention_there_is_no_attention_network() -> None:
    assert [row.part.partition(" ")[0] for row in summarize("small_resnet", 32, "ones")] == [
        "backbone", "pooling", "classifier", "all",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("backbone", "attention", "said"), [("resnet81", "learned", "resnet18"), ("small_resnet", "all", "learned, ones")]
)
def test_unknown_names_are_refused(backbone: str, attention: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        summarize(backbone, 64, attention)

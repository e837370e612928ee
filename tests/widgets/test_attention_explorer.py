"""The attention explorer: its callbacks are plain functions; a moved control changes figure, words and faces."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dacl_edu.errors import UserError
from dacl_edu.evaluation.deep_features import ClassifierHead, DeepFeatures
from dacl_edu.plots.style import class_look
from dacl_edu.widgets.attention_explorer import (
    CHOICES,
    ORDERS,
    AttentionData,
    ablated_dimensions,
    accuracy,
    answer,
    attention_explorer,
    dimension_order,
    explorer_figure,
    faces,
    sentence,
)

N, D, K = 30, 8, 3
CLASSES = ("surprise", "fear", "anger")


@pytest.fixture(scope="module")
def parts() -> tuple[DeepFeatures, ClassifierHead, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(N) % K
    features = 0.2 * torch.rand(N, D, generator=generator)
    features[torch.arange(N), labels] += 1  # dimension k tells class k
    attention = torch.rand(N, D, generator=generator)
    attention[torch.arange(N), labels] = 1.0  # and is the most attended
    head = ClassifierHead(torch.eye(K, D), torch.zeros(K), torch.zeros(K, D))
    images = torch.randint(0, 255, (N, 3, 16, 16), dtype=torch.uint8, generator=generator)
    predicted = head.logits(features).argmax(dim=1)
    return DeepFeatures(features, attention, labels, predicted, torch.arange(N), "test"), head, images


@pytest.fixture(scope="module")
def data(parts: tuple[DeepFeatures, ClassifierHead, torch.Tensor]) -> AttentionData:
    return AttentionData.of(*parts, CLASSES, seeds=5)


def test_ablated_dimensions_are_those_with_the_highest_score(data: AttentionData) -> None:
    attention = data.deep.attention[4]
    assert ablated_dimensions(data, 4, 3, "most attended").tolist() == attention.topk(3).indices.tolist()
    assert ablated_dimensions(data, 4, 3, "least attended").tolist() == (-attention).topk(3).indices.tolist()
    assert ablated_dimensions(data, 4, 1, "largest contribution").tolist() == [4 % K]
    lots = ablated_dimensions(data, 4, 5, "random")
    assert torch.equal(lots, ablated_dimensions(data, 4, 5, "random")) and len(lots.unique()) == 5
    assert not ablated_dimensions(data, 4, 0, "most attended").numel()


def test_the_answer_is_the_classifier_s(data: AttentionData) -> None:
    x = data.deep.features[5]
    whole = answer(data, 5, torch.zeros(0, dtype=torch.int64))
    assert whole.label == int(data.head.logits(x).argmax()) == 2
    assert whole.probability == pytest.approx(float(torch.softmax(data.head.logits(x), dim=0).max()))
    without = answer(data, 5, torch.tensor([2]))
    assert without.label != 2
    filled = answer(data, 5, torch.tensor([2]), fill="mean")
    assert filled.probability != pytest.approx(without.probability)


def test_accuracy_is_read_from_the_curve_of_that_choice(data: AttentionData) -> None:
    assert accuracy(data, 0, "most attended") == 1
    assert accuracy(data, 1, "most attended") == data.curves["zero"].top[1] == 0
    assert accuracy(data, 1, "least attended") == data.curves["zero"].bottom[1] == 1
    assert accuracy(data, 1, "random") == pytest.approx(data.curves["zero"].random[:, 1].mean())
    assert accuracy(data, 1, "most attended", "mean") == data.curves["mean"].top[1]


def test_the_sentence_says_both_answers_and_all_images(data: AttentionData) -> None:
    words = sentence(data, 5, 1, "most attended")
    assert words.startswith("This face: anger, taken for anger") and "With 1 of 8 dimensions ablated" in words
    assert "All 30 images: 100.0% right, then 0.0%" in words


def test_orders(data: AttentionData) -> None:
    assert dimension_order(data, 0, ORDERS[0]).tolist() == list(range(D))
    assert dimension_order(data, 0, ORDERS[2]).tolist() == data.deep.attention[0].argsort(descending=True).tolist()
    assert sorted(dimension_order(data, 0, ORDERS[1]).tolist()) == list(range(D))


@pytest.mark.parametrize("order", ORDERS)
def test_the_figure_greys_what_is_ablated(data: AttentionData, order: str) -> None:
    figure = explorer_figure(data, 4, other=6, k=3, which="least attended", order=order)
    by_name = {trace.name: trace for trace in figure.data}
    places = dimension_order(data, 4, order)
    ablated = ablated_dimensions(data, 4, 3, "least attended").tolist()
    for name in ("attention", "contribution"):
        assert by_name[name].customdata.tolist() == places.tolist()
        kept, gone = by_name[name], by_name[f"{name}, ablated"]
        assert kept.marker.color == class_look(1).colour != gone.marker.color
        assert all((kept.y if j in ablated else gone.y)[at] == 0 for at, j in enumerate(places))
    contribution = data.head.weight[1] * data.deep.features[4]
    for name, values in (
        ("attention", data.deep.attention[4]), ("other face", data.deep.attention[6]), ("contribution", contribution),
    ):  # fmt: skip
        drawn = by_name[name].y + (by_name[f"{name}, ablated"].y if f"{name}, ablated" in by_name else 0)
        np.testing.assert_allclose(drawn, values[places.copy()], atol=6e-4)
    assert by_name["chosen"].x == (3,)
    assert by_name["chosen"].y[0] == pytest.approx(100 * data.curves["zero"].bottom[3], abs=0.01)
    assert by_name["least attended"].line.width > by_name["most attended"].line.width
    assert "With 3 of 8" in figure.layout.meta["alt"]


def test_faces_carry_words(data: AttentionData) -> None:
    html = faces(data, [4, 6])
    assert html.count("<img src='data:image/jpeg;base64,") == 2
    assert "alt='Face of row 4: fear, taken for fear'" in html


def test_every_control_changes_the_figure(parts: tuple[DeepFeatures, ClassifierHead, torch.Tensor]) -> None:
    explorer = attention_explorer(*parts, CLASSES, seeds=3)
    by_name = {trace.name: trace for trace in explorer.figure.data}
    shown = lambda: str([trace.to_plotly_json() for trace in explorer.figure.data])  # noqa: E731
    html = [child for child in explorer.children if "HTML" in type(child).__name__]
    for name, value in (
        ("k", 2), ("which", CHOICES[1]), ("number", 3), ("class", 1), ("other class", 0), ("other number", 4),
        ("order", ORDERS[2]), ("fill", "mean"), ("which", "random"),
    ):  # fmt: skip
        before, words = shown(), [child.value for child in html]
        explorer.controls[name].value = value
        assert shown() != before, name
        if name in ("k", "number", "class"):
            assert [child.value for child in html] != words, name
    assert by_name["chosen"].x == (2,) and len(by_name["other face"].y) == D
    assert explorer.figure.layout.xaxis3.title.text == f"dimensions, by {ORDERS[2]}"


def test_a_smaller_class_takes_the_number_along() -> None:
    labels = torch.tensor([0] * 6 + [2] * 2)
    deep = DeepFeatures(torch.rand(8, D), torch.rand(8, D), labels, labels, torch.arange(8), "test")
    images = torch.zeros(8, 3, 8, 8, dtype=torch.uint8)
    head = ClassifierHead(torch.rand(K, D), torch.zeros(K), torch.zeros(K, D))
    explorer = attention_explorer(deep, head, images, CLASSES, 2)
    controls = explorer.controls
    assert [name for name, _ in controls["class"].options] == ["surprise", "anger"]  # no image of fear
    controls["number"].value = 6
    controls["class"].value = 2
    assert controls["number"].max == 2 and controls["number"].value == 2
    assert controls["other number"].disabled
    controls["other class"].value = 0
    assert not controls["other number"].disabled and controls["other number"].max == 6


def test_one_sample_is_enough_and_bad_input_is_one_sentence(
    parts: tuple[DeepFeatures, ClassifierHead, torch.Tensor],
) -> None:
    deep, head, images = parts
    one = torch.tensor([3])
    assert attention_explorer(deep.rows(one), head, images[one], CLASSES, 2).figure.data
    with pytest.raises(UserError, match="29 images for 30 rows"):
        attention_explorer(deep, head, images[1:], CLASSES)
    broken = DeepFeatures(deep.features / 0, deep.attention, deep.labels, deep.predicted, deep.indices, "test")
    with pytest.raises(UserError, match="NaN"):
        attention_explorer(broken, head, images, CLASSES)


def test_a_moved_control_changes_the_figure_that_is_there() -> None:
    rows, width = 350, 512
    labels = torch.arange(rows) % K
    deep = DeepFeatures(torch.rand(rows, width), torch.rand(rows, width), labels, labels, torch.arange(rows), "test")
    images = torch.zeros(rows, 3, 64, 64, dtype=torch.uint8)
    head = ClassifierHead(torch.rand(K, width), torch.zeros(K), torch.zeros(K, width))
    explorer = attention_explorer(deep, head, images, CLASSES, 2)
    figure, seen = explorer.figure, set()
    for k in (5, 6, 7):
        explorer.controls["k"].value = k
        seen.add(figure.to_json())
    assert explorer.figure is figure and len(seen) == 3

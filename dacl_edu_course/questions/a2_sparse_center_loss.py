"""Assignment 2: a sparse center loss that far samples cannot dominate, its two gradients, and the λ of Eq. 8."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dacl_edu import check
from dacl_edu.check.answers import as_answer
from dacl_edu.check.properties import own_backward, own_work
from dacl_edu.reference import sparse_center_loss as paper
from dacl_edu_course.questions.batches import (
    absent_centers_elsewhere,
    by_reference,
    far_sample,
    incoming,
    moved_together,
    unlike_batches,
)
from dacl_edu_course.questions.explain import explained, returned_in_order, without_amounts
from dacl_edu_course.questions.question import question
from dacl_edu_course.reference import tempered_loss as reference

NAMES = ("x", "a", "y", "c")


@question("Question 1: the tempered loss", look="Eq. 4, and lesson 03_sparse_center_loss, section 'Eq. 4, three times'")
@without_amounts
def sparse_center_loss(answer: Any, seed: int) -> None:
    """``sparse_center_loss(x, a, y, c)``: one number, that autograd can differentiate by x and by a."""
    batches = unlike_batches(seed, *NAMES)
    for batch in batches:
        loss = check.call(answer, **batch)
        check.shape(loss, (), "the loss")
        explained(
            partial(check.value, loss, by_reference(reference.tempered_loss, **batch), "the loss", check.TOLERANCE),
            partial(check.duplicated, answer, batch, ("x", "a", "y")),
            partial(check.permutation, answer, batch, ("x", "a", "y")),
            partial(check.unchanged, answer, batch, moved_together, "only differences of x and c stand in the loss"),
            partial(check.unchanged, answer, batch, absent_centers_elsewhere, "a class without samples has no share"),
            partial(_weight_meets_its_own_dimension, answer, batch),
            partial(check.unchanged, answer, batch, _as_much_in_all, "a and x − c count only as a·(x − c)²"),
            partial(_far_samples_count_by_their_distance, answer, batch),
            partial(_near_samples_count_as_in_eq_4, answer, batch),
            also=batch is batches[0],
        )
    own_work(answer, batches[0])
    for batch, upstream in zip(batches, incoming(seed, len(batches)), strict=True):
        check.autograd_gradients(answer, batch, _slopes(batch), upstream)


def _weight_meets_its_own_dimension(answer: Any, batch: Mapping[str, Tensor]) -> None:
    """Where attention is 0 a distance has no share, whatever the weights of the other dimensions are."""
    first = torch.arange(batch["a"].shape[1]) == 0
    masked = {**batch, "a": batch["a"] * ~first}
    because = "where a_ij is 0, the distance in dimension j has no share. Does each weight meet its own dimension?"
    check.unchanged(answer, masked, lambda x, **_: {"x": x + 2.0 * first}, because)


def _as_much_in_all(x: Tensor, a: Tensor, c: Tensor, **_: Any) -> dict[str, Tensor]:
    return {"x": 2 * x, "c": 2 * c, "a": a / 4}


def _stretched(batch: Mapping[str, Tensor], factor: float) -> dict[str, Tensor]:
    """Distances ``factor`` times as long, in float64: what is tiny or huge must keep its digits."""
    wide = {name: value.double() if value.is_floating_point() else value for name, value in batch.items()}
    return {**wide, "x": factor * wide["x"], "c": factor * wide["c"]}


def _far_samples_count_by_their_distance(answer: Any, batch: Mapping[str, Tensor]) -> None:
    far, farther = (float(check.call(answer, **_stretched(batch, factor))) for factor in (1e7, 2e7))
    assert abs(farther - 2 * far) < 1e-3 * abs(far), (
        "far from its center a sample must count by its distance and no more: where does the root stand, and is there "
        "one for each sample?"
    )


def _near_samples_count_as_in_eq_4(answer: Any, batch: Mapping[str, Tensor]) -> None:
    near = float(check.call(answer, **_stretched(batch, 1e-3)))
    paper_loss = float(by_reference(paper.sparse_center_loss, **_stretched(batch, 1e-3)))
    assert abs(near - paper_loss) < 1e-3 * paper_loss, (
        "close to its center a sample must count as in Eq. 4: what stands under the root beside the distances, and "
        "what is taken off after it?"
    )


def _slopes(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {"x": by_reference(reference.gradient_x, **batch), "a": by_reference(reference.gradient_a, **batch)}


@question("Question 2: the pull on the features", look="lesson 05_gradients, section 'Road 1: on paper'")
@without_amounts
def gradient_x(answer: Any, seed: int) -> None:
    """``gradient_x(x, a, y, c)``: (m, d), by hand."""
    batches = unlike_batches(seed, *NAMES)
    check.call(answer, **batches[0])
    check.by_hand(answer, batches[0])
    for batch in (*batches, far_sample(seed, *NAMES)):
        title = "the gradient with respect to x"
        found = check.call(answer, **batch)
        check.shape(found, tuple(batch["x"].shape), title)
        explained(
            partial(check.value, found, _slopes(batch)["x"], title, check.TOLERANCE),
            partial(_rows_move_along, answer, batch),
            partial(_far_pull_does_not_grow, answer, batch),
            also=False,
        )


def _far_pull_does_not_grow(answer: Any, batch: Mapping[str, Tensor]) -> None:
    far, farther = (check.call(answer, **_stretched(batch, factor)) for factor in (1e7, 2e7))
    assert torch.allclose(far, farther, rtol=1e-3, atol=0), (
        "a sample that is far already must not pull harder when it is twice as far: what does the chain rule make of "
        "the root?"
    )


@question("Question 3: the pull on attention", look="lesson 05_gradients, section 'Road 1: on paper'")
@without_amounts
def gradient_a(answer: Any, seed: int) -> None:
    """``gradient_a(x, a, y, c)``: (m, d), by hand."""
    batches = unlike_batches(seed, *NAMES)
    check.call(answer, **batches[0])
    check.by_hand(answer, batches[0])
    for batch in (*batches, far_sample(seed, *NAMES)):
        title = "the gradient with respect to a"
        found = check.call(answer, **batch)
        check.shape(found, tuple(batch["a"].shape), title)
        explained(
            partial(check.value, found, _slopes(batch)["a"], title, check.TOLERANCE),
            partial(_rows_move_along, answer, batch),
            partial(_each_dimension_has_its_own, found),
            partial(_far_pull_grows_with_the_distance, answer, batch),
            also=False,
        )


def _far_pull_grows_with_the_distance(answer: Any, batch: Mapping[str, Tensor]) -> None:
    far, farther = (check.call(answer, **_stretched(batch, factor)) for factor in (1e7, 2e7))
    assert torch.allclose(2 * far, farther, rtol=1e-3, atol=0), (
        "for a sample twice as far it must be twice as large and no more: attention stands under the root too"
    )


def _rows_move_along(answer: Any, batch: Mapping[str, Tensor]) -> None:
    order = torch.arange(len(batch["x"])).roll(1)
    before = check.call(answer, **batch)
    after = check.call(answer, **{name: value if name == "c" else value[order] for name, value in batch.items()})
    assert torch.allclose(after, before[order], rtol=0, atol=check.TOLERANCE), (
        "its rows do not move along when the samples change places: does each row meet the center of its own label, "
        "and a root of its own?"
    )


def _each_dimension_has_its_own(found: Tensor) -> None:
    assert not torch.equal(found, found[:, :1].expand_as(found)), (
        "it has one number for all dimensions of a sample: every a_ij needs one of its own"
    )


@question(
    "Question 4: both in a backward pass", look="Eq. 8, and lesson 05_gradients, section 'The incoming gradient is λ'"
)
@without_amounts
def sparse_center_loss_by_hand(answer: Any, seed: int) -> None:
    """``sparse_center_loss_by_hand(x, a, y, c)``: the loss through an autograd function with both gradients."""
    batches = unlike_batches(seed, *NAMES)
    expected = [_slopes(batch) for batch in batches]
    for batch, right in zip(batches, expected, strict=True):
        loss = check.call(answer, **batch)
        check.value(loss, by_reference(reference.tempered_loss, **batch), "the loss", check.TOLERANCE)
        explained(
            partial(returned_in_order, partial(check.autograd_gradients, answer, batch, right)),
            partial(_not_each_other, answer, batch, right["a"]),
            also=False,
        )
    own_backward(answer, batches[:1], expected[:1], [1.0])
    for batch, right, upstream in zip(batches, expected, incoming(seed, len(batches)), strict=True):
        check.autograd_gradients(answer, batch, right, upstream)
    own_backward(answer, batches, expected, incoming(seed + 1, len(batches)))


def _not_each_other(answer: Any, batch: Mapping[str, Tensor], of_a: Tensor) -> None:
    found = as_answer(answer).autograd_gradients(batch, ("x", "a"))["x"]
    assert found is None or not torch.allclose(found, of_a, rtol=0, atol=check.TOLERANCE), (
        "what arrives at x is the gradient of a: `backward` returns one for each input, in the order of `forward`"
    )

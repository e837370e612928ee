"""Assignment 2: sparse center loss and its two gradients. Eq. 4, Eq. 9, Eq. 10, and the λ of Eq. 8."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dacl_edu import check
from dacl_edu.check.answers import as_answer
from dacl_edu.check.properties import own_backward, own_work
from dacl_edu.reference import center_loss as plain
from dacl_edu.reference import sparse_center_loss as reference
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

NAMES = ("x", "a", "y", "c")


@question(
    "Question 1: sparse center loss", look="Eq. 4, and lesson 03_sparse_center_loss, section 'Eq. 4, three times'"
)
@without_amounts
def sparse_center_loss(answer: Any, seed: int) -> None:
    """``sparse_center_loss(x, a, y, c)``: one number, that autograd can differentiate by x and by a."""
    batches = unlike_batches(seed, *NAMES)
    for batch in batches:
        loss = check.call(answer, **batch)
        check.shape(loss, (), "the loss")
        explained(
            partial(
                check.value, loss, by_reference(reference.sparse_center_loss, **batch), "the loss", check.TOLERANCE
            ),
            partial(check.duplicated, answer, batch, ("x", "a", "y")),
            partial(check.permutation, answer, batch, ("x", "a", "y")),
            partial(check.scaling, answer, batch, ("a",), power=1),
            partial(check.scaling, answer, batch, ("x", "c"), power=2),
            partial(check.unchanged, answer, batch, moved_together, "only differences of x and c stand in Eq. 4"),
            partial(check.unchanged, answer, batch, absent_centers_elsewhere, "a class without samples has no share"),
            partial(_weight_meets_its_own_dimension, answer, batch),
            partial(_ones_give_eq_3, answer, batch),
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


def _ones_give_eq_3(answer: Any, batch: Mapping[str, Tensor]) -> None:
    loss = check.call(answer, **{**batch, "a": torch.ones_like(batch["a"])})
    expected = by_reference(plain.center_loss, x=batch["x"], y=batch["y"], c=batch["c"])
    check.value(loss, expected, "the loss with a = 1, which must be Eq. 3,", check.TOLERANCE)


def _slopes(batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {"x": by_reference(reference.gradient_x, **batch), "a": _eq_10(batch)}


def _eq_10(batch: Mapping[str, Tensor]) -> Tensor:
    return by_reference(reference.gradient_a, x=batch["x"], y=batch["y"], c=batch["c"])


@question("Question 2: the pull on the features", look="Eq. 9, and lesson 05_gradients, section 'Road 1: on paper'")
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
            partial(check.value, found, by_reference(reference.gradient_x, **batch), title, check.TOLERANCE),
            partial(_rows_move_along, answer, batch),
            partial(check.scaling, answer, batch, ("a",), power=1),
            partial(check.scaling, answer, batch, ("x", "c"), power=1),
            also=False,
        )


@question(
    "Question 3: the pull on attention",
    look="Eq. 10 elementwise (docs/errata.md), and lesson 05_gradients, section 'Road 1: on paper'",
)
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
            partial(check.value, found, _eq_10(batch), title, check.TOLERANCE),
            partial(_rows_move_along, answer, batch),
            partial(_each_dimension_has_its_own, found),
            partial(check.unchanged, answer, batch, lambda a, **_: {"a": a / 2}, "how does Eq. 4 depend on one a_ij?"),
            partial(check.scaling, answer, batch, ("x", "c"), power=2),
            also=False,
        )


def _rows_move_along(answer: Any, batch: Mapping[str, Tensor]) -> None:
    order = torch.arange(len(batch["x"])).roll(1)
    before = check.call(answer, **batch)
    after = check.call(answer, **{name: value if name == "c" else value[order] for name, value in batch.items()})
    assert torch.allclose(after, before[order], rtol=0, atol=check.TOLERANCE), (
        "its rows do not move along when the samples change places: does each row meet the center of its own label?"
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
    """``sparse_center_loss_by_hand(x, a, y, c)``: Eq. 4 through an autograd function with Eq. 9 and 10."""
    batches = unlike_batches(seed, *NAMES)
    expected = [_slopes(batch) for batch in batches]
    for batch, right in zip(batches, expected, strict=True):
        loss = check.call(answer, **batch)
        check.value(loss, by_reference(reference.sparse_center_loss, **batch), "the loss", check.TOLERANCE)
        explained(
            partial(returned_in_order, partial(check.autograd_gradients, answer, batch, right)),
            partial(_not_each_other, answer, batch),
            also=False,
        )
    own_backward(answer, batches[:1], expected[:1], [1.0])
    for batch, right, upstream in zip(batches, expected, incoming(seed, len(batches)), strict=True):
        check.autograd_gradients(answer, batch, right, upstream)
    own_backward(answer, batches, expected, incoming(seed + 1, len(batches)))


def _not_each_other(answer: Any, batch: Mapping[str, Tensor]) -> None:
    found = as_answer(answer).autograd_gradients(batch, ("x", "a"))["x"]
    assert found is None or not torch.allclose(found, _eq_10(batch), rtol=0, atol=check.TOLERANCE), (
        "what arrives at x is the gradient of a: `backward` returns one for each input, in the order of `forward`"
    )

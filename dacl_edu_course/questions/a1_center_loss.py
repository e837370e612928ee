"""Assignment 1: center loss by hand. Eq. 3, its gradients, an autograd function, and few digits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dacl_edu import check
from dacl_edu.check.properties import own_backward, own_work
from dacl_edu.reference import center_loss as reference
from dacl_edu_course.questions.batches import (
    absent_centers_elsewhere,
    by_reference,
    far_sample,
    incoming,
    moved_together,
    not_row_by_row,
    unlike_batches,
)
from dacl_edu_course.questions.explain import Check, explained, returned_in_order, without_amounts
from dacl_edu_course.questions.question import question

NAMES = ("x", "y", "c")


@question("Question 1: center loss", look="Eq. 3, and lesson 02_center_loss, section 'Eq. 3, three times'")
@without_amounts
def center_loss(answer: Any, seed: int) -> None:
    """``center_loss(x, y, c)``: one number, that autograd can differentiate."""
    batches = unlike_batches(seed, *NAMES)
    for batch in batches:
        loss = check.call(answer, **batch)
        check.shape(loss, (), "the loss")
        expected = by_reference(reference.center_loss, **batch)
        explained(
            partial(check.value, loss, expected, "the loss", check.TOLERANCE),
            partial(check.duplicated, answer, batch, ("x", "y")),
            partial(check.permutation, answer, batch, ("x", "y")),
            partial(check.scaling, answer, batch, ("x", "c"), power=2),
            partial(check.unchanged, answer, batch, moved_together, "only differences of x and c stand in Eq. 3"),
            partial(check.unchanged, answer, batch, absent_centers_elsewhere, "a class without samples has no share"),
            also=batch is batches[0],
        )
    own_work(answer, batches[0])
    for batch, upstream in zip(batches, incoming(seed, len(batches)), strict=True):
        expected = by_reference(reference.center_loss_gradients, **batch)
        check.autograd_gradients(answer, batch, {"x": expected["x"]}, upstream)


@question("Question 2: its two gradients", look="lesson 02_center_loss, section 'The gradient by hand'")
@without_amounts
def center_loss_gradients(answer: Any, seed: int) -> None:
    """``center_loss_gradients(x, y, c)``: a dictionary of (m, d) and (K, d)."""
    batches = unlike_batches(seed, *NAMES)
    check.call(answer, **batches[0])
    check.by_hand(answer, batches[0])
    for batch in (*batches, far_sample(seed, *NAMES)):
        found = check.call(answer, **batch)
        assert isinstance(found, Mapping), (
            f"the gradients come as a {type(found).__name__}, but must be a dictionary with the entries 'x' and 'c'"
        )
        expected = by_reference(reference.center_loss_gradients, **batch)
        for name in ("x", "c"):
            title = f"the gradient with respect to {name}"
            assert name in found, f"{title} is missing: the dictionary needs the entries 'x' and 'c'"
            check.shape(found[name], tuple(batch[name].shape), title)
            plain = partial(check.value, found[name], expected[name], title, check.TOLERANCE)
            closer = [partial(_samples_of_a_class_add_up, answer, batch)] if name == "c" else []
            explained(plain, *closer, also=False)


def _samples_of_a_class_add_up(answer: Any, batch: Mapping[str, Tensor]) -> None:
    """Say whether the gradient of a center is right for one sample, and wrong where its class has two of three."""
    labels = torch.stack([batch["y"][0], (batch["y"][0] + 1) % len(batch["c"]), batch["y"][0]])[: len(batch["x"])]
    if _center_is_right(answer, batch, labels[:1]):
        assert _center_is_right(answer, batch, labels), (
            "it is right for a batch of one sample, and wrong for two samples of one class and one of another: what do "
            "several samples of a class do to its center, and by what is their share divided?"
        )


def _center_is_right(answer: Any, batch: Mapping[str, Tensor], labels: Tensor) -> bool:
    inputs = {"x": batch["x"][: len(labels)], "y": labels, "c": batch["c"]}
    expected = by_reference(reference.center_loss_gradients, **inputs)["c"]
    return bool(((check.call(answer, **inputs)["c"] - expected).abs() <= check.TOLERANCE).all())


@question("Question 3: a backward pass", look="lesson 05_gradients, section 'Road 5: a backward pass by hand'")
@without_amounts
def center_loss_by_hand(answer: Any, seed: int) -> None:
    """``center_loss_by_hand(x, y, c)``: Eq. 3 through an autograd function of the student's own."""
    batches = unlike_batches(seed, *NAMES)
    expected = [by_reference(reference.center_loss_gradients, **batch) for batch in batches]
    for batch, right in zip(batches, expected, strict=True):
        loss = check.call(answer, **batch)
        check.value(loss, by_reference(reference.center_loss, **batch), "the loss", check.TOLERANCE)
        returned_in_order(partial(check.autograd_gradients, answer, batch, right))
    own_backward(answer, batches[:1], expected[:1], [1.0])
    for batch, right, upstream in zip(batches, expected, incoming(seed, len(batches)), strict=True):
        check.autograd_gradients(answer, batch, right, upstream)
    own_backward(answer, batches, expected, incoming(seed + 1, len(batches)))


@question("Question 4: few digits", look="lesson 02_center_loss, section 'Why the package subtracts first'")
@without_amounts
def careful_center_loss(answer: Any, seed: int) -> None:
    """``careful_center_loss(x, y, c)``: Eq. 3 far from the origin in float32, and in float16."""
    far, half = far_batch(seed), half_batch(seed)
    _careful(answer, half, "the loss of float16 numbers", partial(_right_in_float32, answer, half))
    _careful(answer, far, "the loss far from the origin in float32", partial(_right_near_the_origin, answer, far))
    own_work(answer, far)
    expected = by_reference(reference.center_loss_gradients, **far)
    for upstream in (1.0, *incoming(seed, 2)):
        check.autograd_gradients(answer, far, {"x": expected["x"]}, upstream)


def _careful(answer: Any, batch: Mapping[str, Tensor], title: str, closer: Check) -> None:
    loss = check.call(answer, **batch)
    check.shape(loss, (), title)
    assert loss.dtype in (torch.float32, torch.float64), (
        f"{title} comes as {str(loss.dtype).removeprefix('torch.')}: how far does that type reach?"
    )
    expected = by_reference(reference.center_loss, **batch)
    try:
        check.value(loss, expected, title, check.TOLERANCE * min(1.0, float(expected)))
    except AssertionError:
        closer()
        raise


def _right_near_the_origin(answer: Any, batch: Mapping[str, Tensor]) -> None:
    near = {**batch, "x": batch["x"] - batch["c"][batch["y"]], "c": torch.zeros_like(batch["c"])}
    assert not _is_right(answer, near), (
        "the loss is right near the origin, and wrong for the same distances far from it: which of your intermediate "
        "numbers is so large that its last digits are as large as the loss?"
    )


def _right_in_float32(answer: Any, batch: Mapping[str, Tensor]) -> None:
    wide = {**batch, "x": batch["x"].float(), "c": batch["c"].float()}
    assert not _is_right(answer, wide), (
        "the loss is right when these numbers come as float32, and wrong when they come as float16: which step is "
        "still computed in float16?"
    )


def _is_right(answer: Any, batch: Mapping[str, Tensor]) -> bool:
    expected = by_reference(reference.center_loss, **batch)
    return abs(float(check.call(answer, **batch)) - float(expected)) <= check.TOLERANCE * float(expected)


def far_batch(seed: int) -> dict[str, Tensor]:
    """Return a float32 batch of samples about 1 away from their centers, which are thousands away from the origin."""
    rng = np.random.default_rng(seed)
    centers = torch.from_numpy(rng.choice([-1.0, 1.0], size=(3, 5)) * rng.uniform(4000, 8000, size=(3, 5))).float()
    labels = torch.from_numpy(rng.integers(0, 3, size=8))
    return {"x": centers[labels] + torch.from_numpy(rng.normal(size=(8, 5))).float(), "y": labels, "c": centers}


def half_batch(seed: int) -> dict[str, Tensor]:
    """Return a float16 batch, not row by row in memory, whose distances fit into float16 and whose squares do not."""
    rng = np.random.default_rng(seed + 1)
    numbers = {"x": rng.normal(scale=300, size=(8, 5)), "c": rng.normal(scale=300, size=(3, 5))}
    batch = {name: torch.from_numpy(value).half() for name, value in numbers.items()}
    return not_row_by_row({**batch, "y": torch.from_numpy(rng.integers(0, 3, 8))})

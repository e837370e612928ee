"""Checks that hold for any numbers: each passes what is right and catches what it is there for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from dacl_edu import check
from dacl_edu.losses import center_loss
from dacl_edu_course.questions.batches import made_batch

BATCH = made_batch(3)
ROWS = ("x", "a", "y")


def loss(x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> Tensor:
    return (a * (x - c[y]).square()).sum() / (2 * len(x))


def gradient_x(x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> dict[str, Tensor]:
    return {"x": a * (x - c[y]) / len(x)}


SLOPES = {"x": gradient_x(**BATCH)["x"], "a": (BATCH["x"] - BATCH["c"][BATCH["y"]]).square() / (2 * len(BATCH["x"]))}


def shifted(x: Tensor, c: Tensor, **_: Tensor) -> dict[str, Tensor]:
    return {"x": x + 1, "c": c + 1}


def leaf(x: Tensor) -> tuple[Tensor, Tensor]:
    made = x.clone().requires_grad_()
    return made.square().sum(), made


def went_backward(x: Tensor) -> Tensor | None:
    value, made = leaf(x)
    value.backward()
    return made.grad


def checks_itself(x: Tensor, **_: Tensor) -> Tensor:
    """By hand, and compared with autograd for one's own peace of mind."""
    if not torch.allclose(torch.autograd.grad(*leaf(x))[0], 2 * x):
        raise ValueError("my gradient is wrong")
    return 2 * x


RIGHT: list[Callable[[], None]] = [
    lambda: check.permutation(loss, BATCH, ROWS),
    lambda: check.permutation(gradient_x, BATCH, ROWS),
    lambda: check.duplicated(loss, BATCH, ROWS),
    lambda: check.scaling(loss, BATCH, ("x", "c"), power=2),
    lambda: check.scaling(loss, BATCH, ("a",), power=1),
    lambda: check.unchanged(loss, BATCH, shifted, "only x - c counts"),
    lambda: check.autograd_gradients(loss, BATCH, SLOPES),
    lambda: check.autograd_gradients(loss, BATCH, SLOPES, upstream=0.01),
    lambda: check.by_hand(loss, BATCH),
    lambda: check.by_hand(checks_itself, BATCH),
]


@pytest.mark.parametrize("passes", RIGHT)
def test_what_is_right_passes(passes: Callable[[], None]) -> None:
    assert passes() is None  # no complaint is raised


class NoIncoming(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> Tensor:
        ctx.save_for_backward(x, a, y, c)
        return loss(x, a, y, c)

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> Any:
        x, a, y, c = ctx.saved_tensors
        return a * (x - c[y]) / len(x), (x - c[y]).square() / (2 * len(x)), None, None


def ignores_incoming(x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> Tensor:
    return NoIncoming.apply(x, a, y, c)


WRONG = [
    (lambda: check.permutation(lambda x, a, y, c: loss(x, a, y.sort().values, c), BATCH, ROWS), "change places"),
    (lambda: check.permutation(lambda x, a, y, c: {"x": x.sort(0).values}, BATCH, ROWS), "change places"),
    (lambda: check.duplicated(lambda x, a, y, c: loss(x, a, y, c) * len(x), BATCH, ROWS), "comes twice"),
    (lambda: check.scaling(lambda x, a, y, c: (x - c[y]).abs().sum(), BATCH, ("x", "c"), power=2), "multiplied by 9"),
    (lambda: check.scaling(lambda x, a, y, c: loss(x, a, y, c) + 1, BATCH, ("a",), power=1), "multiplied by 3"),
    (lambda: check.unchanged(lambda x, a, y, c: x.square().sum(), BATCH, shifted, "only x - c counts"), "only x - c"),
    (lambda: check.autograd_gradients(lambda x, a, y, c: loss(x, a.detach(), y, c), BATCH, SLOPES), "was detached"),
    (lambda: check.autograd_gradients(ignores_incoming, BATCH, SLOPES, upstream=0.5), "from above is ignored"),
    (lambda: check.autograd_gradients(lambda x, a, y, c: 2 * loss(x, a, y, c), BATCH, SLOPES), "is 2 times"),
    (lambda: check.by_hand(lambda x, **_: torch.autograd.grad(*leaf(x))[0], BATCH), "takes its numbers from autograd"),
    (lambda: check.by_hand(lambda x, **_: went_backward(x), BATCH), "takes its numbers from autograd"),
    (lambda: check.by_hand(lambda x, **_: torch.func.jacfwd(torch.sum)(x), BATCH), "takes its numbers from autograd"),
    (lambda: check.by_hand(lambda x, y, c, **_: center_loss(x, y, c), BATCH), "calls the package dacl_edu"),
]


@pytest.mark.parametrize(("fails", "said"), WRONG)
def test_what_is_wrong_is_caught_and_named(fails: Callable[[], None], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        fails()


@pytest.mark.parametrize("seed", range(40))
def test_a_made_batch_tells_axes_and_classes_apart(seed: int) -> None:
    batch = made_batch(seed)
    m, d = batch["x"].shape
    classes = len(batch["c"])
    counts = torch.bincount(batch["y"], minlength=classes)
    assert batch["a"].shape == (m, d) and batch["y"].shape == (m,) and batch["c"].shape == (classes, d)
    assert len({m, d, classes}) == 3
    assert (counts == 0).any() and (counts > 1).any()
    assert ((batch["a"] > 0) & (batch["a"] < 1)).all()
    assert (torch.bincount(made_batch(seed, absent=False)["y"], minlength=classes) > 0).all()


def test_another_seed_makes_another_batch_and_the_same_one_the_same() -> None:
    assert torch.equal(made_batch(5)["x"], made_batch(5)["x"])
    assert made_batch(5)["x"].shape != made_batch(6)["x"].shape or not torch.equal(
        made_batch(5)["x"], made_batch(6)["x"]
    )


def test_a_loss_at_rest_does_not_ignore_what_arrives_from_above() -> None:
    """Its gradient is 0, and so is every multiple."""
    at_rest = {"x": torch.tensor([-3.0, -1.0])}
    check.autograd_gradients(lambda x: x.relu().sum(), at_rest, {"x": torch.zeros(2)}, upstream=0.3)
    with pytest.raises(AssertionError, match="differs in 100%"):
        check.autograd_gradients(lambda x: x.sum(), at_rest, {"x": torch.zeros(2)}, upstream=0.3)


def test_several_results_are_compared_one_by_one() -> None:
    x = {"x": torch.tensor([1.0, 2.0])}
    check.scaling(lambda x: (x.sum(), 2 * x.sum()), x, ("x",), power=1)
    check.duplicated(lambda x: [x.mean(), x.max()], x, ("x",))
    check.unchanged(lambda x: (x[1] - x[0], 1.0), x, lambda x: {"x": x + 1}, "only differences count")
    with pytest.raises(AssertionError, match="takes its numbers from autograd"):
        check.by_hand(lambda x: (torch.func.grad(lambda x: x.square().sum())(x), x), x)
    with pytest.raises(AssertionError, match="changes when every sample comes twice"):
        check.duplicated(lambda x: (x.mean(), x.sum()), x, ("x",))

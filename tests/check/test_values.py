"""What a student is told: wrong answers of the usual kinds are caught and named, right ones pass in silence."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from dacl_edu import check

X = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "is None"),
        ([1.0], "is a list, but must be a tensor"),
        (X.T, "has the shape (3, 2), but must have (2, 3)"),
        (X[:, :1], "has the shape (2, 1)"),
        (-X, "has the wrong sign everywhere"),
        (2 * X, "is 2 times what it must be everywhere"),
        (X / 4, "is 0.25 times what it must be everywhere"),
        (0 * X, "is zero everywhere"),
        (X / 0, "is not finite"),
        (X.flip(0), "differs in 100% of its numbers"),
    ],
)
def test_a_wrong_value_is_named(answer: Any, said: str) -> None:
    with pytest.raises(AssertionError) as error:
        check.value(answer, X, "dx")
    assert str(error.value).startswith("dx ") and said in str(error.value)


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (2.0, "2 times"),
        (0.5, "0.5 times"),
        (1 / 12, "0.08333 times"),
        (-1.0, "wrong sign"),
        (-4.0, "-4 times"),
        (2 - 1e-9, "2 times"),
    ],
)
def test_a_usual_factor_of_a_single_number_is_named(factor: float, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check.value(torch.tensor(3.7 * factor, dtype=torch.float64), torch.tensor(3.7).double(), "the loss")


def test_an_unusual_ratio_of_two_numbers_is_no_hint() -> None:
    with pytest.raises(AssertionError) as error:
        check.value(torch.tensor(4.375), torch.tensor(1.3), "the loss")
    assert "factor" not in str(error.value) and "differs by 3.08" in str(error.value)


def test_right_answers_pass() -> None:
    check.value(X + 1e-8, X)
    check.value(X.float(), X, tolerance=1e-6)
    check.shape(torch.zeros(()), ())


def loss(x: Tensor, a: Tensor) -> Tensor:
    return (a * x**2).sum() / 2


INPUTS = {"x": X, "a": X.abs() + 0.5}


@pytest.mark.parametrize(
    ("gradients", "said"),
    [
        (lambda x, a: {"x": a * x}, "with respect to a is missing"),
        (lambda x, a: (a * x, x**2 / 2), "come as a tuple, but must be a dictionary"),
        (lambda x, a: {"x": a * x, "a": x**2}, "with respect to a is 2 times"),
        (lambda x, a: {"x": -a * x, "a": x**2 / 2}, "with respect to x has the wrong sign"),
        (lambda x, a: {"x": (a * x).sum(1), "a": x**2 / 2}, "with respect to x has the shape (2,)"),
        (lambda x, a: {"x": x, "a": x**2 / 2}, "with respect to x differs in"),
    ],
)
def test_a_wrong_gradient_is_named(gradients: Any, said: str) -> None:
    with pytest.raises(AssertionError) as error:
        check.gradient(loss, gradients, INPUTS, ("x", "a"))
    assert said in str(error.value)


def test_right_gradients_pass_in_any_form() -> None:
    check.gradient(loss, lambda x, a: {"x": a * x, "a": x**2 / 2}, INPUTS, ("x", "a"))
    loops = {"x": torch.stack([a * x for a, x in zip(INPUTS["a"], X, strict=True)])}
    check.gradient(loss, lambda x, a: loops, INPUTS, ("x",))

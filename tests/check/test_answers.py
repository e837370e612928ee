"""How a check sees a student's function: called, differentiated, read; whatever it does, one plain sentence."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from dacl_edu.check.answers import Answer, AnswerError, LocalAnswer, as_answer

X = torch.tensor([[1.0, -2.0], [3.0, 0.5], [0.0, 4.0]], dtype=torch.float64)


def test_a_stand_in_passes_through_and_a_value_does_not() -> None:
    local = LocalAnswer(abs)
    assert isinstance(local, Answer) and as_answer(local) is local
    with pytest.raises(AnswerError, match="a function is expected here, but this is a Tensor"):
        as_answer(X)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x.add_(1), "its first argument in place"),
        (lambda x: x.resize_(1, 2), "its first argument in place"),
        (lambda x: x.__setitem__(0, torch.nan), "its first argument in place"),
    ],
)
def test_changing_an_argument_is_refused(change: Any, said: str) -> None:
    with pytest.raises(AnswerError, match=said):
        LocalAnswer(change, "f").call(X.clone())
    with pytest.raises(AnswerError, match="f changes x in place"):
        LocalAnswer(change, "f").call(x=X.clone())


def test_a_tensor_within_a_list_is_watched_too() -> None:
    with pytest.raises(AnswerError, match="f changes parts in place"):
        LocalAnswer(lambda parts: parts[0][1].zero_(), "f").call(parts=[(X, X.clone())])


def test_an_argument_with_nan_that_stays_is_no_change() -> None:
    assert LocalAnswer(lambda x: x.sum(), "f").call(torch.tensor([1.0, torch.nan])).isnan()


def not_written(x: Tensor) -> Tensor:
    raise NotImplementedError


def wrong_shapes(x: Tensor) -> Tensor:
    return x @ x


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (not_written, "not_written is not written yet"),
        (wrong_shapes, "wrong_shapes raised RuntimeError: mat1 and mat2"),
        (lambda x: {}["x"], "<lambda> raised KeyError: 'x'"),
        (lambda: 0, "<lambda> raised TypeError"),
    ],
)
def test_what_it_raises_is_said_in_one_line(function: Any, said: str) -> None:
    for ask in (lambda a: a.call(X), lambda a: a.autograd_gradients({"x": X}, ("x",))):
        with pytest.raises(AnswerError) as error:
            ask(LocalAnswer(function))
        assert said in str(error.value)
        assert "\n" not in str(error.value)
        assert error.value.__cause__ is not None  # the student's own traceback is kept


def test_gradients_carry_the_incoming_gradient() -> None:
    gradients = LocalAnswer(lambda x: x.square().sum(), "f").autograd_gradients({"x": X}, ("x",), upstream=3.0)
    assert gradients["x"] is not None and gradients["x"].shape == X.shape
    assert torch.equal(gradients["x"], 6 * X)
    assert not X.requires_grad


def test_what_autograd_does_not_reach_is_none() -> None:
    inputs = {"x": X, "a": X.abs()}
    partly = LocalAnswer(lambda x, a: (x * a.detach()).sum(), "f").autograd_gradients(inputs, ("x", "a"))
    assert partly["a"] is None and partly["x"] is not None
    assert LocalAnswer(lambda x, a: torch.tensor(1.0), "f").autograd_gradients(inputs, ("x",)) == {"x": None}


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: 1.0, "returns a float, but must return a tensor"),
        (lambda x: x.sum(0), r"returns the shape \(2,\), but must return one number"),
    ],
)
def test_only_one_number_has_gradients(function: Any, said: str) -> None:
    with pytest.raises(AnswerError, match=said):
        LocalAnswer(function, "f").autograd_gradients({"x": X}, ("x",))


def test_a_list_that_loses_a_part_is_changed() -> None:
    with pytest.raises(AnswerError, match="f changes parts in place"):
        LocalAnswer(lambda parts: parts.pop(), "f").call(parts=[X, X])


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.square().sum()

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> Tensor:
        return incoming * 2 * ctx.saved_tensors[0]


class Borrowed(Square):
    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> Tensor:
        with torch.enable_grad():
            x = ctx.saved_tensors[0].detach().requires_grad_()
            return incoming * torch.autograd.grad(x.square().sum(), x)[0]


ahead = Square.apply


@pytest.mark.parametrize("function", [lambda x: Square.apply(x), lambda x: ahead(x), lambda x: Square.apply(x) * 1.0])
def test_an_own_backward_pass_is_seen_whatever_it_is_called(function: Any) -> None:
    found = LocalAnswer(function).watched_gradients([{"x": X}, {"x": -X}], ("x",), [1.0, -3.0])
    assert (found["foreign"], found["package"]) == ("", False)
    assert torch.equal(found["gradients"][0]["x"], 2 * X) and torch.equal(found["gradients"][1]["x"], 6 * X)


def test_autograd_within_a_backward_pass_is_spoiled() -> None:
    found = LocalAnswer(lambda x: Borrowed.apply(x)).watched_gradients([{"x": X}], ("x",), [1.0])
    assert not torch.allclose(found["gradients"][0]["x"], 2 * X)


@pytest.mark.parametrize("function", [lambda x: x.square().sum(), lambda x: Square.apply(x).square()])
def test_what_autograd_does_of_a_backward_pass_is_named(function: Any) -> None:
    assert LocalAnswer(function).watched_gradients([{"x": X}], ("x",), [1.0])["foreign"] == "PowBackward0"

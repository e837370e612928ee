"""The shape of an answer, then its value: each with a message that says what is wrong and where to look."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dacl_edu.check.answers import as_answer
from dacl_edu.check.shown import in_a_sentence


@in_a_sentence
def call(answer: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what a student's function returns.

    Raises
    ------
    AssertionError
        It is not written yet, raised an error, or changed a tensor that it was given.

    Examples
    --------
    >>> call(lambda x: 2 * x, x=torch.ones(1)).item()
    2.0
    >>> call(lambda x: x.nothing, torch.ones(1))
    Traceback (most recent call last):
    ...
    dacl_edu.check.answers.AnswerError: <lambda> raised AttributeError: 'Tensor' object has no attribute 'nothing'
    """
    return as_answer(answer).call(*args, **kwargs)


@in_a_sentence
def shape(answer: Any, expected: tuple[int, ...], name: str = "your answer") -> None:
    """Check the shape alone.

    Parameters
    ----------
    answer : Tensor
    expected : tuple of int
    name : str
        How the message calls it.

    Raises
    ------
    AssertionError
        No tensor, or another shape.

    Examples
    --------
    >>> shape(torch.zeros(2, 3), (2, 3))
    >>> shape(torch.zeros(2, 1), (2, 3), "dx")
    Traceback (most recent call last):
    ...
    AssertionError: dx has the shape (2, 1), but must have (2, 3): one dimension was summed, kept or forgotten
    """
    assert answer is not None, f"{name} is None: does the function return something?"
    assert isinstance(answer, Tensor), f"{name} is a {type(answer).__name__}, but must be a tensor"
    assert tuple(answer.shape) == tuple(expected), (
        f"{name} has the shape {tuple(answer.shape)}, but must have {tuple(expected)}: "
        "one dimension was summed, kept or forgotten"
    )


@in_a_sentence
def value(answer: Any, expected: Tensor, name: str = "your answer", tolerance: float = 1e-6) -> None:
    """Check shape, then value.

    The message names what the ratio to the right value suggests: a sign, a factor, a division by the batch size.

    Raises
    ------
    AssertionError
        Another shape, a number that is not finite, or a value that differs by more than ``tolerance``: of itself
        where it is larger than 1.

    Examples
    --------
    >>> value(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]))
    >>> value(torch.tensor([2.0, 4.0]), torch.tensor([1.0, 2.0]), "dx")
    Traceback (most recent call last):
    ...
    AssertionError: dx is 2 times what it must be everywhere: look for a factor
    """
    shape(answer, tuple(expected.shape), name)
    got, want = answer.detach().double(), expected.detach().double()
    assert got.isfinite().all(), f"{name} holds a number that is not finite (nan or inf)"
    error = (got - want).abs()
    if not error.numel() or float((error / want.abs().clamp(min=1)).max()) <= tolerance:
        return
    raise AssertionError(f"{name} {diagnosis(got, want, error)}")


def diagnosis(got: Tensor, want: Tensor, error: Tensor) -> str:
    """Return what the ratio of two tensors of one shape suggests, as the rest of a sentence."""
    big = want.abs() > 1e-9
    if not got.abs().max() > 0:
        return "is zero everywhere: was it detached, or never filled?"
    if big.any() and (got[~big].abs() < 1e-9).all():
        ratio = got[big] / want[big]
        if (ratio - ratio.mean()).abs().max() < 1e-5:
            factor = float(ratio.mean())
            if abs(factor + 1) < 1e-5:
                return "has the wrong sign everywhere" if got.numel() > 1 else "has the wrong sign"
            if got.numel() > 1:
                return f"is {factor:.4g} times what it must be everywhere: look for a factor"
            if _is_usual(factor):  # any two numbers have a ratio: only a usual one is a hint
                return f"is {factor:.4g} times what it must be: look for a factor"
    if got.numel() == 1:
        return f"differs by {float(error.max()):.3g}"
    where = tuple(int(i) for i in torch.unravel_index(error.argmax(), error.shape))
    share = float((error > 1e-6).double().mean())
    place = f" at {where}" if where else ""
    return f"differs in {share:.0%} of its numbers, most{place}, by {float(error.max()):.3g}"


def _is_usual(factor: float) -> bool:
    """Whether a factor is one that is forgotten: 2, 1/2, the batch size, one over it, with either sign."""
    larger = max(abs(factor), 1 / abs(factor)) if factor else 0.0
    return 2 <= round(larger) <= 300 and abs(larger - round(larger)) < 1e-4 * larger  # 1.9999999 is 2, too

"""What must hold of a student's function whatever the numbers are: how it was made, its gradients, and invariances.

Part of :mod:`dacl_edu.check`, where a student finds it. What does not hold is an AssertionError, in one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from dacl_edu.check import values
from dacl_edu.check.answers import as_answer
from dacl_edu.check.shown import in_a_sentence

TOLERANCE = 1e-5
"""Largest absolute difference that counts as equal for numbers of size 1: float32 inside a function passes (its error
is about 1e-7 of the number), a forgotten factor or a float16 sum does not."""


@in_a_sentence
def by_hand(answer: Any, inputs: Mapping[str, Any], tolerance: float = TOLERANCE) -> None:
    """Check that a function's result is not autograd's, and that it does not call this package.

    What runs decides, not the names that stand in it: the result must stay while autograd returns wrong numbers.

    Examples
    --------
    >>> x = torch.tensor([1.0, 3.0])
    >>> by_hand(lambda x: 2 * x, {"x": x})
    >>> by_hand(lambda x: torch.func.grad(lambda x: x.square().sum())(x), {"x": x})
    Traceback (most recent call last):
    ...
    AssertionError: <lambda> takes its numbers from autograd: this one is to be written by hand
    """
    handle = as_answer(answer)
    plain, watched = handle.call(**inputs), handle.watched_call(**inputs)
    assert not watched["package"], f"{handle.name} calls the package dacl_edu: this one is to be written by hand"
    if watched["autograd"] and watched["result"] is not None:
        assert _all_same(plain, watched["result"], tolerance), (
            f"{handle.name} takes its numbers from autograd: this one is to be written by hand"
        )


def _all_same(left: Any, right: Any, tolerance: float) -> bool:
    left, right = _parts(left), _parts(right)
    return left.keys() == right.keys() and all(_same(left[name], right[name], tolerance) for name in left)


@in_a_sentence
def autograd_gradients(
    answer: Any,
    inputs: Mapping[str, Any],
    expected: Mapping[str, Tensor],
    upstream: float = 1.0,
    tolerance: float = TOLERANCE,
) -> None:
    """Check what autograd gives for a function, with another gradient than 1 arriving from above.

    Parameters
    ----------
    answer : callable
        Returns one number.
    inputs : mapping
    expected : mapping of str to Tensor
        The gradients for ``upstream`` = 1, by the name of the input.
    upstream : float, default 1.0
        What the function's number is multiplied with before ``backward``, λ of Eq. 8.
    tolerance : float

    Raises
    ------
    AssertionError
        An input that autograd does not reach, another shape, another value, or an ignored incoming gradient.

    Examples
    --------
    >>> inputs = {"x": torch.tensor([1.0, 3.0])}
    >>> autograd_gradients(lambda x: x.square().sum(), inputs, {"x": torch.tensor([2.0, 6.0])}, upstream=0.5)
    """
    handle = as_answer(answer)
    found = handle.autograd_gradients(inputs, tuple(expected), upstream)
    for name, wanted in expected.items():
        slope = found[name]
        title = f"the gradient of {handle.name} with respect to {name}"
        assert slope is not None, f"{title} does not exist: {name} was detached, or is not used"
        matters = ((upstream - 1) * wanted).abs().max() > tolerance  # of a hinge at rest every multiple is 0
        if matters and slope.shape == wanted.shape and (slope - wanted).abs().max() <= tolerance:
            raise AssertionError(
                f"{title} stays the same when the loss is multiplied by {upstream:g}: "
                "the gradient that arrives from above is ignored"
            )
        values.value(slope, upstream * wanted, title, tolerance)


@in_a_sentence
def permutation(answer: Any, inputs: Mapping[str, Any], batch: tuple[str, ...], tolerance: float = TOLERANCE) -> None:
    """Check that the order of the samples does not matter: numbers stay, rows of samples move along.

    Parameters
    ----------
    answer : callable
        Returns a number, a tensor, or a dictionary of tensors. A dictionary's entry that bears the name of one of
        ``batch`` is expected to move with the samples, all else to stay.
    inputs : mapping
    batch : tuple of str
        The inputs with one row a sample, e.g. ``("x", "a", "y")``.

    Examples
    --------
    >>> inputs = {"x": torch.tensor([1.0, 2.0, 4.0])}
    >>> permutation(lambda x: x.sum(), inputs, ("x",))
    >>> permutation(lambda x: x[0], inputs, ("x",))
    Traceback (most recent call last):
    ...
    AssertionError: <lambda> changes when the samples change places: is one of them treated apart from the others?
    """
    handle = as_answer(answer)
    order = torch.arange(len(inputs[batch[0]])).roll(1)
    why = "does each row keep its own label?" if "y" in batch else "is one of them treated apart from the others?"
    before = _parts(handle.call(**inputs))
    after = _parts(handle.call(**{n: v[order] if n in batch else v for n, v in inputs.items()}))
    for name, value in before.items():
        moved = value[order] if name in batch else value
        assert _same(after.get(name), moved, tolerance), f"{handle.name} changes when the samples change places: {why}"


@in_a_sentence
def duplicated(answer: Any, inputs: Mapping[str, Any], batch: tuple[str, ...], tolerance: float = TOLERANCE) -> None:
    """Check that a mean over samples stays when every sample comes twice.

    Examples
    --------
    >>> duplicated(lambda x: x.mean(), {"x": torch.tensor([1.0, 2.0])}, ("x",))
    >>> duplicated(lambda x: x.sum(), {"x": torch.tensor([1.0, 2.0])}, ("x",))
    Traceback (most recent call last):
    ...
    AssertionError: <lambda> changes when every sample comes twice: is it a mean over the m samples of this batch?
    """
    handle = as_answer(answer)
    twice = {n: torch.cat([v, v]) if n in batch else v for n, v in inputs.items()}
    assert _all_same(handle.call(**twice), handle.call(**inputs), tolerance), (
        f"{handle.name} changes when every sample comes twice: is it a mean over the m samples of this batch?"
    )


@in_a_sentence
def scaling(
    answer: Any,
    inputs: Mapping[str, Any],
    of: tuple[str, ...],
    power: float,
    factor: float = 3.0,
    tolerance: float = TOLERANCE,
) -> None:
    """Check that multiplying some inputs by ``factor`` multiplies the result by ``factor ** power``.

    Power 2 in features and centers says "squared distance"; power 1 in a says "each weight counts once"; power 1 in λ
    says "λ multiplies"; power 0 says "lengths do not count".

    Examples
    --------
    >>> scaling(lambda x: x.square().sum(), {"x": torch.tensor([1.0, 2.0])}, ("x",), power=2)
    >>> scaling(lambda x: x.abs().sum(), {"x": torch.tensor([1.0, 2.0])}, ("x",), power=2)
    Traceback (most recent call last):
    ...
    AssertionError: <lambda> is not multiplied by 9 when x is multiplied by 3: look at the powers in the equation
    """
    handle = as_answer(answer)
    before = _parts(handle.call(**inputs))
    after = _parts(handle.call(**{n: v * factor if n in of else v for n, v in inputs.items()}))
    grown = factor**power
    what = "does not stay the same" if power == 0 else f"is not multiplied by {grown:g}"
    for name, value in before.items():
        assert _same(after.get(name), value * grown, tolerance * max(1.0, grown)), (
            f"{handle.name} {what} when {' and '.join(of)} "
            f"{'are' if len(of) > 1 else 'is'} multiplied by {factor:g}: look at the powers in the equation"
        )


@in_a_sentence
def unchanged(answer: Any, inputs: Mapping[str, Any], change: Callable[..., Mapping[str, Any]], because: str) -> None:
    """Check that a change of the inputs that must not matter does not.

    Parameters
    ----------
    answer : callable
    inputs : mapping
    change : callable
        ``change(**inputs)``: the inputs that become others, by name.
    because : str
        What the message says after the colon.

    Examples
    --------
    >>> shift = lambda x, c: {"x": x + 1, "c": c + 1}
    >>> unchanged(lambda x, c: (x - c).sum(), {"x": torch.ones(2), "c": torch.zeros(2)}, shift, "only x - c counts")
    """
    handle = as_answer(answer)
    before = _parts(handle.call(**inputs))
    after = _parts(handle.call(**{**inputs, **change(**inputs)}))
    for name, value in before.items():
        assert _same(after.get(name), value, TOLERANCE), f"{handle.name} changes where it must not: {because}"


def _parts(result: Any) -> dict[str, Any]:
    if isinstance(result, list | tuple):  # several results: `return dx, da`
        return {f"result {k}": part for k, part in enumerate(result)}
    return dict(result) if isinstance(result, Mapping) else {"": result}


def _same(left: Any, right: Any, tolerance: float) -> bool:
    left, right = torch.as_tensor(left), torch.as_tensor(right)
    return left.shape == right.shape and bool(((left - right).abs() <= tolerance * right.abs().clamp(min=1)).all())


@in_a_sentence
def own_work(answer: Any, inputs: Mapping[str, Any]) -> None:
    """Check that a function does not call this package, however it is reached; autograd is allowed.

    Examples
    --------
    >>> x = torch.ones(1, 2)
    >>> own_work(lambda x: torch.func.vmap(torch.square)(x), {"x": x})
    >>> from dacl_edu.losses import center_loss
    >>> own_work(center_loss, {"features": x, "labels": torch.tensor([0]), "centers": x})
    Traceback (most recent call last):
    ...
    AssertionError: center_loss calls the package dacl_edu: this one is to be your own
    """
    handle = as_answer(answer)
    assert not handle.watched_call(**inputs)["package"], (
        f"{handle.name} calls the package dacl_edu: this one is to be your own"
    )


@in_a_sentence
def own_backward(
    answer: Any,
    batches: Sequence[Mapping[str, Any]],
    expected: Sequence[Mapping[str, Tensor]],
    upstream: Sequence[float],
    tolerance: float = TOLERANCE,
) -> None:
    """Check the gradients that a function's own backward pass gives, all batches forward before the first backward.

    Parameters
    ----------
    answer : callable
        Returns one number, by ``apply`` of a ``torch.autograd.Function``.
    batches : sequence of mapping
    expected : sequence of mapping of str to Tensor
        For each batch the gradients for an incoming gradient of 1.
    upstream : sequence of float
        For each batch the gradient that comes in.
    tolerance : float

    Raises
    ------
    AssertionError
        Autograd does a part of the work, or a gradient is wrong.

    Examples
    --------
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return (x * x).sum()
    ...     @staticmethod
    ...     def backward(ctx, incoming):
    ...         return 2 * incoming * ctx.saved_tensors[0]
    >>> x = torch.tensor([1.0, 2.0])
    >>> own_backward(lambda x: Square.apply(x), [{"x": x}], [{"x": 2 * x}], [-3.0])
    >>> own_backward(lambda x: (x * x).sum(), [{"x": x}], [{"x": 2 * x}], [-3.0])
    Traceback (most recent call last):
    ...
    AssertionError: a part of the backward pass of <lambda> is autograd's (MulBackward0), not yours: the whole loss ...
    """
    handle = as_answer(answer)
    wrt = tuple(expected[0])
    found = handle.watched_gradients(batches, wrt, upstream)
    assert not found["package"], f"{handle.name} calls the package dacl_edu: this one is to be written by hand"
    for gradients, right, factor in zip(found["gradients"], expected, upstream, strict=True):
        for name in wrt:
            title = f"the gradient of {handle.name} with respect to {name}"
            if len(batches) > 1:
                title += ", where the loss of several batches is added up before one backward pass,"
            assert gradients[name] is not None, f"{title} does not exist: {name} was detached, or is not used"
            values.value(gradients[name], factor * right[name], title, tolerance)
    assert not found["foreign"], (
        f"a part of the backward pass of {handle.name} is autograd's ({found['foreign']}), not yours: the whole loss "
        "belongs into `forward` of your autograd function, and its whole gradient into `backward`"
    )


@in_a_sentence
def no_gradient(answer: Any, inputs: Mapping[str, Any], wrt: tuple[str, ...], because: str) -> None:
    """Check that autograd finds no way from what a function returns to its inputs.

    Parameters
    ----------
    answer : callable
        Returns one number for these inputs, in any shape.
    inputs : mapping
    wrt : tuple of str
    because : str
        What the message says after the colon.

    Examples
    --------
    >>> no_gradient(lambda x: x.detach() * 2, {"x": torch.ones(1, 1)}, ("x",), "this is a rule")
    >>> no_gradient(lambda x: x * 2, {"x": torch.ones(1, 1)}, ("x",), "this is a rule")
    Traceback (most recent call last):
    ...
    AssertionError: a gradient flows from the result of <lambda> back to x: this is a rule
    """
    handle = as_answer(answer)
    for name, slope in handle.autograd_gradients(inputs, wrt).items():
        assert slope is None, f"a gradient flows from the result of {handle.name} back to {name}: {because}"

"""What must hold of a student's function whatever the numbers are: how it was made, its gradients, and invariances.

Part of :mod:`dacl_edu.check`, where a student finds it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from dacl_edu.check import values
from dacl_edu.check.answers import as_answer

TOLERANCE = 1e-5
"""Largest absolute difference that counts as equal for numbers of size 1: float32 inside a function passes (its error
is about 1e-7 of the number), a forgotten factor or a float16 sum does not."""

_AUTOGRAD = {"autograd", "backward", "grad", "grad_and_value", "jacrev", "jacfwd", "jacobian", "hessian", "vjp", "vjp_"}
_AUTOGRAD |= {"jvp", "linearize", "forward_ad", "make_dual", "requires_grad_"}
_DISGUISES = {"__import__", "import_module", "exec"}


def by_hand(answer: Any) -> None:
    """Check that a function asks neither autograd nor this package for what it must compute itself.

    It reads names and is no lock: it tells a student, in time, what the question wants.

    Raises
    ------
    AssertionError

    Examples
    --------
    >>> by_hand(lambda x: 2 * x)
    >>> by_hand(lambda x: torch.autograd.grad(x.square().sum(), x))
    Traceback (most recent call last):
    ...
    AssertionError: <lambda> uses autograd: this one is to be written by hand
    """
    handle = as_answer(answer)
    names = handle.names()
    autograd = sorted(names & _AUTOGRAD)
    assert not autograd, f"{handle.name} uses {autograd[0]}: this one is to be written by hand"
    _no_disguise(handle.name, names)
    assert not _of_this_project(names), f"{handle.name} calls the package dacl_edu: this one is to be written by hand"


def _of_this_project(names: frozenset[str]) -> bool:
    return any(re.fullmatch(r"dacl_edu(_\w+)?", name.partition(".")[0]) for name in names)


def _no_disguise(name: str, names: frozenset[str]) -> None:
    hidden = sorted(names & _DISGUISES)
    assert not hidden, f"{name} uses {hidden[0]}: write plain lines, in which everyone sees what is called"


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
        if upstream != 1 and slope.shape == wanted.shape and (slope - wanted).abs().max() <= tolerance:
            raise AssertionError(
                f"{title} stays the same when the loss is multiplied by {upstream:g}: "
                "the gradient that arrives from above is ignored"
            )
        values.value(slope, upstream * wanted, title, tolerance)


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

    Raises
    ------
    AssertionError

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


def duplicated(answer: Any, inputs: Mapping[str, Any], batch: tuple[str, ...], tolerance: float = TOLERANCE) -> None:
    """Check that a mean over samples stays when every sample comes twice.

    Raises
    ------
    AssertionError

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
    assert _same(handle.call(**twice), handle.call(**inputs), tolerance), (
        f"{handle.name} changes when every sample comes twice: is it a mean over the m samples of this batch?"
    )


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

    Raises
    ------
    AssertionError

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

    Raises
    ------
    AssertionError

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
    return dict(result) if isinstance(result, Mapping) else {"": result}


def _same(left: Any, right: Any, tolerance: float) -> bool:
    left, right = torch.as_tensor(left), torch.as_tensor(right)
    return left.shape == right.shape and bool(((left - right).abs() <= tolerance).all())


def own_work(answer: Any) -> None:
    """Check that a function does not call this package, wherever it is imported; autograd is allowed.

    Raises
    ------
    AssertionError

    Examples
    --------
    >>> own_work(lambda x: torch.func.vmap(torch.square)(x))
    >>> def borrowed(x):
    ...     from dacl_edu.losses import center_loss
    ...     return center_loss(x, torch.tensor([0]), x)
    >>> own_work(borrowed)
    Traceback (most recent call last):
    ...
    AssertionError: borrowed calls the package dacl_edu: this one is to be your own
    """
    handle = as_answer(answer)
    names = handle.names()
    assert not _of_this_project(names), f"{handle.name} calls the package dacl_edu: this one is to be your own"
    _no_disguise(handle.name, names)


def own_backward(answer: Any) -> None:
    """Check that a function goes through ``apply`` of an autograd function, and that nothing else differentiates.

    Like :func:`by_hand` it reads names and is no lock.

    Raises
    ------
    AssertionError

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
    >>> own_backward(lambda x: Square.apply(x))
    >>> own_backward(lambda x: (x * x).sum())
    Traceback (most recent call last):
    ...
    AssertionError: <lambda> does not call apply of your autograd function: its backward pass is autograd's, not yours
    """
    handle = as_answer(answer)
    own_work(handle)
    # The class may stand inside the function; whoever differentiates with .backward() must read .grad.
    borrowed = sorted(handle.names() & (_AUTOGRAD - {"autograd", "backward"}))
    assert not borrowed, f"{handle.name} uses {borrowed[0]}: this one is to be written by hand"
    assert "apply" in handle.names(), (
        f"{handle.name} does not call apply of your autograd function: its backward pass is autograd's, not yours"
    )


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

    Raises
    ------
    AssertionError

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

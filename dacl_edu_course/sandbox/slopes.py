"""Gradients through the wall: ``loss.backward()`` of a plain test goes through the student's process.

A tensor that comes out of the process is a copy. Where it had a history there, its copy gets one step here, and going
back that step asks the process. What accumulates in tensors of the process, a module's parameters, stays there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

Back = Callable[[int, Tensor], Any]
"""``back(number, gradient)`` returns the gradients of what the call was given."""


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors of a value, in lists, tuples and dictionaries at any depth too.

    Examples
    --------
    >>> tensors_in([torch.ones(2), {"a": (torch.zeros(()), 3)}])
    [tensor([1., 1.]), tensor(0.)]
    """
    if isinstance(value, Tensor):
        return [value]
    parts: Iterable[Any] = ()
    if type(value) in (list, tuple, dict):
        parts = value.values() if type(value) is dict else value
    return [tensor for part in parts for tensor in tensors_in(part)]


def asked(value: Any, needs: Sequence[bool]) -> list[Tensor]:
    """Let those tensors of what a function is given require gradients that did where it was called; return them.

    Parameters
    ----------
    value : object
    needs : sequence of bool
        One a tensor.
    """
    return [tensor.requires_grad_() for tensor, need in zip(tensors_in(value), needs, strict=True) if need]


def joined(value: Any, slopes: Any, leaves: list[Tensor], back: Back) -> Any:
    """Give the tensors of what came out of the process the histories that they had there.

    Parameters
    ----------
    value : object
    slopes : list
        One a tensor: None without a history, else the number under which it is held, or ``[gradient]`` of a leaf.
    leaves : list of Tensor
        What the call was given and requires gradients.
    back : callable

    Raises
    ------
    ValueError
        The process did not say what fits.
    """
    tensors = tensors_in(value)
    if type(slopes) is not list or len(slopes) != len(tensors):
        raise ValueError
    new = iter([_joined(tensor, slope, leaves, back) for tensor, slope in zip(tensors, slopes, strict=True)])
    return _replaced(value, new)


def _joined(tensor: Tensor, slope: Any, leaves: list[Tensor], back: Back) -> Tensor:
    if slope is None:
        return tensor
    if type(slope) is int and tensor.is_floating_point():
        # The last makes autograd keep the step where nothing that was given requires gradients.
        return _Step.apply(lambda gradient: back(slope, gradient), tensor, *leaves, torch.zeros((), requires_grad=True))
    if type(slope) is not list or len(slope) != 1 or not tensor.is_floating_point():
        raise ValueError
    tensor.requires_grad_()
    if slope[0] is not None:
        tensor.grad = _fitting(slope[0], tensor)
    return tensor


def _replaced(value: Any, new: Any) -> Any:
    if isinstance(value, Tensor):
        return next(new)
    if type(value) in (list, tuple):
        return type(value)(_replaced(part, new) for part in value)
    return {name: _replaced(part, new) for name, part in value.items()} if type(value) is dict else value


def _fitting(found: Any, tensor: Tensor) -> Tensor:
    if not isinstance(found, Tensor) or found.shape != tensor.shape or not found.is_floating_point():
        raise ValueError
    return found.to(tensor.dtype)


class _Step(torch.autograd.Function):
    """One step of a history, whose backward another process knows."""

    @staticmethod
    def forward(ctx: Any, back: Callable[[Tensor], Any], value: Tensor, *given: Tensor) -> Tensor:
        ctx.back, ctx.given = back, given[:-1]
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        found = ctx.back(gradients[0])
        if type(found) is not list or len(found) != len(ctx.given):
            raise ValueError
        made = [None if one is None else _fitting(one, given) for one, given in zip(found, ctx.given, strict=True)]
        return (None, None, *made, None)

"""What runs while a student's function runs: this package, or autograd where a gradient is to be written by hand.

Names tell little: a helper may be called ``grad``, and a disguise has no name. So the function is called while autograd
returns wrong numbers. A function that takes its result from autograd gets another result then; one that does not, even
where it uses autograd for something else, gets the same. And each call of this package is seen as it happens.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

FACTOR = -1.618
"""What every number from autograd is multiplied with while it is watched."""

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""With it begin the paths of this package and of those that come with it."""
_OWN = tuple(os.path.join(_PACKAGE, "check", name) for name in ("answers.py", "shown.py", "watch.py"))
_LIGHT = {
    *("Mul", "Div", "Neg", "Sum", "Mean", "Add", "Sub", "View", "ReshapeAlias", "UnsafeView", "Squeeze", "Unsqueeze"),
    *("ToCopy", "Clone", "Alias", "Select", "Slice", "Expand", "T", "Transpose", "Permute", "Split", "Unbind"),
}
"""Steps around a student's own backward pass that leave nothing of it to autograd: sums, constant factors, shapes."""


@dataclass
class Watched:
    """What was seen.

    Attributes
    ----------
    package : bool
        Whether a function of this package was called.
    autograd : bool
        Whether autograd was asked for a gradient.
    """

    package: bool = False
    autograd: bool = False
    _own: int = 0

    def gradients(self, value: Tensor, leaves: list[Tensor]) -> tuple[Tensor | None, ...]:
        """Return right gradients; only what a student's backward pass asks of autograd itself is spoiled."""
        self._own += 1
        return torch.autograd.grad(value, leaves, allow_unused=True)


@contextmanager
def watch() -> Iterator[Watched]:
    """Watch what is called within, and let autograd return wrong numbers.

    Examples
    --------
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> with watch() as seen:
    ...     print(torch.autograd.grad(x * x, x)[0].item() == 6, seen.autograd, seen.package)
    False True False
    >>> torch.autograd.grad(x * x, x)[0].item()
    6.0
    """
    seen = Watched()
    autograd: Any = torch.autograd  # its engine is no public name
    ad: Any = forward_ad
    backward, dual, profile = autograd._engine_run_backward, ad.make_dual, sys.getprofile()

    def spoiled_backward(outputs: Any, gradients: Any, *rest: Any, **options: Any) -> Any:
        if seen._own:
            seen._own -= 1
            return backward(outputs, gradients, *rest, **options)
        seen.autograd = True
        wrong = tuple(None if g is None else g * FACTOR for g in gradients)
        return backward(outputs, wrong, *rest, **options)

    def spoiled_dual(tensor: Tensor, tangent: Tensor, *rest: Any, **options: Any) -> Any:
        seen.autograd = True
        return dual(tensor, tangent * FACTOR, *rest, **options)

    def called(frame: Any, event: str, _: Any) -> None:
        if event == "call" and not seen.package and _is_ours(frame) and _is_called_from_outside(frame):
            # A module that is only imported does nothing yet.
            seen.package = frame.f_code.co_name != "<module>" and frame.f_code.co_filename not in _OWN

    autograd._engine_run_backward, ad.make_dual = spoiled_backward, spoiled_dual
    sys.setprofile(called)
    try:
        yield seen
    finally:
        sys.setprofile(profile)
        autograd._engine_run_backward, ad.make_dual = backward, dual


def foreign_part(value: Tensor) -> str:
    """Return what is not the student's own in the backward pass of a number: the name of a step, or "" if all is own.

    Examples
    --------
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return (x * x).sum()
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g
    >>> x = torch.ones(2, requires_grad=True)
    >>> foreign_part(Square.apply(x) / 2), foreign_part((Square.apply(x) + x.square().sum()) / 2)
    ('', 'PowBackward0')
    """
    seen = set[Any]()

    def walk(node: Any, owned: bool) -> str:
        if node is None or (node, owned) in seen:
            return ""
        seen.add((node, owned))
        name = type(node).__name__
        if name == "AccumulateGrad":
            return "" if owned else name
        below = [each for each, _ in node.next_functions if each is not None]
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            owned = True
        elif name.partition("Backward")[0] not in _LIGHT or (name.startswith(("Mul", "Div")) and len(below) > 1):
            return name
        return next((found for each in below if (found := walk(each, owned))), "")

    return walk(value.grad_fn, False)


def _is_called_from_outside(frame: Any) -> bool:
    """Whether no other function of this package called it, but for the one that calls the student's."""
    before = frame.f_back
    return not _is_ours(before) or before.f_code.co_qualname == "LocalAnswer._run"


def _is_ours(frame: Any) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith(_PACKAGE)

"""A student's function, as a check sees it: it can be called, differentiated, and asked which names it uses.

In a notebook the function is at hand (:class:`LocalAnswer`). While grading it lives in a process of its own and a
stand-in with the same three methods asks there: a check is written once and never runs beside code that it does not
trust.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from dacl_edu.check.referenced_names import referenced_names

Gradients = dict[str, Tensor | None]


class AnswerError(AssertionError):
    """The answer could not be used: not written, raised an error, changed its inputs. One plain sentence."""


@runtime_checkable
class Answer(Protocol):
    """What a check may ask of a student's function."""

    name: str

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns; AnswerError where it raises or changes a tensor that it was given."""

    def autograd_gradients(self, inputs: Mapping[str, Any], wrt: tuple[str, ...], upstream: float = 1.0) -> Gradients:
        """Return autograd's gradients of ``upstream * function(**inputs)``; None where it does not depend on one."""

    def names(self) -> frozenset[str]:
        """Return every name that the function, and the student's functions that it calls, mention."""


def as_answer(function: Any) -> Answer:
    """Return ``function`` as an :class:`Answer`; one that already is (a stand-in) is returned as it is.

    Raises
    ------
    AnswerError
        It is no function.

    Examples
    --------
    >>> as_answer(abs).call(-2)
    2
    """
    if isinstance(function, Answer):
        return function
    if not callable(function):
        raise AnswerError(f"a function is expected here, but this is a {type(function).__name__}")
    return LocalAnswer(function)


class LocalAnswer:
    """A function of this process.

    Parameters
    ----------
    function : callable
    name : str, optional
        How messages call it; the function's own name by default.

    Examples
    --------
    >>> def halved(x):
    ...     return x.mul_(0.5)
    >>> LocalAnswer(halved).call(torch.ones(2))
    Traceback (most recent call last):
    ...
    dacl_edu.check.answers.AnswerError: halved changes its first argument in place: compute a new tensor instead
    >>> LocalAnswer(lambda x: (x**2).sum()).autograd_gradients({"x": torch.tensor([3.0])}, ("x",))
    {'x': tensor([6.])}
    """

    def __init__(self, function: Callable[..., Any], name: str = "") -> None:
        self.function = function
        self.name = name or getattr(function, "__name__", "your function")

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """See :class:`Answer`."""
        given = [(_ordinal(i), value) for i, value in enumerate(args)] + list(kwargs.items())
        before = [(name, tensor, tensor.clone()) for name, value in given for tensor in _tensors(value)]
        result = self._run(*args, **kwargs)
        for name, value, copy in before:
            if value.shape != copy.shape or not torch.equal(value.detach().nan_to_num(), copy.detach().nan_to_num()):
                raise AnswerError(f"{self.name} changes {name} in place: compute a new tensor instead")
        return result

    def autograd_gradients(self, inputs: Mapping[str, Any], wrt: tuple[str, ...], upstream: float = 1.0) -> Gradients:
        """See :class:`Answer`."""
        leaves = {name: inputs[name].detach().clone().requires_grad_() for name in wrt}
        with torch.enable_grad():
            value = self._run(**{**inputs, **leaves})
            if not isinstance(value, Tensor):
                raise AnswerError(f"{self.name} returns a {type(value).__name__}, but must return a tensor")
            if value.numel() != 1:
                raise AnswerError(f"{self.name} returns the shape {tuple(value.shape)}, but must return one number")
            if not value.requires_grad:
                return dict.fromkeys(wrt)
            try:
                found = torch.autograd.grad(upstream * value.reshape(()), list(leaves.values()), allow_unused=True)
            except Exception as error:
                raise AnswerError(f"the backward pass of {self.name} raised {_said(error)}") from error
        return dict(zip(wrt, found, strict=True))

    def names(self) -> frozenset[str]:
        """See :class:`Answer`."""
        return frozenset(referenced_names(self.function))

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.function(*args, **kwargs)
        except NotImplementedError as error:
            raise AnswerError(
                f"{self.name} is not written yet: put your lines in place of `raise NotImplementedError()`"
            ) from error
        except AnswerError:
            raise
        except Exception as error:
            raise AnswerError(f"{self.name} raised {_said(error)}") from error


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple | Mapping):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _tensors(part)


def _ordinal(index: int) -> str:
    words = ("first", "second", "third", "fourth", "fifth", "sixth")
    return f"its {words[index]} argument" if index < len(words) else f"argument {index + 1}"


def _said(error: BaseException) -> str:
    line = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {line[:200]}" if line else type(error).__name__

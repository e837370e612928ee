"""A student's function, as a check sees it: it can be called, differentiated, and watched.

In a notebook the function is at hand (:class:`LocalAnswer`). While grading it lives in a process of its own and a
stand-in with the same methods asks there: a check is written once and never runs beside code that it does not
trust.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from dacl_edu.check.shown import said
from dacl_edu.check.watch import foreign_part, watch

Gradients = dict[str, Tensor | None]


class AnswerError(AssertionError):
    """The answer could not be used: not written, raised an error, changed its inputs. One plain sentence."""


@runtime_checkable
class Answer(Protocol):
    """What a check may ask of a student's function."""

    name: str

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function returns; AnswerError where it raises or changes what it was given."""

    def autograd_gradients(self, inputs: Mapping[str, Any], wrt: tuple[str, ...], upstream: float = 1.0) -> Gradients:
        """Return autograd's gradients of ``upstream * function(**inputs)``; None where it does not depend on one."""

    def watched_call(self, **inputs: Any) -> dict[str, Any]:
        """Call it while autograd's numbers are spoiled.

        Return ``package`` (whether this package was called), ``autograd`` (whether autograd was) and ``result`` (None
        where it raised).
        """

    def watched_gradients(
        self, batches: Sequence[Mapping[str, Any]], wrt: tuple[str, ...], upstream: Sequence[float]
    ) -> dict[str, Any]:
        """Call it for all batches and only then go backward, while what its backward asks of autograd is spoiled.

        Return ``package``, ``foreign`` (the step of the backward pass that is not the student's, or "") and
        ``gradients``, a dictionary a batch.
        """


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
    dacl_edu.check.answers.AnswerError: halved changes its first argument in place: compute a new one instead
    >>> LocalAnswer(lambda x: (x**2).sum()).autograd_gradients({"x": torch.tensor([3.0])}, ("x",))
    {'x': tensor([6.])}
    """

    def __init__(self, function: Callable[..., Any], name: str = "") -> None:
        self.function = function
        self.name = name or getattr(function, "__name__", "your function")

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """See :class:`Answer`."""
        given = [(_ordinal(i), value) for i, value in enumerate(args)] + list(kwargs.items())
        before = [(name, value, _copy(value)) for name, value in given]
        result = self._run(*args, **kwargs)
        for name, value, copy in before:
            if not _unchanged(value, copy):
                raise AnswerError(f"{self.name} changes {name} in place: compute a new one instead")
        return result

    def autograd_gradients(self, inputs: Mapping[str, Any], wrt: tuple[str, ...], upstream: float = 1.0) -> Gradients:
        """See :class:`Answer`."""
        with torch.enable_grad():
            value, leaves = self._scalar(inputs, wrt)
            if not value.requires_grad:
                return dict.fromkeys(wrt)
            try:
                found = torch.autograd.grad(upstream * value, list(leaves.values()), allow_unused=True)
            except Exception as error:
                raise AnswerError(f"the backward pass of {self.name} raised {said(error, inputs)}") from error
        return dict(zip(wrt, found, strict=True))

    def watched_call(self, **inputs: Any) -> dict[str, Any]:
        """See :class:`Answer`."""
        result = None
        with watch() as seen:
            try:
                result = self._run(**_copy(inputs))
            except AnswerError:
                if not seen.autograd:  # else it may have compared its own numbers with those of autograd
                    raise
        return {"package": seen.package, "autograd": seen.autograd, "result": result}

    def watched_gradients(
        self, batches: Sequence[Mapping[str, Any]], wrt: tuple[str, ...], upstream: Sequence[float]
    ) -> dict[str, Any]:
        """See :class:`Answer`."""
        with torch.enable_grad(), watch() as seen:
            made = [self._scalar(inputs, wrt) for inputs in batches]
            if not all(value.requires_grad for value, _ in made):
                none = [dict.fromkeys(wrt) for _ in batches]
                return {"package": seen.package, "foreign": "no step at all", "gradients": none}
            foreign = next((part for value, _ in made if (part := foreign_part(value))), "")
            total = sum(factor * value for factor, (value, _) in zip(upstream, made, strict=True))
            assert isinstance(total, Tensor)
            try:
                found = seen.gradients(total, [leaf for _, leaves in made for leaf in leaves.values()])
            except Exception as error:
                raise AnswerError(f"the backward pass of {self.name} raised {said(error, batches[0])}") from error
        rows = [dict(zip(wrt, found[k : k + len(wrt)], strict=True)) for k in range(0, len(found), len(wrt))]
        return {"package": seen.package, "foreign": foreign, "gradients": rows}

    def _scalar(self, inputs: Mapping[str, Any], wrt: tuple[str, ...]) -> tuple[Tensor, dict[str, Tensor]]:
        """Call it on leaves of autograd; return its one number and the leaves."""
        leaves = {name: inputs[name].detach().clone().requires_grad_() for name in wrt}
        value = self._run(**{**inputs, **leaves})
        if not isinstance(value, Tensor):
            raise AnswerError(f"{self.name} returns a {type(value).__name__}, but must return a tensor")
        if value.numel() != 1:
            raise AnswerError(f"{self.name} returns the shape {tuple(value.shape)}, but must return one number")
        return value.reshape(()), leaves

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
            given: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
            raise AnswerError(f"{self.name} raised {said(error, given)}") from error


def _copy(value: Any) -> Any:
    """Copy lists, dictionaries and tensors, at any depth; what is none of these is shared."""
    if isinstance(value, Tensor | np.ndarray):
        return value.clone() if isinstance(value, Tensor) else value.copy()
    if type(value) in (list, tuple):
        return type(value)(_copy(part) for part in value)
    return {name: _copy(part) for name, part in value.items()} if type(value) is dict else value


def _unchanged(value: Any, copy: Any) -> bool:
    """Whether a value that was copied is what it was: also a list that lost a part."""
    if isinstance(copy, Tensor):
        same = isinstance(value, Tensor) and value.shape == copy.shape
        return same and torch.equal(value.detach().nan_to_num(), copy.detach().nan_to_num())
    if isinstance(copy, np.ndarray):
        return isinstance(value, np.ndarray) and value.shape == copy.shape and bool((value == copy).all())
    if type(copy) in (list, tuple):
        return len(value) == len(copy) and all(map(_unchanged, value, copy))
    if type(copy) is dict:
        return list(value) == list(copy) and all(_unchanged(value[name], part) for name, part in copy.items())
    return True


def _ordinal(index: int) -> str:
    words = ("first", "second", "third", "fourth", "fifth", "sixth")
    return f"its {words[index]} argument" if index < len(words) else f"argument {index + 1}"

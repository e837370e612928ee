"""What a red cell shows of a failed check: its sentence and the student's own line, no page of frames."""

from __future__ import annotations

import functools
import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

P = ParamSpec("P")
R = TypeVar("R")
Failed = TypeVar("Failed", bound=AssertionError)

_RED_CROSS = "\x1b[31m\x1b[1m✘\x1b[0m"
_MIXED = re.compile(r"dtype|scalar type")
_OF_AN_INDEX = re.compile(r"for index|target dtype")


def in_a_sentence(check: Callable[P, R]) -> Callable[P, R]:
    """Let IPython show what a check says and nothing else; the error stays an AssertionError with its traceback.

    Examples
    --------
    >>> @in_a_sentence
    ... def positive(number):
    ...     assert number > 0, "must be positive"
    >>> positive(-1)
    Traceback (most recent call last):
    ...
    AssertionError: must be positive
    """

    @functools.wraps(check)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return check(*args, **kwargs)
        except AssertionError as error:
            shown(error)
            raise

    return checked


def shown(error: Failed) -> Failed:
    """Let IPython show this error by its sentence and the student's own line, if one raised; return it."""
    # IPython asks the error itself; set on it, no class takes the place of AssertionError.
    error._render_traceback_ = lambda: [f"{_RED_CROSS} {error}", *own_line(error)]  # type: ignore[attr-defined]
    return error


def own_line(error: BaseException) -> list[str]:
    """Return the line of a notebook's cell at which the first cause of an error was raised, in a list; or none."""
    cause = error.__cause__
    while cause is not None and cause.__cause__ is not None:
        cause = cause.__cause__
    frames = [] if cause is None else traceback.extract_tb(cause.__traceback__)
    own = [frame for frame in frames if "ipykernel" in frame.filename or frame.filename.startswith("<ipython")]
    return [f"In {own[-1].name}, line {own[-1].lineno} of its cell: {own[-1].line}"] if own else []


def said(error: BaseException, given: Mapping[Any, Any] | None = None) -> str:
    """Return an error in one line; where it is of mixed types of numbers, with the type of what was ``given``.

    Examples
    --------
    >>> x = torch.ones(2, 2, dtype=torch.float64)
    >>> said(RuntimeError("expected m1 and m2 to have the same dtype, but got: float != double"), {"x": x})
    'RuntimeError: expected ... float64: take the type from it, as .to(x.dtype) does'
    """
    line = next((line for line in str(error).splitlines() if line.strip()), "")[:200]
    words = f"{type(error).__name__}: {line}" if line else type(error).__name__
    return words + mixed_types(error, given or {})


def mixed_types(error: BaseException, given: Mapping[Any, Any]) -> str:
    """Return what to do about types that PyTorch does not mix, or "" if the error is another.

    A check computes in float64, which a student who made a float32 tensor does not see.
    """
    wide = [name for name, value in given.items() if isinstance(value, Tensor) and value.dtype == torch.float64]
    line = str(error)
    if not wide or not isinstance(error, RuntimeError) or not _MIXED.search(line) or _OF_AN_INDEX.search(line):
        return ""
    name = next((name for name in wide if isinstance(name, str)), "x")
    return f". What it is given is float64: take the type from it, as .to({name}.dtype) does"

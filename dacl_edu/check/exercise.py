"""The exercises of a lesson: whose answer goes on, the student's or the folded one, and whose was judged."""

from __future__ import annotations

import dis
import functools
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

from torch import Tensor

from dacl_edu.check.answers import AnswerError
from dacl_edu.check.shown import mixed_types, said, shown

_folded: list[Any] = []
"""Folded answers that stand in for one that is not written."""


def attempt(mine: Any, folded: Any, returns: Sequence[str] = (), name: str = "") -> Any:
    """Return the student's answer if there is one, and the folded one, with a word about it, if there is none.

    Nothing is called here, so an error in the student's function shows where the function is first used, and its
    traceback ends in the student's cell.

    Parameters
    ----------
    mine : callable or value
        A function that still ends in ``raise NotImplementedError()``, or None, is not written yet. Any other is the
        student's own, also one that is wrong or forgets its ``return``.
    folded : callable or value
        The answer of the lesson.
    returns : sequence of str, optional
        Names of the values that a function must return, where it is more than one.
    name : str, optional
        How messages call it; a function's own name by default.

    Returns
    -------
    callable or value
        A function of the student raises AnswerError when it returns None, or not as many values as there are names, or
        mixes float32 with the float64 that it is given.

    Examples
    --------
    >>> def halved(x):
    ...     raise NotImplementedError()  # your line here
    >>> attempt(halved, lambda x: x / 2)(3.0)
    halved is not written yet: the page goes on with the folded answer
    1.5
    >>> def halved(x):
    ...     x / 2
    >>> attempt(halved, lambda x: x / 2)(3.0)
    Traceback (most recent call last):
    ...
    dacl_edu.check.answers.AnswerError: halved returns None: is its `return` missing?
    """
    name = name or getattr(mine, "__name__", "your answer")
    if getattr(mine, "_dacl_edu_attempt", False):
        return mine  # the cell ran twice
    if mine is None or is_stub(mine) or is_folded(mine):
        print(f"{name} is not written yet: the page goes on with the folded answer")
        answer = _own_copy(folded) if callable(folded) else folded
        _folded.append(answer)
        return answer
    return _attended(mine, name, tuple(returns)) if callable(mine) else mine


def judged(answer: Any, *words: Any) -> None:
    """Print what a check found out, and whose answer it was.

    Parameters
    ----------
    answer : callable or value
        As :func:`attempt` returned it.
    *words
        As for ``print``.

    Examples
    --------
    >>> judged(attempt(lambda x: x, abs, name="same"), "the answer is right")
    yours: the answer is right
    >>> judged(attempt(None, 2.5, name="my_number"), "the answer is right")
    my_number is not written yet: the page goes on with the folded answer
    folded answer, not yours: the answer is right
    """
    print("folded answer, not yours:" if is_folded(answer) else "yours:", *words)


def is_folded(answer: Any) -> bool:
    """Whether this is a folded answer that stands in for one that is not written.

    Examples
    --------
    >>> is_folded(len)
    False
    """
    return any(answer is one for one in _folded)


def is_stub(function: Any) -> bool:
    """Whether a function cannot return, because it still ends in ``raise NotImplementedError()``.

    Examples
    --------
    >>> def begun(x):
    ...     y = 2 * x
    ...     raise NotImplementedError()  # your line here
    >>> is_stub(begun), is_stub(abs)
    (True, False)
    """
    code = getattr(function, "__code__", None)
    return (
        isinstance(code, CodeType)
        and "NotImplementedError" in code.co_names
        and not any(step.opname.startswith("RETURN") for step in dis.get_instructions(code))
    )


def _own_copy(function: Callable[..., Any]) -> Callable[..., Any]:
    """A new object that does the same: the folded answer as such, called by its own name, is nobody's stand-in."""

    @functools.wraps(function)
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return stand_in


def _attended(function: Callable[..., Any], name: str, returns: tuple[str, ...]) -> Callable[..., Any]:
    @functools.wraps(function)
    def own(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # Jupyter leaves this frame out: the traceback goes from the check to the student
        try:
            result = function(*args, **kwargs)
        except RuntimeError as error:
            given: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
            if mixed_types(error, given):
                raise shown(AnswerError(f"{name} raised {said(error, given)}")) from error
            raise
        if result is None:
            raise shown(AnswerError(f"{name} returns None: is its `return` missing?"))
        if returns and not (isinstance(result, tuple | list) and len(result) == len(returns)):
            what = f"{name} returns {_kind(result)}, but must return {len(returns)} values"
            raise shown(AnswerError(f"{what}: return {', '.join(returns)}"))
        return result

    own._dacl_edu_attempt = True  # type: ignore[attr-defined]
    return own


def _kind(result: Any) -> str:
    if isinstance(result, Tensor):
        return f"one tensor of shape {tuple(result.shape)}"
    if isinstance(result, tuple | list):
        return f"{len(result)} values"
    return f"a {type(result).__name__}"

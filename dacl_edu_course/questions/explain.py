"""A wrong number says little; why it is wrong, an invariance may say. By how much it is wrong would say too much."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

Check = Callable[[], None]
_AMOUNT = re.compile(r"(differs|,) by (\d[\d.e+-]*)")


def without_amounts(check: Callable[[Any, int], None]) -> Callable[[Any, int], None]:
    """Take from a question's messages by how much a number differs: with the own number at hand it is the answer.

    Whether it differs by a little stays: that is what a narrow type does.

    Examples
    --------
    >>> @without_amounts
    ... def check(answer, seed):
    ...     raise AssertionError("dx differs in 75% of its numbers, most at (0, 1), by 0.0004; another differs by 3")
    >>> check(None, 0)
    Traceback (most recent call last):
    ...
    AssertionError: dx differs in 75% of its numbers, most at (0, 1), by a little; another differs from what it must be
    """

    @functools.wraps(check)
    def quiet(answer: Any, seed: int) -> None:
        try:
            check(answer, seed)
        except AssertionError as error:
            raise AssertionError(_AMOUNT.sub(_in_words, str(error))) from error

    return quiet


def _in_words(match: re.Match[str]) -> str:
    before, little = match[1], float(match[2]) < 0.01
    if before == ",":
        return ", by a little" if little else ""
    return "differs by a little" if little else "differs from what it must be"


def explained(plain: Check, *closer: Check, also: bool = True) -> None:
    """Run a check and then closer ones; where the plain one fails, add what the first closer one that fails says.

    Parameters
    ----------
    plain : callable
        A comparison of values.
    *closer : callable
        Checks that a right answer passes too, e.g. that the order of the samples does not matter.
    also : bool, default True
        Whether the closer ones must pass where the plain one does. They call the answer many times: once is enough.

    Raises
    ------
    AssertionError

    Examples
    --------
    >>> def plain():
    ...     raise AssertionError("the loss differs by 3.1")
    >>> def closer():
    ...     raise AssertionError("it changes when every sample comes twice")
    >>> explained(plain, closer)
    Traceback (most recent call last):
    ...
    AssertionError: the loss differs by 3.1; it changes when every sample comes twice
    >>> explained(lambda: None, closer)
    Traceback (most recent call last):
    ...
    AssertionError: it changes when every sample comes twice
    """
    try:
        plain()
    except AssertionError as error:
        why = next((text for check in closer if (text := _complaint(check))), "")
        again = why.rpartition(" is ")[2] in str(error)  # the same diagnosis of a related number says nothing new
        raise AssertionError(str(error) if again else f"{error}; {why}") from error
    for check in closer if also else ():
        check()


def returned_in_order(check: Check) -> None:
    """Run a check of the slopes of an own backward pass; where one is missing, ask for the order of what it returns.

    Raises
    ------
    AssertionError

    Examples
    --------
    >>> def check():
    ...     raise AssertionError("the gradient with respect to c does not exist: c was detached, or is not used")
    >>> returned_in_order(check)
    Traceback (most recent call last):
    ...
    AssertionError: the gradient with respect to c does not exist: what does `backward` return in the place of c?
    """
    try:
        check()
    except AssertionError as error:
        missing = re.search(r"(.* does not exist): (\w+) was detached", str(error))
        if missing is None:
            raise
        raise AssertionError(f"{missing[1]}: what does `backward` return in the place of {missing[2]}?") from error


def _complaint(check: Check) -> str:
    try:
        check()
    except Exception as error:  # what breaks a closer look explains nothing, and must not hide the plain complaint
        return str(error) if isinstance(error, AssertionError) else ""
    return ""

"""What every question has: a title, where to look when it goes wrong, and a check that a function must pass."""

from __future__ import annotations

import functools
import hmac
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from dacl_edu.check.shown import own_line

GRADING = "DACL_EDU_GRADING"
_SEEDS: ContextVar[tuple[int, ...]] = ContextVar("seeds of the hidden tests", default=(7919, 15284707, 22653493))
_RED, _GREEN, _BOLD, _END = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"


class WrongAnswer(AssertionError):
    """What a student reads in a red cell: what is wrong, and where to look. Never the answer.

    Parameters
    ----------
    title : str
    message : str
    look : str
        The equation, the lesson and its section.
    """

    def __init__(self, title: str, message: str, look: str) -> None:
        super().__init__(f"{message}{'' if message.endswith(('?', '.', '!')) else '.'} Where to look: {look}")
        self.title, self.message, self.look = title, message, look

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a page of frames: the message, and the student's own line if one raised."""
        # The message in plain black: JupyterLab's red on its pink is too pale to read.
        title = f"{_RED}{_BOLD}✘ {self.title}{_END}"
        return [title, self.message, f"Where to look: {self.look}", *own_line(self)]


class CheckedQuestion:
    """A question's check with its title; call it like the check.

    Parameters
    ----------
    title : str
    look : str
        The equation, the lesson and its section: where an answer that went wrong sends the student.
    check : callable
        ``check(answer, seed)``; raises AssertionError.
    """

    def __init__(self, title: str, look: str, check: Callable[[Any, int], None]) -> None:
        self.title, self.look, self.check = title, look, check
        functools.update_wrapper(self, check)

    def __call__(self, answer: Any, seed: int = 0) -> None:
        """Check ``answer`` on inputs made from ``seed``; say so in green where it is right.

        Raises
        ------
        WrongAnswer
        """
        try:
            self.check(answer, seed)
        except AssertionError as error:
            raise WrongAnswer(self.title, str(error), self.look) from error
        except Exception as error:  # a check reads what it gets as if it were of the kind that was asked for
            said = (str(error).splitlines() or [""])[0][:200]
            message = f"what it returns is not of the kind asked for ({type(error).__name__}: {said})"
            raise WrongAnswer(self.title, message, self.look) from error
        if not os.environ.get(GRADING):
            print(f"{_GREEN}✔ {self.title}: right{_END}")


def question(title: str, look: str) -> Callable[[Callable[[Any, int], None]], CheckedQuestion]:
    """Make a check a :class:`CheckedQuestion`.

    Examples
    --------
    >>> @question("Question 1: twice", look="the two times table")
    ... def twice(answer, seed):
    ...     assert answer(seed + 1) == 2 * (seed + 1), "is not twice the number"
    >>> twice(lambda n: n + n)
    \x1b[32m✔ Question 1: twice: right\x1b[0m
    >>> twice(lambda n: n * n)
    Traceback (most recent call last):
    ...
    dacl_edu_course.questions.question.WrongAnswer: is not twice the number. Where to look: the two times table
    """

    def decorate(check: Callable[[Any, int], None]) -> CheckedQuestion:
        return CheckedQuestion(title, look, check)

    return decorate


@contextmanager
def seeded(secret: bytes, submission: str) -> Iterator[None]:
    """Let :func:`hidden_seeds` return seeds of one submission: whoever learns of them knows nothing of another's.

    Parameters
    ----------
    secret : bytes
        The assignment's.
    submission : str
        What was handed in; the same again has the same seeds.

    Examples
    --------
    >>> with seeded(b"secret", "answer"):
    ...     first = hidden_seeds()
    >>> with seeded(b"secret", "another answer"):
    ...     len(set(first) & set(hidden_seeds()))
    0
    """
    digests = [hmac.digest(secret, f"{k}:{submission}".encode("utf-8", "replace"), "sha256") for k in range(3)]
    token = _SEEDS.set(tuple(int.from_bytes(digest[:16], "big") for digest in digests))
    try:
        yield
    finally:
        _SEEDS.reset(token)


def hidden_seeds() -> tuple[int, ...]:
    """Return the grader's seeds: three of 128 bits, from the assignment's secret and the submission.

    Elsewhere, as when the instructor tries a source, they are fixed and still others than the student's 0.

    Examples
    --------
    >>> 0 in hidden_seeds()
    False
    """
    return _SEEDS.get()

"""Does a page or a table hold a number of a hidden batch? What the grader sends and receives is written down for it."""

from __future__ import annotations

import math
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from dacl_edu_course.grading import batch
from dacl_edu_course.sandbox.answer import RemoteAnswer
from dacl_edu_course.sandbox.session import Session

_NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?:e[+-]?\d+)?|\d{4,}")
_DIGITS = 6
"""A number of fewer digits is no trace: of fifty thousand numbers one begins with any four digits by chance."""


@contextmanager
def hidden_numbers() -> Iterator[dict[str, list[float]]]:
    """Gather, by student, every number that hidden tests send to their functions, or get back, while grading."""
    found: dict[str, list[float]] = defaultdict(list)
    current = threading.local()
    grade, request, use = batch.grade_submission, RemoteAnswer._request, Session.use

    def graded(assignment: Any, student: str, *rest: Any, **named: Any) -> Any:
        current.student = student
        return grade(assignment, student, *rest, **named)

    def requested(self: RemoteAnswer, what: str, **details: Any) -> Any:
        if self.session.discreet:
            found[current.student].extend(_numbers(details))
        value = request(self, what, **details)
        if self.session.discreet:
            found[current.student].extend(_numbers(value))
        return value

    def used(self: Session, what: Any, how: str, args: Any, kwargs: Any) -> Any:
        if self.discreet:
            found[current.student].extend(_numbers([args, kwargs]))
        return use(self, what, how, args, kwargs)

    batch.grade_submission, RemoteAnswer._request, Session.use = graded, requested, used  # type: ignore[method-assign, assignment]
    try:
        yield found
    finally:
        batch.grade_submission, RemoteAnswer._request, Session.use = grade, request, use  # type: ignore[method-assign]


def traces(text: str, own: str, numbers: list[float]) -> list[str]:
    """Return what in ``text``, and not in the student's ``own`` words, is a number of a hidden batch.

    Compared are all digits that the text shows, whatever the sign and the place of the point.
    """
    shown = {token for token in _NUMBER.findall(text) if token not in own}
    long = {digits: token for token in shown if len(digits := _digits(token)) >= _DIGITS}
    if not long:
        return []
    sizes = {len(digits) for digits in long}
    hidden = {f"{number:.{size - 1}e}".partition("e")[0].replace(".", "") for number in numbers for size in sizes}
    return sorted(token for digits, token in long.items() if digits in hidden)


def _digits(token: str) -> str:
    return token.partition("e")[0].replace(".", "").lstrip("0")[:17]


def _numbers(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [number for part in value for number in _numbers(part)]
    if isinstance(value, Tensor):
        value = value.detach().double().flatten().tolist()
        return [abs(number) for number in value if number and math.isfinite(number)]
    if isinstance(value, float) and math.isfinite(value) and value:
        return [abs(value)]
    return []

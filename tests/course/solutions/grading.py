"""What the test modules of the assignments share: the numbers that a public check expects, and those in a message."""

from __future__ import annotations

import re
from typing import Any

from course.solutions.usual import Function, leaves, visible
from torch import Tensor

_NUMBER = re.compile(r"(?<![\w.])\d+\.?\d*(?:e[+-]?\d+)?")


def expected_numbers(question: Any, right: Function) -> set[str]:
    """Every number that the right answer returns in the public check, in three and four digits, without a sign."""
    found: list[float] = []

    def recording(**inputs: Any) -> Any:
        result = right(**inputs)
        for leaf in leaves(result):
            if isinstance(leaf, Tensor):
                found.extend(leaf.detach().abs().flatten().tolist())
        return result

    assert not visible(question, recording)
    return {f"{number:.{digits}g}" for number in found for digits in (3, 4)}


def numbers_in(message: str) -> set[str]:
    """The numbers of a message that are long enough to be told from a count or a place."""
    return {number for number in _NUMBER.findall(message) if len(number.replace(".", "").lstrip("0")) >= 3}

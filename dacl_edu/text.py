"""Words for people: what they may have meant, and names for files."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return the hint for an unknown name: the nearest known one; where none is near, which there are.

    Parameters
    ----------
    word : str
        What the user gave.
    known : iterable of str
    otherwise : str, optional
        What is said where none is near, in place of a list of all.

    Examples
    --------
    >>> nearest("Tets", ["train", "test"]), nearest("zzz", ["train", "test"])
    ("did you mean 'test'?", 'there are train, test')
    """
    names = {name.lower(): name for name in known}
    for close in difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.5):
        return f"did you mean {names[close]!r}?"
    return otherwise or f"there are {', '.join(names.values())}"


def slug(text: str, words: int = 7) -> str:
    """Return the first words of a text as part of a file's name; HTML tags are left out.

    Examples
    --------
    >>> slug("Attention, <b>class</b> by class")
    'attention-class-by-class'
    """
    return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"<[^>]*>", " ", text).lower())[:words])


_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def counted(counts: Sequence[int], what: str) -> str:
    """Say how many, in words up to ten; several different counts as a range.

    Examples
    --------
    >>> counted([3], "seed"), counted([1, 1], "seed"), counted([1, 12], "seed")
    ('three seeds', 'one seed', 'one to 12 seeds')
    """
    words = [_NUMBERS[n] if n < len(_NUMBERS) else str(n) for n in sorted({min(counts), max(counts)})]
    return f"{' to '.join(words)} {what}{'' if max(counts) == 1 else 's'}"


def fixed(value: float, digits: int) -> str:
    """Write a number with so many decimals; its minus is the sign that plotly and formulas use, zero has none.

    Examples
    --------
    >>> fixed(-1.25, 1), fixed(-0.001, 2), fixed(2, 0)
    ('−1.2', '0.00', '2')
    """
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")

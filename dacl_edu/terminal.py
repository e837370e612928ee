"""Output that never fails for a letter: what a terminal cannot show is spelled."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata

_WORDS = {
    "λ": "lambda", "α": "alpha", "ε": "epsilon", "θ": "theta", "μ": "mu", "Δ": "Delta", "∂": "d", "→": "->",
    "×": "x", "±": "+-", "−": "-", "–": "-", "—": "-", "·": "*",
}  # fmt: skip


def spell(text: str, encoding: str = "ascii") -> str:
    """Return ``text`` with every letter spelled that ``encoding`` does not have.

    Examples
    --------
    >>> spell("λ – 0.1 … 王"), spell("λ – 0.1 … 王", "cp1252")
    ('lambda - 0.1 ... \\\\u738b', 'lambda – 0.1 … \\\\u738b')
    """
    return text.encode(encoding, "dacl_edu.spell").decode(encoding)


def spell_on_streams() -> None:
    """Make standard output and standard error spell what their encoding does not have, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name may hold bytes that are no UTF-8; a UTF-8 stream gives them back as they were.
            utf = codecs.lookup(stream.encoding).name.startswith("utf")
            stream.reconfigure(errors="surrogateescape" if utf else "dacl_edu.spell")


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_spelled_letter, error.object[error.start : error.end])), error.end


def _spelled_letter(letter: str) -> str:
    plain = _WORDS.get(letter) or unicodedata.normalize("NFKD", letter)
    kept = plain.encode("ascii", "ignore").decode()
    return kept or letter.encode("ascii", "backslashreplace").decode()


codecs.register_error("dacl_edu.spell", _spelled)

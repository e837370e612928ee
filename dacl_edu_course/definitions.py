"""What several parts of the course need: the names that a cell defines, and files that are written in one step."""

from __future__ import annotations

import re
from pathlib import Path

_DEFINITION = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_MOST = 200_000


def defined_names(source: str) -> list[str]:
    """Return the functions, classes and variables that a cell makes at its top level, in order.

    By its lines alone: hostile source can make Python's own parser run out of stack.

    Examples
    --------
    >>> defined_names("def f(x):\\n    y = x\\n    return y\\n\\nclass G: pass\\nh: int = 3\\nk = lambda x: x == 1")
    ['f', 'G', 'h', 'k']
    """
    return [function or variable for function, variable in _DEFINITION.findall(source[:_MOST])]


def write_text(path: Path, text: str, private: bool = False, encoding: str = "utf-8") -> Path:
    """Write a file in one step: whoever reads it sees the old one or the new one, never half of it.

    Parameters
    ----------
    path : Path
    text : str
    private : bool, default False
        Whether its owner alone may read it.
    encoding : str, default "utf-8"
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding=encoding)
    if private:
        partial.chmod(0o600)
    partial.replace(path)
    return path

"""Which names a cell defines, by its lines alone: hostile source can make Python's own parser run out of stack."""

from __future__ import annotations

import re

_DEFINITION = re.compile(r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)
_MOST = 200_000


def defined_names(source: str) -> list[str]:
    """Return the functions, classes and variables that a cell makes at its top level, in order.

    Examples
    --------
    >>> defined_names("def f(x):\\n    y = x\\n    return y\\n\\nclass G: pass\\nh: int = 3\\nk = lambda x: x == 1")
    ['f', 'G', 'h', 'k']
    """
    return [function or variable for function, variable in _DEFINITION.findall(source[:_MOST])]

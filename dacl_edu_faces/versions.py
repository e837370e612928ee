"""What the bytes of a rendered set depend on."""

from __future__ import annotations

import importlib.metadata

#: Raise it whenever sampling or rendering changes.
CONTENT_VERSION = 1


def versions() -> dict[str, str]:
    """Versions of the generator and of the packages that make its pictures.

    Examples
    --------
    >>> sorted(versions())
    ['anny', 'embreex', 'generator', 'numpy', 'pillow']
    """
    found = {"generator": str(CONTENT_VERSION)}
    for name in ("anny", "embreex", "numpy", "pillow"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "none"
    return found

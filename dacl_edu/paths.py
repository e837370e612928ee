"""Where the project's own files lie: in a checkout beside the package, in an installed wheel inside of it."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
CHECKOUT = PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else None
"""The repository's folder; None for an installed wheel."""

HOME = CHECKOUT or PACKAGE / "home"
"""What holds ``data/``, ``notebooks/`` and ``docs/``."""


def bundled_faces() -> Path:
    """Return the folder of the rendered faces.

    Examples
    --------
    >>> bundled_faces().parts[-2:]
    ('data', 'faces')
    """
    return HOME / "data" / "faces"


def lessons() -> Path:
    """Return the folder of the notebooks."""
    return HOME / "notebooks"


def shipped_runs() -> Path:
    """Return the folder of the small copies of runs that come with the project."""
    return HOME / "notebooks" / "shipped"


def ledger() -> Path:
    """Return the file that says for each equation its function, notebook cell and test."""
    return HOME / "docs" / "equations.toml"

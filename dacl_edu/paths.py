"""Where the project's own files lie: in a checkout beside the package, in an installed wheel inside of it."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = PACKAGE / "home"
HOME = _IN_WHEEL if _IN_WHEEL.is_dir() else PACKAGE.parent
"""What holds ``data/``, ``notebooks/`` and ``docs/``; ``pyproject.toml`` puts them into a wheel."""

CHECKOUT = None if HOME == _IN_WHEEL else HOME
"""The repository's folder; None for an installed wheel."""


def bundled_faces() -> Path:
    """Return the folder of the rendered faces."""
    return HOME / "data" / "faces"


def lessons() -> Path:
    """Return the folder of the notebooks.

    Examples
    --------
    >>> (lessons() / "00_start_here.ipynb").is_file()
    True
    """
    return HOME / "notebooks"


def shipped_runs() -> Path:
    """Return the folder of the small copies of runs that come with the project.

    Examples
    --------
    >>> (shipped_runs() / "bundled-dacl-quick-seed0" / "result.json").is_file()
    True
    """
    return HOME / "notebooks" / "shipped"


def shipped_study() -> Path:
    """Return the folder of the study of the bundled faces in small: settings, results and answers of its runs."""
    return shipped_runs() / "study"


def shipped_maps() -> Path:
    """Return the folder of the maps of their features, which take UMAP seconds."""
    return shipped_runs() / "maps"


def cache() -> Path:
    """Return where maps are kept between calls: a folder of the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dacl-edu"


def assignments() -> Path:
    """Return the folder of the assignments: ``source/`` of the instructor, ``release/`` for students.

    Examples
    --------
    >>> (assignments() / "source").is_dir()
    True
    """
    return HOME / "notebooks" / "assignments"


def documents() -> Path:
    """Return the folder of what the lessons and commands refer to.

    Examples
    --------
    >>> (documents() / "errata.md").is_file()
    True
    """
    return HOME / "docs"


def ledger() -> Path:
    """Return the file that says for each equation its function, notebook cell and test."""
    return HOME / "docs" / "equations.toml"

"""Files that are never half-written: a reader, and a process killed at any moment, see the old file or the new one."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; once the block ends, that file is on disk and takes its place.

    Parameters
    ----------
    path : Path
        In a folder that exists.

    Yields
    ------
    Path
        With the ending of ``path``, since some writers add one where it is missing. An error in the block removes what
        was written and leaves ``path`` as it was.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(target) as beside:
    ...     _ = beside.write_text("whole")
    >>> target.read_text(), len(list(target.parent.iterdir()))
    ('whole', 1)
    """
    beside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield beside
        with open(beside, "rb+") as file:  # the content reaches the disk before the name does
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM while a block runs; what came meanwhile comes at its end.

    A library written in C may turn an interrupt into an error of its own.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def clear_unfinished(folder: Path) -> None:
    """Remove what a process that was killed inside :func:`replacing` left in a folder.

    Only for who holds the folder: another's unfinished file looks alike.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in (".config.4711.json", ".hidden.json", "config.json"):
    ...     (folder / name).touch()
    >>> clear_unfinished(folder)
    >>> sorted(file.name for file in folder.iterdir())
    ['.hidden.json', 'config.json']
    """
    for file in folder.iterdir():
        if re.fullmatch(r"\..+\.\d+(\.\w+)?", file.name):
            file.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a UTF-8 file through :func:`replacing`."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON through :func:`replacing`."""
    replace_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

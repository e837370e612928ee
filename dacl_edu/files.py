"""Files that are never half-written: a reader, and a process killed at any moment, see the old file or the new one."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_LARGEST = 64 * 2**20


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

    Raises
    ------
    OSError
        That of the block; one of a full disk, which names no file, names ``path``.

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
    except OSError as error:
        if error.filename is None and error.errno:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C, SIGTERM and SIGHUP while a block runs; the first that came is delivered at its end.

    A library written in C may turn an interrupt into an error of its own. To mask signals would not do: any other
    thread of the process may take one, and Python then interrupts the main thread all the same.
    """
    came: list[int] = []
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():  # elsewhere nothing is interrupted
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and callable(signal.getsignal(number)):
                before[number] = signal.signal(number, lambda which, _: came.append(which))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


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


def read_small(path: Path) -> bytes:
    """Read a file that somebody wrote by hand.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no regular file, since a pipe or a device may have no end, or larger than 64 MiB.
    """
    if path.exists() and not path.is_file():
        raise ValueError("no regular file")
    with open(path, "rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"larger than {_LARGEST >> 20} MiB")
    return content


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file of any of Unicode's encodings, as Windows writes several.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no regular file, endless, no JSON, or JSON of something else; the text says which.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.json"
    >>> _ = path.write_text('{"seed": 3}', encoding="utf-16")
    >>> read_object(path)
    {'seed': 3}
    >>> _ = path.write_text("null")
    >>> read_object(path)
    Traceback (most recent call last):
    ...
    ValueError: JSON, but no object
    """
    content = read_small(path)
    try:
        found = json.loads(content)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON (line {error.lineno})") from error
    except (ValueError, RecursionError) as error:
        what = {UnicodeDecodeError: "no text", RecursionError: "brackets without end"}
        raise ValueError(f"not JSON ({what.get(type(error), 'a number without end')})") from error
    if not isinstance(found, dict):
        raise ValueError("JSON, but no object")
    return found


def replace_text(path: Path, text: str) -> None:
    """Write a UTF-8 file through :func:`replacing`."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON through :func:`replacing`."""
    replace_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

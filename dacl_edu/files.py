"""Files that are never half-written: a reader, and a process killed at any moment, see the old file or the new one."""

from __future__ import annotations

import errno
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
_UNPACKED = 256 * 2**20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to; once the block ends, that file is on disk and takes its place.

    Parameters
    ----------
    path : Path
        In a folder that exists. Where it is a link, what it leads to is replaced and the link stays.

    Yields
    ------
    Path
        With the ending of ``path``, since some writers add one where it is missing. An error in the block removes what
        was written and leaves ``path`` as it was.

    Raises
    ------
    OSError
        That of the block, naming ``path``; or ``path`` is a folder, a pipe or a device, which is left as it is.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(target) as beside:
    ...     _ = beside.write_text("whole")
    >>> target.read_text(), len(list(target.parent.iterdir()))
    ('whole', 1)
    """
    path, beside = _beside(path)
    try:
        yield beside
        with open(beside, "rb+") as file:  # the content reaches the disk before the name does
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        if error.errno and (error.filename is None or str(error.filename) == str(beside)):  # None: of a full disk
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        beside.unlink(missing_ok=True)


def require_place(path: Path) -> None:
    """Refuse a place where :func:`replacing` could write nothing, before the work whose result goes there.

    Parameters
    ----------
    path : Path
        Its folder is made.

    Raises
    ------
    OSError
        It cannot be written there, or ``path`` is a folder, a pipe or a device.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path, beside = _beside(path)
    try:
        beside.touch()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    beside.unlink(missing_ok=True)


def _beside(path: Path) -> tuple[Path, Path]:
    """Return what a path leads to, and the name beside it that is written first."""
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():  # /dev/null would be a file from then on
        what = "Is a directory" if path.is_dir() else "Is a pipe or a device, no file"
        raise OSError(errno.EISDIR, what, str(path))
    return path, path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")


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


def require_regular(path: Path) -> None:
    """Refuse a pipe or a device, which may have no end and whose opening may wait for ever.

    Raises
    ------
    ValueError
        It is there and no regular file.
    """
    if path.exists() and not path.is_file():
        raise ValueError("no regular file")


def read_arrays(path: Path) -> dict[str, Any]:
    """Read every array of an ``.npz`` file that somebody else may have written.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to numpy.ndarray

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no regular file, no such archive, a damaged one, or one that unpacks to more than 256 MiB and more than
        100 times its size: features hardly shrink.

    Examples
    --------
    >>> import numpy, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.npz"
    >>> numpy.savez_compressed(path, zeros=numpy.zeros(2**28, numpy.uint8), ones=numpy.ones(9))
    >>> read_arrays(path)
    Traceback (most recent call last):
    ...
    ValueError: unpacks to 268,435,... bytes
    """
    import numpy as np

    require_regular(path)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
            total = sum(part.file_size for part in arrays.zip.infolist())
            if total > max(_UNPACKED, 100 * path.stat().st_size):
                raise ValueError(f"unpacks to {total:,} bytes")
            return dict(arrays.items())
    except (OSError, ValueError):
        raise
    except Exception as error:  # of zipfile, zlib, NumPy: a damaged archive fails in many ways
        raise ValueError(f"a damaged archive of arrays ({type(error).__name__})") from error


def read_small(path: Path) -> bytes:
    """Read a file that somebody wrote by hand.

    Raises
    ------
    OSError
        It cannot be read.
    ValueError
        It is no regular file, since a pipe or a device may have no end, or larger than 64 MiB.
    """
    require_regular(path)
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
    """Write a UTF-8 file through :func:`replacing`; bytes of a file name that are no UTF-8 are spelled, as in JSON."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON through :func:`replacing`."""
    replace_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

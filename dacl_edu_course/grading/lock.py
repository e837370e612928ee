"""One command at a time works on a course: two graders at once would undo each other's marks."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from dacl_edu.errors import UserError


@contextmanager
def locked(course: str | Path, what: str) -> Iterator[None]:
    """Hold a course for a command. The system lets go of it when the process ends, however it ends.

    Parameters
    ----------
    course : path
    what : str
        The command, for the message that another one prints.

    Raises
    ------
    UserError
        Another command works on it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as course, locked(course, "grade a1"), locked(course, "collect a1"):
    ...     pass
    Traceback (most recent call last):
    ...
    dacl_edu.errors.UserError: ...: `grade a1` (process ...) works on this course — wait until it is done
    """
    course = Path(course)
    if not course.is_dir():
        yield  # what is not there is said by the command itself
        return
    who = course / ".busy"
    lock = FileLock(course / ".lock", timeout=0, is_singleton=False)
    try:
        lock.acquire()
    except Timeout:
        said = ""
        with contextlib.suppress(OSError):
            said = who.read_text(encoding="utf-8")
        raise UserError(
            f"{course}: {said or 'another command'} works on this course", hint="wait until it is done"
        ) from None
    try:
        who.write_text(f"`{what}` (process {os.getpid()}, since {datetime.now():%H:%M:%S})", encoding="utf-8")
        yield
    finally:
        lock.release()

"""One process a run folder: who is second is told who works there."""

from __future__ import annotations

import socket
from pathlib import Path

from filelock import SoftFileLock, Timeout

from dacl_edu.errors import UserError

LOCK = ".lock"
"""Name of the lock file: process number and host of who works in the folder."""


class RunLocked(UserError):
    """Another process works in this folder."""


def lock_run(folder: Path) -> SoftFileLock:
    """Claim a run folder (made if missing) for this process; the claim of a local process that has died is taken over.

    A file rather than a lock of the operating system, since these do not hold on every network drive. Its ``release()``
    gives the folder back, and so does the end of the process.

    Raises
    ------
    RunLocked
        Another process holds it; the sentence says which, and on which machine.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> lock = lock_run(folder)
    >>> holder(folder) is None
    False
    >>> lock.release()
    >>> holder(folder) is None
    True
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / LOCK).exists() and not (folder / LOCK).is_file():  # of a pipe the lock would wait to be read
        raise UserError(f"{folder / LOCK}: no file, so no lock", hint="remove it")
    lock = SoftFileLock(folder / LOCK, timeout=0, is_singleton=True)  # one a process: a cell may be run again
    try:
        lock.acquire()
    except Timeout as error:
        pid, host = holder(folder) or ("?", "?")
        here = "on this machine" if host == socket.gethostname() else f"on {host}"
        raise RunLocked(
            f"{folder}: process {pid} {here} works in this folder",
            hint=f"wait for it, or choose another --out; if it is gone, remove {folder / LOCK}",
        ) from error
    return lock


def holder(folder: Path) -> tuple[str, str] | None:
    """Return process number and host of who holds a run folder; None where nobody does."""
    try:
        words = (folder / LOCK).read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return None
    return (words[0], words[1]) if len(words) > 1 else ("?", "?")

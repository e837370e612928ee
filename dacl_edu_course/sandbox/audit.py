"""Python's own audit events: what is off while grading says so in a plain sentence, on every system.

This layer explains. It can be got round from within Python; what must hold is held by :mod:`.seccomp`,
:mod:`.landlock` and the limits on resources.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

NETWORK = "network is off while grading"
PROCESSES = "starting processes is off while grading"
SIGNALS = "sending signals to other processes is off while grading"
LIBRARIES = "loading C libraries is off while grading"
RIGHTS = "changing owner, mode or times of files is off while grading"
_NETWORK = (
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"),
    *("socket.getnameinfo", "socket.sendto", "socket.sendmsg", "urllib.Request", "http.client.connect"),
    *("ftplib.connect", "smtplib.connect", "imaplib.open", "poplib.connect"),
)
_PROCESSES = (
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"),
    *("os.startfile", "pty.spawn"),
)
_OFF = {
    **dict.fromkeys(_NETWORK, NETWORK),
    **dict.fromkeys(_PROCESSES, PROCESSES),
    **dict.fromkeys(("os.killpg", "ptrace"), SIGNALS),
    **dict.fromkeys(("os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr", "os.lockf"), RIGHTS),
}
_READING = {"os.listdir": 1, "os.scandir": 1}
_WRITING = {"os.remove": 1, "os.rmdir": 1, "os.mkdir": 1, "os.truncate": 1, "os.rename": 2, "os.link": 2}
_WRITING |= {"os.symlink": 2, "sqlite3.connect": 1}
"""Events whose first arguments are paths, and how many of them are."""

_AF_UNIX = 1
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def watch(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Refuse, from now on and for good, what the system layers refuse too; raise ``PermissionError`` that says why.

    Parameters
    ----------
    readable, writable : iterable of str
        Files and folders, with what lies in them.
    """
    realpath, fsdecode, getpid, own = os.path.realpath, os.fsdecode, os.getpid, sys._getframe
    write_in = tuple(realpath(path) for path in writable)
    read_in = (*(realpath(path) for path in readable), *write_in)
    libraries = tuple(realpath(path) + os.sep for path in (sys.prefix, sys.base_prefix))

    def within(path: str, roots: tuple[str, ...]) -> bool:
        return any(path == root or path.startswith(root.rstrip(os.sep) + os.sep) for root in roots)

    def check(path: Any, writes: bool) -> None:
        if path is None or isinstance(path, int):
            return
        text = fsdecode(path)
        if text in ("", ":memory:") or within(realpath(text), write_in if writes else read_in):
            return
        what = "writing" if writes else "reading"
        raise PermissionError(f"{what} outside your own folder is off while grading: {os.path.basename(text) or text}")

    def from_library() -> bool:
        """Whether a package, scikit-learn for one, loads a part of its own."""
        frame: Any = own(2)
        while frame is not None and frame.f_code.co_filename.endswith(("ctypes/__init__.py", "ctypes/util.py")):
            frame = frame.f_back
        return frame is not None and realpath(frame.f_code.co_filename).startswith(libraries)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            flags = flags if isinstance(flags, int) else 0
            check(path, bool(flags & _WRITE_FLAGS) or (isinstance(mode, str) and any(m in mode for m in "wax+")))
        elif event in _OFF:
            raise PermissionError(_OFF[event])
        elif event in _READING:
            check(arguments[0] if arguments and arguments[0] is not None else ".", writes=False)
        elif event in _WRITING:
            for path in arguments[: _WRITING[event]]:
                check(path, writes=True)
        elif event == "ctypes.dlopen":
            if not from_library():
                raise PermissionError(LIBRARIES)
        elif event == "socket.__new__" and arguments[1] != _AF_UNIX:  # a pair of those is asyncio's and reaches nobody
            raise PermissionError(NETWORK)
        elif event == "os.kill" and arguments[0] != getpid():
            raise PermissionError(SIGNALS)

    sys.addaudithook(hook)

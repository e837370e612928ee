"""Linux's Landlock: a process gives up, for good, every file outside a few folders, TCP, and signals to others."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable

_CREATE, _ADD, _RESTRICT = 444, 445, 446
"""System calls; the numbers are the same on every architecture."""

_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << k for k in range(1, 6))
_MAKE_DIR, _MAKE_FILE, _RENAME, _TRUNCATE = 1 << 7, 1 << 8, 1 << 13, 1 << 14
_FILE_RIGHTS = _WRITE_FILE | _READ_FILE | _TRUNCATE
_READ = _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_FILE | _RENAME | _TRUNCATE
_KNOWN = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many file rights a version of Landlock knows; later ones know as many as the fifth."""


class _Attributes(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # Python 3.14 asks for it beside _pack_
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """Return the kernel's version of Landlock, 0 where there is none.

    Examples
    --------
    >>> version() >= 0
    True
    """
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _call(_CREATE, None, 0, 1))


def restrict(readable: Iterable[str], writable: Iterable[str]) -> str:
    """Give up all other files for this thread and those that it will start; ``no_new_privs`` must be set.

    Parameters
    ----------
    readable, writable : iterable of str
        Files and folders (with what lies in them); one that does not exist is left out.

    Returns
    -------
    str
        What is closed now, in words.

    Raises
    ------
    OSError
        The kernel refuses.
    """
    known = version()
    if not known:
        raise OSError("this system has no Landlock")
    handled = (1 << _KNOWN.get(known, 16)) - 1
    rules = _Attributes(handled, 0b11 if known >= 4 else 0, 0b11 if known >= 6 else 0)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    ruleset = _checked(_call(_CREATE, ctypes.byref(rules), size, 0))
    try:
        for paths, rights in ((readable, _READ), (writable, _WRITE)):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        _checked(_call(_RESTRICT, ruleset, 0, 0, 0))
    finally:
        os.close(ruleset)
    return "files" + (", TCP" if known >= 4 else "") + (", signals" if known >= 6 else "")


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return
    try:
        rule = _Beneath(rights if os.path.isdir(path) else rights & _FILE_RIGHTS, handle)
        _checked(_call(_ADD, ruleset, 1, ctypes.byref(rule), 0))
    finally:
        os.close(handle)


def _call(number: int, *arguments: object) -> int:
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    return syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

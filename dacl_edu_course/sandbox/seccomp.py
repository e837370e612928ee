"""Linux's seccomp: a process gives up, for good, the system calls that reach other processes, the network or settings.

The filter is written with libseccomp, by way of the package pyseccomp, which knows the numbers of the calls on every
processor. Where the library is missing (it is Debian's ``libseccomp2``), this layer is missing and ``grade`` says so.
A refused call returns "not permitted", which Python raises as ``PermissionError``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import Any

try:
    import pyseccomp
except (ImportError, RuntimeError, OSError):  # RuntimeError: the package is there, the C library is not
    pyseccomp = None

NETWORK = ("socket", "connect", "bind", "listen", "sendto", "sendmsg", "sendmmsg", "accept", "accept4")
PROGRAMS = ("fork", "vfork", "execve", "execveat")
PROCESSES = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"),
    *("pidfd_open", "pidfd_send_signal", "pidfd_getfd", "process_madvise", "process_mrelease", "setpriority"),
    *("ioprio_set", "migrate_pages", "move_pages", "sched_setparam", "sched_setscheduler", "sched_setattr"),
    "sched_setaffinity",
)
MARKS_ON_FILES = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes"),
    *("futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr"),
    *("fremovexattr", "removexattrat", "mknod", "mknodat"),
)
"""Owner, mode, times and labels of files, which Landlock does not know."""
MOUNTS = (
    *("mount", "umount2", "pivot_root", "chroot", "unshare", "setns", "open_tree", "move_mount", "fsopen", "fsconfig"),
    *("fsmount", "fspick", "mount_setattr", "open_tree_attr", "open_by_handle_at"),
)
OUTLIVING = ("memfd_create", "memfd_secret", "shmget", "shmat", "semget", "msgget", "mq_open")
"""Memory and messages that outlive the process or count as nobody's."""
CHANNELS = ("flock", "mincore", "cachestat", "fadvise64", "readahead", "preadv2")
"""By which one process that may only read a file could tell something to another that reads it, too."""
DOORS = (
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "io_setup", "bpf", "perf_event_open", "userfaultfd"),
    *("fanotify_init", "add_key", "request_key", "keyctl", "personality", "inotify_init", "inotify_init1"),
)
"""Into the kernel."""
CALLS = (*NETWORK, *PROGRAMS, *PROCESSES, *MARKS_ON_FILES, *MOUNTS, *OUTLIVING, *CHANNELS, *DOORS)
"""Refused whatever their arguments."""

NEWER = {
    **{"process_madvise": 440, "mount_setattr": 442, "memfd_secret": 447, "process_mrelease": 448, "cachestat": 451},
    **{"fchmodat2": 452, "setxattrat": 463, "removexattrat": 466, "open_tree_attr": 467, "clone3": 435},
}
"""Calls that the installed libseccomp may be too old for: their numbers are the same on every processor."""

LOCKS_OF_FILES = (5, 6, 7, 36, 37, 38, 1024, 1025, 1026)
SIGNALS_BY_FILES = (8, 10, 15)
"""Of fcntl: locks, leases and notices; and what makes a file send a signal."""

_CLONE_THREAD = 0x10000
_AF_UNIX, _STREAM = 1, 1
_PR_SET_NO_NEW_PRIVS = 38


def available() -> bool:
    """Whether this is Linux with libseccomp and pyseccomp.

    Examples
    --------
    >>> isinstance(available(), bool)
    True
    """
    return sys.platform.startswith("linux") and pyseccomp is not None and sys.maxsize > 2**32


def no_new_privileges() -> None:
    """Promise the kernel never to gain rights, by a set-uid program for one; a filter and Landlock ask for it.

    Raises
    ------
    OSError
    """
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero):
        raise OSError(ctypes.get_errno(), "no_new_privs")


def install() -> None:
    """Put the filter before every thread of this process; ``no_new_privs`` must be set.

    Raises
    ------
    OSError
        The kernel refuses.
    """
    made = program(os.getpid())
    made.set_attr(pyseccomp.Attr.CTL_NNP, 0)  # it is set already
    made.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
    made.load()


def program(pid: int, architecture: int | None = None) -> Any:
    """Return the filter, a ``pyseccomp.SyscallFilter``.

    Parameters
    ----------
    pid : int
        The process itself, which may send signals to itself: ``abort()`` does.
    architecture : int, optional
        Of ``pyseccomp.Arch``; this machine's by default.
    """
    refuse = pyseccomp.ERRNO(errno.EPERM)
    made = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    if architecture is not None and architecture != _native():
        made.add_arch(architecture)
        made.remove_arch(_native())
    made.set_attr(pyseccomp.Attr.ACT_BADARCH, refuse)  # calls under another numbering: 32 bits, x32

    def rule(name: str, *arguments: Any, action: int = refuse) -> None:
        if _number(name, architecture) is not None:
            made.add_rule(action, _number(name), *arguments)  # the library translates this machine's numbers

    def argument(index: int, test: int, value: int, of: int = 0) -> Any:
        return pyseccomp.Arg(index, test, value, of)

    for name in CALLS:
        rule(name)
    # The C library asks for clone3 first and takes clone, whose flags a filter can read, where there is none.
    rule("clone3", action=pyseccomp.ERRNO(errno.ENOSYS))
    rule("clone", argument(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0))
    for name in ("kill", "tgkill"):
        rule(name, argument(0, pyseccomp.NE, pid))
    rule("prlimit64", argument(0, pyseccomp.NE, 0))  # process 0 is oneself
    # A pair of connected streams (asyncio makes one) reaches nobody; a datagram socket could be sent anywhere.
    rule("socketpair", argument(0, pyseccomp.NE, _AF_UNIX))
    for kind in range(16):
        if kind != _STREAM:
            rule("socketpair", argument(1, pyseccomp.MASKED_EQ, 0xF, kind))
    for command in (*LOCKS_OF_FILES, *SIGNALS_BY_FILES):
        rule("fcntl", argument(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, command))  # the kernel reads the low half
    return made


def _native() -> int:
    return int(pyseccomp.system_arch())


def _number(name: str, architecture: int | None = None) -> int | None:
    """The number of a call; None where this processor has none, or nobody knows it."""
    foreign = architecture not in (None, _native())
    number = pyseccomp.resolve_syscall(architecture if foreign else pyseccomp.Arch.NATIVE, name)
    if number >= 0:
        return int(number)
    # Below -1: the library knows that this processor lacks it. It cannot translate for another what it does not know.
    return NEWER.get(name) if number == -1 and not foreign else None

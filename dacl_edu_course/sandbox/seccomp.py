"""Linux's seccomp: a process gives up, for good, the system calls that reach other processes, the network or settings.

The filter is a short program of the classic BPF kind that the kernel runs before each system call. A refused call
returns "not permitted", which Python raises as ``PermissionError``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

CALLS: dict[str, tuple[int, int]] = {
    # network
    **{"socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201)},
    **{"sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269), "accept": (43, 202), "accept4": (288, 242)},
    # new processes and programs
    **{"fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281)},
    # other processes
    **{"ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272)},
    **{"tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240)},
    **{"pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438)},
    **{"process_madvise": (440, 440), "process_mrelease": (448, 448)},
    **{"setpriority": (141, 140), "ioprio_set": (251, 30), "migrate_pages": (256, 238), "move_pages": (279, 239)},
    **{"sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setattr": (314, 274)},
    **{"sched_setaffinity": (203, 122)},
    # owner, mode, times and marks of files, which Landlock does not know
    **{"chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452)},
    **{"chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54)},
    **{"utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1), "utimensat": (280, 88)},
    **{"setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463)},
    **{"removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "removexattrat": (466, 466)},
    **{"mknod": (133, -1), "mknodat": (259, 33)},
    # mounts and namespaces
    **{"mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51)},
    **{"unshare": (272, 97), "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429)},
    **{"fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433)},
    **{"mount_setattr": (442, 442), "open_tree_attr": (467, 467), "open_by_handle_at": (304, 265)},
    # memory and messages that outlive the process or count as nobody's
    **{"memfd_create": (319, 279), "memfd_secret": (447, 447), "shmget": (29, 194), "shmat": (30, 196)},
    **{"semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180)},
    # doors into the kernel
    **{"io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427)},
    **{"io_setup": (206, 0), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282)},
    **{"fanotify_init": (300, 262), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219)},
    **{"personality": (135, 92), "inotify_init": (253, -1), "inotify_init1": (294, 26)},
}
"""Calls that are refused whatever their arguments: their numbers on x86_64 and on aarch64, -1 where there is none."""

SOME: dict[str, tuple[int, int]] = {
    **{"clone": (56, 220), "clone3": (435, 435), "kill": (62, 129), "tgkill": (234, 131), "fcntl": (72, 25)},
    **{"prlimit64": (302, 261), "socketpair": (53, 199)},
}
"""Calls that are refused for some arguments."""

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_LOAD, _EQUAL, _GREATER, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW = 0x7FFF0000
_REFUSE, _UNKNOWN = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NUMBER, _ARCH, _ARGUMENT = 0, 4, 16
_CLONE_THREAD = 0x10000
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_PR_SET_NO_NEW_PRIVS = 38
_Step = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def available() -> bool:
    """Whether this is Linux on a processor whose system calls are known here.

    Examples
    --------
    >>> isinstance(available(), bool)
    True
    """
    return sys.platform.startswith("linux") and platform.machine() in _ARCHITECTURES and sys.maxsize > 2**32


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
    steps = program(platform.machine(), os.getpid())
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    filter_ = _Program(len(steps), ctypes.cast(code, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    number = 317 if platform.machine() == "x86_64" else 277  # seccomp(SET_MODE_FILTER, TSYNC, …)
    result = libc.syscall(ctypes.c_long(number), ctypes.c_long(1), ctypes.c_long(1), ctypes.byref(filter_))
    if result:
        raise OSError(ctypes.get_errno() if result < 0 else errno.EBUSY, "the seccomp filter was refused")


def program(machine: str, pid: int) -> list[_Step]:
    """Return the filter as BPF instructions (code, jump if true, jump if false, operand).

    Parameters
    ----------
    machine : {"x86_64", "aarch64"}
    pid : int
        The process itself, which may send signals to itself: ``abort()`` does.

    Examples
    --------
    >>> len(program("x86_64", 1)) < 4096
    True
    """
    column, architecture = _ARCHITECTURES[machine]
    steps: list[_Step] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),  # 32-bit calls have other numbers
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        steps += [(_GREATER, 0, 1, 0x40000000), (_RETURN, 0, 0, _REFUSE)]  # the x32 calls
    # The C library asks for clone3 first and takes clone, whose flags a filter can read, where there is none.
    steps += _when(SOME["clone3"][column], [(_RETURN, 0, 0, _UNKNOWN)])
    steps += _when(SOME["clone"][column], [_argument(0), *_unless(_ANY_BIT, _CLONE_THREAD)])
    steps += _when(SOME["kill"][column], [_argument(0), *_unless(_EQUAL, pid)])
    steps += _when(SOME["tgkill"][column], [_argument(0), *_unless(_EQUAL, pid)])
    # Process 0 is oneself: the jump goes to the last step, which allows.
    steps += _when(SOME["prlimit64"][column], [_argument(0), (_EQUAL, 2, 0, 0), *_unless(_EQUAL, pid)])
    # A pair of connected streams (asyncio makes one) reaches nobody; a datagram socket could be sent anywhere.
    pair = [_argument(0), (_EQUAL, 1, 0, 1), (_RETURN, 0, 0, _REFUSE), _argument(1), (_AND, 0, 0, 0xFF)]
    steps += _when(SOME["socketpair"][column], [*pair, *_unless(_EQUAL, 1)])
    # A file can be told to send a signal of any kind to any process of the same user.
    owner = [_argument(1), *_if(_F_SETOWN), *_if(_F_SETSIG), *_if(_F_SETOWN_EX), (_RETURN, 0, 0, _ALLOW)]
    steps += _when(SOME["fcntl"][column], owner)
    for numbers in CALLS.values():
        if numbers[column] >= 0:
            steps += _when(numbers[column], [(_RETURN, 0, 0, _REFUSE)])
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _argument(index: int) -> _Step:
    """Load the low half of an argument: both architectures keep it first."""
    return (_LOAD, 0, 0, _ARGUMENT + 8 * index)


def _when(number: int, then: list[_Step]) -> list[_Step]:
    return [(_EQUAL, 0, len(then), number), *then]


def _if(operand: int) -> list[_Step]:
    return [(_EQUAL, 0, 1, operand), (_RETURN, 0, 0, _REFUSE)]


def _unless(test: int, operand: int) -> list[_Step]:
    return [(test, 1, 0, operand), (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]

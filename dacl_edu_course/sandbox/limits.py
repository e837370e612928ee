"""What the student's process gives up before the first of the student's lines runs, in layers.

A layer that a system does not have is left out and named: the command that grades says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dacl_edu import paths
from dacl_edu_course.sandbox import audit, landlock, seccomp

LAYERS = {
    "resources": "limits on processor time, memory, file size and open files",
    "privileges": "no administrator's rights",
    "landlock": "no files but Python's own, the package and a temporary folder",
    "seccomp": "no network, no other processes",
    "audit": "plain messages for what is off",
}
_MEGABYTE = 2**20
_OPEN_FILES = 64
_MAPPED = 4096 * _MEGABYTE
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "passwd")
_IN_PREFIX = ("bin", "lib", "lib64", "include", "share", "ssl", "Resources", "pyvenv.cfg")
_READABLE = (
    *("/usr", "/lib", "/lib64", *(f"/etc/{name}" for name in _ETC)),
    *("/dev/urandom", "/dev/random", "/dev/zero", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu"),
)


@dataclass(frozen=True)
class Limits:
    """What a student's cells may use.

    Attributes
    ----------
    cell_seconds : float, default 10
        Wall clock of one cell.
    call_seconds : float, default 10
        Wall clock of one call of a student's function.
    total_seconds : float, default 120
        All cells and calls of one notebook together, and the processor time of a process.
    memory_mb : int, default 2048
        Beyond what Python and torch take.
    output_kept : int, default 4096
        Bytes of printed output that are kept; the rest is read and dropped.
    message_mb : float, default 16
        The largest answer.
    files_mb : int, default 256
        What may be written to files; a single one may have a quarter of it.
    """

    cell_seconds: float = 10
    call_seconds: float = 10
    total_seconds: float = 120
    memory_mb: int = 2048
    output_kept: int = 4096
    message_mb: float = 16
    files_mb: int = 256


@dataclass(frozen=True)
class Layers:
    """Which layers of :data:`LAYERS` hold.

    Attributes
    ----------
    active, missing : tuple of str
    """

    active: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        if not self.missing:
            return "all layers of the sandbox hold"
        return "the sandbox lacks: " + "; ".join(f"{name} ({LAYERS[name]})" for name in self.missing)


def layers() -> Layers:
    """Return the layers that this system offers, without starting anything.

    Examples
    --------
    >>> "audit" in layers().active
    True
    """
    linux = sys.platform.startswith("linux")
    has = {
        "resources": os.name == "posix",
        "privileges": linux,
        "landlock": landlock.version() > 0,
        "seccomp": seccomp.available(),
        "audit": True,
    }
    return _sorted(has)


def impose(limits: Limits, folder: str) -> Layers:
    """Give up, for good, all that a student's cells do not need. Nothing of the student may have run before.

    Parameters
    ----------
    limits : Limits
    folder : str
        The one folder that stays writable.
    """
    readable, writable = readable_paths(), (folder, "/dev/null")
    sys.dont_write_bytecode = True
    has = {
        # The order matters: each step still needs what a later one closes.
        "resources": _tried(lambda: _resources(limits)),
        "privileges": _tried(_privileges),
        "landlock": _tried(lambda: _alone() and landlock.restrict(readable, writable)),
        "seccomp": seccomp.available() and _tried(seccomp.install),
        "audit": _tried(lambda: audit.watch(readable, writable)),
    }
    return _sorted(has)


def readable_paths() -> tuple[str, ...]:
    """Return what the student's process may read beside its own folder: Python, its packages, this one, its data.

    Examples
    --------
    >>> any(path.startswith(sys.prefix) for path in readable_paths())
    True
    """
    own = [str(paths.PACKAGE), str(Path(__file__).resolve().parents[1]), str(paths.HOME / "data")]
    packages = [path for path in sys.path if os.path.basename(path) in ("site-packages", "dist-packages")]
    # Only what an environment has in it: someone may have made one in the very folder of the course.
    python = [os.path.join(prefix, part) for prefix in (sys.prefix, sys.base_prefix) for part in _IN_PREFIX]
    return (*python, *packages, *own, *_READABLE)


def _sorted(has: dict[str, bool]) -> Layers:
    return Layers(tuple(n for n in LAYERS if has[n]), tuple(n for n in LAYERS if not has[n]))


def _tried(step: Callable[[], object]) -> bool:
    try:
        return step() is not False
    except (OSError, ValueError, AttributeError, ImportError):
        return False


def _alone() -> bool:
    """Whether this is the only thread: Landlock does not reach those that run already."""
    return len(os.listdir("/proc/self/task")) == 1


def _resources(limits: Limits) -> None:
    import resource

    def lower(what: int, value: int) -> None:
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))

    seconds = int(limits.total_seconds) + 5
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    # The first limit sends a signal that a process can ignore, the second one kills.
    if hard == resource.RLIM_INFINITY or hard > seconds + 5:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    lower(resource.RLIMIT_FSIZE, limits.files_mb * _MEGABYTE // 4)
    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    # Where the system does not say how much is in use, the grader's watch on resident memory remains.
    with contextlib.suppress(OSError, ValueError):
        lower(resource.RLIMIT_DATA, _in_use("VmData") + limits.memory_mb * _MEGABYTE)
        # Address space says little, since torch maps gigabytes that it never touches; but it bounds shared memory,
        # which is no data, while the grader does not look.
        lower(resource.RLIMIT_AS, _in_use("VmSize") + limits.memory_mb * _MEGABYTE + _MAPPED)


def _in_use(what: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(what)


def _privileges() -> None:
    if not sys.platform.startswith("linux"):
        raise OSError("Linux only")
    seccomp.no_new_privileges()
    libc = ctypes.CDLL(None, use_errno=True)
    # Even root keeps no capability: it could raise limits again and read everybody's files.
    header, nothing = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    if libc.capset(header, nothing):
        raise OSError(ctypes.get_errno(), "capset")

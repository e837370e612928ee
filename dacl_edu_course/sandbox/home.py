"""What surrounds the student's process: the variables it is given, and the folder that is its home."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import site
import subprocess
import tempfile
from pathlib import Path

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


def environment(folder: Path) -> dict[str, str]:
    """Return what the student's process may know of ours: where programs lie, and nothing that is secret.

    Parameters
    ----------
    folder : Path
        Its home and its place for temporary files.

    Examples
    --------
    >>> "DACL_EDU_SECRET_SEED" in environment(Path("/tmp"))
    False
    """
    # The package may lie anywhere that this process found it.
    paths = [str(Path(__file__).resolve().parents[2]), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    names = {name: os.environ[name] for name in _KEPT if name in os.environ}
    if site.ENABLE_USER_SITE and site.USER_BASE:
        names["PYTHONUSERBASE"] = site.USER_BASE  # else it would be looked for in the new home
    return {
        **names,
        **dict.fromkeys(_THREADS, "1"),
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONSAFEPATH": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "IPYTHONDIR": str(folder / ".ipython"),
        "MPLBACKEND": "agg",
        "CUDA_VISIBLE_DEVICES": "",
        "DACL_EDU_GRADING": "1",
    }


def clear_left_behind() -> None:
    """Remove the folders of graders that were killed."""
    import psutil

    for folder in Path(tempfile.gettempdir()).glob("dacl-edu-*-*-*"):
        match = re.match(r"dacl-edu-(?:cells|collect|try)-(\d+)-", folder.name)
        if match and not psutil.pid_exists(int(match[1])):
            remove(folder)


def scratch(what: str) -> str:
    """Return the beginning of the name of a temporary folder: it says whose it is.

    Examples
    --------
    >>> scratch("cells").startswith("dacl-edu-cells-")
    True
    """
    return f"dacl-edu-{what}-{os.getpid()}-"


def remove(folder: Path) -> None:
    """Remove a folder that someone may have made hard to remove: locked, or deeper than Python's recursion goes.

    Parameters
    ----------
    folder : Path

    Examples
    --------
    >>> remove(Path("no such folder"))
    """
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            with contextlib.suppress(OSError):
                subprocess.run([*command, "--", str(folder)], check=False, capture_output=True)

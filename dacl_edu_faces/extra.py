"""The optional packages of the generator: asked for where they are needed, with a readable refusal."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from types import ModuleType

from dacl_edu.errors import UserError

#: Packages that ``pip install 'dacl-edu[faces]'`` brings and that rendering needs.
PACKAGES = ("anny", "embreex")


def available() -> bool:
    """Whether everything that rendering needs is installed.

    Examples
    --------
    >>> isinstance(available(), bool)
    True
    """
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


def need(module: str) -> ModuleType:
    """Import a module of the extra.

    Parameters
    ----------
    module : str
        Dotted name, e.g. ``"embreex.rtcore_scene"``.

    Returns
    -------
    module

    Raises
    ------
    UserError
        The extra is not installed.
    """
    try:
        if module.split(".")[0] == "anny":
            _silence_warp()
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"rendering faces needs the package {module.split('.')[0]!r}, which is not installed ({error})",
            hint="pip install 'dacl-edu[faces]'; reading the bundled set needs none of it",
        ) from error


def _silence_warp() -> None:
    """Start warp, which anny needs, without its report that there is no CUDA: nothing here runs on a GPU."""
    warp = importlib.import_module("warp")
    warp.config.quiet = True
    if hasattr(warp, "LOG_ERROR"):  # newer releases go by this
        warp.config.log_level = warp.LOG_ERROR
    # The report comes from compiled code, past Python's standard error.
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        warp.init()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)

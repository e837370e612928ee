"""A module of the user's, by its name: where losses of one's own come from."""

from __future__ import annotations

import importlib
from types import ModuleType

from dacl_edu.errors import UserError


def own_module(name: str, asked: str) -> ModuleType:
    """Import a module; the current folder is on the path of the command.

    Parameters
    ----------
    name : str
        ``"package.module"``.
    asked : str
        What asked for it, for the error.

    Raises
    ------
    UserError
        There is none of this name, or one that it imports is missing. What else goes wrong in it is raised as it is.

    Examples
    --------
    >>> own_module("a..b", "--import")
    Traceback (most recent call last):
    ...
    dacl_edu.errors.UserError: --import: 'a..b' is no name of a module — e.g. my_losses, for a file my_losses.py
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise UserError(f"{asked}: {name!r} is no name of a module", hint="e.g. my_losses, for a file my_losses.py")
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == name
        what = f"there is no module {name!r}" if missing else f"cannot import {name!r} ({error})"
        hint = "run from the folder that holds the module, or add it to PYTHONPATH"
        raise UserError(f"{asked}: {what}", hint=hint) from error

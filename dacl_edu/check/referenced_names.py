"""Which names a function mentions: its own, and those of what it reaches in its notebook.

It tells a student, in time, that a question is to be solved otherwise. It is no lock: whoever wants to can hide a name,
or copy the package's lines into the notebook.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from typing import Any

_MOST, _DEEPEST = 1000, 20
_HAS_DOCSTRING = 0x4000000
"""Flag of a code object, from Python 3.13 on; before, the first constant is the docstring or None."""


def referenced_names(function: Any) -> Iterator[str]:
    """Yield names in a function's code, and in that of the functions, classes and objects beside it that it mentions.

    Parameters
    ----------
    function : callable
        Also a class, a partial function, or an object with ``__call__``.

    Examples
    --------
    >>> import torch
    >>> "cumsum" in set(referenced_names(functools.partial(lambda x, by: x.cumsum(by), by=0)))
    True
    >>> loaded = __import__("math")
    >>> "math" in set(referenced_names(lambda x, root=loaded.sqrt: root(x)))
    True
    """
    name = str(getattr(function, "__module__", None))
    home = sys.modules.get(name)
    if getattr(home, str(getattr(function, "__name__", "")), None) is function and name != "__main__":
        yield from _origin(function)  # a package's function under a name of the student's
    yield from _Walk().of(function, home=name)


class _Walk:
    """A walk through what a function reaches; ``home`` is the module that wrote what is looked at."""

    def __init__(self) -> None:
        self.seen = set[int]()

    def of(self, thing: Any, deep: int = 0, home: str = "") -> Iterator[str]:
        if id(thing) in self.seen or len(self.seen) > _MOST or deep > _DEEPEST:
            return
        self.seen.add(id(thing))
        parts: list[Any] = []
        if isinstance(thing, types.ModuleType):
            yield from _origin(thing)
        elif isinstance(thing, functools.partial):
            yield from _origin(thing.func) if hasattr(thing.func, "__name__") else ()
            home = str(getattr(thing.func, "__module__", home))
            parts = [thing.func, *thing.args, *thing.keywords.values()]
        elif isinstance(thing, list | tuple | set | frozenset):
            parts = list(thing)[:_MOST]
        elif isinstance(thing, dict):
            parts = list(thing.values())[:_MOST]
        elif isinstance(thing, types.MethodType):
            parts = [thing.__func__, thing.__self__]
        elif isinstance(thing, types.FunctionType) or hasattr(thing, "__wrapped__"):
            yield from self._of_function(thing, deep)
            return
        elif isinstance(thing, type):
            home = thing.__module__
            parts = [getattr(member, "__func__", member) for member in vars(thing).values() if _can_be_own(member)]
        elif not isinstance(thing, int | float | complex | str | bytes | types.NoneType):
            kind = type(thing)  # an object: what its class does, and what it holds
            yield kind.__module__.partition(".")[0]  # whose it is: torch.no_grad() lies in torch.autograd
            parts = [kind, vars(thing)] if kind.__module__ == home and hasattr(thing, "__dict__") else []
            if isinstance(thing, types.BuiltinFunctionType):
                yield from (part for part in str(thing.__module__).split("."))
        for part in parts:
            yield from self._beside(part, deep + 1, home)

    def _of_function(self, thing: Any, deep: int) -> Iterator[str]:
        code, home = getattr(thing, "__code__", None), str(thing.__module__)
        wrapped = getattr(thing, "__wrapped__", None)
        if wrapped is not None:
            yield from self._beside(wrapped, deep + 1, home)
        if not isinstance(code, types.CodeType):
            return
        yield from _names_in_code(code)
        beside = getattr(thing, "__globals__", {})
        for name in set(_names_in_code(code)):
            if name in beside:
                yield from self._beside(beside[name], deep + 1, home)
        yield from self.of(thing.__defaults__ or (), deep + 1, home)
        yield from self.of(thing.__kwdefaults__ or {}, deep + 1, home)
        for cell in thing.__closure__ or ():
            try:
                held = cell.cell_contents
            except ValueError:  # empty
                continue
            yield from self._beside(held, deep + 1, home)
            yield from self.of(held, deep + 1, home)  # what it was made with is its own, wherever that was written

    def _beside(self, other: Any, deep: int, home: str) -> Iterator[str]:
        """What a function reaches: its own things are looked into, those of packages say where they are from."""
        # Only what was defined in the same place: the names inside torch are not the student's.
        if isinstance(other, types.FunctionType | type) and other.__module__ != home:
            yield from _origin(other)
        else:
            yield from self.of(other, deep, home)


def _can_be_own(member: Any) -> bool:
    return not isinstance(member, types.GetSetDescriptorType | types.MemberDescriptorType | types.WrapperDescriptorType)


def _origin(thing: Any) -> Iterator[str]:
    """Where an imported thing is from: ``from dacl_edu.losses import center_loss as f`` is no disguise."""
    yield from str(thing.__name__).split(".")
    if not isinstance(thing, types.ModuleType):
        yield from str(thing.__module__).split(".")


def _names_in_code(code: types.CodeType) -> Iterator[str]:
    for name in code.co_names:
        yield from name.split(".")  # an import within a function names its module with dots
    has_docstring = bool(code.co_flags & _HAS_DOCSTRING) if sys.version_info >= (3, 13) else True
    for number, constant in enumerate(code.co_consts):
        if isinstance(constant, types.CodeType):
            yield from _names_in_code(constant)
        elif isinstance(constant, str) and "dacl_edu" in constant and not (number == 0 and has_docstring):
            yield "dacl_edu"  # importlib.import_module("dacl_edu.losses")

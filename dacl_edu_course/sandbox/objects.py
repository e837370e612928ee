"""Values that no message can hold: they stay in the student's process, and a stand-in asks for their parts.

Plain tests of an instructor's own (``assert account.balance == 15``) work so. What is compared is always a plain value
that came out of the process; a student's object alone is never equal to a plain value, nor true.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from typing import Any

from dacl_edu.check.answers import AnswerError

_MOST = 10_000
Ask = Callable[[Any, str, tuple[Any, ...], dict[str, Any]], Any]
"""``ask(what, how, args, kwargs)``, where ``what`` is a name or a stand-in."""


class Held:
    """In the student's process: the values that the grader holds stand-ins of.

    Parameters
    ----------
    names : dict
        What the notebook defines.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.values: list[Any] = []

    def keep(self, value: Any) -> int:
        """Hold a value; return its number."""
        self.values.append(value)
        return len(self.values) - 1

    def found(self, number: int, kind: str) -> Any:
        """Return the value of a number."""
        return self.values[number]

    def use(self, what: Any, how: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what comes of using a value in one of the ways that :class:`RemoteObject` has."""
        value = self.names[what] if isinstance(what, str) else what
        if how == "value":
            return value
        if how == "call":
            return value(*args, **kwargs)
        if how == "get":
            return getattr(value, args[0])
        if how == "set":
            return setattr(value, args[0], args[1])
        if how == "list":
            return [part for part, _ in zip(value, range(_MOST), strict=False)]
        if how == "is":
            return isinstance(value, args[0])
        if how == "made":
            return isinstance(args[0], value)
        return getattr(value, how)(*args)


class RemoteObject:
    """The grader's stand-in of a value.

    Parameters
    ----------
    ask : callable
    what : int
        The number under which it is held.
    kind : str
        Of the value, for messages.
    """

    def __init__(self, ask: Ask, what: int, kind: str) -> None:
        self.__dict__.update(_ask=ask, _what=what, _kind=kind)

    def __repr__(self) -> str:
        return f"<a {self._kind} of the notebook that is graded>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        return self._ask(self, "call", args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return self._ask(self, "get", (name,), {})

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask(self, "set", (name, value), {})

    def __iter__(self) -> Iterator[Any]:
        return iter(self._ask(self, "list", (), {}))

    def __bool__(self) -> bool:
        raise AnswerError(f"a {self._kind} is here where a plain value is asked for")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        # Whether two of the student's objects are equal only their class can say; a plain value is none of them.
        return isinstance(other, RemoteObject) and self._ask(self, "__eq__", (other,), {}) is True

    def __hash__(self) -> int:
        return id(self)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, RemoteObject) and self._ask(instance, "is", (self,), {}) is True


def _asking(name: str) -> Callable[..., Any]:
    def operation(self: RemoteObject, *args: Any) -> Any:
        return self._ask(self, name, args, {})

    return operation


_SIMPLE = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_OPERATIONS = ("len", "getitem", "setitem", "delitem", "contains", "lt", "le", "gt", "ge", "neg", "abs", "str", "int")
for _name in (*_OPERATIONS, *_SIMPLE, *(f"r{name}" for name in _SIMPLE), "float", "enter", "exit", "next"):
    setattr(RemoteObject, f"__{_name}__", _asking(f"__{_name}__"))


def raised(name: str, kind: str, message: str) -> Exception:
    """Return an error of the kind that the student's function raised; a wrong answer where nobody expects it.

    Examples
    --------
    >>> try:
    ...     raise raised("root", "ValueError", "below zero")
    ... except ValueError as error:
    ...     print(error)
    root raised ValueError: below zero
    """
    text = f"{name} raised {kind}: {message}" if message else f"{name} raised {kind}"
    found = getattr(builtins, kind, None)
    if isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, AssertionError):
        try:
            error: Exception = type(kind, (AnswerError, found), {})(text)
            error.__class__.__str__ = lambda self: text  # type: ignore[method-assign]  # KeyError quotes its text
            return error
        except TypeError:  # kinds that cannot be made of a text
            pass
    return AnswerError(text)

"""Values that no message can hold: they stay in the student's process, and a stand-in asks for their parts.

Plain tests of an instructor's own (``assert account.balance == 15``) work so. What is compared is always a plain value
that came out of the process; a student's object alone is never equal to a plain value, nor true, nor less than one.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from dacl_edu.check.answers import AnswerError
from dacl_edu_course.sandbox import slopes

_MOST = 10_000
MODULE = "torch.nn.Module"
"""How the kind of such an object begins."""
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
        self.numbers: dict[int, int] = {}  # by id: a value that is held keeps its own

    def keep(self, value: Any) -> int:
        """Hold a value; return its number, the same one for the same value."""
        number = self.numbers.setdefault(id(value), len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number

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
        if how == "backward":  # of a tensor that `slopes_of` holds
            return _back(*value, *args)
        return _as_python_does(how, value, *args)

    def slopes_of(self, value: Any, given: list[Tensor]) -> list[Any]:
        """Return what :func:`~dacl_edu_course.sandbox.slopes.joined` is told of each tensor of a value."""
        return [self._slope(tensor, given) if tensor.requires_grad else None for tensor in slopes.tensors_in(value)]

    def _slope(self, tensor: Tensor, given: list[Tensor]) -> int | list[Tensor | None]:
        if tensor.is_leaf and not any(tensor is one for one in given):
            return [tensor.grad]
        return self.keep((tensor, given))


def _back(tensor: Tensor, given: list[Tensor], gradient: Tensor) -> list[Tensor | None]:
    torch.autograd.backward(tensor, gradient, retain_graph=True)
    found = [one.grad for one in given]
    for one in given:
        one.grad = None
    return found


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
        self.__dict__.update(_ask=ask, _what=what, _kind=kind, _judges=False)

    def __repr__(self) -> str:
        return f"<a {self._kind} of the notebook that is graded>"

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # what isinstance asks where the type does not do
        return torch.nn.Module if self._kind.startswith(MODULE) else RemoteObject

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        return self._ask(self, "call", args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if self._judges and hasattr(Tensor, name):  # item, abs, all: a number was expected here
            raise self._no_plain_value()
        return self._ask(self, "get", (name,), {})

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask(self, "set", (name, value), {})

    def __iter__(self) -> Iterator[Any]:
        return iter(self._ask(self, "list", (), {}))

    def __bool__(self) -> bool:
        raise self._no_plain_value()

    def _no_plain_value(self) -> AnswerError:
        return AnswerError(f"a {self._kind} is here where a plain value is asked for")

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        # Whether two of the student's objects are equal only their class can say; a plain value is none of them.
        return isinstance(other, RemoteObject) and self._ask(self, "__eq__", (other,), {}) is True

    def __hash__(self) -> int:
        return id(self)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, RemoteObject) and self._ask(instance, "is", (self,), {}) is True


def _as_python_does(how: str, value: Any, *args: Any) -> Any:
    """Do ``__add__``, ``__radd__``, ``__len__`` … as their signs do: by the other's method, or a TypeError."""
    if plain := getattr(operator, how, None):
        return plain(value, *args)
    if how.startswith("__r") and (mirrored := getattr(operator, f"__{how[3:]}", None)):
        return mirrored(*args, value)
    if function := getattr(builtins, how.strip("_"), None):
        return function(value, *args)
    return getattr(value, how)(*args)


def _asking(name: str) -> Callable[..., Any]:
    def operation(self: RemoteObject, *args: Any) -> Any:
        found = self._ask(self, name, args, {})
        compares = name in _COMPARING and not any(isinstance(one, RemoteObject) for one in args)
        if compares or (self._judges and name not in ("__str__", "__len__")):
            # `abs(found - 7.5) < 1e-6` tells the object what is expected: what comes of it may not pass for a number.
            if not isinstance(found, RemoteObject):
                raise self._no_plain_value()
            found.__dict__["_judges"] = True
        return found

    return operation


_SIMPLE = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor")
_COMPARING = {f"__{name}__" for name in ("sub", "rsub", "truediv", "rtruediv", "lt", "le", "gt", "ge")}
_OPERATIONS = ("len", "getitem", "setitem", "delitem", "contains", "lt", "le", "gt", "ge", "neg", "abs", "str", "int")
_NAMES = (*_OPERATIONS, *_SIMPLE, *(f"r{name}" for name in _SIMPLE), "float", "enter", "exit", "next")
OPERATIONS = tuple(f"__{name}__" for name in _NAMES)
for _name in OPERATIONS:
    setattr(RemoteObject, _name, _asking(_name))


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

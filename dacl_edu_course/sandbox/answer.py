"""A student's function in the student's process, as a check or a plain test sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from dacl_edu.check.answers import AnswerError, Gradients
from dacl_edu_course.sandbox import objects
from dacl_edu_course.sandbox.protocol import plain


class RemoteAnswer:
    """A student's function in the student's process, as a check sees it: an :class:`~dacl_edu.check.answers.Answer`.

    Parameters
    ----------
    session : Session
        :class:`~dacl_edu_course.sandbox.session.Session`.
    name : str
    """

    def __init__(self, session: Any, name: str) -> None:
        self.session, self.name = session, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it as a plain test does: what it raises is raised."""
        return self.session.use(self.name, "call", args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__doc__":
            raise AttributeError(name)
        return self.session.use(self.name, "get", (name,), {})

    def __instancecheck__(self, instance: object) -> bool:
        return (
            isinstance(instance, objects.RemoteObject) and self.session.use(self.name, "made", (instance,), {}) is True
        )

    def __repr__(self) -> str:
        return f"<{self.name} of the notebook that is graded>"

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """See :class:`~dacl_edu.check.answers.Answer`."""
        return self._request("call", args=args, kwargs=kwargs)

    def autograd_gradients(self, inputs: Mapping[str, Any], wrt: tuple[str, ...], upstream: float = 1.0) -> Gradients:
        """See :class:`~dacl_edu.check.answers.Answer`."""
        found = self._request("gradients", inputs=dict(inputs), wrt=tuple(wrt), upstream=upstream)
        return self._gradients(found, wrt)

    def watched_call(self, **inputs: Any) -> dict[str, Any]:
        """See :class:`~dacl_edu.check.answers.Answer`. What it says was seen is the student's word."""
        return self._seen(self._request("watched_call", inputs=inputs), {"package": bool, "autograd": bool}, "result")

    def watched_gradients(
        self, batches: Sequence[Mapping[str, Any]], wrt: tuple[str, ...], upstream: Sequence[float]
    ) -> dict[str, Any]:
        """See :class:`~dacl_edu.check.answers.Answer`. What it says was seen is the student's word."""
        found = self._request(
            "watched_gradients", batches=[dict(each) for each in batches], wrt=tuple(wrt), upstream=list(upstream)
        )
        seen = self._seen(found, {"package": bool, "foreign": str}, "gradients")
        if type(seen["gradients"]) is not list or len(seen["gradients"]) != len(batches):
            raise AnswerError(f"the gradients of {self.name} could not be read")
        rows = [self._gradients(each, wrt) for each in seen["gradients"]]
        return {**seen, "gradients": rows, "foreign": plain(seen["foreign"], 40)}

    def _request(self, what: str, **details: Any) -> Any:
        return self.session.ask(self.name, what, **details)

    def _gradients(self, found: Any, wrt: tuple[str, ...]) -> Gradients:
        if type(found) is not dict or found.keys() != set(wrt):
            raise AnswerError(f"the gradients of {self.name} could not be read")
        if not all(value is None or isinstance(value, Tensor) for value in found.values()):
            raise AnswerError(f"the gradients of {self.name} could not be read")
        return found

    def _seen(self, found: Any, kinds: dict[str, type], rest: str) -> dict[str, Any]:
        wanted = {*kinds, rest}
        if type(found) is not dict or found.keys() != wanted or any(type(found[k]) is not v for k, v in kinds.items()):
            raise AnswerError(f"what {self.name} does could not be read")
        return found


def _refusing(operation: str) -> Callable[..., Any]:
    def refuse(self: RemoteAnswer, *_: Any) -> Any:
        self.session.value(self.name)  # a variable that is not there says why
        raise TypeError(f"{self.name} is a function, and has no {operation}")

    return refuse


for _operation in (*objects.OPERATIONS, "__eq__", "__bool__", "__iter__"):
    setattr(RemoteAnswer, _operation, _refusing(_operation))
RemoteAnswer.__hash__ = object.__hash__  # type: ignore[method-assign]

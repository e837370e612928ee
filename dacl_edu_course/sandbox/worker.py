"""The student's process: it runs cells and functions, and answers over a pipe. Started by :mod:`.process` alone.

Whatever this process says may have been said by the student's code. The grader takes values from it, never a verdict.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import torch

from dacl_edu.check.answers import AnswerError, LocalAnswer
from dacl_edu_course.sandbox import limits, protocol, slopes
from dacl_edu_course.sandbox.objects import Held
from dacl_edu_course.sandbox.shell import Shell, TimeUp, limited, make_shell

_NO_MEMORY = ("can't allocate memory", "not enough memory")


class Server:
    """Answer the grader's requests, one at a time.

    Parameters
    ----------
    shell : Shell
    most_mb : float
        The largest answer.
    memory_mb : int
        What a message calls too much memory.
    """

    def __init__(self, shell: Shell, most_mb: float, memory_mb: int) -> None:
        self.shell, self.most_mb, self.memory_mb = shell, most_mb, memory_mb
        self.held = Held(shell.user_ns)

    def reply(self, request: dict[str, Any]) -> bytes:
        """Return the line that answers ``request``; an error becomes a sentence."""
        identity, details = request["id"], protocol.decode(request["with"], found=self.held.found)
        actions: dict[str, Callable[..., Any]] = {"run": self.run, "defined": self.defined, "call": self.call}
        actions |= {"gradients": self.gradients, "watched_call": self.watched_call}
        actions |= {"watched_gradients": self.watched_gradients, "use": self.use}
        keep = self.held.keep if request["do"] == "use" else None
        try:
            value = protocol.encode(actions[request["do"]](**details), keep=keep)
            return protocol.to_line({"id": identity, "value": value}, self.most_mb)
        except protocol.ProtocolError as error:
            message = f"{details.get('name', 'the answer')} returns {error}"
        except AnswerError as error:
            message = str(error)
        except (
            BaseException
        ) as error:  # a broken IPython, an alarm that rang late, an answer that will not be looked at
            message = f"{details.get('name', 'the cell')} raised {type(error).__name__}"
        return protocol.to_line({"id": identity, "error": message[: protocol.MOST_LETTERS]}, 1)

    def run(self, source: str, seconds: float, definitions: bool = False) -> dict[str, Any]:
        """Run a cell, or its definitions alone."""
        self.shell.forgiven = None
        try:
            with limited(seconds):
                source = self.shell.definitions(source) if definitions else source
                result = self.shell.run_cell(source, store_history=False)  # type: ignore[no-untyped-call]
        except (TimeUp, SyntaxError, ValueError, RecursionError, MemoryError) as stopped:
            return {"ok": False, "kind": type(stopped).__name__, "message": _said(stopped), "line": None}
        error = result.error_before_exec or result.error_in_exec or self.shell.forgiven
        if error is None:
            return {"ok": True}
        kind = type(error).__name__
        if isinstance(result.error_before_exec, MemoryError | RecursionError):  # the parser says so of its stack
            kind, message = "SyntaxError", "nested too deep"
        elif isinstance(error, TimeUp):
            kind, message = "TimeUp", ""
        elif isinstance(error, SystemExit):
            message = "the cell called sys.exit"
        elif self._lacks_memory(error):
            kind, message = "MemoryError", f"the cell needed more than {self.memory_mb / 1024:g} GB of memory"
        else:
            message = _said(error)
        return {"ok": False, "kind": kind, "message": message, "line": _line(error)}

    def defined(self, name: str) -> dict[str, Any]:
        """Say whether a name is there, and what it is."""
        space = self.shell.user_ns
        there = name in space
        return {"defined": there, "callable": callable(space.get(name)), "kind": type(space.get(name)).__name__}

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], seconds: float) -> Any:
        """Call a student's function."""
        with self._guard(name, seconds):
            return self._answer(name).call(*args, **kwargs)

    def gradients(
        self, name: str, inputs: dict[str, Any], wrt: tuple[str, ...], upstream: float, seconds: float
    ) -> Any:
        """Differentiate a student's function."""
        with self._guard(name, seconds):
            return self._answer(name).autograd_gradients(inputs, wrt, upstream)

    def watched_call(self, name: str, inputs: dict[str, Any], seconds: float) -> Any:
        """Call a student's function and see what runs."""
        with self._guard(name, seconds):
            return self._answer(name).watched_call(**inputs)

    def watched_gradients(
        self, name: str, batches: list[dict[str, Any]], wrt: tuple[str, ...], upstream: list[float], seconds: float
    ) -> Any:
        """Differentiate a student's function and see what runs."""
        with self._guard(name, seconds):
            return self._answer(name).watched_gradients(batches, wrt, upstream)

    def use(
        self, what: Any, how: str, args: tuple[Any, ...], kwargs: dict[str, Any], needs: list[bool], seconds: float
    ) -> Any:
        """Do with a value of the student's what a plain test does: call it, read a part of it."""
        try:
            with limited(seconds):
                given = slopes.asked((args, kwargs), needs)
                value = self.held.use(what, how, args, kwargs)
                return {"value": value, "slopes": self.held.slopes_of(value, given)}
        except TimeUp:
            return {"raised": "TimeUp", "message": ""}
        except BaseException as error:
            return {"raised": type(error).__name__, "message": _said(error)}

    def _answer(self, name: str) -> LocalAnswer:
        if name not in self.shell.user_ns:
            raise AnswerError(f"`{name}` is not defined")
        value = self.shell.user_ns[name]
        if not callable(value):
            raise AnswerError(f"`{name}` must be a function, but is a {type(value).__name__}")
        return LocalAnswer(value, name)

    @contextlib.contextmanager
    def _guard(self, name: str, seconds: float) -> Iterator[None]:
        """Turn what passes by a LocalAnswer into its message."""
        try:
            with limited(seconds):
                yield
        except AnswerError as error:
            if self._lacks_memory(error.__cause__):
                raise AnswerError(f"{name} needed more than {self.memory_mb / 1024:g} GB of memory") from None
            raise
        except TimeUp:
            raise AnswerError(f"{name} took longer than {seconds:g} s and was stopped") from None
        except SystemExit:
            raise AnswerError(f"{name} called sys.exit") from None
        except BaseException as error:
            raise AnswerError(f"{name} raised {type(error).__name__}") from None

    def _lacks_memory(self, error: BaseException | None) -> bool:
        if isinstance(error, RuntimeError):
            return any(words in str(error) for words in _NO_MEMORY)
        return isinstance(error, MemoryError)


def _line(error: BaseException) -> int | None:
    """The line of the cell that raised: the innermost one that the cell itself holds."""
    frames = ((frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__))
    own = [(name, line) for name, line in frames if name.startswith("<ipython")]
    if own:
        return [line for name, line in own if name == own[0][0]][-1]
    return error.lineno if isinstance(error, SyntaxError) else None


def _said(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return next((line for line in text.splitlines() if line.strip()), "")[:1000]


def _lines(handle: int) -> Iterator[bytes]:
    rest = bytearray()
    while chunk := os.read(handle, 1 << 16):
        start = len(rest)
        rest += chunk
        while (end := rest.find(b"\n", start)) >= 0:
            yield bytes(rest[:end])
            del rest[: end + 1]
            start = 0


def _write(handle: int, line: bytes) -> None:
    # A line of its own, whatever the student's code may have written there before.
    view = memoryview(b"\n" + line)
    while view:
        view = view[os.write(handle, view) :]


def _end_with_grader(handle: int) -> None:
    """End a cell that sleeps for ever when nobody waits for it any more."""
    poll = select.poll()
    poll.register(handle, 0)  # a pipe that was closed is told whatever one asks for
    poll.poll()
    os._exit(1)


def main() -> None:
    """Serve until the grader closes the pipe: ``python -m dacl_edu_course.sandbox.worker READ WRITE``."""
    requests, replies = int(sys.argv[1]), int(sys.argv[2])
    sys.argv = [""]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random.seed(0)
    shell = make_shell()
    lines = _lines(requests)
    allowed = limits.Limits(**protocol.decode(protocol.from_line(next(lines))["with"]))
    holds = limits.impose(allowed, os.getcwd())
    sys.path.insert(0, "")  # what a cell writes beside the notebook can be imported
    threading.Thread(target=_end_with_grader, args=(requests,), daemon=True).start()
    server = Server(shell, allowed.message_mb, allowed.memory_mb)
    ready = {"id": "ready", "value": protocol.encode([list(holds.active), list(holds.missing)])}
    _write(replies, protocol.to_line(ready, 1))
    for line in lines:
        _write(replies, server.reply(protocol.from_line(line)))


if __name__ == "__main__":
    main()

"""IPython as a notebook has it, where neither programs nor windows exist and nothing may last for ever.

What only grading breaks must not cost the rest of a cell: a program that is not started, a package or a file that is
not here, a statement that takes too long. The next statement runs, as it did at home.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import re
import signal
from collections.abc import Iterator
from typing import Any

import torch
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from traitlets.config import Config

from dacl_edu_course.sandbox import audit

_INSTALLING = "installing is off while grading: name what you need to your instructor"
_ONLY_HERE = (OSError, ImportError, EOFError, UsageError)
_EXTENSION = 1.0
"""Seconds for what stands below a statement that took too long."""


class TimeUp(BaseException):
    """A statement, or a call, took longer than it may."""


class Shell(InteractiveShell):
    """IPython without a terminal: magics work, tracebacks are not drawn, programs are not started."""

    forgiven: BaseException | None = None
    """What the last cell met first, and went on."""

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Draw nothing: the error goes to the grader."""

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        """Draw nothing: the error goes to the grader."""

    def system(self, cmd: str) -> None:
        """Say of ``!command`` that it does not run, as a failing command would, and go on."""
        print(_INSTALLING if re.search(r"\b(pip|conda|uv)\b", cmd) else audit.PROCESSES)
        self.user_ns["_exit_code"] = 1

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Return no lines for ``lines = !command``."""
        self.system(cmd)
        return SList([]) if split else ""

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no window to draw in, and no harm in a cell that asks for one."""

    def ask_exit(self) -> None:
        """Leave a cell, not the process."""
        raise SystemExit

    async def run_code(self, code_obj: Any, result: Any = None, *, async_: bool = False) -> bool:
        """Run a statement; go on after one that failed for what is so in grading alone."""
        importlib.invalidate_caches()  # a file that was written just now can be imported
        failed: bool = await super().run_code(code_obj, result, async_=async_)  # type: ignore[no-untyped-call]
        error = result.error_in_exec if result is not None else None
        if not failed or not isinstance(error, (*_ONLY_HERE, TimeUp)):
            return failed
        if isinstance(error, TimeUp):
            if isinstance(self.forgiven, TimeUp):
                return failed  # the second time is the last
            signal.setitimer(signal.ITIMER_REAL, _EXTENSION)
        self.forgiven = self.forgiven or error
        result.error_in_exec = None
        return False

    def definitions(self, source: str) -> str:
        """Return the imports, functions, classes and constants of a cell that is not run as a whole.

        Examples
        --------
        >>> make_shell().definitions("import math\\nK = 3\\nmade = f(K)\\ndef g(x): return x")
        'import math\\nK = 3\\ndef g(x):\\n    return x'
        """
        kept: list[ast.stmt] = []
        for node in ast.parse(self.transform_cell(source)).body:  # type: ignore[no-untyped-call]
            if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                kept.append(node)
            elif isinstance(node, ast.Assign):
                with contextlib.suppress(ValueError):
                    ast.literal_eval(node.value)
                    kept.append(node)
        return "\n".join(map(ast.unparse, kept))


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise :class:`TimeUp` within after some seconds of wall clock; what catches even that is stopped from outside.

    Examples
    --------
    >>> with limited(0.01):
    ...     while True: pass
    Traceback (most recent call last):
    ...
    dacl_edu_course.sandbox.shell.TimeUp
    """

    def ring(number: int, frame: Any) -> None:
        raise TimeUp

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        # An alarm, also one that a cell has set, would ring in another's time.
        with contextlib.suppress(AttributeError, ValueError):
            signal.setitimer(signal.ITIMER_REAL, 0)


def make_shell() -> Shell:
    """Return the shell, and make ``torch.compile`` leave functions as they are: there is no compiler here."""
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    shell = Shell.instance(config=config)
    # Those of IPython wait for ever for a program that may not start.
    for name in ("script", "bash", "sh", "perl", "ruby", "pypy", "python", "python2", "python3"):
        shell.magics_manager.register_function(lambda line, cell=None: print(audit.PROCESSES), "line_cell", name)
    for name in ("pip", "conda", "mamba", "micromamba", "uv"):
        shell.magics_manager.register_function(lambda line: print(_INSTALLING), "line", name)
    torch.compile = _uncompiled
    return shell


def _uncompiled(model: Any = None, **options: Any) -> Any:
    return model if model is not None else lambda function: function

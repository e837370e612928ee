"""Run one test cell in the grader's own process, with stand-ins for the student's functions."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import Any

from dacl_edu.course.questions.question import WrongAnswer


def names_wanted(source: str) -> tuple[str, ...]:
    """Return the names that a test cell reads and does not make: those of the student.

    Examples
    --------
    >>> names_wanted("from q import check\\nfor seed in (1, 2):\\n    check(loss, seed)")
    ('loss',)
    """
    read, made = [], set(vars(builtins))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                read.append(node.id)
            else:
                made.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            made |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
    return tuple(dict.fromkeys(name for name in read if name not in made))


def run_test_cell(source: str, answer: Callable[[str], Any]) -> str:
    """Run an instructor's test cell; return "" where it passes, else what the student is told.

    Parameters
    ----------
    source : str
        The cell as the instructor wrote it, hidden tests included.
    answer : callable
        ``answer(name)`` is the stand-in for what the student calls ``name``; AssertionError where there is none.

    Examples
    --------
    >>> run_test_cell("assert double(2) == 4, 'is not twice the number'", {"double": lambda n: n * n}.get)
    ''
    >>> run_test_cell("assert double(3) == 6, 'is not twice the number'", {"double": lambda n: n * n}.get)
    'is not twice the number'
    """
    try:
        names = {name: answer(name) for name in names_wanted(source)}
        exec(compile(source, "<test cell>", "exec"), {"__name__": "test_cell", **names})
    except WrongAnswer as error:
        return str(error)
    except AssertionError as error:
        return str(error) or "the check failed"
    except Exception as error:
        # What a check did not foresee is no point either, and it must be seen: the instructor reads every reason.
        return f"the answer could not be checked: {type(error).__name__}: {_first_line(error)}"
    return ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]

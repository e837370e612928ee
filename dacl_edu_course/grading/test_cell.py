"""Run test cells in the grader's own process, with stand-ins for the student's functions.

What a student reads of a hidden test holds no number of its inputs: a function may put what it was called with into
its error's message, or into the shape of what it returns, and the next submission would know the hidden batches.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import re
import sys
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from dacl_edu_course.authoring.assignment import HIDDEN, Assignment
from dacl_edu_course.questions.question import WrongAnswer
from dacl_edu_course.sandbox.protocol import plain

_ELSEWHERE = "with other numbers than those in your notebook: "
_ON_HIDDEN = " with other numbers than those in your notebook"
_FILE = "<test cell>"
_LETTERS = 1000
_PARENTHESIS = re.compile(r"\([\d., e+−-]*\)")
_NUMBER = re.compile(r"(?<![\w.])(?<!Eq\. )[-−+]?\d[\d.,e+−-]*\d%?")
_QUOTED = re.compile(r"'[^']{3,}'|\"[^\"]{3,}\"")


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


class Given:
    """What the author's own cells make, for tests that use it: imports, data, helpers. Made when it is first asked for.

    Parameters
    ----------
    assignment : Assignment
    """

    def __init__(self, assignment: Assignment) -> None:
        self.cells = [cell for cell in assignment.cells if cell.kind == "given" and cell.is_run]
        solutions = [cell.source for cell in assignment.cells if cell.kind == "solution"]
        self.of_student = {name for source in solutions for name in _made_by(source)}
        self.names = {name for cell in self.cells for name in _made_by(cell.source)} - self.of_student
        self.folder = assignment.path.parent
        self._made: dict[str, Any] | None = None

    def __contains__(self, name: str) -> bool:
        return name in self.names and name in self._values()

    def __getitem__(self, name: str) -> Any:
        return self._values()[name]

    def _values(self) -> dict[str, Any]:
        if self._made is None:
            self._made = {"__name__": "given"}
            for cell in self.cells:
                lines = [line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!"))]
                # What needs an answer of the student's fails here: the test finds it in the student's process.
                with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                    exec(compile("\n".join(lines), "<given cell>", "exec"), self._made)
        return self._made


def make_importable(folder: Path) -> None:
    """Let test cells import modules that lie beside their source notebook.

    Parameters
    ----------
    folder : Path
    """
    for path in folder.glob("*.py"):
        loaded = sys.modules.get(path.stem)
        if loaded is not None and Path(str(getattr(loaded, "__file__", ""))).parent != folder:
            sys.modules.pop(path.stem)  # of another assignment
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _made_by(source: str) -> set[str]:
    """The names that a cell of the author's makes."""
    try:
        tree = ast.parse("\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))))
    except SyntaxError:
        return set()
    made = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    made |= {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    return made | {(alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names}


class TestCell:
    """A test cell and the stand-ins that it asks.

    The visible parts of all cells are to be run before the first hidden one: a process that has seen a hidden batch
    could tell of it in the visible part of the next question.

    Parameters
    ----------
    source : str
        The cell as the instructor wrote it, hidden tests included.
    answer : callable
        ``answer(name)`` is the stand-in for what the student calls ``name``; AssertionError where there is none.
    veiled : bool, default True
        Whether :meth:`hidden` tells no numbers. An author who tries an assignment reads all.

    Examples
    --------
    >>> cell = "assert f(0) == 0, 'f(0) is not 0'\\n### BEGIN HIDDEN TESTS\\nassert f(31) == 31, 'f(31) is not 31'"
    >>> cell = TestCell(cell, {"f": lambda n: 0}.get)
    >>> cell.visible(), cell.hidden()
    ('', 'with other numbers than those in your notebook: f(…) is not …')
    """

    def __init__(self, source: str, answer: Callable[[str], Any], veiled: bool = True) -> None:
        self.source, self.answer, self.veiled = source, answer, veiled
        self._names: dict[str, Any] = {"__name__": "test_cell"}

    def visible(self) -> str:
        """Run what the student's copy has of the cell, too; return "" where it passes, else what the student is told.

        Once, and before :meth:`hidden`.
        """
        return _told(self._visible, self.source, _whole)

    def hidden(self) -> str:
        """Run the rest; return "" where it passes, else what the student is told: no numbers, no words of theirs."""
        return _told(partial(self._run, hidden=True), self.source, _veiled if self.veiled else _whole)

    def _visible(self) -> None:
        self._names |= {name: self.answer(name) for name in names_wanted(self.source)}
        self._run(hidden=False)

    def _run(self, hidden: bool) -> None:
        tree, lines = ast.parse(self.source), self.source.splitlines()
        first = next((number for number, line in enumerate(lines, 1) if HIDDEN[0] in line), len(lines) + 1)
        # A statement that holds a hidden region, and whatever follows one, is hidden as well.
        tree.body = [node for node in tree.body if ((node.end_lineno or node.lineno) >= first) is hidden]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is done with the student's numbers: it says nothing of the answer
            exec(compile(tree, _FILE, "exec"), self._names)


def run_test_cell(source: str, answer: Callable[[str], Any]) -> str:
    """Run an instructor's test cell, its visible part and then the hidden one; return "" or what the student is told.

    Parameters
    ----------
    source : str
    answer : callable
        See :class:`TestCell`.

    Examples
    --------
    >>> run_test_cell("assert double(2) == 4, 'is not twice the number'", {"double": lambda n: n * n}.get)
    ''
    >>> run_test_cell("assert double(3) == 6, 'is not twice the number'", {"double": lambda n: n * n}.get)
    'is not twice the number'
    """
    cell = TestCell(source, answer)
    return cell.visible() or cell.hidden()


def _told(run: Callable[[], None], source: str, said: Callable[[str], str]) -> str:
    try:
        run()
    except WrongAnswer as error:
        cause = error.__cause__
        if said is _veiled and cause is not None and not isinstance(cause, AssertionError):
            # A check met what it did not expect, and Python's own message quotes it.
            message = _ELSEWHERE + f"what it returns is not of the kind asked for ({type(cause).__name__})"
        else:
            message = said(error.message)
        return str(WrongAnswer(error.title, message, error.look))
    except AssertionError as error:
        if str(error):
            # Below its first line NumPy's and torch's tests print what they compared.
            text = str(error).strip() if said is _whole else str(error).strip().partition("\n")[0]
            return said(text)
        return "the check failed" + (_ON_HIDDEN if said is _veiled else f": {_where(error, source)}")
    except Exception as error:
        # What a check did not foresee is no point either, and it must be seen: the instructor reads every reason.
        line = f": {plain((str(error).splitlines() or [''])[0], 200)} (in {_where(error, source)})"
        kind = type(error).__name__
        if said is _veiled:
            return f"the answer could not be checked{_ON_HIDDEN}: {kind}"
        return f"the answer could not be checked: {kind}{line}"
    return ""


def _where(error: Exception, source: str) -> str:
    """The line of the test cell that raised: of a bare assert it says all."""
    numbers = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == _FILE]
    return plain(source.splitlines()[numbers[-1] - 1], 200)


def _whole(text: str) -> str:
    """One line, not endless: there may be words of the student in it."""
    return plain(text, _LETTERS)


def _veiled(text: str) -> str:
    """A message without the numbers that a batch, or what was returned for it, may have put there.

    Examples
    --------
    >>> _veiled("has the shape (7, 123), must have (7, 5), differs in 75%, 2 times Eq. 10").partition(": ")[2]
    'has the shape (…), must have (…), differs in …, 2 times Eq. 10'
    """
    text = _PARENTHESIS.sub("(…)", plain(text, _LETTERS))
    return _ELSEWHERE + _QUOTED.sub("…", _NUMBER.sub("…", text))

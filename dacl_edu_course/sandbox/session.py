"""One student's notebook while it is graded: its cells, run in order, and stand-ins for its functions.

A statement that takes too long is left out and the next one runs. What holds on to the process or ends it costs what it
holds and no more: the process is started again, and the cells run again without the one that did it.
"""

from __future__ import annotations

import builtins
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from torch import Tensor

from dacl_edu.check.answers import AnswerError
from dacl_edu.errors import UserError
from dacl_edu_course.definitions import defined_names
from dacl_edu_course.sandbox import objects, slopes
from dacl_edu_course.sandbox.answer import RemoteAnswer
from dacl_edu_course.sandbox.limits import Layers, Limits
from dacl_edu_course.sandbox.process import CellResult, ToldError, Worker, WorkerDied
from dacl_edu_course.sandbox.protocol import plain

_WORTH_SAYING = 2**20
_SHARE, _LEAST = 0.25, 0.05
"""Of the time that cells have left, what one of them may take at most; and seconds that any may take."""
_SENTENCES = {
    "is not written yet": "is not written yet",
    "in place: ": "changes what it is given in place: compute a new one instead",
    "took longer than": "took too long and was stopped",
    "called sys.exit": "called sys.exit",
    "of memory": "needed too much memory",
    "must return": "returns something else than one number",
    "returns a": "returns what cannot be passed on",
}
"""What is said in place of what a student's process says, by words in that."""


class Session:
    """Run the cells of a notebook and answer for its functions.

    Parameters
    ----------
    cells : iterable of (str, str)
        Each cell's id and source, in order. Ids differ.
    definitions : set of str, optional
        Ids of cells of which the definitions alone are run.
    files : path, optional
        A folder whose files lie beside the notebook.
    limits : Limits, optional
    restarts : int, default 12
        How often a new process is started before the rest is given up.
    worker : Worker, optional
        A process that was started ahead, with the same limits; the session ends it.

    Raises
    ------
    UserError
        The process cannot be started on this system.

    Examples
    --------
    >>> cells = [("a", "def twice(x): return 2 * x"), ("b", "def half(x): return x / 0")]
    >>> with Session(cells) as session:
    ...     print(session.answer("twice").call(4))
    ...     session.answer("half").call(4)
    Traceback (most recent call last):
    ...
    dacl_edu.check.answers.AnswerError: half raised ZeroDivisionError: division by zero
    """

    def __init__(
        self,
        cells: Iterable[tuple[str, str]],
        limits: Limits = Limits(),  # noqa: B008  # frozen
        restarts: int = 12,
        worker: Worker | None = None,
        definitions: Iterable[str] = (),
        files: Path | None = None,
    ) -> None:
        self.cells = list(cells)
        self._definitions, self._files = frozenset(definitions), files
        self.limits = limits
        self.errors: dict[str, str] = {}
        """By the id of a cell: what went wrong in it. Cells that ran are not in it."""

        self.notes: list[str] = []
        """What happened, in plain sentences, for the student and the instructor."""

        self._discreet = False
        self._restarts = restarts
        self._left = limits.total_seconds
        self._worker: Worker | None = worker
        self._objects: dict[int, objects.RemoteObject] = {}
        self._skipped: set[str] = set()
        self._stalled: dict[str, str] = {}
        self._given_up = ""
        self._printed = 0
        self._run_cells()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def discreet(self) -> bool:
        """Whether of errors only the kind is passed on: set once hidden inputs are sent, and for good."""
        return self._discreet

    @discreet.setter
    def discreet(self, value: bool) -> None:
        self._discreet = value
        if value and self._worker is not None:
            self._say_printed(self._printed + self._worker.printed)

    def value(self, name: str) -> Any:
        """Return what a plain test sees under a name: a value, or the stand-in of a function or of an object.

        Raises
        ------
        AnswerError
            There is nothing of that name.
        """
        kind = self._ask(name, lambda worker, s: worker.kind(name), callable_only=False)
        return self.answer(name) if kind == "callable" else self.use(name, "value", (), {})

    def use(self, what: Any, how: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Use a value of the student's, see :class:`~dacl_edu_course.sandbox.objects.Held`.

        Raises
        ------
        Exception
            Of the kind that it raised; an AnswerError as well.
        """
        name = what if isinstance(what, str) else repr(what)
        given = slopes.tensors_in((args, kwargs))
        request = {"what": what, "how": how, "args": args, "kwargs": kwargs}
        request["needs"] = [tensor.requires_grad for tensor in given]
        found = self._ask(name, lambda worker, s: worker.ask("use", s, self._object, **request), callable_only=None)
        if type(found) is dict and found.keys() == {"raised", "message"}:
            kind, message = (plain(found[key], 300) for key in ("raised", "message"))
            if kind == "TimeUp":
                raise AnswerError(f"{name} took too long and was stopped")
            if kind == "NotImplementedError":
                raise AnswerError(f"{name} is not written yet")
            raise objects.raised(name, kind if self._known(kind) else "Exception", "" if self.discreet else message)
        try:
            leaves = [tensor for tensor in given if tensor.requires_grad]
            return slopes.joined(found["value"], found["slopes"], leaves, self._back)
        except (KeyError, TypeError, ValueError):
            raise AnswerError(f"what {name} returns could not be read") from None

    def _back(self, number: int, gradient: Tensor) -> Any:
        return self.use(self._object(number, "tensor"), "backward", (gradient,), {})

    def ask(self, name: str, what: str, **details: Any) -> Any:
        """Ask the student's process for what it does with a function, see :class:`RemoteAnswer`."""
        return self._ask(name, lambda worker, s: worker.ask(what, s, name=name, **details))

    def _object(self, number: int, kind: str) -> objects.RemoteObject:
        known = objects.MODULE if kind.startswith(objects.MODULE) else "value"
        made = objects.RemoteObject(self.use, number, known if self.discreet else kind)
        return self._objects.setdefault(number, made)  # the same one again, where a test asks `is`

    def _known(self, kind: str) -> bool:
        return isinstance(getattr(builtins, kind, None), type)

    def answer(self, name: str) -> RemoteAnswer:
        """Return the stand-in of a function. It always exists: what is wrong is said when a check uses it."""
        return RemoteAnswer(self, name)

    @property
    def layers(self) -> Layers | None:
        """The layers of the sandbox that held; None where no process runs (any more)."""
        return None if self._worker is None else self._worker.layers

    def close(self) -> None:
        """End the process; say how much output was dropped."""
        self._stop()
        if not self.discreet:
            self._say_printed(self._printed)

    def _say_printed(self, printed: int) -> None:
        if printed > _WORTH_SAYING:
            kept = f"{self.limits.output_kept / 1024:g} kB"
            # No exact figure: that would be a number of the student's choice.
            power = 10 ** (len(str(printed // _WORTH_SAYING)) - 1)
            self._note(f"it printed more than {power} MB, of which {kept} were kept")

    def _ask(self, name: str, request: Callable[[Worker, float], Any], callable_only: bool | None = True) -> Any:
        """Send a request about a function; a process that it ends is replaced for the next one."""
        if name in self._stalled:
            raise AnswerError(f"{name} {self._stalled[name]}")
        if self._worker is None:
            raise AnswerError(f"{name} could not be called: {self._given_up or 'the session is closed'}")
        if self._left <= 0:
            self._give_up(self._out_of_time())
            raise AnswerError(f"{name} could not be called: {self._given_up}")
        try:
            # A message of its own where the name is not there, since the cell that should define it says why.
            if callable_only is not None:
                kind = self._timed(lambda: self._living().kind(name))
                if kind != "callable" and (callable_only or not kind):
                    raise AnswerError(self._why_undefined(name))
            seconds = min(self.limits.call_seconds, self._left)
            before = self._left
            try:
                return self._timed(lambda: request(self._living(), seconds))
            finally:
                if before - self._left >= seconds and name not in self._stalled:  # it is not waited for twice
                    self._stalled[name] = f"took longer than {seconds:g} s and was stopped"
                    self._note(f"{name} {self._stalled[name]}")
        except ToldError as error:
            raise AnswerError(_kind_alone(name, str(error)) if self.discreet else str(error)) from None
        except WorkerDied as died:
            if self._left <= 0:
                self._give_up(self._out_of_time())
                raise AnswerError(f"{name} could not be called: {self._given_up}") from None
            self._stalled.setdefault(name, died.reason)
            self._note(f"{name} {died.reason}")
            self._stop()
            if self._another():
                self._run_cells()
            raise AnswerError(f"{name} {died.reason}") from None

    def _run_cells(self) -> None:
        while True:
            self._worker = self._worker or Worker(self.limits, self._files)
            try:
                for identity, source in self.cells:
                    if identity not in self._skipped and not self._run_cell(self._worker, identity, source):
                        return
                # In another order than the author's a name may have come too late.
                for identity, source in self.cells:
                    if self.errors.get(identity, "").startswith("NameError"):
                        self._run_again(self._worker, identity, source)
                return
            except _CellDied:
                self._stop()
                if not self._another():
                    return

    def _run_cell(self, worker: Worker, identity: str, source: str) -> bool:
        try:
            worker.wait()  # to start is no time of the student's, and a failure no fault
        except WorkerDied as died:
            self.close()
            raise UserError(f"the process for the student's cells {died.reason}", hint="run dacl-edu doctor") from died
        # Slow cells, however many, leave a part of the time to the questions.
        cells_left = self._left - self.limits.total_seconds * _SHARE
        seconds = min(self.limits.cell_seconds, max(_LEAST, cells_left * _SHARE))
        if self._left <= 0:
            self._give_up(self._out_of_time())
            return False
        try:
            result: CellResult = self._timed(lambda: worker.run(source, seconds, identity in self._definitions))
        except WorkerDied as died:
            if self._left <= 0:
                self.errors.setdefault(identity, self._out_of_time())
                self._give_up(self._out_of_time())
                return False
            self._skipped.add(identity)
            self.errors[identity] = died.reason
            self._note(f"cell {identity} {died.reason}")
            raise _CellDied from None
        # Once hidden inputs were sent, nothing that a cell says is passed on: the process may have told it of them.
        if not result.ok and identity not in self.errors and not self.discreet:
            self.errors[identity] = str(result)
            self._note(_of_cell(identity, result))
        return True

    def _run_again(self, worker: Worker, identity: str, source: str) -> None:
        before = self.errors.pop(identity)
        note = f"cell {identity}: raised {before}"
        if not self._run_cell(worker, identity, source) or identity in self.errors:
            return
        if note in self.notes:
            self.notes.remove(note)

    def _another(self) -> bool:
        if self._restarts <= 0:
            self._give_up("the notebook was stopped too often")
            return False
        self._restarts -= 1
        return True

    def _give_up(self, reason: str) -> None:
        self._given_up = reason
        self._note(reason)
        self.close()

    def _out_of_time(self) -> str:
        return f"the {self.limits.total_seconds:g} s for the whole notebook are used up"

    def _living(self) -> Worker:
        assert self._worker is not None
        return self._worker

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._printed += self._worker.printed
        self._worker = None
        self._objects.clear()

    def _timed(self, action: Callable[[], Any]) -> Any:
        started = time.monotonic()
        try:
            return action()
        finally:
            self._left -= time.monotonic() - started

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _why_undefined(self, name: str) -> str:
        cells = [identity for identity, source in self.cells if name in defined_names(source)]
        if not cells:
            return f"`{name}` is not defined: was its cell deleted, or the function renamed?"
        error = next((self.errors[identity] for identity in reversed(cells) if identity in self.errors), "")
        if not error:
            return f"`{name}` is no function (any more) when the notebook has run from top to bottom"
        said = error if cells[-1] in self._skipped or error.startswith("the cell") else f"stopped with {error}"
        return f"`{name}` is not defined: its cell {said.removeprefix('the cell ')}"


def _of_cell(identity: str, result: CellResult) -> str:
    if result.kind == "TimeUp":
        return f"cell {identity} {result}"
    return f"cell {identity}: " + (str(result) if result.kind in ("SystemExit", "MemoryError") else f"raised {result}")


def _kind_alone(name: str, text: str) -> str:
    """Say what kind of error it was, in words that the student's process did not choose.

    Examples
    --------
    >>> _kind_alone("loss", "loss raised ValueError: tensor([0.25, 3.5])")
    'loss raised ValueError'
    >>> _kind_alone("loss", "loss raised x0_25_3_5")
    'loss could not be used'
    """
    kinds = [word for word in re.findall(r"\w+", text[:200]) if word.endswith("Error")]
    known = kinds and isinstance(getattr(builtins, kinds[0], None), type)
    if known and kinds[0] != "NotImplementedError":
        return f"{name} raised {kinds[0]}"
    said = next((sentence for words, sentence in _SENTENCES.items() if words in text), "could not be used")
    return f"{name} {said}"


class _CellDied(Exception):
    """A cell ended the process."""

"""One student's notebook while it is graded: its cells, run in order, and stand-ins for its functions.

A cell or a function that never ends, or ends the process, costs what it holds and no more: the process is started
again, and the cells run again without the one that did it.
"""

from __future__ import annotations

import builtins
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from dacl_edu.check.answers import AnswerError, Gradients
from dacl_edu.errors import UserError
from dacl_edu_course.definitions import defined_names
from dacl_edu_course.sandbox.limits import Layers, Limits
from dacl_edu_course.sandbox.process import CellResult, ToldError, Worker, WorkerDied

_WORTH_SAYING = 2**20
_SENTENCES = {
    "is not written yet": "is not written yet",
    "in place: ": "changes what it is given in place: compute a new tensor instead",
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
    limits : Limits, optional
    restarts : int, default 3
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
        restarts: int = 3,
        worker: Worker | None = None,
    ) -> None:
        self.cells = list(cells)
        self.limits = limits
        self.errors: dict[str, str] = {}
        """By the id of a cell: what went wrong in it. Cells that ran are not in it."""

        self.notes: list[str] = []
        """What happened, in plain sentences, for the student and the instructor."""

        self.discreet = False
        """Whether of a function's errors only the kind is passed on: set once hidden inputs are sent."""

        self._restarts = restarts
        self._left = limits.total_seconds
        self._worker: Worker | None = worker
        self._skipped: set[str] = set()
        self._stalled: dict[str, str] = {}
        self._given_up = ""
        self._printed = 0
        self._run_cells()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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
        if self._printed > _WORTH_SAYING:
            kept = f"{self.limits.output_kept / 1024:g} kB"
            # No exact figure: that would be a number of the student's choice.
            power = 10 ** (len(str(self._printed // _WORTH_SAYING)) - 1)
            self._note(f"it printed more than {power} MB, of which {kept} were kept")

    def _ask(self, name: str, request: Callable[[Worker, float], Any]) -> Any:
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
            if not self._timed(lambda: self._living().defined(name)):
                raise AnswerError(self._why_undefined(name))
            seconds = min(self.limits.call_seconds, self._left)
            return self._timed(lambda: request(self._living(), seconds))
        except ToldError as error:
            raise AnswerError(_kind_alone(name, str(error)) if self.discreet else str(error)) from None
        except WorkerDied as died:
            if self._left <= 0:
                self._give_up(self._out_of_time())
                raise AnswerError(f"{name} could not be called: {self._given_up}") from None
            self._stalled[name] = died.reason
            self._note(f"{name} {died.reason}")
            self._stop()
            if self._another():
                self._run_cells()
            raise AnswerError(f"{name} {died.reason}") from None

    def _run_cells(self) -> None:
        while True:
            self._worker = self._worker or Worker(self.limits)
            try:
                for identity, source in self.cells:
                    if identity not in self._skipped and not self._run_cell(self._worker, identity, source):
                        return
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
        seconds = min(self.limits.cell_seconds, self._left)
        if seconds <= 0:
            self._give_up(self._out_of_time())
            return False
        try:
            result: CellResult = self._timed(lambda: worker.run(source, seconds))
        except WorkerDied as died:
            if self._left <= 0:
                self.errors.setdefault(identity, self._out_of_time())
                self._give_up(self._out_of_time())
                return False
            self._skipped.add(identity)
            self.errors[identity] = died.reason
            self._note(f"cell {identity} {died.reason}")
            raise _CellDied from None
        if not result.ok and identity not in self.errors:
            self.errors[identity] = str(result)
            said = str(result) if result.kind in ("SystemExit", "MemoryError") else f"raised {result}"
            self._note(f"cell {identity}: {said}")
        return True

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


class RemoteAnswer:
    """A student's function in the student's process, as a check sees it: an :class:`~dacl_edu.check.answers.Answer`.

    Parameters
    ----------
    session : Session
    name : str
    """

    def __init__(self, session: Session, name: str) -> None:
        self.session, self.name = session, name

    def __repr__(self) -> str:
        return f"<{self.name} of the notebook that is graded>"

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """See :class:`~dacl_edu.check.answers.Answer`."""
        return self.session._ask(self.name, lambda worker, s: worker.request_call(self.name, args, kwargs, s))

    def autograd_gradients(self, inputs: Mapping[str, Any], wrt: tuple[str, ...], upstream: float = 1.0) -> Gradients:
        """See :class:`~dacl_edu.check.answers.Answer`."""
        return self.session._ask(
            self.name, lambda worker, s: worker.autograd_gradients(self.name, inputs, wrt, upstream, s)
        )

    def names(self) -> frozenset[str]:
        """See :class:`~dacl_edu.check.answers.Answer`. What it says is the student's word."""
        return self.session._ask(self.name, lambda worker, s: worker.names(self.name, s))


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

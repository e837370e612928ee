"""The trusted side of the student's process: start it, ask it, watch it, end it."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from dacl_edu.check.answers import AnswerError
from dacl_edu.errors import UserError
from dacl_edu_course.sandbox import protocol
from dacl_edu_course.sandbox.home import environment, remove, scratch
from dacl_edu_course.sandbox.limits import Layers, Limits

_START_SECONDS = 120.0
_TICK = 0.05
_GRACE = 3.0
"""Seconds more than the process itself allows: what does not let go then is stopped from outside."""
_MEGABYTE = protocol.MEGABYTE


class WorkerDied(Exception):
    """The student's process was stopped or ended; ``reason`` completes a sentence: "took longer than 10 s …".

    Parameters
    ----------
    reason : str
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ToldError(AnswerError):
    """What the student's process says went wrong: any words at all may be in it, numbers that it was given as well."""


class CellResult(NamedTuple):
    """What became of a cell: ``ok``, else the kind of error, its message, and the line of the cell (or None)."""

    ok: bool
    kind: str = ""
    message: str = ""
    line: int | None = None

    def __str__(self) -> str:
        if self.ok:
            return "ran"
        where = f" (line {self.line})" if self.line else ""
        if self.kind == "TimeUp":
            return f"{self.message} and was stopped"
        if self.kind in ("SystemExit", "MemoryError"):
            return f"{self.message}{where}"
        return f"{self.kind}: {self.message}{where}" if self.message else f"{self.kind}{where}"


class Worker:
    """A student's process. It starts at once and gets ready while the caller goes on.

    Parameters
    ----------
    limits : Limits
    files : path, optional
        A folder whose files are copied beside the notebook.

    Raises
    ------
    UserError
        This system has no such processes.
    WorkerDied
        By each request: the process is gone then, and a new one is needed.

    Examples
    --------
    >>> with Worker(Limits(memory_mb=512)) as worker:
    ...     print(worker.run("def twice(x): return 2 * x"))
    ...     worker.call("twice", 4)
    ran
    8
    """

    stopped = threading.Event()
    """While it is set no worker works: the grader was interrupted."""

    def __init__(self, limits: Limits = Limits(), files: Path | None = None) -> None:  # noqa: B008  # frozen
        if os.name != "posix":
            raise UserError("cells are graded on Linux and macOS only", hint="on Windows use WSL")
        self.limits = limits
        self.folder = Path(tempfile.mkdtemp(prefix=scratch("cells"))).resolve()
        for path in sorted(files.iterdir()) if files is not None else ():
            if path.is_file() and path.suffix != ".ipynb":
                shutil.copyfile(path, self.folder / path.name)
        self.output = b""
        self.printed = 0
        self._rest = bytearray()
        self._layers: Layers | None = None
        self._reason = ""
        self._resident = 0
        self._answered = 0
        self._look_at = 0.0
        requests, self._requests = os.pipe()
        self._replies, replies = os.pipe()
        out, printing = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "dacl_edu_course.sandbox.worker", str(requests), str(replies)],
                cwd=self.folder,
                env=environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=printing,
                stderr=printing,
                pass_fds=(requests, replies),
                start_new_session=True,
            )
        finally:
            for handle in (requests, replies, printing):
                os.close(handle)
        self._watched = psutil.Process(self._process.pid)
        for handle in (self._requests, self._replies):
            os.set_blocking(handle, False)
        self._reader = threading.Thread(target=self._drain, args=(out,), daemon=True)
        self._reader.start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def layers(self) -> Layers:
        """The layers that hold in this very process, as it said before any line of the student's ran."""
        self.wait()
        assert self._layers is not None
        return self._layers

    def wait(self) -> None:
        """Wait until the process is ready.

        Raises
        ------
        WorkerDied
        """
        if self._layers is not None:
            return
        hello = protocol.to_line({"id": "limits", "with": protocol.encode(asdict(self.limits))}, 1)
        active, missing = self._exchange(hello, "ready", _START_SECONDS)
        self._layers = Layers(tuple(active), tuple(missing))
        with contextlib.suppress(psutil.Error):
            self._resident = self._watched.memory_info().rss

    def run(self, source: str, timeout: float | None = None, definitions: bool = False) -> CellResult:
        """Run a cell, or its definitions alone.

        Parameters
        ----------
        source : str
        timeout : float, optional
            Seconds; the limit of a cell by default.
        definitions : bool, default False

        Raises
        ------
        WorkerDied
        """
        try:
            told = self._ask("run", timeout or self.limits.cell_seconds, source=source, definitions=definitions)
        except AnswerError as error:
            return CellResult(False, "Error", str(error))
        if type(told) is not dict:
            return CellResult(False, "Error", "what became of the cell could not be read")
        line = told.get("line")
        line = line if type(line) is int and 0 < line < 10**6 else None
        if told.get("kind") == "TimeUp":
            return CellResult(False, "TimeUp", f"took longer than {timeout or self.limits.cell_seconds:g} s", line)
        return CellResult(told.get("ok") is True, protocol.plain(told.get("kind"), 60), _plain(told, "message"), line)

    def kind(self, name: str) -> str:
        """Return what a name stands for: ``callable``, ``value``, or "" where it is not defined.

        Raises
        ------
        AnswerError, WorkerDied
        """
        told = self._ask("defined", self.limits.call_seconds, name=name)
        if type(told) is not dict or told.get("defined") is not True:
            return ""
        return "callable" if told.get("callable") is True else "value"

    def defined(self, name: str) -> bool:
        """Whether a name is there and can be called.

        Raises
        ------
        AnswerError, WorkerDied
        """
        return self.kind(name) == "callable"

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a student's function; see :meth:`dacl_edu.check.answers.Answer.call`.

        Raises
        ------
        AnswerError, WorkerDied
        """
        return self.request_call(name, args, kwargs)

    def request_call(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], timeout: float | None = None
    ) -> Any:
        """Call a student's function with a wall-clock limit of its own; see :meth:`call`."""
        return self.ask("call", timeout, name=name, args=args, kwargs=dict(kwargs))

    def ask(
        self, request: str, timeout: float | None = None, found: Callable[[int, str], Any] | None = None, **details: Any
    ) -> Any:
        """Ask something of a student's function: what ``worker.Server`` can do.

        Parameters
        ----------
        request : str
        timeout : float, optional
            Seconds; the limit of a call by default.
        found : callable, optional
            Makes a stand-in of what no message can hold.
        **details

        Raises
        ------
        AnswerError, WorkerDied
        """
        return self._ask(request, timeout or self.limits.call_seconds, found, **details)

    def close(self) -> None:
        """End the process with all that it started, and remove its folder."""
        self._kill()
        for handle in (self._requests, self._replies):
            with contextlib.suppress(OSError):
                os.close(handle)
        self._requests = self._replies = -1
        remove(self.folder)

    def _ask(self, request: str, seconds: float, found: Callable[[int, str], Any] | None = None, **details: Any) -> Any:
        """Send a request and return the decoded value of its answer."""
        self.wait()
        identity = secrets.token_hex(8)
        if request != "defined":
            details["seconds"] = seconds
        try:
            sent = protocol.encode(details)
            line = protocol.to_line({"id": identity, "do": request, "with": sent}, self.limits.message_mb)
        except protocol.ProtocolError as error:
            raise AnswerError(f"the question could not be sent: {error}") from error
        return self._exchange(line, identity, seconds, found)

    def _exchange(
        self, line: bytes, identity: str, seconds: float, found: Callable[[int, str], Any] | None = None
    ) -> Any:
        if self.stopped.is_set():
            raise UserError("the grader was interrupted", hint="grade again")
        if self._reason or self._requests < 0:
            raise WorkerDied(self._reason or "was closed")
        started, reply = time.monotonic(), None
        with memoryview(line) as unsent:
            while reply is None:
                if self.stopped.is_set():
                    self.close()
                    raise UserError("the grader was interrupted", hint="grade again")
                left = started + seconds + _GRACE - time.monotonic()
                if left <= 0:
                    self._end(f"took longer than {seconds:g} s and was stopped")
                sending = [self._requests] if unsent else []
                readable, writable, _ = select.select([self._replies], sending, [], min(left, _TICK))
                if writable:
                    with contextlib.suppress(BlockingIOError, BrokenPipeError):
                        unsent = unsent[os.write(self._requests, unsent) :]
                if readable:
                    reply = self._receive(identity)
                self._watch()
        try:
            message = protocol.from_line(reply)
            if "error" in message:
                raise ToldError(_plain(message, "error") or "the answer could not be read")
            return protocol.decode(message.get("value"), found=found)
        except protocol.ProtocolError as error:
            raise AnswerError(f"the answer could not be read: {error}") from None

    def _receive(self, identity: str) -> bytes | None:
        """Read what is there; return the line that answers, and pass over lines that do not."""
        try:
            chunk = os.read(self._replies, 1 << 20)
        except BlockingIOError:
            return None
        self._answered += len(chunk)
        if not chunk:
            self._end(self._how_it_ended())
        start = len(self._rest)
        self._rest += chunk
        head = f'{{"id":"{identity}"'.encode()
        found = None
        while found is None and (end := self._rest.find(b"\n", start)) >= 0:
            found = bytes(self._rest[:end]) if self._rest.startswith(head) else None
            del self._rest[: end + 1]
            start = 0
        if len(self._rest) > self.limits.message_mb * _MEGABYTE + 1:
            self._end(f"sent more than {self.limits.message_mb:g} MB and was stopped")
        return found

    def _watch(self) -> None:
        """End the process when it holds too much memory or has written too much. Looks once a tick."""
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + _TICK
        try:
            resident = self._watched.memory_info().rss
            if self._layers is None or "seccomp" not in self._layers.active:  # else there can be no children
                resident += sum(child.memory_info().rss for child in self._watched.children(recursive=True))
            written = self._watched.io_counters() if hasattr(self._watched, "io_counters") else None
        except psutil.Error:
            return
        limits = self.limits
        if self._resident and resident - self._resident > limits.memory_mb * _MEGABYTE:
            self._end(f"needed more than {limits.memory_mb / 1024:g} GB of memory and was stopped")
        if written is not None:
            # What went through a pipe costs nothing. Files in memory (tmpfs) count as characters, but not as bytes.
            to_files = max(written.write_bytes, written.write_chars - self.printed - self._answered)
            if to_files > (limits.files_mb + 1) * _MEGABYTE:
                self._end(f"wrote more than {limits.files_mb} MB of files and was stopped")

    def _end(self, reason: str) -> None:
        self._reason = reason
        self._kill()
        raise WorkerDied(reason)

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "closed the grader's connection and was stopped"
        if self._layers is None:
            return f"could not start: {protocol.plain(self.output.decode(errors='replace')[-300:])}"
        if code == -signal.SIGXCPU:
            return "used too much processor time and was stopped"
        if code == -signal.SIGKILL:
            return "was stopped by the system: too much memory or processor time"
        return "ended its own process (os._exit or a crash)"

    def _kill(self) -> None:
        if self._process.returncode is not None:
            return
        with contextlib.suppress(psutil.Error):
            for child in self._watched.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    child.kill()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session of its own
        self._process.kill()
        self._process.wait()

    def _drain(self, handle: int) -> None:
        """Read what is printed: keep the beginning, count the rest."""
        with contextlib.suppress(OSError):
            while chunk := os.read(handle, 1 << 16):
                self.printed += len(chunk)
                if (room := self.limits.output_kept - len(self.output)) > 0:
                    self.output += chunk[:room]
        os.close(handle)


def _plain(message: Mapping[str, Any], key: str) -> str:
    return protocol.plain(message.get(key))

"""Run commands of ``dacl-edu`` in forked children, and judge how they ended."""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dacl_edu.errors import UserError

LONGEST = 2500
"""Characters of a line on standard error: a path has 4,096 at most, and messages leave out the middle."""
MEGABYTES = 4000
"""Resident memory that no damaged input may take."""
SECONDS = 300
"""After which a command hangs."""


class Ended(NamedTuple):
    """How a child ended: exit status (negative: the signal), what it printed, its largest resident size."""

    code: int
    out: str
    err: str
    megabytes: int


def command(
    words: Sequence[str], folder: Path, before: Callable[[], object] = lambda: None, seconds: float = SECONDS
) -> Ended:
    """Run ``dacl-edu WORDS`` in a folder; ``before`` is called in the child first. Importing is done once, here."""
    from dacl_edu.cli import main

    folder.mkdir(parents=True, exist_ok=True)
    files = [folder.parent / f".{folder.name}.{name}" for name in ("out", "err")]
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        for number, file in enumerate(files, start=1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        # Not the streams of a test runner, which go elsewhere.
        sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", buffering=1, closefd=False) for n in (1, 2))  # noqa: SIM115
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = 97
        try:
            os.chdir(folder)
            before()
            sys.argv = ["dacl-edu", *words]
            main(list(words))
            code = 0
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    until = time.monotonic() + seconds
    while not (done := os.wait4(child, os.WNOHANG))[0]:
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)
    out, err = (file.read_text("utf-8", "replace") for file in files)
    for file in files:
        file.unlink()
    return Ended(os.waitstatus_to_exitcode(done[1]), out, err, done[2].ru_maxrss // 1024)


def complaint(ended: Ended, codes: Sequence[int] = (0, 2)) -> str:
    """Return what is wrong with an end; empty where a user is served: success, or one readable sentence."""
    last = (ended.err.strip().splitlines() or [""])[-1]
    if ended.code not in codes:
        return f"exit {ended.code}: {last[:300]}"
    if "Traceback" in ended.err or "--debug" in ended.err:
        return f"unforeseen: {last[:300]}"
    if ended.code == 2 and not re.search(r"^(error|Error): .", ended.err, re.MULTILINE):
        return f"no sentence: {last[:300]}"
    if ended.megabytes > MEGABYTES:
        return f"{ended.megabytes} MB"
    return "" if ended.err.startswith("Usage:") else unreadable(ended.err)  # typer quotes what was typed


def unreadable(text: str) -> str:
    """Return why a message is none for people: an endless line, a character that a terminal obeys."""
    lines = text.split("\n")
    if max(map(len, lines)) > LONGEST:
        return f"a line of {max(map(len, lines))} characters"
    strange = {c for line in lines for c in line if not c.isprintable() and not "\udc80" <= c <= "\udcff"} - {
        "\r",
        "\t",
    }
    return f"characters {sorted(map(ascii, strange))}" if strange else ""


def outcome(read: Callable[[], object]) -> str:
    """Return what is wrong with a call; empty where it succeeds, or raises a readable :class:`UserError`."""
    try:
        read()
    except UserError as error:
        return "a message of two lines" if "\n" in str(error) else unreadable(str(error))
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return ""

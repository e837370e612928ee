"""Say how training goes while a notebook trains: its own output is seen only when it has finished."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dacl_edu.errors import UserError
from dacl_edu.runs.folder import RunFolder


@contextmanager
def epochs_reported(folder: Path, say: Callable[[str], None], every: float = 1.0) -> Iterator[None]:
    """While the block runs, say a line for each epoch that a run below ``folder`` finishes, looking ``every`` seconds.

    Epochs that are there already are not said.
    """
    seen = {file: _lines(file) for file in folder.glob("*/metrics.jsonl")}
    over = threading.Event()

    def look() -> None:
        for file in sorted(folder.glob("*/metrics.jsonl")):
            lines = _lines(file)
            for line in lines[len(seen.get(file, [])) :]:
                say(_said(file, line))
            seen[file] = lines

    def watch() -> None:
        while not over.wait(every):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        look()  # what came since the last look


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError:  # removed meanwhile
        return []


def _said(file: Path, text: str) -> str:
    from dacl_edu.training.result import epoch_line

    line = json.loads(text)
    try:
        config = RunFolder(file.parent).config()
    except UserError:
        return f"{file.parent.name} epoch {line['epoch']}"
    return epoch_line(f"{config.method} epoch {line['epoch']}/{config.epochs}", line)

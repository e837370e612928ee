"""Read what a student handed in, whatever it is, into cells that hold nothing unexpected."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dacl_edu_course.submissions.encodings import decoded, guessed

_TEXT, _IMAGE = 10_000, 1_000_000
_SOURCE = 1_000_000


@dataclass(frozen=True)
class ReadingLimits:
    """What is still read.

    Attributes
    ----------
    bytes : int
        Of the file.
    cells : int
    depth : int
        Levels of lists and objects; a notebook has about eight.
    parts : int
        Lists and objects, counted by their brackets: also those in text.
    """

    bytes: int = 30_000_000
    cells: int = 3_000
    depth: int = 60
    parts: int = 1_000_000


@dataclass(frozen=True)
class Damaged:
    """What could not be read, or is another notebook.

    Attributes
    ----------
    reason : str
        One sentence for the student.
    """

    reason: str


@dataclass(frozen=True)
class Found:
    """One cell as a student handed it in.

    Attributes
    ----------
    grade_id : str
        Empty for a cell without nbgrader metadata.
    cell_id : str
    cell_type : str
        ``code``, ``markdown`` or ``raw``.
    source : str
    tags : frozenset of str
    outputs : tuple of dict
        Text (bounded) and PNG images alone, in nbformat's form.
    """

    grade_id: str
    cell_id: str
    cell_type: str
    source: str
    tags: frozenset[str] = frozenset()
    outputs: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Submission:
    """A notebook as a student handed it in.

    Attributes
    ----------
    cells : tuple of Found
    language : str
        Of the kernel that saved it, in lower case; empty where it does not say.
    notes : tuple of str
        What was odd about the file.
    """

    cells: tuple[Found, ...]
    language: str = ""
    notes: tuple[str, ...] = ()


def read_submission(path: str | Path, limits: ReadingLimits | None = None) -> Submission | Damaged:
    """Read a notebook that came from anywhere; never raises for what is in it.

    Parameters
    ----------
    path : path
    limits : ReadingLimits, optional

    Returns
    -------
    Submission or Damaged
        Damaged: no regular file, too large, no text, no JSON, no notebook, without cells, or built to do harm.
    """
    limits = limits or ReadingLimits()
    try:
        content = _bytes(Path(path), limits)
        return content if isinstance(content, Damaged) else parse_submission(content, limits)
    except OSError as error:
        return Damaged(f"the file cannot be read ({error.strerror or type(error).__name__})")


def parse_submission(content: bytes, limits: ReadingLimits | None = None) -> Submission | Damaged:
    """As :func:`read_submission`, from bytes.

    Examples
    --------
    >>> parse_submission(b"\\x89PNG")
    Damaged(reason='the file is no notebook: it is no text')
    >>> parse_submission(b'{"cells": [{"cell_type": "code", "source": "1"}], "nbformat": 4}').cells[0].source
    '1'
    """
    limits = limits or ReadingLimits()
    if not content.strip():
        return Damaged("the file is empty")
    # Counted before parsing: three bytes of an empty list in JSON are a hundred bytes of Python's memory.
    if content.count(b"[") + content.count(b"{") > limits.parts:
        return Damaged("the file is no notebook: it has too many lists (clear all outputs and save it again)")
    notes = []
    text = decoded(content)
    if text is None:
        text, encoding = guessed(content)
        notes.append(
            f"The file was not saved in UTF-8 (it seems to be {encoding}): letters beyond a to z may be wrong."
        )
    if text is None:
        return Damaged("the file is no notebook: it is no text")
    try:
        raw = json.loads(text)
    except (RecursionError, MemoryError):
        return Damaged("the file is no notebook: its lists are nested too deeply")
    except ValueError:
        return Damaged("the file is no notebook: it is no JSON (was it cut off, or saved by another program?)")
    if _is_deeper(raw, limits.depth):
        return Damaged("the file is no notebook: its lists are nested too deeply")
    if isinstance(raw, dict) and isinstance(raw.get("worksheets"), list):
        raw = _upgraded(raw)
        notes.append("The notebook was in the format of 2014 (nbformat 3): it was brought up to date.")
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        return Damaged("the file is JSON, but no notebook: it has no list of cells")
    found = [cell for cell in map(_found, raw["cells"][: limits.cells + 1]) if cell]
    if not found:
        return Damaged("the notebook has no cells")
    if len(raw["cells"]) > limits.cells:
        return Damaged(f"the notebook has more than {limits.cells:,} cells")
    return Submission(tuple(found), _language(raw.get("metadata")), tuple(notes))


def grade_ids(path: str | Path) -> frozenset[str]:
    """Return the grade_ids in a file; none where it cannot be read."""
    read = read_submission(path)
    return frozenset() if isinstance(read, Damaged) else frozenset(cell.grade_id for cell in read.cells) - {""}


def plain_output(output: Any) -> dict[str, Any] | None:
    """Return an output with its text (bounded) and PNG alone, or None: no HTML and no script of a student is kept."""
    if not isinstance(output, dict):
        return None
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": _bounded(_joined(output.get("text")), _TEXT)}
    if kind == "error":
        named = {name: _bounded(_joined(output.get(name)), 500) for name in ("ename", "evalue")}
        return {"output_type": "error", **named, "traceback": []}
    data = output.get("data")
    if kind not in ("execute_result", "display_data") or not isinstance(data, dict):
        return None
    kept = {"text/plain": _bounded(_joined(data.get("text/plain")), _TEXT)}
    image = "".join(_joined(data.get("image/png")).split())
    if (
        image
        and len(image) <= _IMAGE
        and image.isascii()
        and image.replace("+", "").replace("/", "").rstrip("=").isalnum()
    ):
        kept["image/png"] = image
    return {"output_type": "display_data", "data": kept, "metadata": {}}


def _bytes(path: Path, limits: ReadingLimits) -> bytes | Damaged:
    # Not by following a link, and without waiting for a pipe that nobody fills.
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if path.is_symlink():
            return Damaged("the file is a symbolic link")
        return Damaged(f"the file cannot be read ({error.strerror})")
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            return Damaged("this is no regular file")
        content = file.read(limits.bytes + 1) if found.st_size <= limits.bytes else None
    if content is None or len(content) > limits.bytes:
        return Damaged(f"the file is larger than {limits.bytes / 1e6:.0f} MB: clear all outputs and save it again")
    return content


def _is_deeper(raw: Any, depth: int) -> bool:
    level = [raw]
    for _ in range(depth):
        level = [inner for part in level for inner in _inner(part)]
        if not level:
            return False
    return True


def _inner(part: Any) -> Iterable[Any]:
    return (x for x in (part.values() if isinstance(part, dict) else part) if isinstance(x, dict | list)) \
        if isinstance(part, dict | list) else ()  # fmt: skip


def _upgraded(raw: dict[str, Any]) -> dict[str, Any]:
    """nbformat 3: cells lie in worksheets, code has ``input``, headings are cells of their own."""
    cells = []
    for sheet in raw["worksheets"]:
        for cell in sheet.get("cells", []) if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list) else []:
            if isinstance(cell, dict):
                kind = {"heading": "markdown", "html": "markdown"}.get(
                    str(cell.get("cell_type")), cell.get("cell_type")
                )
                cells.append(
                    {**cell, "cell_type": kind, "source": cell.get("input", cell.get("source")), "outputs": []}
                )
    return {"cells": cells, "metadata": raw.get("metadata")}


def _found(raw: Any) -> Found | None:
    if not isinstance(raw, dict) or raw.get("cell_type") not in ("code", "markdown", "raw"):
        return None
    source = _joined(raw.get("source"))
    if len(source) > _SOURCE:
        source = f"raise ValueError('this cell was longer than {_SOURCE:,} characters and is not run')"
    meta = raw.get("metadata") if isinstance(raw.get("metadata"), dict) else {}
    assert isinstance(meta, dict)
    grader = meta.get("nbgrader") if isinstance(meta.get("nbgrader"), dict) else {}
    assert isinstance(grader, dict)
    tags = meta.get("tags") if isinstance(meta.get("tags"), list) else []
    assert isinstance(tags, list)
    listed = raw.get("outputs") if isinstance(raw.get("outputs"), list) else []
    assert isinstance(listed, list)
    outputs = [kept for kept in map(plain_output, listed[:20]) if kept]
    grade_id, cell_id = (value if isinstance(value, str) else "" for value in (grader.get("grade_id"), raw.get("id")))
    return Found(
        grade_id, cell_id, raw["cell_type"], source, frozenset(t for t in tags if isinstance(t, str)), tuple(outputs)
    )


def _language(meta: Any) -> str:
    for name, key in (("kernelspec", "language"), ("language_info", "name"), ("kernelspec", "name")):
        part = meta.get(name) if isinstance(meta, dict) else None
        value = part.get(key) if isinstance(part, dict) else None
        if isinstance(value, str) and value:
            return "".join(c if c.isprintable() else " " for c in value[:30]).strip().lower()
    return ""


def _joined(value: Any) -> str:
    """nbformat stores text as one string or as a list of lines. Lone surrogates cannot be written to any file."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _bounded(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}\n… ({len(text) - most:,} more characters)"

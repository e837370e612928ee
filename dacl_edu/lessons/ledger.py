"""The ledger ``docs/equations.toml``: equation → LaTeX → function → notebook cell → test."""

from __future__ import annotations

import importlib
import inspect
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dacl_edu import paths


@dataclass(frozen=True)
class Entry:
    """One equation, or one line of Algorithm 1.

    Attributes
    ----------
    id : str
        ``eq-4`` or ``alg-13``.
    title, latex : str
        What it is, and the form computed here.
    function : str
        Dotted path.
    notebook, cell : str
        Name of the lesson, and the tag of its cell.
    test : str
        ``tests/file.py::name``.
    erratum : str
        How the print differs, in a few words; empty where it is right. See ``docs/errata.md``.
    """

    id: str
    title: str
    latex: str
    function: str
    notebook: str
    cell: str
    test: str
    erratum: str = ""

    @property
    def label(self) -> str:
        """``Eq. 4`` or ``Alg. 1, line 13``."""
        kind, _, number = self.id.partition("-")
        return f"Eq. {number}" if kind == "eq" else f"Alg. 1, line {number}"


def load_ledger(path: Path | None = None) -> list[Entry]:
    """Read the ledger, in the order of the paper.

    Examples
    --------
    >>> entries = load_ledger()
    >>> entries[3].label, entries[3].function
    ('Eq. 4', 'dacl_edu.losses.sparse_center_loss')
    """
    text = (path or paths.ledger()).read_text(encoding="utf-8")
    return [Entry(**entry) for entry in tomllib.loads(text)["entry"]]


def ledger_table(entries: list[Entry] | None = None, equations: bool = True) -> str:
    """Return the equations (or the lines of Algorithm 1) as a Markdown table whose links work inside ``notebooks/``.

    Examples
    --------
    >>> print(ledger_table().splitlines()[0])
    | equation, what it is, where it is |
    """
    rows = [f"| {'equation' if equations else 'line'}, what it is, where it is |", "|:--|"]
    for entry in load_ledger() if entries is None else entries:
        if entry.id.startswith("eq") != equations:
            continue
        file, _, name = entry.test.partition("::")
        source = source_file(entry.function).relative_to(paths.PACKAGE.parent).as_posix()
        short = ".".join(entry.function.split(".")[-2:])
        note = f" [* {entry.erratum}](../docs/errata.md)" if entry.erratum else ""
        lesson = f"[lesson {entry.notebook[:2]}]({entry.notebook}.ipynb#cell-id={entry.cell})"
        test = _link(_wrapped(name), file)
        where = f"{_link(f'`{short}`', source)}<br>{lesson}; test: {test}" if equations else f"{lesson}; test: {test}"
        rows.append(f"| **{entry.label}**{note} {entry.title}<br>${entry.latex}$<br>{where} |")
    return "\n".join(rows)


def _link(text: str, file: str) -> str:
    """Link to a file of the repository, where there is one: a wheel has no tests."""
    return f"[{text}](../{file})" if (paths.HOME / file).is_file() else text


def _wrapped(name: str) -> str:
    words = name.removeprefix("test_").split("_")
    return " ".join(words[:5]) + (" …" if len(words) > 5 else "")


def source_file(function: str) -> Path:
    """Return the file that defines a function of the ledger."""
    return Path(inspect.getsourcefile(inspect.unwrap(resolve_function(function))) or "").resolve()


def resolve_function(path: str) -> Any:
    """Return the object of a dotted path.

    Raises
    ------
    LookupError
        No such module or attribute.

    Examples
    --------
    >>> resolve_function("dacl_edu.centers.center_delta").__name__
    'center_delta'
    """
    parts = path.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for part in parts[cut:]:
            if not hasattr(found, part):
                raise LookupError(f"{path}: {'.'.join(parts[:cut])} has no {part}")
            found = getattr(found, part)
        return found
    raise LookupError(f"{path}: no such module")

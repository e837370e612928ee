"""The ledger ``docs/equations.toml``: equation → LaTeX → function → notebook cell → test."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dacl_edu import paths

EQUATIONS = tuple(f"eq-{number}" for number in range(1, 12))
ALGORITHM = tuple(f"alg-{number}" for number in range(1, 18))
_RANGE = re.compile(r"(\d+)\s*[-–]\s*(\d+)")


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
    | what and where | equation |
    """
    rows = [f"| what and where | {'equation' if equations else 'step'} |", "|:--|:--|"]
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
        rows.append(f"| **{entry.label}**{note} {entry.title}<br>{where} | ${entry.latex}$ |")
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


def numbers_named(text: str, word: str) -> set[int]:
    """Return the numbers that follow a word: ``Eq. 5-7``, ``Eq. 9 and Eq. 10``, ``lines 3, 4, 5``.

    Examples
    --------
    >>> sorted(numbers_named("Eq. 2, 3, and Eq. 5-7; Sec. 9", "Eq."))
    [2, 3, 5, 6, 7]
    """
    found: set[int] = set()
    for match in re.finditer(rf"{re.escape(word)}s?\s*((?:\d+\s*(?:-|–|,|and|\s)*\s*)+)", text):
        listed = match.group(1)
        for low, high in _RANGE.findall(listed):
            found |= set(range(int(low), int(high) + 1))
        found |= {int(number) for number in re.findall(r"\d+", listed)}
    return found


def problems_of(entry: Entry, notebooks: Path | None = None) -> list[str]:
    """Resolve an entry in all five places and return what does not hold."""
    return [
        *_latex(entry),
        *_function(entry),
        *_cell(entry, notebooks or paths.lessons()),
        *_test(entry),
    ]


def _latex(entry: Entry) -> list[str]:
    bare = re.sub(r"\\[{}]", "", entry.latex)
    if not entry.latex.strip():
        return [f"{entry.id}: no LaTeX"]
    left, right = (len(re.findall(rf"\\{side}(?![a-z])", entry.latex)) for side in ("left", "right"))
    balanced = bare.count("{") == bare.count("}") and left == right
    return [] if balanced else [f"{entry.id}: brackets of the LaTeX do not match"]


def _function(entry: Entry) -> list[str]:
    try:
        found = resolve_function(entry.function)
    except LookupError as error:
        return [f"{entry.id}: {error}"]
    kind, _, number = entry.id.partition("-")
    text = inspect.getdoc(found) or "" if kind == "eq" else inspect.getsource(found)
    named = numbers_named(text, "Eq." if kind == "eq" else "line")
    where = "docstring" if kind == "eq" else "comments"
    return [] if int(number) in named else [f"{entry.id}: the {where} of {entry.function} do not name {entry.label}"]


def _cell(entry: Entry, notebooks: Path) -> list[str]:
    path = notebooks / f"{entry.notebook}.ipynb"
    if not path.is_file():
        return [f"{entry.id}: no notebook {entry.notebook}"]
    cells = [cell for cell in _read(path).cells if entry.cell in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        return [f"{entry.id}: {len(cells)} cells of {entry.notebook} are tagged {entry.cell}, but must be one"]
    return [] if cells[0].cell_type == "code" else [f"{entry.id}: the cell of {entry.notebook} is no code"]


def _test(entry: Entry) -> list[str]:
    file, _, name = entry.test.partition("::")
    path = paths.HOME / file
    if not path.is_file():
        return [f"{entry.id}: no file {file}"]
    names = {
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    }
    return [] if name in names else [f"{entry.id}: {file} has no {name}"]


def orphans(entries: list[Entry], notebooks: Path | None = None) -> list[str]:
    """Return what exists without an entry: numbers of the paper, tags of notebooks, numbers in docstrings."""
    ids = [entry.id for entry in entries]
    problems = [f"{wanted} has no entry" for wanted in (*EQUATIONS, *ALGORITHM) if wanted not in ids]
    problems += [f"{twice} has several entries" for twice in sorted({i for i in ids if ids.count(i) > 1})]
    homes = {(entry.notebook, entry.cell) for entry in entries}
    for path in sorted((notebooks or paths.lessons()).glob("*.ipynb")):
        tags = [tag for cell in _read(path).cells for tag in cell.metadata.get("tags", [])]
        lost = [tag for tag in tags if re.fullmatch(r"(eq|alg)-\d+", tag) and (path.stem, tag) not in homes]
        problems += [f"{path.stem}: tag {tag} has no entry" for tag in lost]
    for path in sorted(paths.PACKAGE.rglob("*.py")):
        unknown = {n for n in numbers_named(path.read_text(encoding="utf-8"), "Eq.") if f"eq-{n}" not in ids}
        problems += [f"{path.name} names Eq. {number}, which has no entry" for number in sorted(unknown)]
    return problems


def _read(path: Path) -> Any:
    import nbformat

    return nbformat.read(path, as_version=4)

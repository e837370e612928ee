"""``dacl-edu run-notebook``: execute a notebook with parameters, and keep everything it made in one folder."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any
from warnings import warn

import typer

from dacl_edu import paths
from dacl_edu.errors import UserError
from dacl_edu.files import replace_text, replacing
from dacl_edu.lessons.epochs import epochs_reported
from dacl_edu.lessons.links import keep_links
from dacl_edu.lessons.parameters import declared_parameters, kind_name, typed
from dacl_edu.text import nearest, slug

_PLOTLY = "application/vnd.plotly.v1+json"
_PICTURES = {"image/png": "png", "image/jpeg": "jpg"}
USAGE = "dacl-edu run-notebook 07_training -p method dacl -p seed 3 --out runs/x"
PATHS = ("runs", "root", "out")
"""Parameters that are paths: meant from where the command is given, though a notebook runs in its own folder."""
Given = Mapping[str, str | Sequence[str]]


def register(app: typer.Typer) -> None:
    """Add ``run-notebook`` to the command line."""
    # -p takes two words, a name and a value, which typer cannot say; so the words are taken as they come.
    app.command(name="run-notebook", context_settings={"ignore_unknown_options": True})(run_notebook_command)


def run_notebook_command(
    words: Annotated[list[str], typer.Argument(metavar="NOTEBOOK [-p NAME VALUE]...", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of all that it makes. [default: runs/<notebook>]")
    ] = None,
    cell_timeout: Annotated[
        int | None, typer.Option(min=1, max=10_000_000, help="Seconds that a cell may take. [default: no limit]")
    ] = None,
    show_parameters: Annotated[
        bool, typer.Option("--parameters", help="List what the notebook takes, and leave.")
    ] = False,
) -> None:
    """Execute a notebook with parameters. Example: dacl-edu run-notebook 07_training -p method dacl --out runs/x

    A list is given piece by piece or as JSON: -p runs "first folder" -p runs second, or -p runs '["a", "b"]'.
    """
    name, given = parse_words(words)
    if show_parameters:
        for parameter in declared_parameters(find_notebook(name)).values():
            print(f"{parameter.name:<12}{kind_name(parameter.kind):<14}{parameter.default!r:<24}{parameter.help}")
        return
    target = run_notebook(name, given, out, cell_timeout)
    print(target)


def parse_words(words: Sequence[str]) -> tuple[str, dict[str, str | list[str]]]:
    """Split ``07_training -p method dacl -p seed 3`` into the name and its parameters; a repeated one is a list.

    Raises
    ------
    UserError
        No name, two names, or ``-p`` without a name and a value.

    Examples
    --------
    >>> parse_words(["07_training", "-p", "method", "dacl", "-p", "seed", "3"])
    ('07_training', {'method': 'dacl', 'seed': '3'})
    >>> parse_words(["08", "-p", "runs", "a b", "-p", "runs", "c"])
    ('08', {'runs': ['a b', 'c']})
    """
    names: list[str] = []
    given: dict[str, list[str]] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("-p", "--parameter"):
            if len(rest) < 2:
                raise UserError(f"{word} takes a name and a value", hint=f"e.g. {USAGE}")
            name = rest.pop(0)
            given.setdefault(name, []).append(rest.pop(0))
        elif word.startswith("-"):
            raise UserError(f"unknown option {word}", hint=f"e.g. {USAGE}")
        else:
            names.append(word)
    if len(names) != 1:
        raise UserError(f"{len(names)} notebooks named, but must be one", hint=f"e.g. {USAGE}")
    return names[0], {name: values[0] if len(values) == 1 else values for name, values in given.items()}


def find_notebook(name: str) -> Path:
    """Return the notebook of a name (``07_training``, ``07``) or path; one that was renumbered answers with a warning.

    Raises
    ------
    UserError
        There is none; the nearest name is said.

    Examples
    --------
    >>> find_notebook("00").name
    '00_start_here.ipynb'
    """
    if name.endswith(".ipynb") and os.path.isfile(name):
        return Path(name).absolute()
    folders = [Path.cwd() / "notebooks", paths.lessons()]
    wanted = Path(name).name.removesuffix(".ipynb")
    known: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("[0-9]*.ipynb")):
            known.setdefault(path.stem, path)
    matches = [stem for stem in known if stem == wanted] or [stem for stem in known if stem.startswith(f"{wanted}_")]
    if not matches:  # a lesson of an earlier release: its subject stayed, its number changed
        subject = wanted.lstrip("0123456789")
        matches = [stem for stem in known if subject and stem.lstrip("0123456789") == subject]
        if matches:
            warn(f"{wanted} is now {matches[0]}; the old name goes with the next release", FutureWarning, stacklevel=2)
    if len(matches) != 1:
        raise UserError(f"no notebook {name!r}", hint=nearest(wanted, known))
    return known[matches[0]]


def run_notebook(name: str, given: Given, out: Path | None = None, cell_timeout: int | None = None) -> Path:
    """Execute a notebook by papermill; return the executed copy.

    The copy, its pictures, its figures (PNG and interactive JSON) and the run folders that it makes are in ``out``, by
    default the notebook's own parameter of that name, else ``runs/<notebook>``. A progress bar shows on standard error.

    Each of the ``given`` parameters, as text or as several texts for a list, is checked against the notebook's
    parameters cell; relative paths among them are meant from the current folder. ``cell_timeout`` are seconds that a
    cell may take.

    Raises
    ------
    UserError
        An unknown notebook or parameter, a value of the wrong type, a failing cell (the executed copy shows it), or a
        kernel that died.
    """
    path = find_notebook(name)
    declared = declared_parameters(path)
    for key in given:
        if key not in declared:
            raise UserError(f"{path.stem} has no parameter {key!r}", hint=nearest(key, declared))
    values = {key: typed(declared[key], text) for key, text in given.items()}
    for key in PATHS:
        if values.get(key):
            values[key] = _absolute(values[key])
    if out is None:
        out = Path(values.get("out") or Path("runs") / path.stem)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: cannot make this folder ({error.strerror})", hint="choose another --out") from error
    if "out" in declared and "out" not in values:
        values["out"] = _absolute(str(out))
    target = out / path.name
    # papermill changes the current folder meanwhile, so what is watched is absolute.
    try:
        with epochs_reported(Path(values.get("out") or out).absolute(), _say), _own_check_only():
            _execute(path, target, values, cell_timeout)
    except UserError:  # a copy that stopped at an error is read too, if it is whole
        with suppress(OSError, ValueError):
            keep_links(target, path.parent)
        raise
    keep_links(target, path.parent)
    export_figures(target, out / "figures" / path.stem)
    return target


def _say(line: str) -> None:
    """Write above papermill's bar."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)


def _absolute(value: str | list[str]) -> Any:
    if isinstance(value, list):
        return [_absolute(part) for part in value]
    return str(Path(value).expanduser().absolute())


@contextmanager
def _own_check_only() -> Iterator[None]:
    """Silence papermill's own look at the names, which cannot read ``float | None`` and calls it unknown."""

    def other(record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith("Passed unknown parameter")

    logger = logging.getLogger("papermill")
    logger.addFilter(other)
    try:
        yield
    finally:
        logger.removeFilter(other)


def _literal(path: Path) -> str:
    """Return a path for papermill, which fills in what stands in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _execute(path: Path, target: Path, values: dict[str, Any], cell_timeout: int | None) -> None:
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    os.environ.setdefault("DACL_EDU_PNG", "1")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        papermill.execute_notebook(
            _literal(path),
            _literal(target),
            values,
            kernel_name="python3",
            cwd=path.parent,
            progress_bar={"file": sys.stderr},
            execution_timeout=cell_timeout,
            start_timeout=120,
            store_widget_state=False,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],  # else it warns of its loopback connection
        )
    except papermill.PapermillExecutionError as error:
        what = f"{error.ename}: {_without_colours(error.evalue) or _failing_line(error.traceback)}"
        raise UserError(f"{path.stem}, cell {error.exec_count}: {what}", hint=f"see the end of {target}") from error
    except DeadKernelError as error:
        raise UserError(
            f"{path.stem}: the kernel died (often: out of memory)",
            hint=f"what ran before is in {target}; try a smaller batch_size, or close other programs",
        ) from error
    except CellTimeoutError as error:
        raise UserError(f"{path.stem}: a cell took more than {cell_timeout} s", hint="raise --cell-timeout") from error
    except papermill.exceptions.PapermillException as error:
        raise UserError(f"{path.stem}: {error}") from error


def _without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", " ".join(text.split()))


def _failing_line(traceback: Sequence[str]) -> str:
    """Return the line of the cell at which it failed: a bare ``assert`` says nothing else."""
    marked = re.findall(r"^-+> *\d+ (.*)", re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback)), flags=re.MULTILINE)
    return marked[0].strip() if marked else ""


def export_figures(notebook: Path, folder: Path) -> list[Path]:
    """Write each figure of an executed notebook as a file: ``01-training-curves.png`` and ``.json`` (for plotly)."""
    import nbformat

    written: list[Path] = []
    number = 0
    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if not {_PLOTLY, *_PICTURES} & set(data):
                continue
            number += 1
            folder.mkdir(parents=True, exist_ok=True)
            title = data.get(_PLOTLY, {}).get("layout", {}).get("title", {})
            named = slug(title.get("text", "") if isinstance(title, dict) else str(title))
            stem = f"{number:02d}{'-' if named else ''}{named}"
            if _PLOTLY in data:
                file = folder / f"{stem}.json"
                replace_text(file, json.dumps({k: data[_PLOTLY][k] for k in ("data", "layout")}))
                written.append(file)
            for kind, ending in _PICTURES.items():
                if kind in data:
                    file = folder / f"{stem}.{ending}"
                    with replacing(file) as beside:
                        beside.write_bytes(base64.b64decode(data[kind]))
                    written.append(file)
    return written

"""``dacl-edu run-notebook``: execute a notebook with parameters, and keep everything it made in one folder."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dacl_edu import paths
from dacl_edu.errors import UserError
from dacl_edu.lessons.epochs import epochs_reported
from dacl_edu.lessons.parameters import declared_parameters, kind_name, nearest, typed

_PLOTLY = "application/vnd.plotly.v1+json"
_PICTURES = {"image/png": "png", "image/jpeg": "jpg"}
USAGE = "dacl-edu run-notebook 07_training -p method dacl -p seed 3 --out runs/x"


def register(app: typer.Typer) -> None:
    """Add ``run-notebook`` to the command line."""
    # -p takes two words, a name and a value, which typer cannot say; so the words are taken as they come.
    app.command(name="run-notebook", context_settings={"ignore_unknown_options": True})(run_notebook_command)


def run_notebook_command(
    words: Annotated[list[str], typer.Argument(metavar="NOTEBOOK [-p NAME VALUE]...", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of all that it makes. [default: runs/<notebook>]")
    ] = None,
    cell_timeout: Annotated[int | None, typer.Option(help="Seconds that a cell may take. [default: no limit]")] = None,
    show_parameters: Annotated[
        bool, typer.Option("--parameters", help="List what the notebook takes, and leave.")
    ] = False,
) -> None:
    """Execute a notebook with parameters. Example: dacl-edu run-notebook 07_training -p method dacl --out runs/x."""
    name, given = parse_words(words)
    if show_parameters:
        for parameter in declared_parameters(find_notebook(name)).values():
            print(f"{parameter.name:<12}{kind_name(parameter.kind):<14}{parameter.default!r:<24}{parameter.help}")
        return
    target = run_notebook(name, given, out, cell_timeout)
    print(target)


def parse_words(words: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Split ``07_training -p method dacl -p seed 3`` into the name and its parameters.

    Raises
    ------
    UserError
        No name, two names, or ``-p`` without a name and a value.

    Examples
    --------
    >>> parse_words(["07_training", "-p", "method", "dacl", "-p", "seed", "3"])
    ('07_training', {'method': 'dacl', 'seed': '3'})
    """
    names, given, rest = [], {}, list(words)
    while rest:
        word = rest.pop(0)
        if word in ("-p", "--parameter"):
            if len(rest) < 2:
                raise UserError(f"{word} takes a name and a value", hint=f"e.g. {USAGE}")
            name = rest.pop(0)
            given[name] = rest.pop(0)
        elif word.startswith("-"):
            raise UserError(f"unknown option {word}", hint=f"e.g. {USAGE}")
        else:
            names.append(word)
    if len(names) != 1:
        raise UserError(f"{len(names)} notebooks named, but must be one", hint=f"e.g. {USAGE}")
    return names[0], given


def find_notebook(name: str) -> Path:
    """Return the notebook of a name (``07_training``, ``07``) or path.

    Raises
    ------
    UserError
        There is none; the nearest name is said.

    Examples
    --------
    >>> find_notebook("00").name
    '00_start_here.ipynb'
    """
    if name.endswith(".ipynb") and Path(name).is_file():
        return Path(name).resolve()
    folders = [Path.cwd() / "notebooks", paths.lessons()]
    wanted = Path(name).name.removesuffix(".ipynb")
    known: dict[str, Path] = {}
    for folder in folders:
        for path in sorted(folder.glob("[0-9]*.ipynb")):
            known.setdefault(path.stem, path)
    matches = [stem for stem in known if stem == wanted] or [stem for stem in known if stem.startswith(f"{wanted}_")]
    if len(matches) != 1:
        raise UserError(f"no notebook {name!r}", hint=nearest(wanted, known))
    return known[matches[0]]


def run_notebook(name: str, given: dict[str, str], out: Path | None = None, cell_timeout: int | None = None) -> Path:
    """Execute a notebook by papermill; return the executed copy.

    The copy, its figures (PNG and interactive JSON) and the run folders that it makes are in ``out``. A progress
    bar shows on standard error.

    Parameters
    ----------
    name : str
        As for :func:`find_notebook`.
    given : dict
        Parameters as text; each is checked against the notebook's parameters cell.
    out : Path, optional
        ``runs/<notebook>`` if left out.
    cell_timeout : int, optional
        Seconds that a cell may take; no limit if left out.

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
    out = Path("runs") / path.stem if out is None else out
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{out}: cannot make this folder ({error.strerror})", hint="choose another --out") from error
    if "out" in declared and "out" not in values:
        values["out"] = str(out.resolve())
    for key in ("runs", "root"):  # a path is meant from here, but the notebook runs in its own folder
        if values.get(key):
            values[key] = _absolute(values[key])
    target = out / path.name
    with epochs_reported(out, _say):
        _execute(path, target, values, cell_timeout)
    export_figures(target, out / "figures" / path.stem)
    return target


def _say(line: str) -> None:
    """Write above papermill's bar."""
    from tqdm import tqdm

    tqdm.write(line, file=sys.stderr)


def _absolute(value: str) -> str:
    return " ".join(str(Path(part).expanduser().resolve()) for part in value.split())


def _execute(path: Path, target: Path, values: dict[str, Any], cell_timeout: int | None) -> None:
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    os.environ.setdefault("DACL_EDU_PNG", "1")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        papermill.execute_notebook(
            path,
            target,
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
        what = f"{error.ename}: {_without_colours(error.evalue)}"
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


def export_figures(notebook: Path, folder: Path) -> list[Path]:
    """Write each figure of an executed notebook as a file: ``01-training-curves.png`` and ``.json`` (for plotly).

    Parameters
    ----------
    notebook : Path
    folder : Path
        Made if there are figures.

    Returns
    -------
    list of Path
    """
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
            stem = f"{number:02d}{_slug(data.get(_PLOTLY, {}))}"
            if _PLOTLY in data:
                file = folder / f"{stem}.json"
                file.write_text(json.dumps({k: data[_PLOTLY][k] for k in ("data", "layout")}), encoding="utf-8")
                written.append(file)
            for kind, ending in _PICTURES.items():
                if kind in data:
                    file = folder / f"{stem}.{ending}"
                    file.write_bytes(base64.b64decode(data[kind]))
                    written.append(file)
    return written


def _slug(figure: dict[str, Any]) -> str:
    title = figure.get("layout", {}).get("title", {})
    text = title.get("text", "") if isinstance(title, dict) else str(title)
    words = re.findall(r"[a-z0-9]+", re.sub(r"<[^>]*>", " ", text).lower())[:6]
    return "-" + "-".join(words) if words else ""

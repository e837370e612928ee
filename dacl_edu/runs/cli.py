"""``dacl-edu evaluate`` and ``compare``: what is done with run folders."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from dacl_edu.errors import UserError
from dacl_edu.files import require_place

if TYPE_CHECKING:
    from dacl_edu.runs.folder import RunFolder
    from dacl_edu.runs.run import Run

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Runs = Annotated[
    list[Path], typer.Argument(help="Run folders, or folders that hold several, e.g. runs/demo.", show_default=False)
]


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.command()(evaluate)
    app.command()(compare)


def evaluate(
    runs: Runs,
    data: Annotated[str | None, typer.Option(help="Another data set than the run's.")] = None,
    root: Annotated[Path | None, typer.Option(help="Its folder.")] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test. [default: the run's]")] = None,
    classes: Annotated[str | None, typer.Option(help="Which classes of the data set, as for train.")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write the predictions of one run to this .npz file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure trained runs on any data set. Example: dacl-edu evaluate runs/x --data rafdb --root ~/rafdb

    Where the data have other classes than the model, those that both have are scored, by name.
    """
    from dacl_edu.evaluation.tables import result_tables
    from dacl_edu.runs.trained import evaluate_run

    folders = _run_folders(runs)
    if predictions is not None and len(folders) > 1:
        raise UserError(f"--predictions takes one run, not {len(folders)}", hint=f"name one, e.g. {folders[0].path}")
    if predictions is not None:
        require_place(predictions)
    results = []
    for folder in folders:
        if len(folders) > 1:
            _say(f"measuring {folder.path}")
        result, predicted = evaluate_run(folder.path, data, root, split, classes)
        results.append(result)
    if as_json:
        print(json.dumps(results[0] if len(results) == 1 else results, indent=2))
    else:
        Console().print(result_tables(results))
    if predictions is not None:  # last: what was measured is said even where this cannot be written
        predicted.save(predictions)


class TableFormat(StrEnum):
    """How ``compare`` prints its table."""

    terminal = "terminal"
    csv = "csv"
    json = "json"
    latex = "latex"
    markdown = "markdown"


def compare(
    runs: Runs,
    baseline: Annotated[
        str | None, typer.Option("--baseline", "-b", help="Row that the others are compared with. [softmax]")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help="Only runs with this setting, e.g. lam=0.01,1; may be repeated.", show_default=False),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="One row a run, and the accuracy of each class.")] = False,
    form: Annotated[TableFormat, typer.Option("--format", "-f", help="Of the table.")] = TableFormat.terminal,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Compare configurations over seeds and images, one row each. Example: dacl-edu compare runs/demo

    Differences are those to the baseline, over the seeds that both have, with a 95 % interval and Holm's p. A study
    that is kept in small files (docs/sweeps.md) is a folder of runs too.
    """
    from dacl_edu.runs.matching import matching
    from dacl_edu.runs.run import read_run
    from dacl_edu.runs.standing import how_far
    from dacl_edu.runs.study import is_study, load_study

    studies = [place for place in runs if is_study(place)]
    small = [run for place in studies for run in load_study(place)]
    others = [place for place in runs if place not in studies]
    folders = _run_folders(others, finished=True) if others else []
    for folder in folders:
        folder.result()  # one that is named and not finished is an error
    found = matching([*small, *(read_run(folder.path) for folder in folders)], where or ())
    results = [run.result for run in found]
    form = TableFormat.json if as_json else form
    if each:
        if form is TableFormat.json:
            print(json.dumps(results, indent=2))
        else:
            from dacl_edu.evaluation.tables import result_tables

            Console().print(result_tables(results))
        return
    damaged = [run for run in found if not run.finished]
    if len(damaged) < len(found):  # of several, the others go on
        for run in damaged:
            _say(f"left out: {run.folder}: {' '.join(run.missing)}")
        found = [run for run in found if run.finished]
    print_comparison(found, baseline, form, first=how_far(found))


def print_comparison(
    runs: Sequence[Run], baseline: str | None = None, form: TableFormat = TableFormat.terminal, first: str = ""
) -> None:
    """Print one row a configuration, and the sentence that one may honestly say; in a terminal ``first`` before."""
    from dacl_edu.runs.comparison import OTHER_P, compare_configurations
    from dacl_edu.runs.comparison_table import for_terminal, written

    found = compare_configurations(runs, baseline)
    if form is not TableFormat.terminal:
        print(written(found, form.value))
        return
    if first:
        print(textwrap.fill(first, 80))
    Console(width=80).print(for_terminal(found))
    print(textwrap.fill(found.sentence, 80))
    if any(row.difference and row.difference.seeds > 1 for row in found.rows):
        print(textwrap.fill(OTHER_P, 80))


def _run_folders(places: list[Path], finished: bool = False) -> list[RunFolder]:
    """Return the runs in or below some folders; of what lies beside them, as in ``runs/*``, is said that it is no run.

    A run that is named itself is taken in any case, one below a folder only if it has finished, where that is asked.
    """
    from dacl_edu.runs.folder import RunFolder, find_run_folders
    from dacl_edu.runs.run import papers_order

    found: list[RunFolder] = []
    for place in places:
        if os.path.isfile(place) and len(places) > 1:
            below = []
        else:
            below = [RunFolder(folder) for folder in find_run_folders([place])]
        if [folder.path for folder in below] != [place]:
            waits = [folder for folder in below if finished and not folder.result_file.is_file()]
            for folder in waits:
                _say(f"left out: {folder.path} (not finished)")
            below = [folder for folder in below if folder not in waits and _is_sound(folder, finished)]
            below.sort(key=lambda folder: papers_order(folder.config()))
            if not below and not waits and len(places) > 1:
                _say(f"left out: {place} (no run)")
        found += below
    if not found:
        raise UserError(
            f"no {'finished ' if finished else ''}run in {', '.join(map(str, places))}",
            hint="name run folders, or a folder that holds them; dacl-edu demo trains three",
        )
    return found


def _is_sound(folder: RunFolder, finished: bool) -> bool:
    """Whether a run can be read; if not, it is said and the others go on."""
    try:
        folder.config()
        if finished:
            folder.result()
    except UserError as error:
        _say(f"left out: {error}")
        return False
    return True


def _say(line: str) -> None:
    print(line, file=sys.stderr)

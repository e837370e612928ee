"""``dacl-edu sweep``: the runs of a plan, as many at once as fit."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dacl_edu.errors import UserError
from dacl_edu.files import read_object

if TYPE_CHECKING:
    from dacl_edu.sweep.plan import Cell
    from dacl_edu.sweep.run import Outcome

USAGE = "dacl-edu sweep plan.toml --out runs/sweep, or dacl-edu sweep status plan.toml --out runs/sweep"


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command(name="sweep")(sweep)


def sweep(
    words: Annotated[list[str], typer.Argument(metavar="[status] PLAN", help="A plan in TOML.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of all runs.")] = Path("runs/sweep"),
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", min=1, max=512, help="Runs at once on this machine. [what fits]")
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler, e.g. tcp://10.0.0.5:8786: its workers run them.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the runs and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
) -> None:
    """Train every run of a plan. Example: dacl-edu sweep plan.toml --out runs/sweep

    What is done is skipped and what is half done goes on, so the same command continues after any interruption.
    dacl-edu sweep status plan.toml says how far it is; dacl-edu compare runs/sweep compares what is there.
    """
    from dacl_edu.sweep.plan import read_plan
    from dacl_edu.sweep.run import ERRORS, state_of

    status = words[0] == "status" and len(words) == 2
    if len(words) != 1 and not status:
        raise UserError(f"one plan is needed, not {len(words)} words", hint=USAGE)
    cells = read_plan(words[-1], say=lambda line: print(line, file=sys.stderr))
    if status or dry_run:
        states = {cell.name: state_of(cell, out) for cell in cells}
        errors: dict[str, object] = {}
        with suppress(OSError, ValueError):  # none, or damaged: the states are said all the same
            errors = read_object(out / ERRORS)
        states |= {n: str(words) for n, words in errors.items() if states.get(n) not in ("done", "running", None)}
        if as_json:
            print(json.dumps(states, indent=2))
            return
        for name, state in states.items():
            print(f"{state:<8} {name}")
        print(", ".join(f"{n} {state}" for state, n in Counter(states.values()).items()))
        return
    try:
        outcomes = run_visibly(cells, out, workers, scheduler)
    except KeyboardInterrupt:
        print(f"interrupted; finished epochs are in {out}. The same command continues", file=sys.stderr)
        raise typer.Exit(130) from None
    if as_json:
        print(json.dumps([outcome._asdict() for outcome in outcomes], indent=2))
    else:
        print(", ".join(f"{n} {state}" for state, n in Counter(o.state for o in outcomes).items()))
        for outcome in outcomes:
            if outcome.state in ("failed", "held"):
                print(f"{outcome.name}: {outcome.words}")
        if any(outcome.state in ("done", "skipped") for outcome in outcomes) and cells[0].config:
            print(shlex.join(["dacl-edu", "compare", str(out)]))
    if any(outcome.state in ("failed", "held") for outcome in outcomes):
        raise typer.Exit(1)


def run_visibly(
    cells: Sequence[Cell], out: Path, workers: int | None = None, scheduler: str | None = None
) -> list[Outcome]:
    """Run cells with a bar and one line a finished cell, on standard error. As :func:`run_cells`."""
    from dacl_edu.sweep.run import epochs_done, run_cells

    console = Console(stderr=True, highlight=False)
    with Progress(
        TextColumn("epochs"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not sys.stderr.isatty(),
    ) as bar:  # fmt: skip
        task = bar.add_task(
            "", total=sum(cell.epochs for cell in cells), completed=sum(epochs_done(c, out) for c in cells)
        )
        return run_cells(
            cells, out, workers, scheduler,
            say=lambda line: console.print(line, markup=False, soft_wrap=True),
            on_progress=lambda done: bar.update(task, completed=done),
        )  # fmt: skip

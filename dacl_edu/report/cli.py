"""``dacl-edu report``: one page about some runs."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from dacl_edu import paths


def register(app: typer.Typer) -> None:
    """Add ``report`` to the command line."""
    app.command(name="report")(report_command)


def report_command(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders that hold several.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The page.")] = Path("report.html"),
    png: Annotated[bool, typer.Option("--png", help="Write every figure as PNG too, beside the page.")] = False,
    png_folder: Annotated[
        Path | None, typer.Option("--png-to", help="Write every figure as PNG into this folder.")
    ] = None,
) -> None:
    """Write a self-contained page with every figure. Example: dacl-edu report runs/demo --out report.html"""
    from rich.console import Console

    from dacl_edu.report.write import write_report

    folder = png_folder or (out.with_name(f"{out.stem}-figures") if png else None)
    console = Console(stderr=True, highlight=False)
    command = shlex.join(["dacl-edu", *sys.argv[1:]])
    with console.status("reading the runs") as status:

        def say(step: str) -> None:
            if console.is_terminal:
                status.update(step)
            else:
                console.print(f"report: {step}", soft_wrap=True)

        page = write_report(runs, out, folder, command, paths.cache(), say)
    if folder is not None:
        print(folder)
    print(page)

"""``dacl-edu faces``: render faces from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="faces",
    help="Render faces with known expressions, identities, poses, lights and occlusions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.callback()
def _faces() -> None:
    """Render faces with known expressions, identities, poses, lights and occlusions."""


@app.command()
def render(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the new set; an interrupted one is finished.")],
    count: Annotated[int, typer.Option(help="Images: 70 % train, 10 % val, 20 % test.")] = 1000,
    size: Annotated[int, typer.Option(help="Side in pixels.")] = 112,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes, on the same versions.")] = 0,
    wildness: Annotated[float, typer.Option(help="0 (textbook faces in a studio) to 1 (wild).")] = 0.5,
    factors: Annotated[str, typer.Option(help="Factors with fixed values, e.g. yaw=0,occlusion=none.")] = "",
    processes: Annotated[int, typer.Option(help="Processes that render at once.")] = 1,
    format: Annotated[str, typer.Option(help="jpg or png.")] = "jpg",
) -> None:
    """Render a set that --data folder reads. Example: dacl-edu faces render --count 2000 --size 64 --out data/mine"""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from dacl_edu_faces.factors import parse_pins
    from dacl_edu_faces.generate import RenderJob, render_set

    job = RenderJob(count, size, seed, wildness, parse_pins(factors), format)
    columns = (TextColumn("rendering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("rendering", total=None)
        try:
            rendered = render_set(
                job, out, processes, lambda done, total: progress.update(task, completed=done, total=total)
            )
        except KeyboardInterrupt:
            progress.stop()
            typer.echo(f"interrupted; {out} keeps what is done. Continue with the same command", err=True)
            raise typer.Exit(130) from None
    print(f"{out}: {rendered} images rendered, {count - rendered} were there")

"""``dacl-edu explore`` and ``dacl-edu explain``: in the browser, without a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dacl_edu.errors import UserError
from dacl_edu.files import replace_text, require_place
from dacl_edu.widgets import EXPLORERS


def register(app: typer.Typer) -> None:
    """Add ``explore`` and ``explain`` to the command line."""
    app.command(name="explore")(explore)
    app.command(name="explain")(explain)


def explore(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(EXPLORERS)}.", show_default=False)] = "",
    folders: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUNS]...",
            help="Run folders, or folders that hold several. [default: the project's]",
            show_default=False,
        ),
    ] = None,
    runs: Annotated[
        list[str] | None, typer.Option(help="The same, as an option; may be given several times.", show_default=False)
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port; the next free one if it is in use.")] = 8866,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    list_them: Annotated[bool, typer.Option("--list", "-l", help="Say what there is, and leave.")] = False,
) -> None:
    """Serve an explorer as a page on this machine, until Ctrl-C. Example: dacl-edu explore loss-lab --open

    With your own runs: dacl-edu explore confusion runs/demo
    """
    if list_them:
        for known, entry in EXPLORERS.items():
            print(f"{known:<12}{entry.says}{' (takes runs)' if entry.takes_runs else ''}")
        return
    if not name:
        raise UserError("name an explorer", hint=f"one of {', '.join(EXPLORERS)}; --list says what they show")
    from dacl_edu.widgets.pages import serve

    serve(name, [*(folders or []), *(runs or [])], port, open_browser, lambda line: print(line, flush=True))
    print("stopped")


def explain(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Run folders, or folders that hold several. [default: those of the project]", show_default=False
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The page.")] = Path("explain.html"),
    images: Annotated[
        Path | None, typer.Option(help="Show these faces: a folder of images, or of folders named as the classes.")
    ] = None,
) -> None:
    """Write a page that follows one face through the paper. Example: dacl-edu explain runs/demo --out page.html

    It is one file, opens offline, and holds the faces that it shows: whoever gets the page gets them. Of a run it shows
    the one epoch whose network the run folder keeps (snapshots keep no network). A run of another loss than the paper's
    says so, with its own loss beside Eq. 4.
    """
    from dacl_edu.widgets.explainer import shipped_payload
    from dacl_edu.widgets.explainer.page import explainer_page

    if images is not None and not runs:
        raise UserError("--images needs a run, whose network looks at them", hint="name a run folder")
    require_place(out)
    if runs:
        from dacl_edu.widgets.explainer.runs import runs_payload

        data = runs_payload(runs, images)
    else:
        data = shipped_payload()
    replace_text(out, explainer_page(data))
    print(out)

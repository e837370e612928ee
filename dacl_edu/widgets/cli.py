"""``dacl-edu explore``: an explorer in the browser, without a notebook."""

from __future__ import annotations

from typing import Annotated

import typer

from dacl_edu.errors import UserError
from dacl_edu.widgets import EXPLORERS


def register(app: typer.Typer) -> None:
    """Add ``explore`` to the command line."""
    app.command(name="explore")(explore)


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

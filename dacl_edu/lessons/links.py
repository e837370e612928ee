"""Links and pictures of a lesson that was executed elsewhere: they lead from its new place to where they led before."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from dacl_edu.files import replace_text, replacing

PICTURES = "drawings"
"""Folder beside the executed copy for the pictures that it shows."""
_SHOWN = {".svg", ".png", ".jpg", ".jpeg", ".gif", ".webp"}
_TARGET = re.compile(r"""(\]\(\s*<?|\b(?:src|href)\s*=\s*["'])(?!/|[A-Za-z][\w+.-]*:)([^\s"'<>()#?]+)""")


def keep_links(copy: Path, home: Path) -> None:
    """Let the links of a notebook work that was written in ``home`` and now lies elsewhere.

    A link becomes the path from the copy to the file. A picture is copied beside it: a page of JupyterLab shows nothing
    from outside the folder in which JupyterLab was started, and no SVG as an attachment. What names no file in reach of
    ``home`` (an address, an anchor) is left alone, and so is all code.

    Parameters
    ----------
    copy : Path
        The executed notebook; written anew.
    home : Path
        The folder that its links are meant from.
    """
    import nbformat

    here, home = copy.parent.resolve(), home.resolve()
    if here == home:
        return

    def leads(match: re.Match[str]) -> str:
        file = home / unquote(match[2])
        if not file.exists():
            return match[0]
        if file.suffix.lower() not in _SHOWN:
            return match[1] + _way(file, here)
        place = here / PICTURES / file.name
        place.parent.mkdir(exist_ok=True)
        with replacing(place) as beside:
            beside.write_bytes(file.read_bytes())
        return f"{match[1]}{PICTURES}/{quote(file.name)}"

    notebook = nbformat.read(copy, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _TARGET.sub(leads, cell.source)
        for output in cell.get("outputs", []):
            if "text/markdown" in output.get("data", {}):
                output.data["text/markdown"] = _TARGET.sub(leads, output.data["text/markdown"])
    replace_text(copy, nbformat.writes(notebook) + "\n")


def _way(file: Path, here: Path) -> str:
    """Return the address of a file from a folder: a relative path, a file URI where another drive allows none."""
    try:
        return quote(Path(os.path.relpath(file.resolve(), here)).as_posix())
    except ValueError:
        return file.resolve().as_uri()

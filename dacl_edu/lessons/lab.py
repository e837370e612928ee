"""``dacl-edu lab``: the lessons in a folder of the user's, opened in JupyterLab on this machine only."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dacl_edu import paths
from dacl_edu.errors import UserError
from dacl_edu.files import replacing, write_json
from dacl_edu.text import counted

FOLDER = Path("dacl-edu-lessons")
FIRST = "notebooks/00_start_here.ipynb"
COPIED = (
    "notebooks/*.ipynb", "notebooks/drawings/*.svg", "notebooks/assignments/release/*/*.ipynb", "docs/*.md",
    "docs/pictures/*.svg", "data/README.md",
)  # fmt: skip
"""Lessons, students' versions of the assignments, and what they point to. Shipped runs and faces stay where
they are: the lessons find them there."""

RECORD = ".dacl-edu-lessons.json"
"""In the user's folder: the SHA-256 of each file as it was put there, so that a changed one is known."""

_CONTENTS = "jupyter_server.services.contents.largefilemanager.AsyncLargeFileManager"
_SETTINGS = {
    # It asks another host for news.
    "labconfig/page_config.json": {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}},
    # Where jupytext is installed it would write a lesson's text anew each time that a reader saves.
    "jupyter_server_config.json": {"ServerApp": {"jpserver_extensions": {"jupyterlab_jupytext": False}}},
}
"""For the server that is started here, whatever else is set on this machine."""


def register(app: typer.Typer) -> None:
    """Add ``lab`` to the command line."""
    app.command(name="lab")(lab)


def lab(
    folder: Annotated[Path, typer.Argument(help="Where your copy of the lessons is, or will be.")] = FOLDER,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Open the project's own lessons, not a copy: for who edits them.")
    ] = False,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
) -> None:
    """Copy the lessons and open JupyterLab on the first. Example: dacl-edu lab ~/dacl

    Called again, it keeps what you changed: a new version of such a lesson is laid beside it.
    """
    if in_place:
        if paths.CHECKOUT is None:
            raise UserError("--in-place is for a checkout of the project", "leave it out: you get a copy of your own")
        folder = paths.CHECKOUT
    else:
        for line in copy_lessons(folder):
            print(line)
    print("JupyterLab starts; Ctrl-C ends it.", flush=True)
    open_jupyterlab(folder, browser)


def copy_lessons(folder: str | Path) -> list[str]:
    """Put the lessons into a folder, or bring those there up to date; return what happened, a line each.

    A file that the user has not touched is replaced by the new version. One that was changed is kept, and the new
    version is laid beside it under the name ``new-…``, once. One that is not there is put there.

    Parameters
    ----------
    folder : path
        Made if missing. Below it are ``notebooks/`` and ``docs/`` as in the repository, so that links hold and runs of
        the lessons, ``../runs/…`` for them, are in the folder too.

    Raises
    ------
    UserError
        The folder cannot be made or written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(copy_lessons(folder)[0].startswith("Lessons are in"), copy_lessons(folder)[1:])
    True []
    """
    folder = Path(folder).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _copied(folder, _record(folder / RECORD))
    except OSError as error:
        raise UserError(f"{folder}: cannot write there ({error.strerror})", "name another folder") from error


def _copied(folder: Path, known: dict[str, str]) -> list[str]:
    lines, updated, given = [f"Lessons are in {folder}."], 0, dict(known)
    for name in (file.relative_to(paths.HOME) for pattern in COPIED for file in sorted(paths.HOME.glob(pattern))):
        source, target, before = paths.HOME / name, folder / name, known.get(name.as_posix())
        digest = given[name.as_posix()] = _digest(source)
        if target.is_file() and _digest(target) not in (digest, before):  # the user's work
            if digest != before:
                beside = _free(target, digest)
                _put(source, beside)
                lines.append(f"{name}: you changed it, so it stays; the new version is beside it, {beside.name}.")
        elif not target.is_file() or _digest(target) != digest:
            updated += target.is_file()
            _put(source, target)
    if updated:
        lines.append(f"Brought up to date: {counted([updated], 'file')} that you had not changed.")
    write_json(folder / RECORD, given)
    return lines


def _free(target: Path, digest: str) -> Path:
    """Return a name beside that nothing has, or that the same version has. Lessons are found by their number."""
    number = 1
    while True:
        beside = target.with_name(f"new-{f'{number}-' if number > 1 else ''}{target.name}")
        if not beside.exists() or _digest(beside) == digest:
            return beside
        number += 1


def _put(source: Path, target: Path) -> None:
    """Copy in one step: an interrupted copy must not look like the user's work."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as beside:
        shutil.copyfile(source, beside)  # without the mode: what is installed may be read-only


def _record(file: Path) -> dict[str, str]:
    """Return what was put there; nothing where the record is missing or damaged, so that every file there is kept."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def open_jupyterlab(folder: Path, browser: bool = True) -> None:
    """Serve a folder by JupyterLab on 127.0.0.1, until Ctrl-C, and open the first lesson.

    Raises
    ------
    UserError
        JupyterLab is not installed.
    """
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise UserError(f"{error.name} is not installed", "pip install 'dacl-edu[notebooks]'") from error
    words = ["--ip=127.0.0.1", f"--ServerApp.root_dir={folder.expanduser().resolve()}"]
    words += [f"--LabApp.default_url=/lab/tree/{FIRST}", f"--ServerApp.contents_manager_class={_CONTENTS}"]
    words += ["--log-level=WARN"]  # its address is said at a higher level, and else drowns in forty lines
    words += [] if browser else ["--no-browser"]
    words += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="dacl-edu-") as config:
        for name, settings in _SETTINGS.items():
            file = Path(config) / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(settings), encoding="utf-8")
        paths_before = os.environ.get("JUPYTER_CONFIG_PATH", "")
        os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, [config, paths_before]))
        try:
            LabApp.launch_instance(words)
        finally:
            os.environ["JUPYTER_CONFIG_PATH"] = paths_before

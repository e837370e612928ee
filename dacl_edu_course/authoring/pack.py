"""The students' repository as an archive: lessons, released assignments and checks; no solution, no hidden test."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from dacl_edu import paths
from dacl_edu.errors import UserError
from dacl_edu.files import replacing, require_place
from dacl_edu_course.authoring.assignment import Assignment, every_string, leaked_lines
from dacl_edu_course.authoring.release import find_sources

_TOP = (
    *("Makefile", "pyproject.toml", "requirements.lock", "environment.yml", "README.md", "LICENSE", "CITATION.cff"),
    *("dacl_edu", "dacl_edu_course", "dacl_edu_faces", "docs", "data/README.md", "data/faces", "notebooks"),
)
_NOT = ("__pycache__", "assignments", "runs", "exported")
_ROOT = PurePosixPath("dacl-edu")
_RELEASE = "notebooks/assignments/release"


def write_pack(out: str | Path, course: str | Path = "course") -> int:
    """Write the archive and return how many files are in it.

    Parameters
    ----------
    out : path
        Ends in ``.zip``.
    course : path, default "course"
        Its released assignments are packed; those of the project where there is no such course.

    Raises
    ------
    UserError
        There is no checkout to pack, nothing is released, or a file would show a hidden test.
    """
    home = paths.CHECKOUT
    if home is None:
        raise UserError("an installed package has no repository to pack", hint="run it in a checkout of the project")
    ours = paths.assignments() / "release"
    released = Path(course) / "release" if (Path(course) / "release").is_dir() else ours
    if not find_sources(released):
        raise UserError(f"{released}: nothing is released", hint="dacl-edu course release a1")
    files = {path.relative_to(home).as_posix(): path for top in _TOP for path in _below(home / top)}
    for path in _below(released):
        files[f"{_RELEASE}/{path.relative_to(released).as_posix()}"] = path
    _refuse_leaks(files, find_sources(paths.assignments() / "source"), find_sources(Path(course) / "source"))
    require_place(Path(out))
    with replacing(Path(out)) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(files.items()):
            archive.write(path, str(_ROOT / name))
    return len(files)


def _below(top: Path) -> Iterator[Path]:
    if top.is_file():
        yield top
    for place, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if name not in _NOT and not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))


def _refuse_leaks(files: dict[str, Path], ours: list[Path], theirs: list[Path]) -> None:
    """No line of a hidden test anywhere, no line of a solution in an assignment.

    A course's own hidden `loss.backward()` is no secret of the project's files: it is looked for beside its notebook.
    """
    project, course = (list(map(Assignment.load, sources)) for sources in (ours, theirs))
    everywhere = {line for assignment in project for line in assignment.hidden_lines}
    for name, path in files.items():
        if path.suffix not in (".py", ".ipynb", ".md"):
            continue
        folder = name.removeprefix(f"{_RELEASE}/").partition("/")[0] if name.startswith(f"{_RELEASE}/") else ""
        own = [each for each in (*project, *course) if each.name == folder]
        hidden = everywhere.union(*(each.hidden_lines for each in own))
        text = path.read_text(encoding="utf-8")
        packed = "".join(text.split())
        leaks = [line for line in hidden if line in packed]
        if own and path.suffix == ".ipynb":
            import nbformat

            shown = every_string(nbformat.read(path, as_version=4))
            leaks += [line for each in own if each.name == path.stem for line in leaked_lines(each, shown)]
        if leaks:
            raise UserError(
                f"{path}: students would see {sorted(leaks)[0][:80]!r}", hint="take it out, or release it again"
            )

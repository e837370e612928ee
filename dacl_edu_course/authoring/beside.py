"""Files beside a source notebook, modules of checks and data: which of them students get, and without what."""

from __future__ import annotations

import re
from pathlib import Path

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import SOLUTION, Assignment, Cell, leaked_lines, visible_source


def files_beside(source: Path) -> list[Path]:
    """Return what an author keeps beside a notebook, below its folder; neither the notebook nor its text form.

    Parameters
    ----------
    source : Path
        ``NAME/NAME.ipynb``.
    """
    parts = [path.relative_to(source.parent) for path in sorted(source.parent.rglob("*")) if path.is_file()]
    ours = {Path(source.name), Path(f"{source.stem}.py")}
    odd = ("__pycache__", ".")
    return [part for part in parts if part not in ours and not any(name.startswith(odd) for name in part.parts)]


def shown_beside(assignment: Assignment) -> dict[Path, bytes]:
    """Return the files that students get, by their places beside the notebook.

    Students get what their notebook, or a module that they get, names: an import in a hidden test gives nothing away.
    In a module the regions ``### BEGIN SOLUTION`` and ``### BEGIN HIDDEN TESTS`` go, as in a cell.

    Parameters
    ----------
    assignment : Assignment

    Raises
    ------
    UserError
        A file would show a line of a solution or of a hidden test.
    """
    folder = assignment.path.parent
    left = files_beside(assignment.path)
    texts = ["\n".join(visible_source(cell) for cell in assignment.cells)]
    shown: dict[Path, bytes] = {}
    for text in texts:  # grows
        for part in [part for part in left if _names(text, part)]:
            left.remove(part)
            content = (folder / part).read_bytes()
            if part.suffix == ".py":
                texts.append(_without_secrets(content.decode("utf-8")))
                content = texts[-1].encode()
            _refuse_leaks(assignment, part, content)
            shown[part] = content
    return shown


def _names(text: str, part: Path) -> bool:
    word = part.stem if part.suffix == ".py" and len(part.parts) == 1 else part.name
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _without_secrets(text: str) -> str:
    return visible_source(Cell("", "solution" if SOLUTION[0] in text else "given", "code", text))


def _refuse_leaks(assignment: Assignment, part: Path, content: bytes) -> None:
    found = leaked_lines(assignment, content.decode("utf-8", "replace"))
    leaks = [line for line in found if line != "hidden_seeds"]  # whose name a check may know
    if leaks:
        raise UserError(
            f"{assignment.name}: students get {part}, and it shows {leaks[0][:80]!r}",
            hint="put it between ### BEGIN SOLUTION and ### END SOLUTION, or import it in hidden tests alone",
        )

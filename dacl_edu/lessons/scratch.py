"""A student's own program, out of the cells of a lesson."""

from __future__ import annotations

import re
from pathlib import Path

_STAND_IN = re.compile(r"^(\w+) = attempt\(\1, (\w+).*\n?", re.MULTILINE)


def own_code(notebook: str | Path) -> str:
    """Return the program that a lesson's cells tagged ``scratch`` make up, as the text of a module.

    Of an exercise it takes the student's cell; where that still ends in ``raise NotImplementedError()``, the folded
    answer under the name of the exercise.

    Parameters
    ----------
    notebook : path
        As it was last saved.

    Returns
    -------
    str
        It needs what its own cells import, and nothing of the lesson.

    Examples
    --------
    >>> from dacl_edu.paths import lessons
    >>> program = own_code(lessons() / "08_from_scratch.ipynb")
    >>> "class SparseCenterLoss" in program, "attempt(" in program
    (True, False)
    """
    import nbformat

    parts, unwritten = [], False
    for cell in nbformat.read(notebook, as_version=4).cells:
        if "scratch" not in cell.metadata.get("tags", []):
            continue
        if cell.metadata.get("jupyter", {}).get("source_hidden"):  # the folded answer to the cell before
            if unwritten:
                parts.append(_renamed(cell.source))
        elif not (unwritten := "raise NotImplementedError()" in cell.source):
            parts.append(cell.source.strip())
    return "\n\n\n".join(parts) + "\n"


def _renamed(folded: str) -> str:
    for mine, answer in _STAND_IN.findall(folded):
        folded = re.sub(rf"\b{answer}\b", mine, _STAND_IN.sub("", folded))
    return "\n".join(line for line in folded.strip().splitlines() if not line.startswith("#"))

"""What each student sees at home: the notebook run from top to bottom in a process of its own, without the grader.

The sandbox has no part in it: the cells run as in Jupyter, the check cells as the student has them.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from class_of_100.solved import Notebook


def local_verdicts(notebooks: Sequence[tuple[str, Notebook, Notebook]], jobs: int = 0) -> dict[str, dict[str, bool]]:
    """Return for each student which questions are green.

    Parameters
    ----------
    notebooks : sequence of (str, NotebookNode, NotebookNode)
        Student, what is handed in, what was given out.
    jobs : int, default 0
        At a time; 0: one a processor.
    """
    import torch  # noqa: F401  # once, before the processes part

    fork = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="dacl-edu-home-") as homes:
        start = {"initializer": _quiet, "initargs": (homes,), "maxtasksperchild": 1}
        with fork.Pool(jobs or os.cpu_count(), **start) as pool:  # type: ignore[arg-type]
            return dict(pool.map(_verdicts, notebooks, chunksize=1))


def _quiet(homes: str) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    for handle in (1, 2):
        os.dup2(null, handle)
    os.chdir(tempfile.mkdtemp(dir=homes))
    # torch.compile needs a compiler of C++, which a student may have and a machine that tests may not.
    os.environ.update(MPLBACKEND="agg", TORCHDYNAMO_DISABLE="1")


def _verdicts(handed_in: tuple[str, Notebook, Notebook]) -> tuple[str, dict[str, bool]]:
    from IPython.core.interactiveshell import InteractiveShell

    student, notebook, given = handed_in
    shell = InteractiveShell()
    shell.run_cell("import sys\nsys.path.insert(0, '')")
    untouched = {cell.source for cell in given.cells if {"setup", "not-graded"} & set(cell.metadata.get("tags", []))}
    tests = {cell.source: _question(cell) for cell in given.cells if _question(cell)}
    green: dict[str, bool] = {}
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.source not in untouched]
    checks = {cell: question for cell in cells for source, question in tests.items() if source in cell}
    for cell in cells:
        ran = shell.run_cell(cell).success
        if cell in checks:
            green[checks[cell]] = ran
    for cell, question in checks.items():  # whoever wrote an answer below its check runs the check again
        green[question] = green[question] or shell.run_cell(cell).success
    return student, green


def _question(cell: Any) -> str:
    meta: Mapping[str, Any] = cell.metadata.get("nbgrader", {})
    return str(meta.get("grade_id", "")).removeprefix("test_") if meta.get("grade") and not meta.get("solution") else ""

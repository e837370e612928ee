"""An assignment for Otter-Grader: the notebook that ``otter assign`` takes.

Otter executes a student's cells and its tests in one process. It has the checks and the points, and none of what keeps
``dacl-edu course grade`` from trusting a submission.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dacl_edu_course.authoring.assignment import HIDDEN, SOLUTION, Assignment, Cell, Question, visible_source

_CONFIG = """# ASSIGNMENT CONFIG
name: {name}
init_cell: true
check_all_cell: true
export_cell: true
tests:
  ok_format: false
"""


def export(assignment: Assignment, folder: str | Path) -> Path:
    """Write ``folder/NAME.ipynb`` for ``otter assign NAME.ipynb OUT``.

    A question becomes an otter question with two tests that share its points: the call that students see, and the
    hidden one with other numbers. A cell that a person marks becomes a manual question.

    Parameters
    ----------
    assignment : Assignment
    folder : path
        Made if missing.

    Returns
    -------
    Path
    """
    import nbformat
    from nbformat.v4 import new_notebook

    by_solution = {question.solution.id: question for question in assignment.questions}
    cells = [_raw(_CONFIG.format(name=assignment.name))]
    for cell in assignment.cells:
        if cell.kind in ("solution", "manual") and cell.id in by_solution:
            cells.extend(_question(by_solution[cell.id]))
        elif cell.kind != "test":
            cells.append(_same(cell))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    path = Path(folder) / f"{assignment.name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    return path


def functions_of(question: Question) -> tuple[str, str]:
    """Return the visible and the hidden test as functions of the student's own function, which otter passes by name.

    Examples
    --------
    >>> test = Cell("test_f", "test", "code", "ask(f)\\n### BEGIN HIDDEN TESTS\\nask(f, 7)\\n### END HIDDEN TESTS", 2.0)
    >>> shown, hidden = functions_of(Question("f", "", 2.0, Cell("f", "solution", "code", "def f(): 1"), test))
    >>> print(shown)
    \"\"\" # BEGIN TEST CONFIG
    points: 1.0
    hidden: false
    \"\"\" # END TEST CONFIG
    def test_f(env):
        globals().update(env)
        ask(f)
    """
    assert question.test is not None
    whole = [line for line in question.test.source.splitlines() if HIDDEN[0] not in line and HIDDEN[1] not in line]
    shown = visible_source(question.test).splitlines()
    return (
        _function(question.test.id, shown, question.points / 2, hidden=False),
        _function(f"{question.test.id}_hidden", whole, question.points / 2, hidden=True),
    )


def _function(name: str, lines: list[str], points: float, hidden: bool) -> str:
    body = "\n".join(f"    {line}" if line.strip() else "" for line in lines)
    config = f'""" # BEGIN TEST CONFIG\npoints: {points}\nhidden: {str(hidden).lower()}\n""" # END TEST CONFIG'
    return f"{config}\ndef {name}(env):\n    globals().update(env)\n{body}"


def _question(question: Question) -> list[Any]:
    from nbformat.v4 import new_code_cell, new_markdown_cell

    solution, manual = question.solution, question.test is None
    head = f"# BEGIN QUESTION\nname: {question.name}\npoints: {question.points:g}"
    answer = [_raw("# BEGIN SOLUTION")]
    if solution.cell_type == "code":
        answer.append(new_code_cell(_in_otters_words(solution.source)))
    else:
        answer.append(new_markdown_cell(_without_markers(solution.source)))
    answer.append(_raw("# END SOLUTION"))
    tests: list[Any] = []
    if not manual:
        tests = [_raw("# BEGIN TESTS"), *map(new_code_cell, functions_of(question)), _raw("# END TESTS")]
    return [_raw(f"{head}\nmanual: true" if manual else head), *answer, *tests, _raw("# END QUESTION")]


def _in_otters_words(source: str) -> str:
    """``### BEGIN SOLUTION`` becomes ``# BEGIN SOLUTION``; the stub raises, as in nbgrader's version."""
    lines: list[str] = []
    for line in source.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        if SOLUTION[0] in line:
            lines.append(f"{indent}# BEGIN SOLUTION")
        elif SOLUTION[1] in line:
            lines.extend([f"{indent}# END SOLUTION", f'{indent}""" # BEGIN PROMPT'])
            lines.extend([f"{indent}raise NotImplementedError()", f'{indent}""" # END PROMPT'])
        else:
            lines.append(line)
    return "\n".join(lines)


def _without_markers(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if not line.startswith("### "))


def _same(cell: Cell) -> Any:
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

    make: Any = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}[cell.cell_type]
    return make(cell.source, metadata={"tags": sorted(cell.tags)} if cell.tags else {})


def _raw(source: str) -> Any:
    from nbformat.v4 import new_raw_cell

    return new_raw_cell(source)

"""Rules that every stored notebook keeps, each a function from a notebook to a list of complaints.

Run by ``tests/notebooks``, where each is shown to catch a planted fault, and by ``tools/notebooks.py``.
"""

from __future__ import annotations

import ast
import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from tools.notebook_cells import (
    FENCE,
    IMAGES,
    asserts,
    code_cells,
    computes,
    headings_of,
    is_constant,
    is_folded,
    name_of,
    sections_of,
    speaks,
    tags_of,
    texts_of,
)

Notebook = Any
Gate = Callable[[Notebook], list[str]]

OUTPUT_LIMIT = 200_000
NOTEBOOK_LIMIT = 1_000_000
COLUMNS = 88
_PLOTLY = "application/vnd.plotly.v1+json"
_ABSOLUTE = re.compile(r"(?<![\w./:])(/(home|Users|root|tmp|work|var|opt|mnt|content|private)/[\w.-]+|[A-Z]:\\\\?\w+)")
_REMOTE = re.compile(r"!\[[^\]]*\]\(\s*https?:|<img[^>]+src\s*=\s*[\"']?https?:|url\(\s*[\"']?https?:", re.I)
_EMPTY_ALT = re.compile(r"!\[\s*\]\(|<img(?![^>]*\balt\s*=\s*[\"'][^\"']+)[^>]*>", re.I)
_STANDS_IN = re.compile(r"^(\w+) = attempt\(\1, ", re.MULTILINE)
_EFFORT = re.compile(r"\*(easy|medium|hard) · \d+ minutes\*")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{200,}")


def declared(notebook: Notebook) -> dict[str, Any]:
    """Return the notebook's own ``dacl_edu`` metadata: budget_seconds, mode, parameters.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> declared(v4.new_notebook(metadata={"dacl_edu": {"mode": "lax"}}))["mode"]
    'lax'
    """
    return notebook.metadata.get("dacl_edu", {})


def declaration(notebook: Notebook) -> list[str]:
    """A notebook declares ``dacl_edu: {budget_seconds: <number>, mode: strict|lax}``."""
    meta, problems = declared(notebook), []
    if not isinstance(meta.get("budget_seconds"), int | float) or meta.get("budget_seconds", 0) <= 0:
        problems.append("metadata dacl_edu.budget_seconds is missing")
    if meta.get("mode") not in ("strict", "lax"):
        problems.append("metadata dacl_edu.mode must be strict or lax")
    return problems


def executed(notebook: Notebook) -> list[str]:
    """Counts are 1, 2, 3, …; what prints or shows has an output; no output is an error."""
    problems = []
    for number, cell in enumerate(code_cells(notebook), start=1):
        if cell.execution_count != number:
            problems.append(f"{name_of(cell)}: execution count {cell.execution_count}, but must be {number}")
        if not cell.outputs and speaks(cell.source):
            problems.append(f"{name_of(cell)}: prints or shows something, but no output is stored")
        allowed = "raises-exception" in tags_of(cell)
        problems += [
            f"{name_of(cell)}: error output {o.ename}" for o in cell.outputs if o.output_type == "error" and not allowed
        ]
    return problems


def sections_assert(notebook: Notebook) -> list[str]:
    """In a lax notebook each section that computes asserts something: its outputs are not compared."""
    if declared(notebook).get("mode") != "lax":
        return []
    problems = []
    for title, cells in sections_of(notebook):
        exempt = {"setup", "parameters"}
        code = [c for c in cells if c.cell_type == "code" and not exempt & set(tags_of(c)) and computes(c.source)]
        if code and not any(asserts(c.source) for c in code):
            problems.append(f"section {title!r} computes, but asserts nothing")
    return problems


def no_widget_state(notebook: Notebook) -> list[str]:
    """No ``metadata.widgets``, and no stored widget view, which would point to a model that is gone."""
    problems = ["metadata.widgets is stored"] if "widgets" in notebook.metadata else []
    for cell in code_cells(notebook):
        if any("application/vnd.jupyter.widget-view+json" in o.get("data", {}) for o in cell.outputs):
            problems.append(f"{name_of(cell)}: a widget view is stored; run tools/notebooks.py")
    return problems


def no_absolute_paths(notebook: Notebook) -> list[str]:
    """No path of one machine in text, code or output."""
    return [
        f"{name_of(cell)}: absolute path {match.group()!r}"
        for cell in notebook.cells
        for text in texts_of(cell)
        if (match := _ABSOLUTE.search(_BASE64.sub("", text)))
    ]


def no_remote_images(notebook: Notebook) -> list[str]:
    """No picture that needs the network."""
    return [
        f"{name_of(cell)}: remote image"
        for cell in notebook.cells
        if any(_REMOTE.search(text) for text in texts_of(cell))
    ]


def small_outputs(notebook: Notebook) -> list[str]:
    """An output stays under 200 kB, a notebook under 1 MB."""
    problems = []
    for cell in code_cells(notebook):
        for output in cell.outputs:
            size = len(json.dumps(output))
            if size > OUTPUT_LIMIT:
                problems.append(f"{name_of(cell)}: an output of {size / 1000:.0f} kB, more than {OUTPUT_LIMIT // 1000}")
    size = len(nbformat.writes(notebook))  # as it lies on the disk, one number a line
    if size > NOTEBOOK_LIMIT:
        problems.append(f"the notebook has {size / 1000:.0f} kB, more than {NOTEBOOK_LIMIT // 1000}")
    return problems


def private(notebook: Notebook) -> list[str]:
    """No figure offers to upload itself, as plotly's own default does: use ``dacl_edu.lessons.display.show``."""
    return [
        f"{name_of(cell)}: a figure with plotly's upload button"
        for cell in code_cells(notebook)
        for output in cell.outputs
        if _PLOTLY in output.get("data", {})
        and output["data"][_PLOTLY].get("config", {}).get("showSendToCloud") is not False
    ]


def alt_text(notebook: Notebook) -> list[str]:
    """Every figure has words for those who cannot see it: use ``dacl_edu.lessons.display.show(figure, alt=...)``."""
    problems = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and _EMPTY_ALT.search(FENCE.sub("", cell.source)):
            problems.append(f"{name_of(cell)}: an image without alt text")
        for output in cell.get("outputs", []):
            data, metadata = output.get("data", {}), output.get("metadata", {})
            if _PLOTLY in data:
                alt = (data[_PLOTLY].get("layout", {}).get("meta") or {}).get("alt", "")
            elif any(kind in data for kind in IMAGES):
                alt = next((metadata[k].get("alt", "") for k in IMAGES if isinstance(metadata.get(k), dict)), "")
            else:
                continue
            if len(str(alt).strip()) < 15:
                problems.append(
                    f"{name_of(cell)}: a figure without alt text; show it with dacl_edu.lessons.display.show"
                )
    return problems


def headings(notebook: Notebook) -> list[str]:
    """One title, at the top; no level is skipped."""
    problems, previous, titles = [], 0, 0
    for level, title in headings_of(notebook):
        titles += level == 1
        if level > previous + 1:
            problems.append(f"heading {title!r} has level {level} after level {previous}")
        previous = level
    if titles != 1:
        problems.append(f"{titles} titles (level 1), but must be one")
    if not notebook.cells or not notebook.cells[0].source.lstrip().startswith("# "):
        problems.append("the first cell is not the title")
    return problems


def parameters(notebook: Notebook) -> list[str]:
    """Who declares ``parameters: true`` has one cell so tagged, of typed defaults only; others have none."""
    cells = [cell for cell in notebook.cells if "parameters" in tags_of(cell)]
    wanted = int(bool(declared(notebook).get("parameters")))
    if len(cells) != wanted:
        return [f"{len(cells)} cells tagged parameters, but must be {wanted}"]
    problems = []
    for cell in cells:
        for statement in ast.parse(cell.source).body:
            if not isinstance(statement, ast.AnnAssign) or not is_constant(statement.value):
                problems.append(f"parameters cell, line {statement.lineno}: not of the form  name: type = constant")
    return problems


def short_cells(notebook: Notebook) -> list[str]:
    """The median code cell has at most eight lines."""
    lengths = [
        len(c.source.splitlines()) for c in code_cells(notebook) if not {"setup", "parameters"} & set(tags_of(c))
    ]
    median = statistics.median(lengths) if lengths else 0
    return [f"the median code cell has {median:g} lines, more than 8"] if median > 8 else []


def frame(notebook: Notebook) -> list[str]:
    """A lesson opens with minutes and what it builds on; it ends with what to try and three questions."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown").lower()
    first = notebook.cells[0].source.lower() if notebook.cells else ""
    problems = [
        f"the first cell does not say {word!r}" for word in ("you can", "minutes", "builds on") if word not in first
    ]
    return problems + [f"nothing is called {word!r}" for word in ("try next", "three questions") if word not in text]


def no_progress_bars(notebook: Notebook) -> list[str]:
    """No carriage returns: a progress bar that redraws itself breaks the comparison of outputs."""
    return [
        f"{name_of(cell)}: a progress bar in the output"
        for cell in code_cells(notebook)
        if any(o.output_type == "stream" and "\r" in o.text.replace("\r\n", "\n") for o in cell.outputs)
    ]


def pair_agrees(notebook: Notebook, text: Path) -> list[str]:
    """The .ipynb holds the cells of its .py: kind, source, tags, id."""
    from tools.notebook_pairs import OWN, read_text, setup_source

    if not text.is_file():
        return [f"{text.name} is missing: a notebook is written as text"]
    written = read_text(text)
    problems = []
    if len(written.cells) != len(notebook.cells):
        problems.append(f"{len(written.cells)} cells in {text.name}, {len(notebook.cells)} in the notebook")
    for left, right in zip(written.cells, notebook.cells, strict=False):
        for what in ("cell_type", "source", "id"):
            if left[what] != right.get(what):
                problems.append(
                    f"{name_of(right)}: {what} differs from {text.name}; run tools/notebooks.py {text.stem}"
                )
                break
        else:
            if tags_of(left) != tags_of(right):
                problems.append(f"{name_of(right)}: tags differ from {text.name}")
    if dict(declared(written)) != dict(declared(notebook)):
        problems.append(f"metadata dacl_edu differs from {text.name}")
    code = [cell for cell in code_cells(written) if "parameters" not in tags_of(cell)]
    if not code or code[0].source.partition(f"\n\n{OWN}")[0] != setup_source():
        problems.append("the first code cell is not the shared setup cell; run tools/notebooks.py")
    return problems


def says_whose_answer(notebook: Notebook) -> list[str]:
    """A folded answer stands in through ``attempt``, and the check after it says by ``judged`` whose answer it saw."""
    problems, cells = [], list(code_cells(notebook))
    for place, cell in enumerate(cells):
        if not is_folded(cell) or "setup" in tags_of(cell):
            continue
        names = _STANDS_IN.findall(cell.source)
        if not names:
            problems.append(f"{name_of(cell)}: a folded answer that does not come in through attempt(...)")
        after = "\n".join(later.source for later in cells[place + 1 :])
        problems += [
            f"{name_of(cell)}: no check says whose {name} it judged: judged({name}, ...)"
            for name in names
            if not re.search(rf"judged\(\s*{name},", after)
        ]
    return problems


def introduction(notebook: Notebook) -> list[str]:
    """A reader sees what a lesson is about before any code: the folded setup cell ends the introduction."""
    code, problems = list(code_cells(notebook)), []
    place = next((i for i, cell in enumerate(code) if "setup" in tags_of(cell)), None)
    if place is None:
        return ["no cell is tagged setup"]
    if not is_folded(code[place]):
        problems.append("the setup cell is not folded")
    if any("parameters" not in tags_of(cell) for cell in code[:place]):
        problems.append("code stands before the setup cell")
    after = notebook.cells[notebook.cells.index(code[place]) + 1 :]
    if not after or not after[0].source.startswith("## "):
        problems.append("the setup cell does not end the introduction: a heading must follow it")
    return problems


def narrow_code(notebook: Notebook) -> list[str]:
    """A line of code fits beside the open file browser at 1280 pixels: 88 columns."""
    return [
        f"{name_of(cell)}: a line of {len(line)} columns, more than {COLUMNS}"
        for cell in code_cells(notebook)
        for line in cell.source.splitlines()
        if len(line) > COLUMNS
    ]


def exercises(notebook: Notebook) -> list[str]:
    """Each exercise says how hard it is and how long it takes: ``*easy · 5 minutes*``."""
    return [
        f"{title!r} does not say: *easy, medium or hard · n minutes*"
        for title, cells in sections_of(notebook)
        if title.startswith("Exercise") and not any(_EFFORT.search(cell.source) for cell in cells)
    ]


def suspects(notebook: Notebook) -> list[str]:
    """Each lesson ends with its evidence for or against the three suspects of lesson 00."""
    for title, cells in sections_of(notebook):
        if title == "The three suspects":
            text = "\n".join(cell.source for cell in cells).lower()
            return [f"nothing about {name!r}" for name in ("selection", "smaller λ", "luck") if name not in text]
    return ["no section is called 'The three suspects'"]


GATES: dict[str, Gate] = {
    gate.__name__: gate
    for gate in (
        declaration,
        executed,
        sections_assert,
        no_widget_state,
        no_absolute_paths,
        no_remote_images,
        small_outputs,
        private,
        alt_text,
        headings,
        parameters,
        short_cells,
        frame,
        no_progress_bars,
        says_whose_answer,
        introduction,
        narrow_code,
        exercises,
        suspects,
    )
}
OF_LESSONS = frozenset({"frame", "introduction", "exercises", "suspects"})
"""Rules for lessons alone: an assignment has a card in place of a lesson's frame."""


def complaints(notebook: Notebook, text: Path | None = None) -> list[str]:
    """Return what any gate has to say, each line beginning with the gate's name.

    Examples
    --------
    >>> import nbformat.v4 as v4
    >>> complaints(v4.new_notebook(cells=[v4.new_markdown_cell("## No title")]))[0]
    'declaration: metadata dacl_edu.budget_seconds is missing'
    """
    found = [f"{name}: {problem}" for name, gate in GATES.items() for problem in gate(notebook)]
    return found + ([f"pair_agrees: {p}" for p in pair_agrees(notebook, text)] if text is not None else [])

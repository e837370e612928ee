"""The sources of the site: lessons with live figures, the ledger, the reference; all made from what is there."""

from __future__ import annotations

import ast
import html
import importlib
import inspect
import json
import pkgutil
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import GenericAlias, ModuleType
from typing import Any

import nbformat
from nbformat import NotebookNode

import dacl_edu
from dacl_edu.lessons.ledger import Entry, load_ledger, resolve_function
from dacl_edu.plots.private import CONFIG

ROOT = Path(__file__).resolve().parents[2]
_PLOTLY = "application/vnd.plotly.v1+json"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_INTERACTIVE = "[interactive, run to use] "
_SKIPPED = re.compile(r"\.cli$|^dacl_edu\.faces\.|\._")  # commands have --help; the face generator is no interface


def write_sources(folder: Path) -> None:
    """Write everything that Sphinx reads into ``folder``."""
    import plotly

    shutil.copytree(ROOT / "docs" / "site" / "static", folder / "static")
    shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", folder / "static")
    shutil.copy(ROOT / "docs" / "site" / "conf.py", folder)
    documents = ("errata", "losses", "own_loop", "scale", "sweeps", "paper_presets", "privacy", "student", "instructor")
    for name in (*(f"docs/{document}.md" for document in documents), "data/README.md"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(_as_page((ROOT / name).read_text("utf-8")), "utf-8")
    if "faces/contact_sheet.jpg" in (ROOT / "data" / "README.md").read_text("utf-8"):
        (folder / "data" / "faces").mkdir()
        shutil.copy(ROOT / "data" / "faces" / "contact_sheet.jpg", folder / "data" / "faces")
    shutil.copytree(ROOT / "docs" / "pictures", folder / "docs" / "pictures")
    shutil.copytree(ROOT / "notebooks" / "drawings", folder / "notebooks" / "drawings")
    lessons = {}
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        lesson = nbformat.read(path, as_version=4)
        lessons[path.stem] = lesson.cells[0].source.splitlines()[0].lstrip("# ") + _minutes(lesson.cells[0].source)
        nbformat.write(lesson_page(lesson), folder / "notebooks" / path.name)
    (folder / "lessons.md").write_text(lessons_page(lessons), "utf-8")
    front = (ROOT / "docs" / "site" / "index.md").read_text("utf-8")
    (folder / "index.md").write_text(front.replace("<!-- lessons -->", lesson_cards(lessons)), "utf-8")
    (folder / "ledger.md").write_text(ledger_page(load_ledger()), "utf-8")
    _write_reference(folder / "api")


def lesson_page(notebook: NotebookNode) -> NotebookNode:
    """Return a lesson as a page: plotly figures alive, widgets as words, tagged cells as places to link to."""
    cells = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            cell.source = _as_page(cell.source)
        else:
            tags = [tag for tag in cell.metadata.get("tags", []) if re.fullmatch(r"(eq|alg)-\d+", tag)]
            if tags:
                places = "".join(f'<span id="{tag}"></span>' for tag in tags)
                cells.append(nbformat.v4.new_markdown_cell(places))
            if cell.metadata.get("jupyter", {}).get("source_hidden"):
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-input"]
            for index, output in enumerate(cell.outputs):
                _make_static(output, f"figure-{number}-{index}")
        cells.append(cell)
    notebook.cells = cells
    return notebook


def _make_static(output: NotebookNode, name: str) -> None:
    data = output.get("data", {})
    if "image/png" in data and _PLOTLY not in data:
        return  # a still picture of a widget
    if _WIDGET in data or str(data.get("text/plain")).startswith(_INTERACTIVE):
        words = str(data.get("text/plain", "interactive")).removeprefix(_INTERACTIVE)
        output["data"] = {"text/markdown": f"*Interactive: run the lesson to use it.* {words}"}
    elif _PLOTLY in data:
        output["data"] = {"text/html": _figure(data[_PLOTLY], name)}
    elif "text/markdown" in data:
        # Links of an output are not resolved by Sphinx: they must name the built pages.
        data["text/markdown"] = re.sub(r"(\]\([^)#]*)\.(?:md|ipynb)\)", r"\1.html)", _as_page(data["text/markdown"]))


def _figure(figure: dict[str, Any], name: str) -> str:
    alt = figure["layout"].get("meta", {}).get("alt", "figure")
    label = json.dumps(alt)[1:-1].replace("'", "&#39;")
    drawn = json.dumps({"data": figure["data"], "layout": figure["layout"]}).replace("</", "<\\/")
    return (
        f"<div class='plotly-figure' role='figure' aria-label='{label}' id='{name}'></div>"
        f"<script>addEventListener('load', () => {{ const f = {drawn}; "
        f"Plotly.newPlot('{name}', f.data, f.layout, {json.dumps(CONFIG)}); }});</script>"
    )


def _as_page(text: str) -> str:
    """Turn links that are meant for the repository into links of the site."""
    text = re.sub(r"#cell-id=", "#", text)
    text = re.sub(r"\[([^\]]*)\]\((?:\.\./)+(?:dacl_edu|tests|docs/equations)[^)]*\)", r"\1", text)
    return re.sub(r"(\]\([^)#]*)\.ipynb#", r"\1.html#", text)


def _minutes(card: str) -> str:
    found = re.search(r"\*\*Minutes:\*\* (\d+)", card)
    return f" ({found[1]} minutes)" if found else ""


def lessons_page(lessons: dict[str, str]) -> str:
    """Return the list of lessons: file name without ending → title."""
    entries = "\n".join(f"{stem.partition('_')[0]} · {title} <notebooks/{stem}>" for stem, title in lessons.items())
    words = (
        "In order; each builds on those before it. 00 to 06 need no training. They are shown as they were executed: "
        "to change something, run them in JupyterLab (`make lab`)."
    )
    return f"# Lessons\n\n{words}\n\n```{{toctree}}\n:maxdepth: 1\n\n{entries}\n```\n"


def lesson_cards(lessons: dict[str, str]) -> str:
    """Return a card for each lesson, with its minutes, as HTML."""
    cards = []
    for stem, said in lessons.items():
        title, _, minutes = said.rstrip(")").rpartition(" (")
        words = f"<b>{stem.partition('_')[0]}</b> {html.escape(title)} <small>{minutes}</small>"
        cards.append(f'<a href="notebooks/{stem}.html">{words}</a>')
    return f'<nav class="cards" aria-label="Lessons">{"".join(cards)}</nav>'


_LEDGER = """# The ledger

Each equation of the paper: the function that computes it, the cell of the lesson that derives it, and the test that
proves it. A star says what in the print cannot be meant; [errata](docs/errata.md) says what is.
"""


def ledger_page(entries: list[Entry]) -> str:
    """Return the ledger as a page: a section for each equation, then one for each line of Algorithm 1."""
    lines = [_LEDGER]
    for heading, kind in (("Equations", "eq"), ("Algorithm 1", "alg")):
        lines += [f"## {heading}", "", *(_ledger_entry(entry) for entry in entries if entry.id.startswith(kind))]
    return "\n".join(lines)


def _ledger_entry(entry: Entry) -> str:
    star = f" [\\* {entry.erratum}](docs/errata.md)." if entry.erratum else ""
    found = resolve_function(entry.function)
    defined = f"{found.__module__}.{found.__qualname__}"  # where the reference has it
    function = f"{{py:obj}}`{entry.function.removeprefix('dacl_edu.')} <{defined}>`"
    lesson = f'<a href="notebooks/{entry.notebook}.html#{entry.cell}">lesson {entry.notebook[:2]}</a>'
    test = entry.test.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    where = f"{function} · {lesson} · test: *{test}*.{star}"
    return f"### {entry.label}: {entry.title}\n\n$$\n{entry.latex}\n$$\n\n{where}\n"


def _write_reference(folder: Path) -> None:
    folder.mkdir()
    names = ["dacl_edu", *sorted(m.name for m in pkgutil.walk_packages(dacl_edu.__path__, "dacl_edu."))]
    names = [name for name in names if not _SKIPPED.search(name)]
    for name in names:
        below = [other for other in names if other.rpartition(".")[0] == name] if name != "dacl_edu" else []
        (folder / f"{name}.md").write_text(reference_page(name, below), "utf-8")
    top = [name for name in names if name.count(".") < 2]
    page = "# Reference\n\nThe package, module by module. *[source]* beside a name shows its lines.\n\n"
    (folder / "index.md").write_text(page + _listed(top), "utf-8")


def _listed(names: Sequence[str]) -> str:
    """A table of modules, and the pages below this one."""
    rows = "\n".join(f"| [`{name}`]({name}.md) | {_first_line(importlib.import_module(name))} |" for name in names)
    pages = "\n".join(names)
    return f"| name | what it is |\n|:--|:--|\n{rows}\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def reference_page(name: str, below: Sequence[str] = ()) -> str:
    """Return the page of a module; that of a package lists what can be imported from it, and its modules.

    Parameters
    ----------
    name : str
    below : sequence of str
        The modules of a package.
    """
    module = importlib.import_module(name)
    aliases = [member for member, value in vars(module).items() if isinstance(value, GenericAlias)]
    options = f"   :members:\n   :ignore-module-all:\n   :exclude-members: {', '.join(aliases)}"
    page = f"# {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n{options}\n```\n"
    if below and hasattr(module, "__all__"):
        page += "\n## What it offers\n\n| name | what it is |\n|:--|:--|\n"
        page += "".join(_member_row(module, member) for member in sorted(module.__all__, key=str.lower))
    if below:
        page += f"\n## Modules\n\n{_listed(below)}"
    return page


def _member_row(package: ModuleType, member: str) -> str:
    found = getattr(package, member)
    if inspect.ismodule(found):
        return f"| [`{member}`]({found.__name__}.md) | {_first_line(found)} |\n"
    home = getattr(found, "__module__", None)
    said = _first_line(found) if home else f"A constant: {type(found).__name__}."
    home = home or _imported_from(package, member)
    return f"| {{py:obj}}`{member} <{home}.{member}>` | {said} |\n"


def _imported_from(package: ModuleType, member: str) -> str:
    imports = (node for node in ast.walk(ast.parse(inspect.getsource(package))) if isinstance(node, ast.ImportFrom))
    return next(str(node.module) for node in imports if member in [alias.name for alias in node.names])


def _first_line(documented: object) -> str:
    """The first sentence of a docstring, its reST literals as Markdown."""
    line, _, _ = (inspect.getdoc(documented) or "").partition("\n\n")
    line = re.sub(r":math:`([^`]*)`", r"$\1$", line)
    line = re.sub(r"``([^`]*)``", r"`\1`", re.sub(r":\w+:`~?([^`]*)`", r"`\1`", line))
    return line.replace("\n", " ").replace("|", r"\|")

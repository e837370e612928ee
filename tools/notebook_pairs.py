"""A notebook is written as text (``NN_name.py``, jupytext's percent format) and stored as ``NN_name.ipynb``."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Notebook = Any
LEDGER_TAG = re.compile(r"(eq|alg)-\d+")
OWN = "# What this page uses:"
"""The line below which the setup cell is the lesson's own."""
_VOLATILE_CELL_METADATA = ("execution", "papermill", "ExecuteTime", "collapsed", "scrolled")
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def setup_source() -> str:
    """Return what the setup cell of every notebook begins with: on Colab and Kaggle it fetches the project.

    The repository's address is ``[project.urls] Repository`` of ``pyproject.toml``. What a lesson itself needs from the
    start may stand below, after :data:`OWN`.

    Examples
    --------
    >>> setup_source().splitlines()[0]
    '# On Colab or Kaggle this fetches the project. Elsewhere, or run again, it does nothing.'
    """
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "")
    return f'''# On Colab or Kaggle this fetches the project. Elsewhere, or run again, it does nothing.
import importlib.util, os, subprocess, sys

found = importlib.util.find_spec("dacl_edu") or os.path.isdir("dacl-edu/notebooks")
if not found:
    address = "{address}"  # where you found this notebook
    address = os.environ.get("DACL_EDU_REPOSITORY", address)
    assert address, "write the address of the project's repository between the quotes"
    subprocess.run(["git", "clone", "--depth", "1", address, "dacl-edu"], check=True)
    pip = [sys.executable, "-m", "pip", "install", "-q", "-e", "./dacl-edu[notebooks]"]
    subprocess.run(pip, check=True)
if os.path.isdir("dacl-edu/notebooks"):  # fetched just now, or before a restart
    os.chdir("dacl-edu/notebooks")
    sys.path.insert(0, os.path.dirname(os.getcwd()))'''


def find_texts(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return the text files of the notebooks below ``folder`` whose name, or path, begins with one of ``names``.

    Examples
    --------
    >>> find_texts(Path("no such folder"))
    []
    """
    texts = [path for path in sorted(folder.rglob("*.py")) if re.match(r"(\d\d[a-z]?|a\d)_", path.name)]
    if not names:
        return texts
    wanted = tuple(name.removeprefix("notebooks/") for name in names)
    return [p for p in texts if p.name.startswith(wanted) or p.relative_to(folder).as_posix().startswith(wanted)]


def read_text(text: Path) -> Notebook:
    """Return the notebook that a text file describes, with stable cell ids.

    A cell's id is its first ledger tag (``eq-4``), so that links to it hold; else a hash of its source.
    """
    import jupytext

    notebook = jupytext.read(text)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: set[str] = set()
    for cell in notebook.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if LEDGER_TAG.fullmatch(tag)]
        base = tags[0] if tags else hashlib.sha256(f"{cell.cell_type}{cell.source}".encode()).hexdigest()[:10]
        number = 1
        while (cell_id := base if number == 1 else f"{base}-{number}") in seen:
            number += 1
        seen.add(cell_id)
        cell["id"] = cell_id
    return notebook


def with_setup_cell(text: Path) -> Notebook:
    """Put the shared part of the setup cell into the text file, where it is missing or old; return the notebook.

    The cell is folded; it keeps its place and what stands below :data:`OWN`. A new one becomes the first code cell.
    """
    content = text.read_text(encoding="utf-8")
    heads = list(re.finditer(r"^# %%(?! \[markdown\]).*$", content, flags=re.MULTILINE))
    if not heads:
        raise ValueError(f"{text.name} has no code cell")
    match = next((head for head in heads if '"setup"' in head.group()), None)
    start = end = heads[0].start()
    own = ""
    if match is not None:
        following = re.search(r"^# %%", content[match.end() :], flags=re.MULTILINE)
        start, end = match.start(), match.end() + following.start() if following else len(content)
        _, mark, below = content[start:end].partition(OWN)
        own = f"\n{mark}{below.rstrip()}\n" if mark else ""
    cell = f'# %% jupyter={{"source_hidden": true}} tags=["setup"]\n{setup_source()}\n{own}'
    changed = f"{content[:start]}{cell}\n{content[end:]}"
    if changed != content:
        text.write_text(changed, encoding="utf-8")
    return read_text(text)


def execute(notebook: Notebook, folder: Path, timeout: int = 600) -> str | None:
    """Run a notebook in a fresh kernel, in place; return None, or the text of its error."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return str(error)
    return None


def keep_outputs(notebook: Notebook, stored: Path) -> list[str]:
    """Give each code cell the outputs that the same source has in the stored notebook; return the others' first lines.

    For edits of prose: what nobody's code made is not made again. Cells are counted as if they had run from the top.
    """
    import nbformat

    known: dict[str, list[Any]] = {}
    for cell in nbformat.read(stored, 4).cells if stored.exists() else []:
        if cell.cell_type == "code":
            known.setdefault(cell.source, []).append(cell.outputs)
    left = []
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = number
        outputs = known.get(cell.source)
        if outputs:
            cell.outputs = outputs.pop(0)
            for output in cell.outputs:
                if "execution_count" in output:
                    output["execution_count"] = number
        elif "setup" not in cell.metadata.get("tags", []):
            left.append(cell.source.partition("\n")[0])
    return left


def tidy(notebook: Notebook) -> Notebook:
    """Remove what changes from run to run and says nothing: time stamps, widget states, model ids, patch versions."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.pop("papermill", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for key in _VOLATILE_CELL_METADATA:
            cell.metadata.pop(key, None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(_WIDGET_VIEW, None)
        if "outputs" in cell:
            cell["outputs"] = [
                o for o in cell["outputs"] if o.output_type not in ("display_data", "execute_result") or o.data
            ]
    return notebook


def store(notebook: Notebook, path: Path) -> None:
    """Write a tidy notebook."""
    import nbformat

    tidy(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)

"""A notebook is written as text (``NN_name.py``, jupytext's percent format) and stored as ``NN_name.ipynb``."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

Notebook = Any
LEDGER_TAG = re.compile(r"(eq|alg)-\d+")
_VOLATILE_CELL_METADATA = ("execution", "papermill", "ExecuteTime", "collapsed", "scrolled")
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def setup_source() -> str:
    """Return the first code cell of every notebook: on Colab and Kaggle it fetches and installs the project.

    The repository's address is ``[project.urls] Repository`` of ``pyproject.toml``.

    Examples
    --------
    >>> setup_source().splitlines()[0]
    '# On Colab or Kaggle this fetches the project. Elsewhere, and on a second run, it does nothing.'
    """
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "")
    return f'''# On Colab or Kaggle this fetches the project. Elsewhere, and on a second run, it does nothing.
import importlib.util, os, subprocess, sys

if importlib.util.find_spec("dacl_edu") is None and not os.path.isdir("dacl-edu/notebooks"):
    repository = os.environ.get("DACL_EDU_REPOSITORY", "{address}")  # where you found this notebook
    assert repository, "write the address of the project's repository between the quotes above"
    subprocess.run(["git", "clone", "--depth", "1", repository, "dacl-edu"], check=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-e", "./dacl-edu[notebooks]"], check=True)
if os.path.isdir("dacl-edu/notebooks"):  # fetched just now, or before the kernel was restarted
    os.chdir("dacl-edu/notebooks")
    sys.path.insert(0, os.path.dirname(os.getcwd()))'''


def find_texts(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return the text files of the notebooks below ``folder`` whose name, or path, begins with one of ``names``.

    Examples
    --------
    >>> find_texts(Path("no such folder"))
    []
    """
    texts = [path for path in sorted(folder.rglob("*.py")) if re.match(r"(\d\d|a\d)_", path.name)]
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
    """Put the shared setup cell first into the text file, where it is missing or old; return the notebook."""
    content = text.read_text(encoding="utf-8")
    cell = f'# %% tags=["setup"]\n{setup_source()}\n'
    match = re.search(r"^# %%(?! \[markdown\]).*$", content, flags=re.MULTILINE)
    if match is None:
        raise ValueError(f"{text.name} has no code cell")
    if '"setup"' in match.group():
        following = re.search(r"^# %%", content[match.end() :], flags=re.MULTILINE)
        end = match.end() + following.start() if following else len(content)
        changed = f"{content[: match.start()]}{cell}\n{content[end:]}"
    else:
        changed = f"{content[: match.start()]}{cell}\n{content[match.start() :]}"
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
    """Give the code cells that did not change the outputs of the stored notebook; return the others' first lines.

    For edits of prose: what nobody's code made is not made again.
    """
    import nbformat

    old = [cell for cell in nbformat.read(stored, 4).cells if cell.cell_type == "code"] if stored.exists() else []
    new = [cell for cell in notebook.cells if cell.cell_type == "code"]
    matcher = SequenceMatcher(None, [cell.source for cell in old], [cell.source for cell in new], autojunk=False)
    kept = set()
    for first, second, length in matcher.get_matching_blocks():
        for i in range(length):
            new[second + i].outputs = old[first + i].outputs
            new[second + i].execution_count = old[first + i].execution_count
            kept.add(second + i)
    return [cell.source.partition("\n")[0] for i, cell in enumerate(new) if i not in kept]


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

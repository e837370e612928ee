"""A lesson that was executed elsewhere shows its drawings, and its links lead where they led before."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import nbformat
import pytest
from nbformat import v4

from dacl_edu import paths
from dacl_edu.lessons.links import PICTURES, keep_links

LESSONS = sorted(paths.lessons().glob("[0-9]*.ipynb"))


def texts(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"] + [
        output.data["text/markdown"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]


def targets(notebook: Any) -> list[str]:
    """Where links and pictures lead, without what is not a file."""
    found = re.findall(r"\]\(([^)]+)\)|(?:src|href)=\"([^\"]+)\"", "\n".join(texts(notebook)))
    every = [unquote((one or other).split("#")[0].split(" ")[0]) for one, other in found]
    return [target for target in every if target and not re.match(r"\w+:", target)]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_every_link_of_a_lesson_leads_to_the_same_file_and_no_picture_out_of_the_folder(
    lesson: Path, tmp_path: Path
) -> None:
    place = tmp_path / "my runs" / "demo"
    place.mkdir(parents=True)
    copy = Path(shutil.copy(lesson, place))
    before = targets(nbformat.read(lesson, as_version=4))
    keep_links(copy, lesson.parent)
    after = targets(nbformat.read(copy, as_version=4))
    assert len(before) == len(after) > 0
    for old, new in zip(before, after, strict=True):
        assert (place / new).is_file(), f"{old} became {new}"
        if Path(old).suffix == ".svg":
            assert new == f"{PICTURES}/{Path(old).name}"
            assert (place / new).read_bytes() == (lesson.parent / old).read_bytes()
        else:
            assert (place / new).resolve() == (lesson.parent / old).resolve()


HOME = {"b.ipynb": "{}", "pictures/a.svg": "<svg/>", "docs/e d.md": "words"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in HOME.items():
        (tmp_path / "home" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "home" / name).write_text(text)
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("![c[y] has rows](pictures/a.svg)", "![c[y] has rows](drawings/a.svg)"),
        ('<img alt="a" src="pictures/a.svg">', '<img alt="a" src="drawings/a.svg">'),
        ("[next](b.ipynb#cell-id=eq-4)", "[next](../home/b.ipynb#cell-id=eq-4)"),
        ("<a href='docs/e%20d.md'>e</a>", "<a href='../home/docs/e%20d.md'>e</a>"),
        ("[site](https://a.example/b.ipynb), [up](#top)", "[site](https://a.example/b.ipynb), [up](#top)"),
        ("[none](missing.ipynb), $f[i](x)$", "[none](missing.ipynb), $f[i](x)$"),
        ('<img alt="a" src="data:image/png;base64,' + "A" * 5000 + '">', None),
    ],
)
def test_each_form_of_a_link(words: str, expected: str | None, home: Path) -> None:
    copy = home.parent / "out" / "a.ipynb"
    copy.parent.mkdir()
    output = v4.new_output("display_data", {"text/markdown": words})
    code = v4.new_code_cell("x = '![c](pictures/a.svg)'", outputs=[output])
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell(words), code]), copy)
    keep_links(copy, home)
    written = nbformat.read(copy, as_version=4)
    assert texts(written) == [expected or words] * 2
    assert written.cells[1].source == code.source, "code is left alone"


def test_a_notebook_that_stays_at_home_is_left_alone(home: Path) -> None:
    copy = home / "a.ipynb"
    nbformat.write(v4.new_notebook(cells=[v4.new_markdown_cell("![a](pictures/a.svg)")]), copy)
    before = copy.read_bytes()
    keep_links(copy, home)
    assert copy.read_bytes() == before and not (home / PICTURES).exists()

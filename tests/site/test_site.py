"""The site: links are followed, equations become places, figures stay alive; it opens from a file path."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser import BROWSER, chromium

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "docs" / "site")]
pytest.importorskip("myst_nb", reason="the extra 'site' is not installed")

from links import broken_links  # noqa: E402
from pages import ledger_page, lesson_page, reference_page  # noqa: E402

from dacl_edu.lessons.ledger import load_ledger  # noqa: E402


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text("<h1 id='here'>x</h1>")
    page = '<a href="other.html#here">1</a><a href="other.html#gone">2</a><a href="missing.html">3</a>'
    (tmp_path / "index.html").write_text(page + '<a href="https://example.org">4</a><a href="#top">5</a>')
    assert broken_links(tmp_path) == [
        "index.html: #top has no such place",
        "index.html: missing.html leads nowhere",
        "index.html: other.html#gone has no such place",
    ]


def test_what_a_page_fetches_from_the_network_is_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<script src="https://cdn.example.org/x.js"></script>')
    assert broken_links(tmp_path) == ["index.html: fetches https://cdn.example.org/x.js"]


def test_figures_stay_alive_widgets_become_words_and_tagged_cells_places() -> None:
    figure = {"data": [{"y": [1, 2]}], "layout": {"meta": {"alt": "Two points </script> & 'more'."}}}
    widget = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "[interactive, run to use] A slider."}
    cells = [
        nbformat.v4.new_markdown_cell("[Eq. 4](03_x.ipynb#cell-id=eq-4), [test](../tests/test_x.py)"),
        nbformat.v4.new_code_cell(
            "1",
            metadata={"tags": ["eq-4"]},
            outputs=[
                nbformat.v4.new_output("display_data", {"application/vnd.plotly.v1+json": figure, "image/png": "AAAA"}),
                nbformat.v4.new_output("display_data", widget),
            ],
        ),
    ]
    page = lesson_page(nbformat.v4.new_notebook(cells=cells))
    assert page.cells[0].source == "[Eq. 4](03_x.html#eq-4), test"
    assert page.cells[1].source == '<span id="eq-4"></span>'
    drawn, words = (output["data"] for output in page.cells[2].outputs)
    assert list(drawn) == ["text/html"] and "Plotly.newPlot" in drawn["text/html"]
    assert drawn["text/html"].count("</script>") == 1 + drawn["text/html"].split("<script>")[0].count("</script>")
    assert list(words) == ["text/markdown"] and "A slider." in words["text/markdown"]


def test_the_ledger_page_has_every_entry() -> None:
    text = ledger_page(load_ledger())
    assert text.count("\n### ") == len(load_ledger()) == 28
    assert "dacl_edu.losses.functional.sparse_center_loss" in text and "03_sparse_center_loss.html#eq-4" in text


@pytest.mark.parametrize("package", ["losses", "data", "training", "evaluation", "plots"])
def test_the_page_of_a_package_lists_what_can_be_imported_from_it(package: str) -> None:
    name = f"dacl_edu.{package}"
    folder = ROOT / "dacl_edu" / package
    below = sorted(f"{name}.{file.stem}" for file in folder.glob("*.py") if file.stem != "__init__")
    page = reference_page(name, below)
    for member in importlib.import_module(name).__all__:
        (row,) = re.findall(rf"^\| .*`{member}[ `].*\| (.+) \|$", page, re.MULTILINE)
        assert len(row) > 10, f"{member} is not explained"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tools.site_builder import build

    out = tmp_path_factory.mktemp("site")
    assert build(out) == []
    return out / "html"


@pytest.mark.slow
def test_every_link_of_the_built_site_leads_somewhere(site: Path) -> None:
    lessons = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    assert all((site / "notebooks" / f"{path.stem}.html").is_file() for path in lessons)
    members = (site / "api" / "dacl_edu.losses.html").read_text("utf-8")
    assert 'href="dacl_edu.losses.center.html#dacl_edu.losses.center.SparseCenterLoss"' in members
    assert "_modules/dacl_edu/losses/center.html" in (site / "api" / "dacl_edu.losses.center.html").read_text("utf-8")
    functions = (site / "api" / "dacl_edu.losses.functional.html").read_text("utf-8")
    assert 'id="dacl_edu.losses.functional.sparse_center_loss"' in functions and "math notranslate" in functions
    assert 'src="explainer.html"' in (site / "index.html").read_text("utf-8")
    assert "notebooks/{notebook}.html#{cell}" in (site / "explainer.html").read_text("utf-8")
    assert "tex-chtml.js" in functions and (site / "_static" / "mathjax" / "tex-chtml.js").is_file()


@pytest.fixture
def page() -> Iterator[Any]:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip("no browser: tools/install_browser.sh")
    with chromium() as browser:
        yield browser.new_page()


@pytest.mark.browser
def test_the_site_opens_from_a_file_path(site: Path, page: Any) -> None:

    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("requestfailed", lambda request: said.append(request.url))
    page.on("request", lambda request: said.append(request.url) if request.url.startswith("http") else None)
    page.goto((site / "index.html").as_uri())
    page.wait_for_selector("mjx-container", timeout=30_000)
    page.goto((site / "notebooks" / "02_center_loss.html").as_uri())
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length > 2", timeout=30_000)
    page.goto((site / "ledger.html").as_uri())
    page.wait_for_selector("mjx-container", timeout=30_000)
    page.get_by_role("link", name="lesson 05").first.click()
    page.wait_for_url("**/05_gradients.html#eq-*")
    assert said == []


PAGES = (
    "index", "ledger", "docs/errata", "docs/own_loop", "api/dacl_edu.losses", "notebooks/03_sparse_center_loss",
    "notebooks/05_gradients",
)  # fmt: skip
CUT = """() => [...document.querySelectorAll('article pre, article table')]
  .filter(part => part.clientWidth && part.scrollWidth > part.clientWidth + 1)
  .map(part => part.textContent.slice(0, 60))"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_not_cut_and_have_no_barrier(site: Path, page: Any, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for name in PAGES:
        page.goto((site / f"{name}.html").as_uri())
        page.wait_for_timeout(1500)
        assert page.evaluate(CUT) == [], name
        found = Axe().run(page).response["violations"]
        assert [(name, v["id"]) for v in found if v["impact"] in ("serious", "critical")] == []

"""Every notebook in JupyterLab in a real browser: Run All, no error, no lost widget; a moved control changes a figure.

Slow. Set ``DACL_EDU_SCREENSHOTS`` to a folder to keep pictures.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser import BROWSER, chromium, jupyterlab

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(BROWSER is None, reason="no browser: tools/install_browser.sh")]

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
GRAPHS = """() => JSON.stringify([...document.querySelectorAll('.js-plotly-plot')].map(
  graph => [graph.data, graph.layout && graph.layout.title]))"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """JupyterLab on a copy of the notebooks: it saves what it runs."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "notebooks").mkdir()
    for path in NOTEBOOKS:
        shutil.copy(path, folder / "notebooks")
    shutil.copytree(ROOT / "notebooks" / "drawings", folder / "notebooks" / "drawings")
    shutil.copytree(ROOT / "docs", folder / "docs")
    made = json.dumps({"profile": "smoke", "out": str(folder / "made")})
    with jupyterlab(folder, DACL_EDU_PNG="0", DACL_EDU_PARAMETERS=made) as url:
        yield url, folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


def run_all(page: Any, url: str, name: str, again: bool = False) -> None:
    """Open a notebook, Run All, wait for the end, save."""
    if not again:
        page.goto(f"{url}/lab/workspaces/{name[:2]}/tree/notebooks/{name}", timeout=120_000)
        opened = "name => window.jupyterapp?.shell.currentWidget?.context?.path === 'notebooks/' + name"
        page.wait_for_function(opened, arg=name, timeout=120_000)
        page.evaluate("""async () => {
            const panel = window.jupyterapp.shell.currentWidget;
            await panel.context.ready; await panel.sessionContext.ready; }""")
    page.evaluate("""async () => {
        await window.jupyterapp.commands.execute('notebook:run-all-cells');
        const panel = window.jupyterapp.shell.currentWidget;
        const busy = () => panel.content.widgets.some(cell => cell.prompt === '*');
        while (busy()) await new Promise(done => setTimeout(done, 300));
        await window.jupyterapp.commands.execute('docmanager:save'); }""")
    page.wait_for_timeout(1500)


def printed(path: Path) -> list[str]:
    """What the cells print, but for how long they took, and whether a file that they write was there before."""
    cells = nbformat.read(path, as_version=4).cells
    told = [o.text for c in cells for o in c.get("outputs", []) if o.output_type == "stream" and o.name == "stdout"]
    return [re.sub(r"\d+ seconds", "some seconds", text).replace("Overwriting ", "Writing ") for text in told]


def shutdown(page: Any) -> None:
    page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_in_jupyterlab(path: Path, lab: tuple[str, Path], browser: Any) -> None:
    url, folder = lab
    page = browser.new_page(viewport={"width": 1200, "height": 1400})
    page.set_default_timeout(600_000)
    try:
        run_all(page, url, path.name)
        saved = nbformat.read(folder / "notebooks" / path.name, as_version=4)
        code = [cell for cell in saved.cells if cell.cell_type == "code"]
        errors = [o.evalue for cell in code for o in cell.outputs if o.output_type == "error"]
        assert not errors, errors
        assert all(cell.execution_count for cell in code), "Run All reached the end"
        screenshots(page, path.stem)
        text = page.inner_text(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook")
        for trouble in ("Failed to load model", "Error displaying widget", "Error creating widget", "Javascript Error"):
            assert trouble not in text
        widths = "all => all.filter(one => one.complete).map(one => one.naturalWidth)"
        drawings = page.locator(".jp-RenderedMarkdown img").evaluate_all(widths)
        assert all(drawings), "a drawing is not found"
        widget = any("dacl_edu.widgets" in cell.source for cell in code)
        if widget:
            assert page.locator(".jp-OutputArea .jupyter-widgets").count(), "the widget is drawn"
            assert move_a_control(page), "a control was moved, but no figure changed"
        first = printed(folder / "notebooks" / path.name)
        run_all(page, url, path.name, again=True)
        assert printed(folder / "notebooks" / path.name) == first, "Run All twice in one kernel: other numbers"
        shutdown(page)
    finally:
        page.close()


def move_a_control(page: Any) -> bool:
    """Move sliders and boxes one after another until a figure changes."""
    page.wait_for_selector(".js-plotly-plot", state="attached")
    controls = page.locator(".jp-OutputArea .widget-slider .noUi-handle, .dacl-edu-range input, .jp-OutputArea .widget-dropdown select")
    for number in range(controls.count()):
        before, control = page.evaluate(GRAPHS), controls.nth(number)
        control.scroll_into_view_if_needed()
        if control.evaluate("element => element.tagName") == "SELECT":
            control.select_option(index=2)
        else:
            control.focus()
            for _ in range(5):
                control.press("ArrowRight")
        for _ in range(20):
            page.wait_for_timeout(250)
            if page.evaluate(GRAPHS) != before:
                return True
    return False


def screenshots(page: Any, name: str) -> None:
    """Keep pictures of the whole page, one screen after another."""
    folder = os.environ.get("DACL_EDU_SCREENSHOTS")
    if not folder:
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    box = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer"
    height, step = page.evaluate(
        f"() => {{ const e = document.querySelector('{box}'); return [e.scrollHeight, e.clientHeight]; }}"
    )
    for number, top in enumerate(range(0, height, max(step - 80, 200))):
        page.evaluate(f"() => {{ document.querySelector('{box}').scrollTop = {top}; }}")
        page.wait_for_timeout(700)
        page.screenshot(path=Path(folder) / f"{name}-{number:02d}.png")


def test_a_link_of_the_map_leads_to_its_cell(lab: tuple[str, Path], browser: Any) -> None:
    url, _ = lab
    page = browser.new_page(viewport={"width": 1200, "height": 1400})
    try:
        page.goto(f"{url}/lab/workspaces/links/tree/notebooks/00_start_here.ipynb", timeout=120_000)
        link = page.locator(".jp-OutputArea a", has_text="lesson 03").first
        link.wait_for(state="attached", timeout=120_000)
        link.scroll_into_view_if_needed()
        link.click()
        arrived = """() => {
            const panel = window.jupyterapp?.shell.currentWidget;
            if (panel?.context?.path !== 'notebooks/03_sparse_center_loss.ipynb') return false;
            const box = panel.content.widgets.find(cell => cell.model.id === 'eq-4')?.node.getBoundingClientRect();
            return box && box.top > 0 && box.top < window.innerHeight; }"""
        page.wait_for_function(arrived, timeout=60_000)
        assert page.evaluate(arrived), "the link did not end at its cell"
    finally:
        page.close()

"""Every explorer in a real browser, as a voila page and in JupyterLab: a control is moved, its figure's data change.

Slow. Set ``DACL_EDU_SCREENSHOTS`` to a folder to keep pictures, ``DACL_EDU_RUNS`` to folders of runs to look at others.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from browser import BROWSER, chromium, explorer_page, jupyterlab, milliseconds_to_change

from dacl_edu import paths
from dacl_edu.lessons.runs import lesson_runs
from dacl_edu.widgets import EXPLORERS

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(BROWSER is None, reason="no browser: tools/install_browser.sh")]
TROUBLE = ("Failed to load model", "Error displaying widget", "Error creating widget", "Javascript Error", "Traceback")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> str:
    if "DACL_EDU_RUNS" in os.environ:
        return os.environ["DACL_EDU_RUNS"]
    if paths.shipped_runs().is_dir():
        return str(paths.shipped_runs())
    folder = tmp_path_factory.mktemp("runs")
    lesson_runs(profile="smoke", seeds=1, out=folder)
    return str(folder)


def turn(scope: Any, label: str) -> None:
    """Move a slider by the keyboard."""
    slider = scope.get_by_role("slider", name=label)
    slider.scroll_into_view_if_needed()
    slider.press("ArrowRight")


def pick(scope: Any, label: str, index: int) -> None:
    scope.locator(".widget-dropdown", has_text=label).first.locator("select").select_option(index=index)


def click_cell(page: Any, scope: Any, row: int, column: int) -> None:
    matrix = scope.locator(".js-plotly-plot").first.locator(".nsewdrag").first
    matrix.scroll_into_view_if_needed()
    box = matrix.bounding_box()
    place = box["x"] + (column + 0.5) * box["width"] / 7, box["y"] + (row + 0.5) * box["height"] / 7
    page.mouse.move(*place)
    page.wait_for_timeout(300)  # plotly looks for what is under the pointer before it takes a click
    page.mouse.click(*place)


def moves(page: Any, scope: Any, name: str) -> dict[str, Any]:
    """What is done to each explorer."""
    return {
        "loss-lab": {
            "arrow key on K": lambda: turn(scope, "classes K"),
            "arrow key on λ": lambda: turn(scope, "λ"),
            "step, and a learns": lambda: scope.get_by_role("button", name="step", exact=True).click(),
            "first frame of run 20": lambda: scope.get_by_role("button", name="run 20").click(),
        },
        "gradients": {
            "arrow key on x": lambda: turn(scope, "feature x"),
            "arrow key on a": lambda: turn(scope, "attention a"),
        },
        "attention": {
            "arrow key on ablate k": lambda: turn(scope, "ablate k"),
            "other face": lambda: pick(scope, "face of", 2),
        },
        "embedding": {
            "arrow key on image": lambda: turn(scope, "image"),
            "method": lambda: pick(scope, "method", 1),
            "colouring": lambda: pick(scope, "colour by", 2),
        },
        "confusion": {
            "click on the diagonal": lambda: click_cell(page, scope, 3, 3),
            "click on a mistake": lambda: click_cell(page, scope, 1, 0),
            "predicted": lambda: pick(scope, "predicted", 6),
            "run": lambda: pick(scope, "run", 1),
        },
    }[name]


def keep_picture(what: Any, name: str) -> None:
    folder = os.environ.get("DACL_EDU_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        what.screenshot(path=Path(folder) / f"{name}.png")


def measured(page: Any, scope: Any, selector: str, name: str, where: str) -> None:
    for number, (what, act) in enumerate(moves(page, scope, name).items()):
        if "a learns" in what:
            pick(scope, "attention", 1)
        took = milliseconds_to_change(page, act, selector)
        print(f"{where}, {name}, {what}: {took:.0f} ms")
        assert took < 5000, f"{what} took {took:.0f} ms"  # a crowded machine: what is printed is what to look at
        page.wait_for_timeout(700)
        if "click" in what:
            said = {"click on the diagonal": "happiness, recognised", "click on a mistake": "fear taken for surprise"}
            scope.get_by_role("status").filter(has_text=said[what]).wait_for(timeout=60_000)
            assert scope.locator("figure img").first.evaluate("image => image.naturalWidth") > 0, "the face is drawn"
        keep_picture(scope, f"{where}-{name}-{number}")


def look_for_barriers(page: Any, scope: Any) -> None:
    """No serious finding of axe-core, wide sliders, named figures, and one stop of the Tab key for each control."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    sliders = scope.get_by_role("slider").all()
    assert all(slider.bounding_box()["width"] >= 240 for slider in sliders)
    assert all(len(figure.get_attribute("aria-label") or "") > 30 for figure in scope.locator(".js-plotly-plot").all())
    controls = len(sliders) + scope.locator("select, button").count()
    page.evaluate("() => { document.activeElement.blur(); window.scrollTo(0, 0); }")
    focused = "() => document.activeElement.tagName"
    page.keyboard.press("Tab")
    stops = 0
    while page.evaluate(focused) != "BODY" and stops <= controls:
        stops += 1
        page.keyboard.press("Tab")
    assert stops <= controls, "something takes the focus that is no control"


def fits_a_phone(page: Any, name: str) -> None:
    """Figures become as narrow as their column, panels below one another; wide again, they stand as at first."""
    sizes = "() => [...document.querySelectorAll('.js-plotly-plot')].map(p => [p.clientWidth, p.clientHeight])"
    fits = "plot => plot._fullLayout.width <= plot.parentElement.clientWidth && plot.clientWidth <= window.innerWidth"
    at_first, wide = page.evaluate(sizes), page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function(f"() => [...document.querySelectorAll('.js-plotly-plot')].every({fits})")
    page.wait_for_timeout(700)
    keep_picture(page, f"voila-{name}-phone")
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), "wider than a phone"
    page.set_viewport_size(wide)
    page.wait_for_function(f"before => JSON.stringify(({sizes})()) === JSON.stringify(before)", arg=at_first)


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_voila_page_answers_to_its_controls(name: str, runs: str, browser: Any, tmp_path: Path) -> None:
    import psutil

    options = ["--runs", runs] if EXPLORERS[name].takes_runs else []
    with explorer_page(tmp_path, name, *options) as (url, server):
        page = browser.new_page(viewport={"width": 960, "height": 1100})
        hosts, errors = set(), []
        page.on("request", lambda request: hosts.add(request.url.split("/")[2] if "//" in request.url else ""))
        wrong = ("error", "trace")  # plotly's warnings are traces
        page.on("console", lambda message: errors.append(message.text) if message.type in wrong else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url, timeout=120_000)
        page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=120_000)
        page.wait_for_timeout(1500)
        scope = page.locator("#rendered_cells")
        keep_picture(page, f"voila-{name}-start")
        assert page.title().endswith("dacl-edu")
        assert not [word for word in TROUBLE if word in page.inner_text("body")]
        measured(page, scope, "#rendered_cells", name, "voila")
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth"), "wider than the page"
        look_for_barriers(page, scope)
        fits_a_phone(page, name)
        others = [host for host in hosts if host and not host.startswith("127.0.0.1:")]
        assert not others, f"asked {others}"
        assert not errors, errors
        page.close()
        kernels = psutil.Process(server.pid).children(recursive=True)
        assert len(kernels) == 1, "a kernel for this page, and none that waits for another"
        server.send_signal(signal.SIGINT)
        rest, _ = server.communicate(timeout=60)
        assert server.returncode == 0 and rest.endswith("stopped\n")
        assert not psutil.wait_procs(kernels, timeout=10)[1], "a kernel was left running"
        assert "Traceback" not in (tmp_path / "errors.txt").read_text()


def test_the_explorers_answer_in_jupyterlab(runs: str, browser: Any, tmp_path: Path) -> None:
    v4 = nbformat.v4
    cells = [v4.new_code_cell("from dacl_edu.widgets import explorer")]
    for name, entry in EXPLORERS.items():
        cells.append(v4.new_code_cell(f"explorer({name!r}{f', runs={runs!r}' if entry.takes_runs else ''})"))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "explorers.ipynb")
    with jupyterlab(tmp_path) as url:
        page = browser.new_page(viewport={"width": 1250, "height": 1200})
        page.set_default_timeout(120_000)
        page.goto(f"{url}/lab/workspaces/w/tree/explorers.ipynb")
        page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.context?.path === 'explorers.ipynb'")
        page.evaluate("""async () => {
            const panel = window.jupyterapp.shell.currentWidget;
            await panel.context.ready; await panel.sessionContext.ready;
            await window.jupyterapp.commands.execute('notebook:run-all-cells');
            const busy = () => panel.content.widgets.some(cell => cell.prompt === '*');
            while (busy()) await new Promise(done => setTimeout(done, 300)); }""")
        shown = page.locator(".jp-CodeCell")
        kept = [(len(cells), "SELECT"), (len(cells), "INPUT")]
        for number, name in enumerate(EXPLORERS, start=1):
            scope = shown.nth(number).locator(".jp-Cell-outputWrapper")
            scope.scroll_into_view_if_needed()
            scope.locator(".js-plotly-plot .main-svg").first.wait_for()
            page.wait_for_timeout(1000)
            measured(page, scope, f".jp-CodeCell:nth-child({number + 1})", name, "lab")
            scope.locator("select, input[type=range]").first.focus()
            for key in ("b", "ArrowDown"):  # "b" is JupyterLab's for a new cell
                page.keyboard.press(key)
            assert (shown.count(), page.evaluate("() => document.activeElement.tagName")) in kept, "a key was taken"
        text = page.inner_text(".jp-Notebook")
        assert not [word for word in TROUBLE if word in text]
        page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }")
        page.close()

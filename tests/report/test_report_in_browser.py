"""The report in a real browser, opened from a file: every figure draws, faces follow the pointer, nothing is asked of
the network, and axe-core finds no serious fault. ``DACL_EDU_SCREENSHOTS`` names a folder that keeps pictures.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import BROWSER, chromium
from report.made import make_run

from dacl_edu.report import write_report

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(BROWSER is None, reason="no browser: tools/install_browser.sh")]

DRAWN = """() => [...document.querySelectorAll('.plot')].map(plot => {
  const marks = plot.querySelectorAll('.trace path, .trace text, .hm image, .layer-above image, .imagelayer image, ' +
    '.scatterlayer path, .barlayer path, .heatmaplayer image');
  const canvas = [...plot.querySelectorAll('.gl-container canvas, #scene canvas, canvas')];
  return [plot.id, plot.classList.contains('js-plotly-plot'), marks.length + canvas.length]; })"""
SMALL = """() => [...document.querySelectorAll('.plot svg text')].filter(text => text.getBoundingClientRect().width
  && parseFloat(getComputedStyle(text).fontSize) < 11).map(text => text.textContent)"""
FACE = "() => { const f = document.getElementById('dacl-face'); return f && f.style.display === 'block' ? f.src : ''; }"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    for method, seed in (("dacl", 0), ("softmax", 0), ("softmax", 1), ("center", 0)):
        make_run(folder / "runs" / f"{method}{seed}", method, seed, limit=140)
    return write_report([folder / "runs"], folder / "report.html")


@pytest.fixture(scope="module")
def opened(report: Path) -> Iterator[tuple[Any, list[str], list[str]]]:
    """The page with all figures drawn; what it asked for; what went wrong."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        asked: list[str] = []
        wrong: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.goto(report.as_uri())
        page.wait_for_selector("body[data-drawn]", timeout=120_000)
        keep(page, "report")
        yield page, asked, wrong
        page.close()


def keep(page: Any, name: str) -> None:
    folder = os.environ.get("DACL_EDU_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for number, top in enumerate(range(0, page.evaluate("document.documentElement.scrollHeight"), 950)):
            page.evaluate(f"window.scrollTo(0, {top})")
            page.wait_for_timeout(200)
            page.screenshot(path=Path(folder) / f"{name}-{number:02d}.png")


def test_every_figure_draws_without_an_error_or_a_network(
    opened: tuple[Any, list[str], list[str]], report: Path
) -> None:
    page, asked, wrong = opened
    drawn = page.evaluate(DRAWN)
    assert len(drawn) == 18  # and three sheets of faces, which are elements of the page
    assert page.locator(".faces img").count() > 20
    assert not [name for name, made, marks in drawn if not made or not marks]
    assert "could not be drawn" not in page.inner_text("main")
    assert page.locator(".modebar-btn").count() > 20
    assert page.locator(".modebar-btn[data-title*='Share']").count() == 0, "it would send the figure to a server"
    assert not wrong
    assert {address for address in asked if not address.startswith(("data:", "blob:"))} == {report.as_uri()}


def test_the_pointer_on_a_point_shows_its_face(opened: tuple[Any, list[str], list[str]]) -> None:
    page, _, _ = opened
    plot = page.locator("#embedding .plot").first
    plot.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert "UMAP" in plot.inner_text()
    assert page.evaluate(FACE) == ""
    faces = []
    for number in (0, 40):
        box = plot.locator(".scatterlayer .point").nth(number).bounding_box()
        point_at(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        faces.append(page.evaluate(FACE))
        place = page.locator("#dacl-face").bounding_box()
        assert abs(place["x"] - box["x"]) < 140 and abs(place["y"] - box["y"]) < 140, "it follows the pointer"
        assert page.evaluate("() => document.getElementById('dacl-face').naturalWidth") == 40
    assert len(set(faces)) == 2
    page.mouse.move(2, 2)
    page.wait_for_function(f"({FACE})() === ''", timeout=60_000)


def point_at(page: Any, x: float, y: float) -> None:
    """Move the pointer there until a face shows; a busy machine answers late."""
    for _ in range(20):
        page.mouse.move(x - 150, y)
        page.wait_for_timeout(150)
        page.mouse.move(x, y)
        page.wait_for_timeout(150)
        if page.evaluate(FACE):
            return
    raise AssertionError("no face at the point")


def test_points_and_epochs_answer_the_keyboard(opened: tuple[Any, list[str], list[str]]) -> None:
    page, _, _ = opened
    points = page.get_by_label("Go through the points", exact=True).first
    points.focus()
    points.press("ArrowRight")
    page.wait_for_function(f"({FACE})() !== ''", timeout=60_000)
    assert "true: surprise" in (points.get_attribute("aria-valuetext") or "")
    epoch = page.get_by_label("Epoch", exact=True).first
    epoch.focus()
    where = "() => document.querySelectorAll('#embedding .plot')[2].data[0].x[0]"
    last = page.evaluate(where)
    epoch.press("Home")
    page.wait_for_function(f"before => ({where})() !== before", arg=last, timeout=60_000)
    assert epoch.get_attribute("aria-valuetext") == "epoch 0"
    page.get_by_role("button", name="Play").first.click()
    page.wait_for_function(f"before => ({where})() === before", arg=last, timeout=60_000)


def test_it_fits_a_narrow_window_and_paper(opened: tuple[Any, list[str], list[str]]) -> None:
    page, _, wrong = opened
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_timeout(3000)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "tables scroll, the page does not"
    assert page.evaluate("[...document.querySelectorAll('.plot')].every(p => p.layout.width <= 390)"), "none is wider"
    assert page.locator(".wide[tabindex='0']").count() > 0, "what scrolls can be reached by the keyboard"
    assert page.evaluate(SMALL) == [], "text below 11 pixels"
    keep(page, "narrow")
    page.set_viewport_size({"width": 1200, "height": 1000})
    page.wait_for_timeout(1500)
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(1500)
    assert page.evaluate("[...document.querySelectorAll('.plot')].every(p => p.layout.width <= 660)")
    assert page.evaluate("[...document.querySelectorAll('details:not(.words)')].every(each => each.open)")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert not wrong


def test_the_dark_is_dark_and_the_data_of_a_figure_can_be_had(opened: tuple[Any, list[str], list[str]]) -> None:
    page, _, wrong = opened
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(3000)
    colour = "getComputedStyle(document.querySelector('.plot .xtitle')).fill"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"
    assert page.evaluate(colour) == "rgb(227, 232, 237)"
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(3000)
    assert page.evaluate(colour) == "rgb(27, 27, 27)"
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Data of figure 1 (CSV)").click()
    lines = Path(waiting.value.path()).read_text().splitlines()
    assert lines[0] == "series,x,y,z,below,above,text" and len(lines) == 1 + 6 and not wrong


def test_axe_finds_no_serious_fault(opened: tuple[Any, list[str], list[str]]) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page, _, _ = opened
    page.set_viewport_size({"width": 1200, "height": 1000})
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 10, "axe looked at the page"
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert not serious, [(v["id"], v["nodes"][0]["html"][:200]) for v in serious]

"""A student in JupyterLab in a real browser: a wrong answer shows what is wrong, a right one turns green.

Set ``DACL_EDU_SCREENSHOTS`` to a folder to keep pictures.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from browser import BROWSER, chromium, jupyterlab

pytestmark = [pytest.mark.browser, pytest.mark.skipif(BROWSER is None, reason="no browser: tools/install_browser.sh")]

NAME = "a2_sparse_center_loss"
RELEASED = Path(__file__).parents[2] / "notebooks" / "assignments" / "release" / NAME / f"{NAME}.ipynb"
STUB = "raise NotImplementedError()"
GREEN, RED = ".ansi-green-fg", "[class*=ansi-red]"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("student")
    shutil.copy(RELEASED, folder)
    with jupyterlab(folder) as url, chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(f"{url}/lab/tree/{NAME}.ipynb?reset", wait_until="domcontentloaded")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
        page.wait_for_function("() => document.body.innerText.includes('Python 3 (ipykernel) | Idle')", timeout=90_000)
        yield page


def cell(page: Any, text: str) -> Any:
    """The first code cell that holds a text."""
    return page.locator(".jp-CodeCell", has=page.locator(".cm-content", has_text=text)).first


def run(page: Any, text: str) -> Any:
    """Click into a cell, run it, wait for its number; return its output."""
    chosen = cell(page, text)
    chosen.scroll_into_view_if_needed()
    chosen.locator(".cm-content").click()
    before = chosen.locator(".jp-InputPrompt").inner_text()
    page.keyboard.press("Control+Enter")
    for _ in range(600):
        now = chosen.locator(".jp-InputPrompt").inner_text()
        if now != before and re.search(r"\[\d+\]", now):
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(300)
    return chosen.locator(".jp-Cell-outputWrapper")


def write(page: Any, line: str, instead_of: str) -> None:
    """Write one line in place of another of the cell that defines ``sparse_center_loss``."""
    content = cell(page, "def sparse_center_loss(").locator(".cm-content")
    content.locator(".cm-line", has_text=instead_of).first.click()
    page.keyboard.press("Home")  # to the first letter
    page.keyboard.press("Shift+End")
    page.keyboard.type(line)
    page.keyboard.press("Escape")


def keep(page: Any, name: str) -> None:
    if folder := os.environ.get("DACL_EDU_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png")


def test_wrong_answers_are_told_and_a_right_one_turns_green(page: Any) -> None:
    run(page, "import torch")
    test = "questions.sparse_center_loss(sparse_center_loss)"
    run(page, "def sparse_center_loss(")

    said = run(page, test)
    assert "sparse_center_loss is not written yet" in said.inner_text()
    keep(page, "student-stub")

    wrong = "return ((1 + (a * (x - c[y]) ** 2).sum(1)).sqrt() - 1).sum()"
    write(page, wrong, instead_of=STUB)
    run(page, "def sparse_center_loss(")
    said = run(page, test)
    assert "✘ Question 1" in said.inner_text() and "look for a factor" in said.inner_text()
    assert "Where to look: Eq. 4" in said.inner_text()
    assert said.locator(RED).count() and not said.locator(GREEN).count()
    assert "dacl_edu_course" not in said.inner_text(), "no page of frames"
    keep(page, "student-wrong")

    write(page, "return ((1 + (a * (x - c[y]) ** 2).sum(1)).sqrt() - 1).mean()", instead_of=wrong)
    run(page, "def sparse_center_loss(")
    said = run(page, test)
    assert said.inner_text().strip() == "✔ Question 1: the tempered loss: right"
    assert said.locator(GREEN).count() == 1 and not said.locator(RED).count()
    keep(page, "student-right")


def test_the_solution_is_nowhere_in_the_page(page: Any) -> None:
    text = page.content()
    assert "BEGIN SOLUTION" not in text and "hidden_seeds" not in text

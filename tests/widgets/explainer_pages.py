"""What tests of the explainer share: the head of its data, its page, opened, and how long a change takes."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from dacl_edu.widgets.explainer.page import explainer_page

TIMED = """async changes => {
  const start = performance.now();
  window.explainer.set(changes);
  document.body.getBoundingClientRect();
  return performance.now() - start;
}"""


def head_of(data: bytes) -> dict[str, Any]:
    plain = gzip.decompress(data)
    return json.loads(plain[4 : 4 + int.from_bytes(plain[:4], "little")])


def open_page(browser: Any, data: bytes, folder: Path, **options: Any) -> Any:
    """Write the page into a folder and return it in the browser, drawn."""
    (folder / "explainer.html").write_text(explainer_page(data), encoding="utf-8")
    page = browser.new_page(**options)
    page.set_default_timeout(120_000)
    page.goto((folder / "explainer.html").as_uri())
    page.locator(".dacl-explainer .whole b").wait_for()
    return page

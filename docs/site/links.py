"""Follow every link between built pages."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Page(HTMLParser):
    """Gathers what a page links to and which places in it can be linked to."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.anchors: set[str] = set()
        self.remote: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = dict(attributes)
        for name in ("id", "name"):
            if values.get(name):
                self.anchors.add(values[name] or "")
        link = values.get("href") or values.get("src")
        if link and not link.startswith(("data:", "mailto:", "javascript:")):
            if urlsplit(link).scheme or link.startswith("//"):
                if tag != "a":  # a page that fetches something does not work from a file path
                    self.remote.add(link)
            else:
                self.targets.add(link)


def broken_links(html: Path) -> list[str]:
    """Return one line for each link that leads nowhere, and for each file that a page fetches from the network.

    Parameters
    ----------
    html : Path
        Folder of the built pages.
    """
    pages: dict[Path, _Page] = {}
    for file in sorted(file for file in html.rglob("*.html") if "_static" not in file.parts):
        pages[file.resolve()] = page = _Page()
        page.feed(file.read_text(encoding="utf-8"))
    problems = []
    for file, page in pages.items():
        here = file.relative_to(html.resolve())
        problems += [f"{here}: fetches {link}" for link in sorted(page.remote)]
        for link in sorted(page.targets):
            parts = urlsplit(link)
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if not target.exists():
                problems.append(f"{here}: {link} leads nowhere")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                problems.append(f"{here}: {link} has no such place")
    return problems

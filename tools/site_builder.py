"""Build the site: lessons, ledger, errata and the package's reference as static pages that open from a file path.

    python -m tools.site_builder                   into build/site
    python -m tools.site_builder --out folder      elsewhere

Every link between the pages is followed at the end; a broken one is an error.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "docs" / "site"))

from links import broken_links  # noqa: E402
from pages import write_sources  # noqa: E402

from dacl_edu.widgets.explainer import shipped_payload  # noqa: E402
from dacl_edu.widgets.explainer.page import explainer_page  # noqa: E402


def build(out: Path) -> list[str]:
    """Build the site into ``out/html``; return what is wrong with it."""
    from sphinx.cmd.build import build_main

    source, html = out / "source", out / "html"
    for folder in (source, html):
        shutil.rmtree(folder, ignore_errors=True)
    write_sources(source)
    status = build_main(["-q", "-b", "html", "-d", str(out / "doctrees"), str(source), str(html)])
    if status:
        return ["sphinx failed"]
    _drop_unused(html / "_static" / "mathjax")
    page = explainer_page(shipped_payload(), "notebooks/{notebook}.html#{cell}", heading="")
    (html / "explainer.html").write_text(page, encoding="utf-8")
    return broken_links(html)


def _drop_unused(mathjax: Path) -> None:
    """Keep the one bundle of MathJax that the pages load, and its fonts: 2 MB of 24."""
    for entry in mathjax.iterdir():
        if entry.name not in ("tex-chtml.js", "output", "a11y"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def main() -> int:
    """Build, say where it is; the exit status is 1 if a link is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="folder to build in [build/site]")
    problems = build(parser.parse_args().out.resolve())
    for problem in problems:
        print(problem, file=sys.stderr)
    print(parser.parse_args().out / "html" / "index.html")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())

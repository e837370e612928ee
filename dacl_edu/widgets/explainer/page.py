"""The explainer as a page of HTML that needs no kernel, no network and no other file."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
HEADING = "Deep Attentive Center Loss, one face at a time"
_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


def module() -> str:
    """Return the explainer's module, which a page and a notebook load alike: four files, joined."""
    names = ("arithmetic.js", "drawing.js", "tour.js", "explainer.js")
    return "\n".join((HERE / name).read_text("utf-8") for name in names)


def explainer_page(data: bytes, lessons: str = "", heading: str = HEADING) -> str:
    """Return the page.

    Parameters
    ----------
    data : bytes
        See :func:`dacl_edu.widgets.explainer.payload.payload`.
    lessons : str, default ""
        Where a lesson's section is, with ``{notebook}`` and ``{cell}`` in it; without it the page has no such links.
    heading : str
        Empty for a page that stands in another one.

    Examples
    --------
    >>> explainer_page(b"", heading="<A class>").count("<h1>&lt;A class&gt;</h1>")
    1
    """
    style = (HERE / "explainer.css").read_text("utf-8")
    top = f"<h1>{html.escape(heading)}</h1>" if heading else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><link rel="icon" href="data:,">
<title>{html.escape(heading or "The explainer")}</title><style>
{style}</style></head><body class="explainer-page"><main>{top}<div id="explainer-here"></div>
<noscript>The explainer is drawn by JavaScript, which is off in this browser.</noscript></main>
<script type="text/plain" id="explainer-data">{base64.b64encode(data).decode()}</script>
<script type="module">
{module()}
const coded = atob(document.getElementById("explainer-data").textContent), bytes = new Uint8Array(coded.length);
for (let i = 0; i < bytes.length; i++) bytes[i] = coded.charCodeAt(i);
addEventListener("message", ({{data: theme}}) => {{  // of the page around this one says its theme
  if (["light", "dark"].includes(theme)) document.body.dataset.jpThemeLight = theme === "light";
}});
window.explainer = await mount(document.getElementById("explainer-here"), bytes, {json.dumps(lessons)});
</script></body></html>
"""

"""What a figure shows, said to those who cannot see it, while it changes."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

_NAMED = """
function render({ model, el }) {
  el.style.display = "none";
  const name = () => {
    const place = el.parentElement;  // it lies beside its figure, or waits for it
    const plot = place && place.querySelector(".js-plotly-plot");
    if (!plot) return void setTimeout(name, 200);
    plot.setAttribute("role", "figure");
    plot.setAttribute("aria-label", model.get("words"));
  };
  model.on("change:words", name);
  name();
}
export default { render };
"""


class FigureWords(anywidget.AnyWidget):
    """Gives the figure in the same box its words; nothing of it is seen.

    Parameters
    ----------
    figure : FigureWidget
        ``layout.meta["alt"]`` has its words, whenever they change.
    """

    _esm = _NAMED
    words = traitlets.Unicode().tag(sync=True)

    def __init__(self, figure: Any) -> None:
        super().__init__(words=_alt(figure))
        figure.layout.on_change(lambda *_: setattr(self, "words", _alt(figure)), "meta")


def _alt(figure: Any) -> str:
    return str((figure.layout.meta or {}).get("alt", "figure"))

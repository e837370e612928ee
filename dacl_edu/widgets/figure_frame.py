"""What a figure among controls needs of its page: a name, the width of its column, and keys of its own."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

from dacl_edu.plots.reflow import SCRIPT

_FRAMED = """
function render({ model, el }) {
  el.style.display = "none";
  const off = new AbortController();
  let later, watched, name;
  const begin = () => {
    const plot = el.nextElementSibling, place = el.parentElement;
    if (!plot?._fullLayout) return void (later = setTimeout(begin, 100));  // not drawn yet

    name = () => plot.setAttribute("aria-label", model.get("words"));
    plot.setAttribute("role", "figure");
    model.on("change:words", name);
    name();

    let width = 0;
    watched = new ResizeObserver(() => {
      const design = structuredClone(model.get("design")), drawn = plot._fullLayout;
      const room = Math.floor(Math.min(place.clientWidth, design.width ?? Infinity));
      if (room < 50 || room === (width || drawn.width)) return;
      width = room;
      const { layout } = daclReflow.fit({ data: plot.data, layout: { height: drawn.height, ...design } }, room);
      const fitted = Object.fromEntries(["width", "height", "margin", "legend"].map(key => [key, layout[key] ?? null]));
      for (const key of Object.keys(layout)) if (layout[key]?.domain) fitted[`${key}.domain`] = layout[key].domain;
      (layout.annotations ?? []).forEach((note, at) => {
        for (const side of ["x", "y"]) fitted[`annotations[${at}].${side}`] = note[side];
      });
      model.set("fitted", fitted);
      model.save_changes();
    });
    watched.observe(place);

    let box = place;
    for (let up = place; up; up = up.parentElement?.closest(".widget-box")) box = up;
    box.addEventListener("keydown", event => {  // else JupyterLab takes arrows and letters for its cells
      const { key, shiftKey, ctrlKey, altKey, metaKey } = event;
      const forPage = ctrlKey || altKey || metaKey || key === "Escape" || (shiftKey && key === "Enter");
      if (!forPage) event.stopPropagation();
    }, { signal: off.signal });
  };
  begin();
  return () => {
    clearTimeout(later);
    watched?.disconnect();
    if (name) model.off("change:words", name);
    off.abort();
  };
}
export default { render };
"""


class FigureFrame(anywidget.AnyWidget):
    """Stands before a figure in the same box; nothing of it is seen.

    Parameters
    ----------
    figure : FigureWidget
        ``layout.meta["alt"]`` has its words, whenever they change; ``layout.width`` is the most that it takes.
    """

    _esm = SCRIPT + _FRAMED
    words = traitlets.Unicode().tag(sync=True)
    design = traitlets.Dict().tag(sync=True)
    fitted = traitlets.Dict().tag(sync=True)

    def __init__(self, figure: Any) -> None:
        design = figure.layout.to_plotly_json()
        design.pop("template", None)
        super().__init__(words=_alt(figure), design=design)
        self._figure = figure
        figure.layout.on_change(lambda *_: setattr(self, "words", _alt(figure)), "meta")

    @traitlets.observe("fitted")
    def _fit(self, change: Any) -> None:
        with self._figure.batch_update():
            for path, value in change["new"].items():
                self._figure.layout[path] = value


def _alt(figure: Any) -> str:
    return str((figure.layout.meta or {}).get("alt", "figure"))

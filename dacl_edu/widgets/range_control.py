"""A slider that is the browser's own: it has a name, is one Tab stop, and answers to every key."""

from __future__ import annotations

from typing import Any

import anywidget
import traitlets

_DRAWN = """
function render({ model, el }) {
  const [label, name, input, shown] = ["label", "span", "input", "output"].map(tag => document.createElement(tag));
  input.type = "range";
  const options = () => model.get("options");
  const follow = () => {
    const value = model.get("value"), named = options().length > 0;
    name.textContent = model.get("description");
    el.title = model.get("tooltip");
    Object.assign(input, named ? { min: 0, max: options().length - 1, step: 1 }
      : { min: model.get("min"), max: model.get("max"), step: model.get("step") });
    input.disabled = model.get("disabled");
    input.value = named ? options().indexOf(value) : value;
    const said = named || model.get("whole") ? String(value) : value.toFixed(2);
    shown.textContent = said.replace("-", "\\u2212");
    input.setAttribute("aria-valuetext", said);
  };
  input.addEventListener("input", () => {
    model.set("value", options().length ? options()[+input.value] : +input.value);
    model.save_changes();
  });
  model.on("change", follow);
  follow();
  el.classList.add("dacl-edu-range");
  label.append(name, input);
  el.append(label, shown);
}
export default { render };
"""
_LOOK = """
.dacl-edu-range { display: flex; align-items: center; gap: 8px; width: 430px; max-width: 100%; margin: 2px;
  font-size: 13px; line-height: 28px; color: var(--jp-widgets-label-color, currentColor); }
.dacl-edu-range label { display: flex; align-items: center; gap: 8px; flex: 1 1 auto; }
.dacl-edu-range span { flex: 0 0 90px; text-align: right; }
.dacl-edu-range input { flex: 1 1 245px; min-width: 150px; margin: 0; accent-color: #0072B2; }
.dacl-edu-range output { flex: 0 0 44px; }
"""


class RangeControl(anywidget.AnyWidget):
    """A number between two ends, or one of a few.

    Parameters
    ----------
    value : number
    min, max, step : float
    whole : bool, default False
        Shown without decimals.
    options : list of float, default []
        If given, the only values; ``min``, ``max`` and ``step`` do not count then.
    description, tooltip : str
        Its name, and what it means.
    disabled : bool, default False

    Examples
    --------
    >>> control = RangeControl(value=9, min=1, max=12, whole=True)
    >>> control.max = 5
    >>> control.value
    5
    """

    _esm = _DRAWN
    _css = _LOOK
    value = traitlets.Any(0).tag(sync=True)
    min = traitlets.Float(0).tag(sync=True)
    max = traitlets.Float(1).tag(sync=True)
    step = traitlets.Float(0.1).tag(sync=True)
    whole = traitlets.Bool(False).tag(sync=True)
    options = traitlets.List(traitlets.Float()).tag(sync=True)
    description = traitlets.Unicode().tag(sync=True)
    tooltip = traitlets.Unicode().tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)

    @traitlets.validate("value")
    def _within(self, proposal: Any) -> float:
        value = proposal["value"]
        if not self.options:
            value = min(max(value, self.min), self.max)
        return int(value) if self.whole else value

    @traitlets.observe("min", "max")
    def _fit(self, _: Any) -> None:
        self.value = self.value

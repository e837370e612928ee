"""What the explorers share: labelled controls, live figures that follow a pure function, and plain sentences."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ipywidgets as widgets
    from plotly.graph_objects import Figure, FigureWidget

    from dacl_edu.runs.run import Run
    from dacl_edu.widgets.range_control import RangeControl

WIDTH = 900  # pixels: what an explorer may take, so that it fits a notebook's column
_CONTROL_WIDTH = "430px"  # two in a row, and 240 of them for a slider's track
_LABEL_WIDTH = "90px"


def slider(
    label: str, value: float, low: float, high: float, step: float, tooltip: str, whole: bool = False
) -> RangeControl:
    """Return a slider for a number, or for whole ones; arrow keys move it by a step. ``tooltip`` says what it means.

    Examples
    --------
    >>> slider("α", 0.5, 0, 1, 0.05, "How far a center moves.").value
    0.5
    """
    from dacl_edu.widgets.range_control import RangeControl

    return RangeControl(
        min=low, max=high, step=step, whole=whole, value=value, description=label, tooltip=tooltip
    )  # fmt: skip


def choice(label: str, options: Sequence[Any], value: Any, tooltip: str) -> widgets.Dropdown:
    """Return a drop-down list of values, or of (words, value); ``value`` is the one chosen at first.

    Examples
    --------
    >>> choice("arrows", ["none", "all"], "all", "What the arrows show.").options
    ('none', 'all')
    """
    import ipywidgets as widgets

    return widgets.Dropdown(options=list(options), value=value, description=label, tooltip=tooltip, **_look())


def steps(label: str, options: Sequence[float], value: float, tooltip: str) -> RangeControl:
    """Return a slider over some numbers that are not evenly spaced.

    Examples
    --------
    >>> steps("λ", [0, 0.1, 1], 0.1, "Weight of the metric loss.").value
    0.1
    """
    from dacl_edu.widgets.range_control import RangeControl

    return RangeControl(options=list(options), value=value, description=label, tooltip=tooltip)


def button(label: str, tooltip: str, pressed: Callable[[], None]) -> widgets.Button:
    """Return a button that calls ``pressed()``.

    Examples
    --------
    >>> button("reset", "Begin anew.", lambda: None).description
    'reset'
    """
    import ipywidgets as widgets

    made = widgets.Button(description=label, tooltip=tooltip, layout={"width": "100px"})
    made.on_click(lambda _: pressed())
    return made


def _look() -> dict[str, Any]:
    return {"style": {"description_width": _LABEL_WIDTH}, "layout": {"width": _CONTROL_WIDTH, "max_width": "100%"}}


def text(content: str = "") -> widgets.HTML:
    """Return a paragraph whose changes a screen reader says; set it anew by :func:`say`.

    Examples
    --------
    >>> "step 3" in text("step 3").value
    True
    """
    import ipywidgets as widgets

    made = widgets.HTML(layout={"width": "auto", "max_width": f"{WIDTH}px"})
    say(made, content)
    return made


def say(place: widgets.HTML, content: str) -> None:
    """Put words into a paragraph made by :func:`text`; they are taken as text, not as HTML."""
    place.value = f'<div role="status" aria-live="polite" style="line-height:1.4">{html.escape(content)}</div>'


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return an HTML table with a caption and headed columns.

    Examples
    --------
    >>> table("Two", ["a", "b"], [["1", "<2"]]).count("&lt;2")
    1
    """
    pad = "padding:2px 10px 2px 0;text-align:left"
    heads = "".join(f"<th scope='col' style='{pad}'>{html.escape(name)}</th>" for name in head)
    lines = ["".join(f"<td style='{pad}'>{html.escape(value)}</td>" for value in row) for row in rows]
    return (
        "<table style='border-collapse:collapse;line-height:1.5'>"
        f"<caption style='text-align:left'>{html.escape(caption)}</caption><thead><tr>{heads}</tr></thead><tbody>"
        + "".join(f"<tr>{line}</tr>" for line in lines)
        + "</tbody></table>"
    )


def live(figure: Figure) -> FigureWidget:
    """Return a figure, on white, that a kernel can change; :func:`follow` changes it.

    Examples
    --------
    >>> from plotly.graph_objects import Figure
    >>> type(live(Figure())).__name__
    'FigureWidget'
    """
    from plotly.graph_objects import FigureWidget

    return FigureWidget(figure.update_layout(template="plotly_white"))


def follow(shown: FigureWidget, fresh: Figure, layout: Sequence[str] = ("meta",)) -> None:
    """Make a shown figure equal to a fresh one with as many traces, in one message to the browser.

    Parameters
    ----------
    shown : FigureWidget
    fresh : Figure
    layout : sequence of str
        Paths of what else changes: ``"xaxis.range"``, ``"annotations[0].text"``, … No more than that: the rest may have
        been fitted to the page.

    Examples
    --------
    >>> from plotly.graph_objects import Figure, Scatter
    >>> shown = live(Figure(Scatter(y=[1, 2])))
    >>> follow(shown, Figure(Scatter(y=[3])))
    >>> shown.data[0].y
    (3,)
    """
    with shown.batch_update():
        for old, new in zip(shown.data, fresh.data, strict=True):
            for name, value in new.to_plotly_json().items():
                if name not in ("type", "uid"):
                    old[name] = value.tolist() if hasattr(value, "tolist") else value
        for name in layout:
            shown.layout[name] = fresh.layout[name]


def rows(*parts: Any) -> widgets.VBox:
    """Stack controls and figures; a list is a row that wraps where the page is narrow.

    Examples
    --------
    >>> len(rows(text("a"), [text("b"), text("c")]).children)
    2
    """
    import ipywidgets as widgets

    wrap = {"flex_flow": "row wrap", "align_items": "flex-start", "max_width": f"{WIDTH}px"}
    made = [widgets.HBox(list(part), layout=wrap) if isinstance(part, list | tuple) else part for part in parts]
    return widgets.VBox(made, layout={"max_width": f"{WIDTH}px"})


def watch(controls: Iterable[Any], changed: Callable[[], None]) -> None:
    """Call ``changed()`` whenever one of the controls has another value."""
    for control in controls:
        control.observe(lambda _: changed(), names="value")


def runs_of(runs: Any = "") -> list[Run]:
    """Return the runs that an explorer was given, as paths or as they are; else those that come with the project.

    Raises
    ------
    UserError
        There is none.
    """
    from dacl_edu.runs.run import Run, find_runs, shipped_runs

    if isinstance(runs, list | tuple) and runs and all(isinstance(run, Run) for run in runs):
        return list(runs)
    return find_runs(runs) if runs else shipped_runs()


def run_name(run: Run) -> str:
    """Return how a run is called in lists: method, preset, seed."""
    return f"{run.config.method}, {run.config.preset}, seed {run.config.seed}"

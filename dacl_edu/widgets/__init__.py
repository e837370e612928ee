"""Explorers for notebooks and voila pages: move something, see what it does. ``explorer(name)`` returns one."""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from dacl_edu.errors import UserError
from dacl_edu.text import nearest

if TYPE_CHECKING:
    import ipywidgets as widgets


class Entry(NamedTuple):
    """One explorer of the list.

    Attributes
    ----------
    module, function : str
        Where it is made.
    takes_runs : bool
        Whether it shows finished runs, and so takes ``runs=``.
    says : str
        What it shows.
    task : str
        Something to try in it.
    """

    module: str
    function: str
    takes_runs: bool
    says: str
    task: str


EXPLORERS = {
    "loss-lab": Entry(
        "loss_lab", "loss_lab", False, "features and centers in the plane move under a loss, step by step",
        "Set attention to “learns” and run 20 steps twice. Where does a go, and what do the features do then? "
        "Reset, without the softmax loss: does anything ever push a up?",
    ),
    "gradients": Entry(
        "gradient_explorer", "gradient_explorer", False, "Eq. 4 over x and over a with its gradients, Eq. 9 and 10",
        "Set a to 0 and move x away from c. Which of the two slopes still knows how far x is? "
        "Look for a place where gradient descent would raise a.",
    ),
    "attention": Entry(
        "from_runs", "attention_of_runs", True, "a face, its attention, and what ablating dimensions does",
        "Ablate half of the dimensions, once the most attended and once the least attended. Does attention choose "
        "better than chance? Compare with the largest contribution.",
    ),
    "embedding": Entry(
        "from_runs", "embedding_of_runs", True, "point at features in the plane, see their faces",
        "Colour by right or wrong and draw a loop around some wrong ones between two classes. Look at their faces: "
        "would you have known?",
    ),
    "confusion": Entry(
        "confusion_explorer", "confusion_explorer", True, "click a cell of the confusion matrix, see its faces",
        "Open fear taken for surprise, the most confident first. Is it the network that is wrong, or the label? Then "
        "choose the same cell of another run.",
    ),
}  # fmt: skip


def explorer(name: str, **options: Any) -> widgets.Widget:
    """Return an explorer to be shown as the last line of a notebook cell.

    Parameters
    ----------
    name : str
        One of ``EXPLORERS``.
    **options
        Handed to it: ``runs="runs/demo"`` for those that show finished runs.

    Raises
    ------
    UserError
        An unknown name (the nearest is said), or ipywidgets or plotly is missing.

    Examples
    --------
    >>> explorer("loss-lap")
    Traceback (most recent call last):
    ...
    dacl_edu.errors.UserError: no explorer 'loss-lap' — did you mean 'loss-lab'?
    """
    entry = find(name)
    import_jsonschema()
    try:
        import anywidget  # noqa: F401 - plotly's FigureWidget needs it
        import ipywidgets
        import plotly  # noqa: F401
    except ImportError as error:
        raise UserError(f"{error.name} is not installed", hint="pip install 'dacl-edu[notebooks]'") from error
    module = importlib.import_module(f"dacl_edu.widgets.{entry.module}")
    made = getattr(module, entry.function)(**options)
    if settle(made):
        words = ipywidgets.HTML(f"<p style='line-height:1.4;margin:0'><b>Try this.</b> {entry.task}</p>")
        words.layout.max_width = "900px"
        made.children = (words, *made.children)
    return made


def settle(widget: Any) -> bool:
    """Make the figures in a widget ready to be shown: nothing is sent, the first state is up to date, each has a frame.

    Parameters
    ----------
    widget : ipywidgets.Widget
        Before it is displayed.

    Returns
    -------
    bool
        Whether there is a figure in it.

    Notes
    -----
    A page draws what a figure was made with. plotly adds what changed since then only where the figure itself is
    displayed, not where it stands in a box.
    """
    from dacl_edu.plots.private import CONFIG
    from dacl_edu.widgets.figure_frame import FigureFrame

    children: list[Any] = []
    found = False
    for child in getattr(widget, "children", ()):
        if hasattr(child, "_widget_layout") and not (children and isinstance(children[-1], FigureFrame)):
            child._config = {**CONFIG, "displayModeBar": False}  # its ten buttons would be ten stops of the Tab key
            child._repr_mimebundle_()
            children.append(FigureFrame(child))
        found |= settle(child)
        children.append(child)
    if len(children) > len(getattr(widget, "children", ())):
        widget.children, found = tuple(children), True
    return found


def import_jsonschema() -> None:
    """Import it, if it is there, without the grammar of addresses: building that takes longer than all the rest.

    plotly asks for nbformat, which asks for jsonschema; nothing here checks addresses.
    """
    grammar = "rfc3987_syntax"
    if "jsonschema" in sys.modules or grammar in sys.modules:
        return
    sys.modules[grammar] = None  # type: ignore[assignment]
    with suppress(ImportError):
        import jsonschema  # noqa: F401
    del sys.modules[grammar]


def find(name: str) -> Entry:
    """Return the entry of an explorer.

    Raises
    ------
    UserError
        There is none of this name; the nearest is said.
    """
    if name not in EXPLORERS:
        raise UserError(f"no explorer {name!r}", hint=nearest(name, EXPLORERS))
    return EXPLORERS[name]

"""Explorers for notebooks and voila pages: move something, see what it does. ``explorer(name)`` returns one."""

from __future__ import annotations

import importlib
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
    """

    module: str
    function: str
    takes_runs: bool
    says: str


EXPLORERS = {
    "loss-lab": Entry(
        "loss_lab", "loss_lab", False, "features and centers in the plane move under a loss, step by step"
    ),
    "gradients": Entry(
        "gradient_explorer", "gradient_explorer", False, "Eq. 4 over x and over a with its gradients, Eq. 9 and 10"
    ),
    "attention": Entry(
        "from_runs", "attention_of_runs", True, "a face, its attention, and what ablating dimensions does"
    ),
    "embedding": Entry("from_runs", "embedding_of_runs", True, "point at features in the plane, see their faces"),
    "confusion": Entry(
        "confusion_explorer", "confusion_explorer", True, "click a cell of the confusion matrix, see its faces"
    ),
}


def explorer(name: str, **options: Any) -> widgets.Widget:
    """Return an explorer to be shown as the last line of a notebook cell.

    Parameters
    ----------
    name : str
        One of ``EXPLORERS``.
    **options
        Handed to it: ``runs="runs/demo"`` for those that show finished runs.

    Returns
    -------
    ipywidgets.Widget

    Raises
    ------
    UserError
        An unknown name (the nearest is said), or ipywidgets or plotly is missing.

    Examples
    --------
    >>> explorer("gradients")  # doctest: +SKIP
    >>> explorer("loss-lap")
    Traceback (most recent call last):
    ...
    dacl_edu.errors.UserError: no explorer 'loss-lap' — did you mean 'loss-lab'?
    """
    entry = find(name)
    try:
        import anywidget  # noqa: F401 - plotly's FigureWidget needs it
        import ipywidgets  # noqa: F401
        import plotly  # noqa: F401
    except ImportError as error:
        raise UserError(f"{error.name} is not installed", hint="pip install 'dacl-edu[notebooks]'") from error
    from dacl_edu.plots.private import keep_private

    module = importlib.import_module(f"dacl_edu.widgets.{entry.module}")
    made = getattr(module, entry.function)(**options)
    keep_private(made)
    settle(made)
    return made


def settle(widget: Any) -> None:
    """Bring the first state of each figure in a widget up to date.

    Parameters
    ----------
    widget : ipywidgets.Widget
        Before it is displayed.

    Notes
    -----
    A page draws what a figure was made with. plotly adds what changed since then only where the figure itself is
    displayed, not where it stands in a box.
    """
    if hasattr(widget, "_widget_layout"):
        widget._repr_mimebundle_()
    for child in getattr(widget, "children", ()):
        settle(child)


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

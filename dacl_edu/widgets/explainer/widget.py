"""The explainer as a widget for JupyterLab, VS Code and Colab."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets

HERE = Path(__file__).resolve().parent


class Explainer(anywidget.AnyWidget):
    """The module of the page, with its data.

    Attributes
    ----------
    data : bytes
        See :func:`dacl_edu.widgets.explainer.payload.payload`.
    lessons : str
        Where a lesson's section is, with ``{notebook}`` and ``{cell}`` in it.
    """

    _esm = HERE / "explainer.js"
    _css = HERE / "explainer.css"
    data = traitlets.Bytes().tag(sync=True)
    lessons = traitlets.Unicode("{notebook}.ipynb#cell-id={cell}").tag(sync=True)

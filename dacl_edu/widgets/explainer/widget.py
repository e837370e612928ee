"""The explainer as a widget for JupyterLab, VS Code and Colab."""

from __future__ import annotations

import base64
from typing import Any

import anywidget
import traitlets

from dacl_edu import paths
from dacl_edu.widgets.explainer.page import HERE, module


class Explainer(anywidget.AnyWidget):
    """The module of the page, with its data.

    Attributes
    ----------
    data : bytes
        See :func:`dacl_edu.widgets.explainer.payload.payload`.
    lessons : str
        Where a lesson's section is, with ``{notebook}`` and ``{cell}`` in it.
    """

    _esm = module()
    _css = HERE / "explainer.css"
    data = traitlets.Bytes().tag(sync=True)
    lessons = traitlets.Unicode("{notebook}.ipynb#cell-id={cell}").tag(sync=True)

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Return the state with its defaults, the module among them: a page exported by ipywidgets has no others."""
        state: dict[str, Any] = super().get_state(key, drop_defaults=False)
        return state

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Add a still picture, for where no kernel runs: a stored notebook, a page."""
        made = super()._repr_mimebundle_(**options)
        data, metadata = made if isinstance(made, tuple) else (made or {}, {})
        still = paths.documents() / "pictures" / "explainer.png"
        if still.is_file():
            data["image/png"] = base64.b64encode(still.read_bytes()).decode()
        return data, metadata

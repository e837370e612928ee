"""What every lesson needs: figures that show everywhere, and numbers that print the same on every machine."""

from __future__ import annotations

import base64
import json
import logging
import os
import shutil
from collections.abc import Iterable
from typing import Any

import torch

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_PLOTLY = "application/vnd.plotly.v1+json"
_WIDGET = "application/vnd.jupyter.widget-view+json"


def setup(seed: int = 0) -> None:
    """Prepare a notebook: seed torch, choose how numbers print and how figures look. Each lesson calls it first."""
    torch.manual_seed(seed)
    torch.set_printoptions(precision=4, sci_mode=False)
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)  # it writes red lines
    try:
        import plotly.io as pio
    except ImportError:  # a lesson without figures runs without plotly
        return
    pio.renderers.default = "plotly_mimetype"
    pio.templates.default = "plotly_white"


def stores_png() -> bool:
    """Whether :func:`show` adds a PNG to each figure: ``DACL_EDU_PNG=1`` is set and a browser is there to draw it.

    ``tools/notebooks.py`` and ``dacl-edu run-notebook`` set it, so that stored notebooks show their figures where
    nothing runs. A student's own session leaves it out: each picture costs a second.
    """
    return os.environ.get("DACL_EDU_PNG") == "1" and any(map(shutil.which, _BROWSERS))


def show(what: Any, alt: str = "") -> None:
    """Show a figure or a widget, together with words for those who cannot see it.

    Parameters
    ----------
    what : plotly figure, or ipywidgets widget
        Numbers of a figure are rounded to six digits, so that a stored output is the same on every machine.
    alt : str
        What a reader would see: a sentence or two. Figures of :mod:`dacl_edu.plots` carry their own, which is taken
        where none is given.

    Raises
    ------
    ValueError
        ``alt`` says nothing.
    """
    from IPython.display import display

    from dacl_edu.plots.private import CONFIG, keep_private
    from dacl_edu.widgets import settle

    alt = " ".join((alt or _own_alt(what)).split())
    if len(alt) < 15:
        raise ValueError(f"alt={alt!r} says too little: describe the figure in a sentence")
    if hasattr(what, "comm") and hasattr(what, "_repr_mimebundle_"):  # a widget: alive only while the kernel is
        keep_private(what)
        settle(what)
        bundle = what._repr_mimebundle_()
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        shown = {kind: data[kind] for kind in (_WIDGET, "image/png") if kind in data}  # a widget may bring a picture
        shown["text/plain"] = f"[interactive, run to use] {alt}"
        figure = None if "image/png" in shown else _figure_of(what)
        if figure is not None and stores_png():  # a page that is only read shows how the widget opens
            kind, picture = _picture(figure)
            shown[kind] = base64.b64encode(picture).decode()
        pictures = {kind: {"alt": alt} for kind in shown if kind.startswith("image/")}
        display(shown, metadata={**metadata, **pictures}, raw=True)
        return
    what.update_layout(meta={"alt": alt})
    from dacl_edu.plots import figure_json

    plain = figure_json.rounded(json.loads(what.to_json()))
    data = {_PLOTLY: {**plain, "config": CONFIG}, "text/plain": alt}
    metadata = {_PLOTLY: {"alt": alt}}
    if stores_png():
        kind, picture = _picture(what)
        data[kind], metadata[kind] = base64.b64encode(picture).decode(), {"alt": alt}
    display(data, metadata=metadata, raw=True)


def _own_alt(what: Any) -> str:
    meta = getattr(getattr(what, "layout", None), "meta", None)
    return meta.get("alt", "") if isinstance(meta, dict) else ""


def _figure_of(widget: Any) -> Any:
    """The first plotly figure in a widget, or None."""
    if hasattr(widget, "to_json") and hasattr(widget, "layout") and hasattr(widget, "data"):
        return widget
    return next(filter(None, map(_figure_of, getattr(widget, "children", ()))), None)


def _picture(figure: Any) -> tuple[str, bytes]:
    """A PNG of 256 colours, a third of the size; or, where faces are in it and need more colours, a JPEG."""
    import io

    from PIL import Image

    png = _png(figure)
    picture, buffer = Image.open(io.BytesIO(png)).convert("RGB"), io.BytesIO()
    if len(png) < 100_000 or not figure.layout.images:
        picture.quantize(256, dither=Image.Dither.NONE).save(buffer, format="PNG", optimize=True)
        return "image/png", buffer.getvalue()
    picture.save(buffer, format="JPEG", quality=82)
    return "image/jpeg", buffer.getvalue()


def _png(figure: Any) -> bytes:
    import kaleido

    if not getattr(_png, "served", False):  # one browser for all figures of a notebook: three times faster
        kaleido.start_sync_server(silence_warnings=True)
        _png.served = True  # type: ignore[attr-defined]
    return kaleido.calc_fig_sync(json.loads(figure.to_json()), opts={"format": "png", "scale": 1})


def rounded(value: Any, digits: int = 4) -> Any:
    """Round numbers, tensors and lists of them for printing: the one way in which lessons print floats.

    The last digits of a float differ between processors, and a stored output must not.

    Parameters
    ----------
    value : number, Tensor, or iterable of them
    digits : int, default 4

    Returns
    -------
    float, int, str or list
        ``-0.0`` becomes ``0.0``.

    Examples
    --------
    >>> rounded(torch.tensor([[1 / 3, -0.0]]))
    [[0.3333, 0.0]]
    >>> rounded({"a": 2 / 3}, digits=2)
    {'a': 0.67}
    """
    if isinstance(value, torch.Tensor):
        return rounded(value.detach().tolist(), digits)
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, Iterable):
        return [rounded(item, digits) for item in value]
    return round(float(value), digits) + 0.0


def check_parameters() -> dict[str, Any]:
    """Check the values of a notebook's parameters cell, and those that papermill put behind it; return them.

    papermill itself only warns of an unknown name and takes any type. The types are those of the cell tagged
    ``parameters``. The environment variable ``DACL_EDU_PARAMETERS`` (JSON) changes defaults of every notebook that has
    such a parameter; the tests use it to train in seconds.

    Raises
    ------
    UserError
        An unknown name (the nearest valid one is said), or a value of another type.
    """
    from IPython import get_ipython

    from dacl_edu.lessons.parameters import checked_values

    shell = get_ipython()
    space = shell.user_ns
    changed = checked_values(space.get("__annotations__", {}), space, list(shell.history_manager.input_hist_raw))
    space.update(changed)
    return changed

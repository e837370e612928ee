"""What every lesson needs: figures that show everywhere, and numbers that print the same on every machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from typing import Any

import torch

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def setup(seed: int = 0) -> None:
    """Prepare a notebook: seed torch and choose how figures are stored. The first cell of each lesson calls it.

    With a browser on the machine each figure is stored twice, interactive and as a PNG, so that it also shows where
    notebooks are only displayed; without one it is interactive alone. Set ``DACL_EDU_PNG=0`` to leave the PNG out.

    Parameters
    ----------
    seed : int, default 0

    Examples
    --------
    >>> setup()
    """
    torch.manual_seed(seed)
    torch.set_printoptions(precision=4, sci_mode=False)
    try:
        import plotly.io as pio
    except ImportError:  # a lesson without figures runs without plotly
        return
    wants_png = os.environ.get("DACL_EDU_PNG", "1") != "0" and any(map(shutil.which, _BROWSERS))
    pio.renderers.default = "plotly_mimetype+png" if wants_png else "plotly_mimetype"
    pio.templates.default = "plotly_white"


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

"""Figures as small JSON: six digits of each number, which is more than a screen shows."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np


def rounded(value: Any, typed: bool = False) -> Any:
    """Round the numbers of a figure's JSON to six significant digits.

    Parameters
    ----------
    value : dict, list or scalar
        As ``json.loads(figure.to_json())`` gives it.
    typed : bool, default False
        Keep arrays as typed bytes, float64 as float32, which is shortest; else they become lists of rounded numbers,
        which can be read and compared.

    Examples
    --------
    >>> rounded({"y": [1 / 3, 2]})
    {'y': [0.333333, 2]}
    """
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, list):
        return [rounded(item, typed) for item in value]
    if not isinstance(value, dict):
        return value
    if not {"dtype", "bdata"} <= set(value):
        return {key: rounded(item, typed) for key, item in value.items()}
    array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=np.dtype(value["dtype"]))
    if typed:
        if value["dtype"] != "f8":
            return value
        return {**value, "dtype": "f4", "bdata": base64.b64encode(array.astype("<f4").tobytes()).decode()}
    if "shape" in value:
        array = array.reshape([int(n) for n in str(value["shape"]).split(",")])
    return rounded(array.tolist())

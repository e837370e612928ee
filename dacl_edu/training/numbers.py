"""What TensorBoard and other trackers are told of an epoch, and of the result."""

from __future__ import annotations

from typing import Any


def flat(line: dict[str, Any]) -> dict[str, float]:
    """Return the numbers of an epoch under one name each.

    Examples
    --------
    >>> flat({"epoch": 1, "train": {"loss": 0.5}, "validation": {"confusion": [[1]]}})
    {'epoch': 1, 'train/loss': 0.5}
    """
    found: dict[str, float] = {}
    for key, value in line.items():
        for name, each in (value if isinstance(value, dict) else {"": value}).items():
            if isinstance(each, int | float):
                found[f"{key}/{name}".rstrip("/")] = each
    return found


def scores(result: dict[str, Any]) -> dict[str, float]:
    """Return what a result is judged by.

    Examples
    --------
    >>> scores({"split": "test", "accuracy": 0.9, "average_accuracy": 0.8, "seconds": 3.0})
    {'test/accuracy': 0.9, 'test/average_accuracy': 0.8}
    """
    return {f"{result['split']}/{name}": result[name] for name in ("accuracy", "average_accuracy")}

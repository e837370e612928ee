"""Evaluation: metrics from predictions, predictions from models, runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dacl_edu.evaluation.metrics import attention_stats, score
from dacl_edu.evaluation.predict import Predictions, predict

if TYPE_CHECKING:
    from dacl_edu.evaluation.compare import compare_runs

__all__ = ["Predictions", "attention_stats", "compare_runs", "predict", "score"]


def __getattr__(name: str) -> Any:
    """Import the comparison when it is asked for: it brings pandas."""
    if name == "compare_runs":
        from dacl_edu.evaluation.compare import compare_runs

        return compare_runs
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Evaluation: metrics from predictions, predictions from models, runs side by side."""

from dacl_edu.evaluation.compare import compare_runs
from dacl_edu.evaluation.metrics import attention_stats, score
from dacl_edu.evaluation.predict import Predictions, predict

__all__ = ["Predictions", "attention_stats", "compare_runs", "predict", "score"]

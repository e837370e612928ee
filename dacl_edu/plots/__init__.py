"""Figures: each function takes arrays and returns a plotly Figure. No training, no files."""

from dacl_edu.plots.confusion import confusion_matrices
from dacl_edu.plots.curves import training_curves
from dacl_edu.plots.faces import face_sheet
from dacl_edu.plots.intervals import interval_plot
from dacl_edu.plots.style import BLUE, GREEN, LOOKS, ORANGE, PURPLE, SKY

__all__ = [
    "BLUE",
    "GREEN",
    "LOOKS",
    "ORANGE",
    "PURPLE",
    "SKY",
    "confusion_matrices",
    "face_sheet",
    "interval_plot",
    "training_curves",
]

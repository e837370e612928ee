"""Figures: each function takes arrays and returns a plotly Figure. No training, no files.

Where there is nothing to draw, or arrays do not belong together, it is a `UserError` that says which.
"""

from dacl_edu._moved import old_names
from dacl_edu.plots.attention_figures import (
    ablation_plot,
    attention_heatmap,
    attention_profiles,
    drift_curves,
    factor_bars,
)
from dacl_edu.plots.attention_step import change_animation, change_histograms
from dacl_edu.plots.confusion import confusion_matrices
from dacl_edu.plots.curves import training_curves
from dacl_edu.plots.embedding import embedding_comparison, embedding_plot
from dacl_edu.plots.embedding_epochs import embedding_animation
from dacl_edu.plots.faces import face_sheet
from dacl_edu.plots.geometry import center_distance_heatmap, geometry_comparison
from dacl_edu.plots.gradient_field import gradient_field
from dacl_edu.plots.intervals import interval_plot
from dacl_edu.plots.paired import paired_seeds
from dacl_edu.plots.per_class import per_class_comparison
from dacl_edu.plots.reliability import reliability_diagram
from dacl_edu.plots.samples import correct_and_wrong
from dacl_edu.plots.strength import strength_curves
from dacl_edu.plots.style import BLUE, GREEN, LOOKS, ORANGE, PURPLE, SKY
from dacl_edu.plots.thumbnails import FACE_ON_HOVER, thumbnails
from dacl_edu.plots.toy import bars, lines, points, tables

__all__ = [
    "BLUE", "FACE_ON_HOVER", "GREEN", "LOOKS", "ORANGE", "PURPLE", "SKY", "ablation_plot", "attention_heatmap",
    "attention_profiles", "bars", "center_distance_heatmap", "change_animation", "change_histograms",
    "confusion_matrices", "correct_and_wrong", "drift_curves", "embedding_animation", "embedding_comparison",
    "embedding_plot", "face_sheet", "factor_bars", "geometry_comparison", "gradient_field", "interval_plot", "lines",
    "paired_seeds", "per_class_comparison", "points", "reliability_diagram", "strength_curves", "tables", "thumbnails",
    "training_curves",
]  # fmt: skip

__getattr__ = old_names(__name__)  # names of the last release

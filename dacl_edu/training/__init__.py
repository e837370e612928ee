"""Training: typed configuration and presets, Algorithm 1 as one visible loop, checkpoints, run folders."""

from dacl_edu.training.config import PRESETS, TrainConfig
from dacl_edu.training.loop import train
from dacl_edu.training.methods import available_methods
from dacl_edu.training.run_folder import RunFolder

__all__ = ["PRESETS", "RunFolder", "TrainConfig", "available_methods", "train"]

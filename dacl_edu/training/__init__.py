"""Training: typed configuration and presets, Algorithm 1 as one visible loop, checkpoints, run folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dacl_edu.runs.config import PRESETS, TrainConfig
from dacl_edu.runs.folder import RunFolder

if TYPE_CHECKING:
    from dacl_edu.runs.methods import available_methods
    from dacl_edu.training.loop import train

__all__ = ["PRESETS", "RunFolder", "TrainConfig", "available_methods", "train"]


def __getattr__(name: str) -> Any:
    """Import the loop when it is asked for: it brings Lightning and torchvision, which take seconds."""
    if name == "train":
        from dacl_edu.training.loop import train

        return train
    if name == "available_methods":
        from dacl_edu.runs.methods import available_methods

        return available_methods
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

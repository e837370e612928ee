"""Runs are read in the tests of this folder, and made by the fixtures of the trainer's."""

from __future__ import annotations

from training.conftest import config, faces, faces_without_val, finished, own_losses, reads, validation_accuracy

__all__ = ["config", "faces", "faces_without_val", "finished", "own_losses", "reads", "validation_accuracy"]

"""What TensorBoard shows of a run, in one file: curves, settings, the final result and pictures."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dacl_edu.training.numbers import flat, scores

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from dacl_edu.data import FaceDataset
    from dacl_edu.evaluation.predict import Predictions
    from dacl_edu.runs.config import TrainConfig

CELL = 24
"""Pixels of a cell of the confusion matrix."""
FACES = 32
"""How many faces are shown: the most confident of the wrong answers."""


class Board:
    """Writes a run's numbers for TensorBoard. A resumed run adds a file for what comes after the interruption.

    The folder is made when the first number is written; what an interrupted run wrote from epoch ``first`` on is not
    shown twice.
    """

    def __init__(self, folder: Path, first: int = 1) -> None:
        self.folder = folder
        self.first = first

    @cached_property
    def writer(self) -> SummaryWriter:
        """The file."""
        from torch.utils.tensorboard import SummaryWriter  # here, since it takes a second to import

        return SummaryWriter(self.folder, purge_step=self.first if self.first > 1 else None)

    def epoch(self, line: dict[str, Any], number: int) -> None:
        """Write the metrics of an epoch under their names in ``metrics.jsonl``: ``train/loss``, …"""
        for name, value in flat(line).items():
            if name != "epoch":
                self.writer.add_scalar(name, value, number)
        self.writer.flush()  # TensorBoard reads while the run goes on

    def finish(self, config: TrainConfig, result: dict[str, Any], faces: FaceDataset, predictions: Predictions) -> None:
        """Write settings and final result (its HPARAMS page), the confusion matrix and the surest wrong answers."""
        from torch.utils.tensorboard.summary import hparams

        split, found = result["split"], scores(result)
        settings = {
            key: value if isinstance(value, bool | int | float | str) else str(value)
            for key, value in config.model_dump(mode="json").items()
        }
        # Not add_hparams: that writes a second file.
        for summary in hparams(settings, found):
            self.writer._get_file_writer().add_summary(summary)
        for name, value in found.items():
            self.writer.add_scalar(name, value, result["epochs"])
        self.writer.add_image(f"{split}/confusion", confusion_picture(result["confusion"]), result["epochs"])
        wrong = wrong_faces(faces, predictions)
        if wrong is not None:
            self.writer.add_image(f"{split}/most confident wrong answers", wrong, result["epochs"])
        self.writer.close()


def confusion_picture(counts: list[list[int]]) -> Tensor:
    """Return a confusion matrix as a picture: black where all images of a true class (a row) lie.

    Examples
    --------
    >>> confusion_picture([[3, 1], [0, 2]])[0, ::CELL, ::CELL]
    tensor([[ 64, 191],
            [255,   0]], dtype=torch.uint8)
    """
    matrix = torch.tensor(counts, dtype=torch.float64)
    share = matrix / matrix.sum(dim=1, keepdim=True).clamp_min(1)
    cells = (255 * (1 - share)).round().to(torch.uint8)
    return cells.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)[None]


def wrong_faces(faces: FaceDataset, predictions: Predictions) -> Tensor | None:
    """Return the most confident wrong answers as one picture (3, H, W) uint8; None where every answer is right."""
    from torchvision.utils import make_grid

    sure, answer = torch.softmax(predictions.logits.double(), dim=1).max(dim=1)
    order = sure.argsort(descending=True, stable=True)
    wrong = order[(answer != predictions.labels)[order]][:FACES]
    return make_grid(faces.gather(predictions.indices[wrong])[0], nrow=8) if len(wrong) else None

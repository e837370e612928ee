"""The images behind a run's numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dacl_edu.data import FaceDataset
from dacl_edu.errors import UserError
from dacl_edu.runs.run import Run
from dacl_edu.runs.splits import load_split


class Pictures:
    """Reads each split once, however many runs and figures ask for it.

    Examples
    --------
    >>> Pictures()
    Pictures(0 splits)
    """

    def __init__(self) -> None:
        self._read: dict[tuple[Any, ...], FaceDataset] = {}

    def __repr__(self) -> str:
        return f"Pictures({len(self._read)} splits)"

    def split(self, run: Run, split: str) -> FaceDataset:
        """Return a split as the run saw it.

        Raises
        ------
        UserError
            The data set is not on this machine.
        """
        c = run.config
        key = (c.data, str(c.root), split, c.load_size, c.limit, c.seed if c.limit else None)
        if key not in self._read:
            self._read[key] = load_split(c, split)
        return self._read[key]

    def of(self, run: Run, split: str, indices: Tensor, labels: Tensor) -> Tensor:
        """Return images (n, 3, H, W) uint8, after comparing their labels with those that the run saw.

        Raises
        ------
        UserError
            The data set is not on this machine, or changed since the run.
        """
        dataset = self.split(run, split)
        if (len(indices) and int(indices.max()) >= len(dataset)) or not torch.equal(dataset.labels[indices], labels):
            raise UserError(f"{run.name}: the images of {run.config.data} changed since the run", hint="train it again")
        return dataset.images[indices]

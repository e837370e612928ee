"""Which images a run sees: the splits of its data set at its size, and no more images than its limit."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from dacl_edu.data import FaceDataset, available_splits, load_dataset
from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig


def load_evaluated_split(config: TrainConfig) -> FaceDataset:
    """Read the split that the result is measured on. The training loop calls this once, when it is over."""
    return load_split(config, evaluated_split(config, available_splits(config.data, config.root)))


def evaluated_split(config: TrainConfig, splits: Sequence[str]) -> str:
    """Return which of the data set's ``splits`` the result is measured on: ``"test"`` or ``"val"``.

    Raises
    ------
    UserError
        The split that is asked for is not there, or neither is.
    """
    wanted = ("test", "val") if config.eval_split == "auto" else (config.eval_split,)
    for split in wanted:
        if split in splits:
            return split
    other = [split for split in ("test", "val") if split in splits]
    raise UserError(
        f"{config.data} has no {' or '.join(wanted)} part to measure the result on",
        hint=f"--eval-split {other[0]}" if other else "complete the data set",
    )


def load_split(config: TrainConfig, split: str) -> FaceDataset:
    """Read a split as a run sees it: at its size, and no more images than its limit."""
    dataset = load_dataset(config.data, split, config.root, config.load_size, config.classes)
    _, height, width = dataset.image_shape
    if min(height, width) < config.image_size:
        raise UserError(
            f"{config.data} images are {height}x{width}, smaller than the crop of {config.image_size}",
            hint=f"--load-size {config.image_size} enlarges them, or choose a smaller --image-size",
        )
    return dataset if config.limit is None else _limited(dataset, config.limit, config.seed)


def _limited(dataset: FaceDataset, limit: int, seed: int) -> FaceDataset:
    """At most ``limit`` images, the same number of each class as far as there are."""
    if len(dataset) <= limit:
        return dataset
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))
    labels = dataset.labels[order]
    rank = torch.empty_like(labels)  # of each image within its class
    for label in labels.unique():
        of_class = labels == label
        rank[of_class] = torch.arange(int(of_class.sum()))
    chosen = order[rank.argsort(stable=True)[:limit]]
    return dataset.subset(chosen.sort().values)

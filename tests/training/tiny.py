"""A data set that is generated and trained on in a fraction of a second: a folder of images of 24 pixels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from dacl_edu.data import EXPRESSIONS
from dacl_edu.model import DACL
from dacl_edu.training import TrainConfig

SIDE = 24
PER_CLASS = {"train": 6, "val": 2, "test": 3}
STEPS = 3  # of one epoch at batch size 16: 16 + 16 + 10 images


def write_faces(root: Path, splits: tuple[str, ...] = ("train", "val", "test"), side: int = SIDE) -> Path:
    """Each class is a coarse pattern, each image that pattern under noise."""
    random = np.random.default_rng(7)
    patterns = random.uniform(40, 215, size=(len(EXPRESSIONS), 4, 4, 3))
    for split in splits:
        for name, pattern in zip(EXPRESSIONS, patterns, strict=True):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(PER_CLASS[split]):
                picture = np.kron(pattern, np.ones((side // 4, side // 4, 1)))
                noisy = (picture + random.normal(0, 25, picture.shape)).clip(0, 255).astype(np.uint8)
                Image.fromarray(noisy).save(folder / f"{number}.png")
    return root


def tiny_values(root: Path) -> dict[str, Any]:
    """Fields that make a run on `write_faces` as small as it can be."""
    return {
        "data": "folder", "root": root, "load_size": None, "image_size": 16, "limit": None, "batch_size": 16,
        "attention_widths": (16, 8), "precision": "32-true", "device": "cpu",
    }  # fmt: skip


def tiny_config(root: Path, **changes: Any) -> TrainConfig:
    return TrainConfig.from_preset("smoke", **{**tiny_values(root), **changes})


def tiny_options(root: Path, **changes: Any) -> list[str]:
    """The same for the command line."""
    values = {**tiny_values(root), **changes}
    words = ["--preset", "smoke"]
    for name, value in values.items():
        text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
        words += [f"--{name.replace('_', '-')}", text]
    return words


class StillDACL(DACL):
    """Its BatchNorm layers keep their statistics, so that a sample's output does not depend on its batch."""

    def train(self, mode: bool = True) -> StillDACL:
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.eval()
        return self

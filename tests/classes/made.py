"""Folders of K classes whose names are what people call folders; each class is a coarse pattern under noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 24
NAMES = ("owl", "Große Eule", "鳥", "sea eel", "Ωmega", "cat", "dog", "happy", "x-ray", "élan", "zebra")
ENDINGS = (".png", ".JPG", ".tif", ".jfif", ".bmp", ".WEBP")


def class_names(count: int) -> tuple[str, ...]:
    """The names of `count` folders, sorted as the reader sorts them."""
    return tuple(sorted((NAMES * (count // len(NAMES) + 1))[i] + f" {i // 11}" * (i > 10) for i in range(count)))


def write_classes(
    root: Path, count: int, splits: dict[str, int] | None = None, names: tuple[str, ...] | None = None
) -> Path:
    """Write so many images of each class for each split; the split ``""`` is a root without folders of splits."""
    random = np.random.default_rng(count)
    for split, images in ({"train": 6, "val": 2, "test": 3} if splits is None else splits).items():
        patterns = np.random.default_rng(count).uniform(40, 215, size=(count, 4, 4, 3))
        for name, pattern in zip(names or class_names(count), patterns, strict=True):
            for number in range(images):
                folder = root / split / name / ("deeper/still" if number % 3 == 2 else "")
                folder.mkdir(parents=True, exist_ok=True)
                picture = np.kron(pattern, np.ones((SIDE // 4, SIDE // 4, 1)))
                noisy = (picture + random.normal(0, 25, picture.shape)).clip(0, 255).astype(np.uint8)
                with open(folder / f"{number}{ENDINGS[number % len(ENDINGS)]}", "wb") as file:
                    form = {".tif": "TIFF", ".png": "PNG", ".bmp": "BMP", ".WEBP": "WEBP"}
                    Image.fromarray(noisy).save(file, form.get(ENDINGS[number % len(ENDINGS)], "JPEG"))
    return root


OPTIONS = (
    "--preset smoke --image-size 16 --load-size 24 --batch-size 16 --attention-widths 16,8 --precision 32-true "
    "--device cpu --epochs 1 --snapshots 2"
)
"""A run of a second."""

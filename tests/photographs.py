"""Real photographs for private measurement: never part of the project, found beside it or not at all.

Set ``DACL_EDU_PHOTOGRAPHS`` to the file, or keep it at ``../shared/data/ferplus_dev.npz``.
Run ``python tests/photographs.py FOLDER`` to write them in the layouts that the readers read.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[1]
# FER2013 numbers its classes differently: ours -> theirs (surprise 5, fear 2, disgust 1, happiness 3, ...).
TO_FER2013 = np.array([5, 2, 1, 3, 4, 0, 6])


def photographs_file() -> Path | None:
    """The file of photographs, or None where it is absent."""
    named = os.environ.get("DACL_EDU_PHOTOGRAPHS")
    file = Path(named) if named else REPOSITORY.parent / "shared" / "data" / "ferplus_dev.npz"
    return file if file.is_file() else None


def write_fer2013_csv(source: Path, folder: Path) -> Path:
    """Write the photographs as FER2013's fer2013.csv: train part as Training, validation part as PublicTest."""
    folder.mkdir(parents=True, exist_ok=True)
    with np.load(source, allow_pickle=False) as arrays:
        images, labels, split = arrays["images"], arrays["labels"], arrays["split"]
    usage = np.array(["Training", "PublicTest"])[split]
    target = folder / "fer2013.csv"
    with open(target, "w", encoding="utf-8") as file:
        file.write("emotion,pixels,Usage\n")
        for image, label, part in zip(images, TO_FER2013[labels], usage, strict=True):
            file.write(f"{label},{' '.join(map(str, image.ravel()))},{part}\n")
    return target


def write_rafdb(source: Path, folder: Path, most: int | None = None) -> Path:
    """Write the photographs in RAF-DB's layout: train part as train, validation part as test, 100x100 colour JPEG.

    ``most`` writes only the first ones.
    """
    with np.load(source, allow_pickle=False) as arrays:
        images, labels, split = arrays["images"], arrays["labels"], arrays["split"]
    images, labels, split = images[:most], labels[:most], split[:most]
    (folder / "EmoLabel").mkdir(parents=True, exist_ok=True)
    aligned = folder / "Image" / "aligned"
    aligned.mkdir(parents=True, exist_ok=True)
    rows, counters = [], [0, 0]
    for image, label, part in zip(images, labels, split, strict=True):
        counters[part] += 1
        name = f"train_{counters[0]:05d}" if part == 0 else f"test_{counters[1]:04d}"
        # RAF-DB numbers its classes 1 to 7 in this project's order.
        rows.append(f"{name}.jpg {label + 1}")
        Image.fromarray(image).resize((100, 100)).convert("RGB").save(aligned / f"{name}_aligned.jpg", quality=95)
    (folder / "EmoLabel" / "list_patition_label.txt").write_text("\n".join(rows), encoding="utf-8")
    return folder


if __name__ == "__main__":
    found = photographs_file()
    if found is None:
        sys.exit("no photographs: set DACL_EDU_PHOTOGRAPHS to the .npz file")
    out = Path(sys.argv[1])
    print(write_fer2013_csv(found, out / "fer2013"))
    print(write_rafdb(found, out / "rafdb"))

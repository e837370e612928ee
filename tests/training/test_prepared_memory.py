"""Training on a prepared set maps its images: its parts are row numbers, whatever its size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dacl_edu.data import EXPRESSIONS
from dacl_edu.data.listing import Listing
from dacl_edu.data.prepared import FORMAT, write_rows
from dacl_edu.runs.config import TrainConfig
from dacl_edu.training.batches import TrainingBatches
from dacl_edu.training.data import load_training_data

SIDE, COUNT = 64, 14_000
STATUS = Path("/proc/self/status")


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """A prepared folder of 172 MB for training, most of it a hole in the file, and a small test part."""
    entries = {}
    for split, count in (("train", COUNT), ("test", 70)):
        images = np.lib.format.open_memmap(
            tmp_path / f"{split}.npy", mode="w+", dtype=np.uint8, shape=(count, 3, SIDE, SIDE)
        )
        images[::1000] = 200
        images.flush()
        labels = np.arange(count) % 7
        pixel = torch.zeros(1, 1, 1, 1, dtype=torch.uint8).expand(count, 1, 1, 1)
        write_rows(tmp_path / f"{split}.npz", Listing(labels, [str(row) for row in range(count)], pixels=pixel))
        entries[split] = {"images": count, "counts": {}, "sha256": ""}
    manifest = {"format": FORMAT, "data": "folder", "image_size": SIDE, "classes": EXPRESSIONS, "splits": entries}
    (tmp_path / "prepared.json").write_text(json.dumps(manifest))
    return tmp_path


def anonymous() -> int:
    """Bytes that this process alone holds; what it has mapped from files, the system can take back."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not STATUS.exists() or "RssAnon" not in STATUS.read_text(), reason="needs Linux")
@pytest.mark.parametrize("workers", [0, 2])
def test_parts_of_a_prepared_set_copy_nothing(prepared: Path, workers: int) -> None:
    config = TrainConfig(
        data="folder", root=str(prepared), image_size=56, batch_size=32, select_by="validation", workers=workers
    )
    import sklearn.model_selection  # noqa: F401  # its own memory does not count

    before = anonymous()
    data = load_training_data(config)
    assert data.validation is not None and len(data.train) + len(data.validation) == COUNT
    batches = TrainingBatches(data.train, data.augment, config, torch.device("cpu"))
    for _, (images, _, _) in zip(range(20), batches.epoch(0), strict=False):
        assert images.shape == (32, 3, 56, 56)
    validation = data.validation.to(torch.device("cpu"))
    assert sum(len(images) for images in validation.in_order(256)) == len(validation)
    assert anonymous() - before < COUNT * 3 * SIDE * SIDE / 3

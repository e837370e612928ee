"""Real photographs, where they are at hand: the readers read them, and the trainer learns from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from photographs import photographs_file, write_fer2013_csv, write_rafdb

from dacl_edu.data import available_splits, load_dataset
from dacl_edu.training import TrainConfig, train

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def fer2013(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fer2013_csv(photographs_file(), tmp_path_factory.mktemp("photographs")).parent


def test_the_csv_reader_gives_back_what_was_written(fer2013: Path) -> None:
    with np.load(photographs_file(), allow_pickle=False) as arrays:
        images, labels, split = arrays["images"], arrays["labels"], arrays["split"]
    assert available_splits("fer2013", fer2013) == ("train", "val")
    for part, name in enumerate(("train", "val")):
        dataset = load_dataset("fer2013", name, fer2013)
        assert dataset.images.shape == (int((split == part).sum()), 3, 48, 48)
        assert (dataset.images[:, 0].numpy() == images[split == part]).all()
        assert (dataset.labels.numpy() == labels[split == part]).all()


def test_the_rafdb_reader_gives_back_the_labels(tmp_path: Path) -> None:
    root = write_rafdb(photographs_file(), tmp_path, most=300)
    with np.load(photographs_file(), allow_pickle=False) as arrays:
        labels, split = arrays["labels"][:300], arrays["split"][:300]
    for part, name in enumerate(("train", "test")):
        if (split == part).any():
            dataset = load_dataset("rafdb", name, root)
            assert dataset.images.shape[1:] == (3, 100, 100)
            assert (dataset.labels.numpy() == labels[split == part]).all()


def test_a_short_run_learns_from_photographs(fer2013: Path, tmp_path: Path) -> None:
    """Four epochs on a fifth of them: far above the 1/7 of a guess, far below what the full preset reaches."""
    config = TrainConfig.from_preset("quick", method="dacl", data="fer2013", root=fer2013, epochs=4, limit=1400)
    result = train(config, tmp_path / "run", progress=False)
    assert (result["split"], result["images"]) == ("val", 1400)  # no test part: val, and it says so
    assert result["average_accuracy"] > 0.22

"""FER+ as its makers' script writes it: pictures in three folders, votes by file name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dacl_edu.data import EXPRESSIONS, available_splits, list_dataset, load_dataset
from dacl_edu.errors import UserError
from dacl_edu.expressions import EIGHT, FERPLUS

FOLDERS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}


def votes(**counts: int) -> list[int]:
    return [counts.get(name, 0) for name in FERPLUS]


ROWS = [votes(**{name: 8, "unknown": 1, "sadness" if name != "sadness" else "fear": 1}) for name in EIGHT]
UNDECIDED = votes(anger=5, fear=5)
NO_FACE = votes(NF=10)


def write(root: Path, labels: str, below: str = "") -> Path:
    """Every grey is ten times the index of the class; pictures are written in another order than the rows."""
    table = [",".join(["Usage", "Image name", *FERPLUS])]
    number = 0
    for usage, folder in FOLDERS.items():
        place = root / below / folder
        place.mkdir(parents=True)
        lines = []
        for index, row in enumerate([*ROWS, UNDECIDED, NO_FACE]):
            name = f"fer{number:07d}.png" if row is not NO_FACE else ""
            if name:
                Image.new("L", (48, 48), 10 * index).save(place / name)
                lines.append(",".join([name, '"(0, 0, 48, 48)"', *map(str, row)]))
                number += 1
            table.append(",".join([usage, name, *map(str, row)]))
        if labels == "label.csv":
            (place / "label.csv").write_text("\n".join(reversed(lines)) + "\n")
    if labels == "above":
        (root / "fer2013new.csv").write_text("\n".join(table) + "\n")
    elif labels == "beside":
        (root / below / "fer2013new.csv").write_text("\n".join(table) + "\n")
    return root


@pytest.mark.parametrize(
    ("labels", "below"), [("label.csv", ""), ("label.csv", "data"), ("above", "images"), ("beside", "data")]
)
def test_joined_by_name(tmp_path: Path, labels: str, below: str) -> None:
    write(tmp_path, labels, below)
    assert available_splits("ferplus", tmp_path) == ("train", "val", "test")
    for split in ("train", "val", "test"):
        for choice, classes in (("7", EXPRESSIONS), ("8", EIGHT)):
            dataset = load_dataset("ferplus", split, tmp_path, classes=choice)
            assert dataset.classes == classes and dataset.class_counts().tolist() == [1] * len(classes)
            assert torch.equal(dataset.images[:, 0, 0, 0], (10 * dataset.labels).to(torch.uint8))
            assert set(dataset.ids) & {"fer0000000.png", "fer0000009.png", "fer0000018.png"}


def test_soft_labels_are_drawn_from_the_votes(tmp_path: Path) -> None:
    write(tmp_path, "label.csv")
    soft = load_dataset("ferplus", "train", tmp_path, classes="8-soft")
    assert len(soft) == 9, "a face without a majority is there too"
    assert len(load_dataset("ferplus", "val", tmp_path, classes="8-soft")) == 8, "validation keeps the majority"
    undecided = int(np.flatnonzero(soft.images[:, 0, 0, 0] == 80)[0])
    drawn = np.array([soft.labels.tolist() for seed in range(60) if soft.redraw_labels(torch.manual_seed(seed))])
    two = [EIGHT.index(name) for name in ("fear", "anger")]
    assert set(drawn[:, undecided]) == set(two) and 15 < (drawn[:, undecided] == two[0]).sum() < 45
    others = np.delete(np.arange(9), undecided)
    assert (drawn[:, others] == drawn[0, others]).all(), "single votes are dropped"
    assert not load_dataset("ferplus", "train", tmp_path, classes="8").redraw_labels(torch.manual_seed(0))
    assert "anew in every epoch" in list_dataset("ferplus", "train", tmp_path, classes="7-soft").notes[-1]


def test_training_draws_anew_in_every_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dacl_edu.data import FaceDataset
    from dacl_edu.training import TrainConfig, train

    seen: list[list[int]] = []
    redraw = FaceDataset.redraw_labels

    def watched(self: FaceDataset, generator: torch.Generator) -> bool:
        done = redraw(self, generator)
        seen.append(self.labels.tolist())
        return done

    monkeypatch.setattr(FaceDataset, "redraw_labels", watched)
    config = TrainConfig.from_preset(
        "smoke", data="ferplus", root=write(tmp_path / "f", "label.csv"), classes="8-soft", epochs=6, image_size=16,
        load_size=24, batch_size=16, attention_widths=(16, 8), precision="32-true", device="cpu",
    )  # fmt: skip
    train(config, tmp_path / "a", progress=False)
    first = list(seen)
    assert len(first) == 6 and len({tuple(labels) for labels in first}) > 1
    seen.clear()
    train(config, tmp_path / "b", progress=False)
    assert seen == first, "the same seed draws the same"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    write(tmp_path, "label.csv")
    next((tmp_path / "FER2013Train").glob("*.png")).unlink()
    with pytest.raises(UserError, match=r"label.csv lists 9 files, 1 of them are missing"):
        load_dataset("ferplus", "train", tmp_path)
    (tmp_path / "FER2013Valid" / "label.csv").write_text("fer0000009.png,4,5\n")
    with pytest.raises(UserError, match="3 columns instead of 12"):
        load_dataset("ferplus", "val", tmp_path)
    (tmp_path / "FER2013Valid" / "label.csv").unlink()
    with pytest.raises(UserError, match="FER2013Train, FER2013Valid, FER2013Test with label"):
        load_dataset("ferplus", "val", tmp_path)

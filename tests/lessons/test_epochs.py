"""While a notebook trains, each epoch that ends is said once."""

from __future__ import annotations

import json
import time
from pathlib import Path

from dacl_edu.lessons.epochs import epochs_reported
from dacl_edu.training import TrainConfig


def line(epoch: int) -> str:
    attention = {"mean": 0.5}
    train = {"loss": 1.25, "accuracy": 0.5}
    return json.dumps({"epoch": epoch, "train": train, "attention": attention, "images_per_second": 100.0}) + "\n"


def test_each_epoch_is_said_once_and_old_ones_are_not(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    (old / "metrics.jsonl").write_text(line(1))
    said: list[str] = []
    with epochs_reported(tmp_path, said.append, every=0.02):
        new.mkdir()
        config = TrainConfig.from_preset("smoke", method="center")
        (new / "config.json").write_text(config.model_dump_json())
        (new / "metrics.jsonl").write_text(line(1))
        deadline = time.monotonic() + 60
        while not said and time.monotonic() < deadline:
            time.sleep(0.02)
        assert len(said) == 1, "said while the block still runs"
        (new / "metrics.jsonl").write_text(line(1) + line(2))
        (old / "metrics.jsonl").write_text(line(1) + line(2))
    assert sorted(text.split("  ")[0] for text in said) == ["center epoch 1/2", "center epoch 2/2", "old epoch 2"]
    assert "loss 1.250" in said[0] and "train 50.0%" in said[0]

"""What is counted while a run goes on, and where it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from training.tiny import tiny_config

from dacl_edu.training import progress, train
from dacl_edu.training.progress import Throughput


def test_throughput_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])

    def batches() -> Iterator[int]:
        for images in (8, 8, 4):
            now[0] += 1.0  # a second to fetch each batch
            yield images

    speed = Throughput()
    assert (speed.images_per_second, speed.data_wait) == (0.0, 0.0)
    for images in speed.timed(batches()):
        now[0] += 3.0  # three to train on it
        speed.images += images
    assert speed.seconds == 12.0 and speed.waiting == 3.0
    assert speed.images_per_second == pytest.approx(20 / 12)
    assert speed.data_wait == pytest.approx(1 / 4)


def test_progress_goes_to_standard_error_one_line_an_epoch(
    faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tiny_config(faces), tmp_path / "shown")
    shown = capsys.readouterr()
    assert shown.out == ""
    data, order, *lines = shown.err.splitlines()
    assert data.startswith("folder: 42 training images, 14 validation (val); 7 classes: surprise, fear, ")
    assert order == "every folder is an expression: 7 classes in the order of the expressions"
    assert len(lines) == 2 and lines[0].startswith("dacl epoch 1/2  loss ") and "images/s" in lines[1]
    train(tiny_config(faces), tmp_path / "quiet", progress=False)
    quiet = capsys.readouterr()
    assert (quiet.out, quiet.err) == ("", "")

"""Decoded images are kept by what they are made of, and nothing depends on whether they were."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dacl_edu.data import cache
from dacl_edu.data.bundled import load_bundled
from dacl_edu.data.cache import cached_images
from dacl_edu.data.listing import Listing


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "WORTH", 0.0)
    return tmp_path / "cache" / "dacl-edu" / "images"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many files were decoded, one entry a time."""
    from dacl_edu.data import listing

    counts: list[int] = []
    true = listing.decode_images
    monkeypatch.setattr(listing, "decode_images", lambda paths, *rest: counts.append(len(paths)) or true(paths, *rest))
    return counts


def pictures(folder: Path, value: int = 0) -> Listing:
    folder.mkdir(exist_ok=True)
    for number in range(3):
        Image.new("RGB", (8, 8), (value + number, 0, 0)).save(folder / f"{number}.png")
    return Listing([0, 1, 2], ["a", "b", "c"], paths=sorted(folder.glob("*.png")))


def test_the_second_reading_decodes_nothing_and_gives_the_same(tmp_path: Path, decoded: list[int]) -> None:
    listing = pictures(tmp_path / "faces")
    first, again = listing.dataset(), listing.dataset()
    assert decoded == [3] and torch.equal(first.images, again.images)
    again.images += 1  # mapped copy-on-write: the file stays
    assert torch.equal(listing.dataset().images, first.images) and decoded == [3]


def test_another_side_box_or_file_is_decoded_anew(tmp_path: Path, decoded: list[int]) -> None:
    listing = pictures(tmp_path / "faces")
    listing.dataset()
    assert listing.dataset(4).images.shape[-1] == 4
    listing.boxes = np.array([[0, 0, 4, 4]] * 3)
    assert listing.dataset().images.shape[-1] == 4
    changed = pictures(tmp_path / "faces", value=100)
    os.utime(changed.paths[0], ns=(1, 1))  # type: ignore[index]
    assert changed.dataset().images[0, 0, 0, 0] == 100
    assert decoded == [3, 3, 3, 3]


def test_what_is_quick_is_not_kept(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(cache, "WORTH", 60.0)
    cached_images("x", lambda: torch.zeros(1, 3, 2, 2, dtype=torch.uint8))
    assert not folder.exists()


def test_a_damaged_file_is_written_anew_and_what_was_not_used_for_longest_goes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = torch.arange(12, dtype=torch.uint8).view(1, 3, 2, 2)
    monkeypatch.setattr(cache, "MOST", 3 * 140)  # a file is 140 bytes
    for number, name in enumerate("abc"):
        cached_images(name, lambda: one)
        os.utime(max(folder.glob("*.npy"), key=lambda p: p.stat().st_mtime), (1000 + number, 1000 + number))
    oldest = min(folder.glob("*.npy"), key=lambda p: p.stat().st_mtime)
    cached_images("d", lambda: one)
    assert not oldest.exists() and len(list(folder.glob("*.npy"))) == 3
    for path in folder.glob("*.npy"):
        path.write_bytes(path.read_bytes()[:-3])
    assert torch.equal(cached_images("d", lambda: one), one)
    assert torch.equal(cached_images("d", lambda: 0 * one), one)


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(cached_images("x", lambda: torch.zeros(2, 3, 2, 2, dtype=torch.uint8))) == 2


def test_the_bundled_faces_are_the_same_from_the_cache(folder: Path) -> None:
    from dacl_edu.data import bundled

    bundled._read_split.cache_clear()
    first = load_bundled("val").images
    assert len(list(folder.glob("*.npy"))) == 1
    bundled._read_split.cache_clear()
    assert torch.equal(load_bundled("val").images, first)
    bundled._read_split.cache_clear()

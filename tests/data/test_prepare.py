import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from dacl_edu.data import EXPRESSIONS, Listing, available_splits, list_dataset, load_dataset, register_reader, registry
from dacl_edu.data import prepare as prepare_module
from dacl_edu.data.cli import app
from dacl_edu.data.prepare import prepare
from dacl_edu.data.prepared import verify_prepared
from dacl_edu.errors import UserError

SIZE = 8
IMAGE_BYTES = 3 * SIZE * SIZE

# Another process prepares the folder; each image it decodes is one line in the log, and takes a while.
SLOW = """
import sys, time
from dacl_edu.data.listing import Listing
from dacl_edu.data.prepare import prepare

def slowly(self, row, size=None, decode=Listing.decode):
    with open(sys.argv[3], "a") as log:
        log.write(f"{self.split} {row}\\n")
    time.sleep(float(sys.argv[4]))
    return decode(self, row, size)

Listing.decode = slowly
prepare("folder", sys.argv[1], 8, sys.argv[2], chunk_bytes=4 * 3 * 8 * 8)
"""


@pytest.fixture
def root(tmp_path):
    """42 images in train and 7 in val, each of its own noise, and not square."""
    for number in range(49):
        split = "train" if number < 42 else "val"
        path = tmp_path / "faces" / split / EXPRESSIONS[number % 7] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (10, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return tmp_path / "faces"


@pytest.fixture
def decoded(monkeypatch):
    """Rows that are decoded, as ``(split, row)``."""
    rows = []

    def decode(self, row, size=None, original=Listing.decode):
        rows.append((self.split, row))
        return original(self, row, size)

    monkeypatch.setattr(Listing, "decode", decode)
    return rows


def start(root, out, log, seconds):
    return subprocess.Popen([sys.executable, "-c", SLOW, str(root), str(out), str(log), str(seconds)])


def same_as_unprepared(out, root):
    for split in ("train", "val"):
        ours, plain = load_dataset("folder", split, out), load_dataset("folder", split, root, SIZE)
        if not (torch.equal(ours.images, plain.images) and torch.equal(ours.labels, plain.labels)):
            return False
        if ours.ids.tolist() != plain.ids.tolist() or ours.name != plain.name or ours.split != plain.split:
            return False
    return True


def test_what_is_read_back_is_what_was_prepared(root, tmp_path):
    manifest = prepare("folder", root, SIZE, tmp_path / "out", chunk_bytes=5 * IMAGE_BYTES)
    assert same_as_unprepared(tmp_path / "out", root)
    assert available_splits("folder", tmp_path / "out") == ("train", "val")
    assert load_dataset("folder", "validation", tmp_path / "out", image_size=SIZE).split == "val"
    assert manifest == json.loads((tmp_path / "out" / "prepared.json").read_text())
    assert manifest["splits"]["train"]["counts"] == dict.fromkeys(EXPRESSIONS, 6)
    pixels = load_dataset("folder", "val", root, SIZE).images.numpy().tobytes()
    assert manifest["splits"]["val"]["sha256"] == hashlib.sha256(pixels).hexdigest()
    assert (manifest["data"], manifest["source"], manifest["image_size"]) == ("folder", str(root), SIZE)
    assert dict(verify_prepared(tmp_path / "out")) == {"train": True, "val": True}
    assert not list((tmp_path / "out").glob("*progress*")) and not list((tmp_path / "out").glob("*.tmp"))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("mode", ["c", "r"])
def test_images_are_mapped_not_read(root, tmp_path, monkeypatch, mode):
    out = tmp_path / "out"
    prepare("folder", root, SIZE, out)
    if mode == "r":  # a machine that has not the memory that a writable map might come to need

        def load(path, mmap_mode=None, original=np.load, **options):
            if mmap_mode == "c":
                raise OSError(errno.ENOMEM, "Cannot allocate memory")
            return original(path, mmap_mode=mmap_mode, **options)

        monkeypatch.setattr(np, "load", load)
    dataset = load_dataset("folder", "train", out)
    if Path("/proc/self/maps").exists():
        address = dataset.images.data_ptr()
        ranges = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if "train.npy" in line]
        assert any(int(a, 16) <= address < int(b, 16) for a, b in (fields[0].split("-") for fields in ranges))
    # What is written to the file now is seen through the map: nothing was copied.
    on_disk = np.load(out / "train.npy", mmap_mode="r+")
    on_disk[40] = 77
    on_disk.flush()
    assert (dataset.images[40] == 77).all() and (dataset.gather([40])[0] == 77).all()


def test_writing_to_the_images_does_not_reach_the_file(root, tmp_path):
    prepare("folder", root, SIZE, tmp_path / "out")
    load_dataset("folder", "train", tmp_path / "out").images.zero_()
    assert same_as_unprepared(tmp_path / "out", root)


def test_everything_else_is_kept_with_its_type(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_READERS", dict(registry._READERS))
    factors = pd.DataFrame(
        {"yaw": [0.1, float("nan")], "count": [3, 4], "glasses": [True, False], "light": ["None", "täglich"]}
    )

    @register_reader("mine", splits=lambda root: ("train",))
    def listing(split, root):
        pixels = torch.arange(2 * 64, dtype=torch.uint8).view(2, 1, 8, 8)
        return Listing(
            [1, 0], ["ä/1", "2"], pixels=pixels, groups=["S1", "S2"], factors=factors, classes=("no", "yes"),
            name="mine", split=split,
        )  # fmt: skip

    prepare("mine", tmp_path, 8, tmp_path / "out")
    dataset = load_dataset("mine", "train", tmp_path / "out")
    assert dataset.ids.tolist() == ["ä/1", "2"] and dataset.groups.tolist() == ["S1", "S2"]
    assert dataset.classes == ("no", "yes") and dataset.labels.tolist() == [1, 0]
    assert dataset.factors.columns.tolist() == ["yaw", "count", "glasses", "light"]
    assert [dataset.factors[name].dtype.kind for name in ("yaw", "count", "glasses")] == ["f", "i", "b"]
    assert dataset.factors["light"].tolist() == ["None", "täglich"] and np.isnan(dataset.factors["yaw"][1])
    assert dataset.images[1, 2].flatten().tolist() == list(range(64, 128))


def test_votes_survive(fer2013, tmp_path):
    votes = "8,0,1,0,0,0,0,0,1,0"
    rows = [f"{usage},fer.png,{votes}" for _ in range(7) for usage in ("Training", "PublicTest", "PrivateTest")]
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
    (fer2013 / "fer2013new.csv").write_text("\n".join([header, *rows]))
    prepare("ferplus", fer2013, 16, tmp_path / "out")
    dataset = load_dataset("ferplus", "test", tmp_path / "out")
    assert dataset.factors.equals(load_dataset("ferplus", "test", fer2013, 16).factors)
    assert torch.equal(dataset.images, load_dataset("ferplus", "test", fer2013, 16).images)


def test_a_killed_preparation_goes_on_where_it_was(root, tmp_path, decoded):
    out, log = tmp_path / "out", tmp_path / "log"
    process = start(root, out, log, 0.08)
    progress = out / "train.progress.json"
    deadline = time.monotonic() + 60
    while not (progress.exists() and json.loads(progress.read_text())["rows"] >= 8):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = json.loads(progress.read_text())["rows"]
    assert 8 <= done < 42 and done % 4 == 0  # whole chunks
    with pytest.raises(UserError, match="is not complete: its preparation is running or was interrupted"):
        load_dataset("folder", "train", out)
    prepare("folder", root, SIZE, out, chunk_bytes=4 * IMAGE_BYTES)
    assert sorted(decoded) == [("train", row) for row in range(done, 42)] + [("val", row) for row in range(7)]
    assert same_as_unprepared(out, root) and all(sound for _, sound in verify_prepared(out))


def test_pixels_are_on_disk_before_anything_says_so(root, tmp_path, monkeypatch):
    events = []
    flush, write = np.memmap.flush, prepare_module.write_json
    monkeypatch.setattr(np.memmap, "flush", lambda self: (events.append("flush"), flush(self)))
    monkeypatch.setattr(
        prepare_module, "write_json", lambda path, content: (events.append(path.name), write(path, content))
    )
    prepare("folder", root, SIZE, tmp_path / "out", chunk_bytes=14 * IMAGE_BYTES)
    assert events == ["flush", "train.progress.json"] * 3 + ["flush", "val.progress.json", "prepared.json"]


def interrupted(root, out, monkeypatch, after=20):
    """Leave `out` as a process does that ends after some images."""

    def decode(self, row, size=None, original=Listing.decode):
        if self.split == "train" and row >= after:
            raise KeyboardInterrupt
        return original(self, row, size)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Listing, "decode", decode)
        prepare("folder", root, SIZE, out, chunk_bytes=4 * IMAGE_BYTES)


@pytest.mark.parametrize("damage", ["pixels", "progress", "gone", "source"])
def test_what_an_interrupted_preparation_left_is_not_trusted_blindly(root, tmp_path, monkeypatch, decoded, damage):
    out = tmp_path / "out"
    interrupted(root, out, monkeypatch)
    assert json.loads((out / "train.progress.json").read_text())["rows"] == 20
    if damage == "pixels":
        images = np.load(out / "train.npy", mmap_mode="r+")
        images[7] = 0
        images.flush()
    elif damage == "progress":
        (out / "train.progress.json").write_text('{"rows": 20')
    elif damage == "gone":
        (out / "train.npy").unlink()
    else:
        path = root / "train" / "anger" / "05.png"
        Image.new("RGB", (40, 40), "red").save(path)
    decoded.clear()
    prepare("folder", root, SIZE, out)
    assert len(decoded) == 49 and same_as_unprepared(out, root)


def test_two_processes_at_once_decode_once(root, tmp_path):
    out, log = tmp_path / "out", tmp_path / "log"
    processes = [start(root, out, log, 0.02) for _ in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert sorted(log.read_text().split("\n")[:-1]) == sorted(
        [f"train {row}" for row in range(42)] + [f"val {row}" for row in range(7)]
    )
    assert same_as_unprepared(out, root)


def test_a_second_time_nothing_is_done(root, tmp_path, decoded):
    first = prepare("folder", root, SIZE, tmp_path / "out")
    decoded.clear()
    assert prepare("folder", root, SIZE, tmp_path / "out") == first and decoded == []


def test_other_settings_or_data_need_another_folder(root, tmp_path, save_image):
    out = tmp_path / "out"
    prepare("folder", root, SIZE, out)
    with pytest.raises(UserError, match=r"prepared from other data or settings: image_size \(folder at 8 pixels\)"):
        prepare("folder", root, 9, out)
    save_image(root / "val" / "anger" / "more.png")
    with pytest.raises(UserError, match="other data or settings: fingerprints"):
        prepare("folder", root, SIZE, out)


def test_folders_that_are_not_ours_are_left_alone(root, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    with pytest.raises(UserError, match="full exists and was not made by prepare"):
        prepare("folder", root, SIZE, tmp_path / "full")
    with pytest.raises(UserError, match="is the data set itself"):
        prepare("folder", root, SIZE, root / ".." / "faces")
    with pytest.raises(UserError, match="is not a folder"):
        prepare("folder", tmp_path / "nowhere", SIZE, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(UserError, match="image_size is 0"):
        prepare("folder", root, 0, tmp_path / "out")


def test_a_damaged_image_is_named_and_what_is_finished_is_kept(root, tmp_path, decoded):
    bad = root / "train" / "neutral" / "41.png"
    content = bad.read_bytes()
    bad.write_bytes(b"x" * len(content))  # of the same size, as a failing disk makes it
    with pytest.raises(UserError, match=r"41\.png: cannot be decoded"):
        prepare("folder", root, SIZE, tmp_path / "out", chunk_bytes=4 * IMAGE_BYTES)
    bad.write_bytes(content)
    decoded.clear()
    prepare("folder", root, SIZE, tmp_path / "out", chunk_bytes=4 * IMAGE_BYTES)
    assert min(row for split, row in decoded if split == "train") == 28  # its chunk: it is the 30th
    assert same_as_unprepared(tmp_path / "out", root)


def test_a_full_disk_is_seen_before_the_work(root, tmp_path, monkeypatch, decoded):
    usage = prepare_module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(prepare_module.shutil, "disk_usage", lambda path: usage._replace(free=49 * IMAGE_BYTES - 1))
    with pytest.raises(UserError, match=r"the images need .* GiB free — give a smaller --size"):
        prepare("folder", root, SIZE, tmp_path / "out")
    assert decoded == []


def test_another_name_or_size_is_refused(root, tmp_path):
    out = tmp_path / "out"
    prepare("folder", root, SIZE, out)
    with pytest.raises(UserError, match="was prepared from data set 'folder', not 'rafdb' — load it as 'folder'"):
        load_dataset("rafdb", "train", out)
    with pytest.raises(UserError, match="prepared at 8x8, 16 was asked for — ask for 8, or prepare --size 16"):
        load_dataset("folder", "train", out, image_size=16)
    with pytest.raises(UserError, match="no split 'test' — there are train, val"):
        load_dataset("folder", "test", out)


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def with_pickle(path):
    np.savez(path, labels=np.array([os], dtype=object).astype(str), ids=np.array([{"a": 1}], dtype=object))


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("prepared.json", cut, r"prepared\.json: cannot be read"),
        ("prepared.json", lambda path: path.write_text("[]"), r"prepared\.json: cannot be read"),
        ("prepared.json", lambda path: path.write_text('{"format": 9, "splits": {}}'), "format 9"),
        ("train.npy", cut, r"train\.npy: cannot be mapped"),
        ("train.npy", Path.unlink, r"train\.npy: cannot be mapped"),
        (
            "train.npy",
            lambda path: np.save(path, np.zeros((42, 3, 4, 4), np.uint8)),
            r"train\.npy holds uint8 \(42, 3, 4",
        ),
        ("train.npz", cut, r"train\.npz: cannot be read"),
        ("train.npz", with_pickle, r"train\.npz: cannot be read"),
        ("train.npz", lambda p: np.savez(p, labels=np.zeros(3, np.int64), ids=np.array(["a"] * 3)), "42 images but 3"),
    ],
)
def test_a_damaged_folder_is_named(root, tmp_path, file, damage, message):
    prepare("folder", root, SIZE, tmp_path / "out")
    damage(tmp_path / "out" / file)
    with pytest.raises(UserError, match=rf"{message}.*repeat dacl-edu data prepare"):
        load_dataset("folder", "train", tmp_path / "out")


def test_options_are_part_of_what_was_prepared(tmp_path, save_image):
    for subject in ("KA", "KL"):
        for take in (1, 2):
            save_image(tmp_path / "jaffe" / f"{subject}.HA{take}.{take}.tiff", "happiness")
    prepare("jaffe:KA", tmp_path / "jaffe", SIZE, tmp_path / "out")
    assert set(load_dataset("jaffe:KA", "test", tmp_path / "out").groups) == {"KA"}
    with pytest.raises(UserError, match="prepared from data set 'jaffe:KA', not 'jaffe:KL'"):
        load_dataset("jaffe:KL", "test", tmp_path / "out")
    assert list_dataset("jaffe:KA", "train", tmp_path / "out").groups.tolist() == ["KL", "KL"]


def test_a_data_set_that_is_not_listed_is_prepared_too(tmp_path):
    manifest = prepare("bundled", None, 32, tmp_path / "out")
    assert manifest["splits"].keys() == {"train", "val", "test"}
    dataset, plain = load_dataset("bundled", "val", tmp_path / "out"), load_dataset("bundled", "val", image_size=32)
    assert torch.equal(dataset.images, plain.images)
    assert (plain.groups is None) == (dataset.groups is None)
    if plain.groups is not None:
        assert dataset.groups.tolist() == plain.groups.tolist()


def test_command(root, tmp_path):
    run = CliRunner().invoke
    arguments = ["prepare", "--data", "folder", "--root", str(root), "--size", "8", "--out", str(tmp_path / "out")]
    first = run(app, arguments)
    assert first.exit_code == 0 and "42 images of 8x8  SHA-256" in first.stdout
    assert json.loads(run(app, [*arguments, "--json"]).stdout)["splits"]["val"]["images"] == 7
    assert same_as_unprepared(tmp_path / "out", root)

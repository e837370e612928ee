import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dacl_edu.data import (
    FaceDataset,
    Listing,
    available_datasets,
    available_splits,
    list_dataset,
    load_dataset,
    register_dataset,
    register_reader,
    registry,
)
from dacl_edu.errors import UserError
from dacl_edu.files import read_object, write_json


@pytest.fixture
def bundled(monkeypatch):
    """Stands in for the bundled faces, and records how they were asked for."""
    calls = []

    def load_bundled(split, root, image_size):
        calls.append((split, root, image_size))
        return FaceDataset(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.tensor([0]), name="bundled", split=split)

    monkeypatch.setitem(sys.modules, "dacl_edu.data.bundled", SimpleNamespace(load_bundled=load_bundled))
    return calls


def test_names():
    assert set(available_datasets()) >= {
        "bundled", "affectnet", "ckplus", "expw", "fer2013", "ferplus", "folder", "jaffe", "rafdb",
    }  # fmt: skip


def test_bundled_is_passed_on(bundled, tmp_path):
    load_dataset("bundled")
    load_dataset("bundled", "validation", tmp_path, 32)
    assert bundled == [("train", None, None), ("val", tmp_path, 32)]
    assert available_splits("bundled") == ("train", "val", "test")


@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), ("training", "train"), ("valid", "val"), ("validation", "val"), ("Test", "test")],
)
def test_splits_have_synonyms(bundled, word, split):
    assert load_dataset("bundled", word).split == split


def test_unknown_names_are_refused_with_the_nearest(bundled):
    with pytest.raises(UserError, match="unknown data set 'raf-db' — did you mean 'rafdb'"):
        load_dataset("raf-db")
    with pytest.raises(UserError, match="unknown data set 'fer'"):
        available_splits("fer")
    with pytest.raises(UserError, match=r"no split 'tset' — did you mean 'test'\?"):
        load_dataset("bundled", "tset")


@pytest.mark.parametrize("size", [0, -1, 10**9, 3.5, "8"])
def test_image_size_is_positive(bundled, size):
    with pytest.raises(UserError, match=f"image_size is {size!r}"):
        load_dataset("bundled", image_size=size)


def test_root_is_data_name_of_the_current_folder(tmp_path, monkeypatch, save_image):
    save_image(tmp_path / "data" / "folder" / "train" / "happy" / "a.png")
    monkeypatch.chdir(tmp_path)
    assert load_dataset("folder").ids.tolist() == ["train/happy/a.png"]


def test_root_may_be_a_string(tmp_path, save_image):
    save_image(tmp_path / "train" / "happy" / "a.png")
    assert len(load_dataset("folder", root=str(tmp_path))) == 1


def test_a_registered_reader_is_available(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_READERS", dict(registry._READERS))

    @register_dataset("mine", splits=lambda root: ("train", "extra"))
    def load(split, root, image_size):
        return FaceDataset(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.tensor([2]), name=f"{root}", split=split)

    assert "mine" in available_datasets() and available_splits("mine", tmp_path) == ("train", "extra")
    dataset = load_dataset("mine", "extra", root=tmp_path)
    assert (dataset.name, dataset.split) == (str(tmp_path), "extra")
    with pytest.raises(UserError, match="no split 'val'"):
        load_dataset("mine", "val")


def test_a_registered_listing_is_loaded_with_its_option(monkeypatch, tmp_path):
    monkeypatch.setattr(registry, "_READERS", dict(registry._READERS))

    @register_reader("mine", splits=lambda root, who="all": ("train",), suffix="who")
    def listing(split, root, who="all"):
        return Listing([1], [who], pixels=torch.full((1, 1, 8, 8), 9, dtype=torch.uint8), name="mine", split=split)

    assert load_dataset("mine:me", root=tmp_path).ids.tolist() == ["me"]
    assert load_dataset("mine", root=tmp_path, who="you").ids.tolist() == ["you"]
    dataset = load_dataset("mine", root=tmp_path, image_size=4)
    assert tuple(dataset.images.shape) == (1, 3, 4, 4) and dataset.images.unique().tolist() == [9]
    listed = list_dataset("mine:me", root=tmp_path)
    assert listed.decode(0).shape == (3, 8, 8) and listed.source(0) == "me"


def test_a_data_set_without_a_listing_is_listed_from_memory(bundled, tmp_path):
    assert list_dataset("bundled", "val", image_size=16).split == "val"
    assert bundled == [("val", None, 16)]


def test_a_fingerprint_tells_data_apart(tmp_path, save_image):
    def fingerprint(**change):
        paths = [tmp_path / "a.png", tmp_path / "b.png"]
        return Listing(**(dict(labels=[0, 1], ids=["a", "b"], paths=paths) | change)).fingerprint()

    save_image(tmp_path / "a.png"), save_image(tmp_path / "b.png")
    first = fingerprint()
    assert fingerprint() == first and fingerprint(labels=np.array([0, 1])) == first
    pixels = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    others = [
        fingerprint(labels=[0, 2]), fingerprint(ids=["a", "c"]), fingerprint(boxes=np.zeros((2, 4))),
        fingerprint(boxes=np.ones((2, 4))), fingerprint(paths=None, pixels=pixels),
        fingerprint(paths=None, pixels=pixels + 1),
    ]  # fmt: skip
    save_image(tmp_path / "b.png", size=(90, 90))
    others.append(fingerprint())
    assert len({first, *others}) == 8


def test_a_split_without_an_image_is_named(tmp_path, save_image):
    save_image(tmp_path / "happy" / "0.png")
    for read in (list_dataset, load_dataset):
        with pytest.raises(UserError, match="folder test: no image"):
            read("folder", "test", tmp_path)


def test_what_is_no_name_is_a_sentence(tmp_path):
    for name, split in ((None, "train"), ("bundled", None)):
        with pytest.raises(UserError, match="name both in words"):
            load_dataset(name, split)
    with pytest.raises(UserError, match="~nobody-of-this-name"):
        load_dataset("folder", "train", "~nobody-of-this-name/x")


def test_a_name_that_is_no_utf_8_is_a_name(tmp_path, save_image):
    for label in (b"happy", b"sad \xff"):
        for row in range(3):
            save_image(Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), label))) / os.fsdecode(b"%d\xfe.png" % row))
    dataset = load_dataset("folder", "train", tmp_path, 8)
    assert len(dataset.classes) == 2
    write_json(tmp_path / "classes.json", {"classes": list(dataset.classes)})
    assert read_object(tmp_path / "classes.json") == {"classes": list(dataset.classes)}

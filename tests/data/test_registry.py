import sys
from types import SimpleNamespace

import pytest
import torch

from dacl_edu.data import FaceDataset, available_datasets, available_splits, load_dataset, register_dataset, registry
from dacl_edu.errors import UserError


@pytest.fixture
def drawn(monkeypatch):
    """Stands in for the drawn faces, and records how they were asked for."""
    calls = []

    def load_drawn(split, root, image_size):
        calls.append((split, root, image_size))
        return FaceDataset(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.tensor([0]), name="bundled", split=split)

    monkeypatch.setitem(sys.modules, "dacl_edu.data.drawn", SimpleNamespace(load_drawn=load_drawn))
    return calls


def test_names():
    assert set(available_datasets()) >= {"bundled", "rafdb", "fer2013", "folder"}


def test_bundled_is_passed_on(drawn, tmp_path):
    load_dataset("bundled")
    load_dataset("bundled", "validation", tmp_path, 32)
    assert drawn == [("train", None, None), ("val", tmp_path, 32)]
    assert available_splits("bundled") == ("train", "val", "test")


@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), ("training", "train"), ("valid", "val"), ("validation", "val"), ("Test", "test")],
)
def test_splits_have_synonyms(drawn, word, split):
    assert load_dataset("bundled", word).split == split


def test_unknown_names_are_refused_with_the_nearest(drawn):
    with pytest.raises(UserError, match="unknown data set 'raf-db' — did you mean 'rafdb'"):
        load_dataset("raf-db")
    with pytest.raises(UserError, match="unknown data set 'fer'"):
        available_splits("fer")
    with pytest.raises(UserError, match=r"no split 'tset' — did you mean 'test'\? There are train, val, test"):
        load_dataset("bundled", "tset")


@pytest.mark.parametrize("size", [0, -1])
def test_image_size_is_positive(drawn, size):
    with pytest.raises(UserError, match=f"image_size is {size}"):
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

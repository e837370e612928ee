"""Map-style datasets of pictures and numbers: torchvision's, Hugging Face's, one's own; nothing is downloaded."""

from __future__ import annotations

import struct
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from classes.made import SIDE, write_classes
from PIL import Image
from torch.utils.data import Subset, TensorDataset
from torchvision.datasets import FakeData, FashionMNIST, ImageFolder
from torchvision.transforms import ToTensor

from dacl_edu.data import OwnData, available_splits, load_dataset
from dacl_edu.errors import UserError
from dacl_edu.runs.trained import evaluate_run
from dacl_edu.training import TrainConfig, train


def config(**changes: Any) -> TrainConfig:
    small = {"image_size": 16, "load_size": 24, "batch_size": 16, "attention_widths": (16, 8), "epochs": 1}
    return TrainConfig.from_preset("smoke", **{**small, "precision": "32-true", "device": "cpu", **changes})


@pytest.fixture
def fashion(tmp_path: Path) -> Path:
    """The files of FashionMNIST as torchvision unpacks them, with 60 and 20 pictures."""
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 20)):
        pixels = random.integers(0, 255, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, count, 28, 28) + pixels.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + labels.tobytes())
    return tmp_path


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []

    def refuse(url: Any, *more: Any, **others: Any) -> None:
        asked.append(getattr(url, "full_url", str(url)))
        raise OSError("no network in this test")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr(urllib.request, "urlretrieve", refuse)
    return asked


def test_torchvision_by_name(fashion: Path, no_network: list[str]) -> None:
    assert available_splits("torchvision:FashionMNIST", fashion) == ("train", "test")
    dataset = load_dataset("torchvision:FashionMNIST", "test", fashion)
    theirs = FashionMNIST(str(fashion), train=False)
    assert dataset.classes == tuple(theirs.classes) and "Ankle boot" in dataset.classes
    assert torch.equal(dataset.images[:, 0], theirs.data) and torch.equal(dataset.labels, theirs.targets)
    shoes = load_dataset("torchvision:FashionMNIST", "train", fashion, image_size=14, classes="sneaker,ankle boot")
    assert tuple(shoes.images.shape) == (12, 3, 14, 14) and no_network == []


def test_training_on_torchvision_by_name(fashion: Path, tmp_path: Path) -> None:
    result = train(config(data="torchvision:FashionMNIST", root=fashion), tmp_path / "run", progress=False)
    assert len(result["classes"]) == 10 and result["images"] == 20
    assert evaluate_run(tmp_path / "run")[0]["accuracy"] == result["accuracy"]


def test_nothing_is_downloaded_unless_that_is_said(
    tmp_path: Path, no_network: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from dacl_edu.cli import main

    for name in ("CIFAR10", "FashionMNIST", "SVHN", "Flowers102"):
        with pytest.raises(UserError, match=rf"torchvision's {name} is not in .* — --download fetches it"):
            load_dataset(f"torchvision:{name}", "train", tmp_path / "no")
    assert no_network == [] and not (tmp_path / "no").exists()
    with pytest.raises(SystemExit):
        main(["train", "--data", "torchvision:FashionMNIST", "--root", str(tmp_path / "yes"), "--download"])
    assert no_network and "the download failed" in capsys.readouterr().err


def test_names_that_torchvision_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'CIFAR01' of pictures and classes — did you mean 'CIFAR10'"):
        available_splits("torchvision:CIFAR01", tmp_path)
    with pytest.raises(UserError, match="many data sets — name one: torchvision:CIFAR10"):
        available_splits("torchvision", tmp_path)
    with pytest.raises(UserError, match="of pictures and classes"):
        available_splits("torchvision:CocoCaptions", tmp_path)


def test_image_folder_and_subset(tmp_path: Path) -> None:
    write_classes(tmp_path / "pictures", 11, {"": 6})
    folder = ImageFolder(str(tmp_path / "pictures"))
    parts = [Subset(folder, range(start, len(folder), 3)) for start in range(3)]
    own = OwnData.from_datasets(train=parts[0], validation=parts[1], test=parts[2], name="eleven")
    result = train(config(), tmp_path / "run", progress=False, data=own)
    assert result["dataset"] == "eleven" and tuple(result["classes"]) == tuple(folder.classes)
    assert result["images"] == len(parts[2])
    loaded = load_dataset("eleven", "test", image_size=SIDE)
    assert loaded.labels.tolist() == [folder.targets[i] for i in parts[2].indices]
    first = np.asarray(parts[2][0][0]).transpose(2, 0, 1)
    assert np.array_equal(loaded.images[0].numpy(), first)
    assert evaluate_run(tmp_path / "run", "eleven", split="test")[0]["accuracy"] == result["accuracy"]


class Table:
    """What Hugging Face's ``datasets.Dataset`` gives: rows as mappings, and features that know the labels' names."""

    def __init__(self, rows: list[dict[str, Any]], names: list[str]) -> None:
        self.rows, self.features = rows, {"image": None, "label": SimpleNamespace(names=names)}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return self.rows[row]


def test_rows_with_an_image_column(tmp_path: Path) -> None:
    rows = [{"image": Image.new("L", (30, 20), 40 * (k % 3)), "label": k % 3} for k in range(24)]
    own = OwnData.from_datasets(train=Table(rows, ["low", "mid", "high"]), validation=Table(rows[:6], []), name="tones")
    dataset = load_dataset("tones", "train", image_size=16)
    assert dataset.classes == ("low", "mid", "high") and dataset.images[5].unique().tolist() == [80]
    result = train(config(), tmp_path / "run", progress=False, data=own)
    assert result["split"] == "val" and result["classes"] == ["low", "mid", "high"]


def test_tensors(tmp_path: Path) -> None:
    images = torch.arange(8 * 3 * 4 * 4).remainder(256).to(torch.uint8).view(8, 3, 4, 4)
    OwnData.from_datasets(train=TensorDataset(images, torch.arange(8) % 2), name="tensors")
    assert torch.equal(load_dataset("tensors", "train").images, images)
    assert load_dataset("tensors", "train").classes == ("0", "1")
    last = [(picture.permute(1, 2, 0).numpy(), 0) for picture in images]
    OwnData.from_datasets(train=last, name="tensors", classes=["a", "b"])
    assert torch.equal(load_dataset("tensors", "train").images, images)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (FakeData(4, (3, 8, 8), 2, transform=ToTensor()), "sample 0: a picture is Tensor float32 .* leave ToTensor"),
        ([(Image.new("RGB", (8, 8)), 0), (Image.new("RGB", (9, 8)), 1)], "pictures of 8x8 and 8x9 — give a size"),
        ([(Image.new("RGB", (8, 8)), "cat")], "label 'cat' is no number"),
        ([{"picture": 0, "label": 1}], "columns picture, label — name them 'image'"),
        ([3], "int, not a picture and a number"),
        ([(np.zeros((5, 8, 8), np.uint8), 0)], "5 channels"),
        ([(Image.new("RGB", (8, 8)), 5)], "label 5 is out of range"),
        ([], "no picture"),
    ],
)
def test_samples_of_another_form(dataset: Any, message: str) -> None:
    OwnData.from_datasets(train=dataset, classes=["a", "b"], name="wrong")
    with pytest.raises(UserError, match=message):
        load_dataset("wrong", "train")


def test_a_name_that_is_taken() -> None:
    with pytest.raises(UserError, match="there is a data set 'rafdb' already"):
        OwnData.from_datasets(train=[(Image.new("RGB", (8, 8)), 0)], classes=["a", "b"], name="rafdb")

"""K and the names come from the data: folders of anything, choices of classes, and what a run knows of them."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from classes.made import class_names, write_classes
from PIL import Image

from dacl_edu.data import EXPRESSIONS, available_classes, available_splits, list_dataset, load_dataset, registry
from dacl_edu.data.prepare import prepare
from dacl_edu.errors import UserError
from dacl_edu.expressions import AFFECTNET, CKPLUS, EIGHT, RAFDB_COMPOUND, expression


def save(path: Path, grey: int = 90) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (10, 10), (grey,) * 3).save(path)


@pytest.mark.parametrize("count", [2, 6, 8, 11, 40])
def test_a_folder_has_the_classes_of_its_folders(tmp_path: Path, count: int) -> None:
    train = load_dataset("folder", "train", write_classes(tmp_path, count))
    assert train.classes == class_names(count) and train.class_counts().tolist() == [6] * count
    for split in ("val", "test"):
        assert load_dataset("folder", split, tmp_path).classes == train.classes
    name_of = {label: name for name, label in zip(train.ids, train.labels.tolist(), strict=True)}
    assert all(f"/{train.classes[label]}/" in name for label, name in name_of.items())


def test_folders_that_are_expressions_have_their_order(tmp_path: Path) -> None:
    for name in ("Angry", "afraid", "contempt", "HAPPY", "surprised"):
        save(tmp_path / "train" / name / "a.png")
    listing = list_dataset("folder", "train", tmp_path)
    assert listing.classes == ("surprise", "fear", "happiness", "anger", "contempt")
    assert "every folder is an expression" in listing.notes[0]
    save(tmp_path / "train" / "cat" / "a.png")
    assert list_dataset("folder", "train", tmp_path).classes == (
        "Angry", "HAPPY", "afraid", "cat", "contempt", "surprised",
    )  # fmt: skip


@pytest.mark.parametrize("layout", ["train", ""])
def test_without_a_test_folder_a_share_is_held_out_and_said(tmp_path: Path, layout: str) -> None:
    write_classes(tmp_path, 3, {layout: 10})
    assert available_splits("folder", tmp_path) == ("train", "test")
    parts = [set(load_dataset("folder", split, tmp_path).ids) for split in ("train", "test")]
    assert [len(part) for part in parts] == [24, 6] and not parts[0] & parts[1]
    assert load_dataset("folder", "test", tmp_path).class_counts().tolist() == [2, 2, 2]
    other = {tuple(load_dataset(f"folder:{seed}", "test", tmp_path).ids) for seed in range(5)}
    assert len(other) > 1 and tuple(sorted(parts[1])) in {tuple(sorted(ids)) for ids in other}
    assert "6 of 30 images are held out as test, drawn by seed 0" in list_dataset("folder", "train", tmp_path).notes[1]


def test_a_class_may_have_the_name_of_a_split(tmp_path: Path) -> None:
    for vehicle in ("plane", "train", "tram"):
        save(tmp_path / vehicle / "a.png")
        save(tmp_path / vehicle / "b.png")
    assert load_dataset("folder", "train", tmp_path).classes == ("plane", "train", "tram")


def test_one_name_written_in_two_ways_is_one_class(tmp_path: Path) -> None:
    save(tmp_path / "train" / "e\u0301lan" / "a.png")
    save(tmp_path / "test" / "\u00e9lan" / "a.png")
    save(tmp_path / "train" / "zebra" / "a.png")
    assert load_dataset("folder", "test", tmp_path).classes == ("zebra", "\u00e9lan")
    assert load_dataset("folder", "test", tmp_path).labels.tolist() == [1]


def test_named_classes_of_any_set(tmp_path: Path) -> None:
    write_classes(tmp_path, 11)
    some = load_dataset("folder", "train", tmp_path, classes=["zebra", "CAT", "鳥"])
    assert some.classes == ("zebra", "cat", "鳥") and some.class_counts().tolist() == [6, 6, 6]
    assert all("/zebra/" in name for name, label in zip(some.ids, some.labels, strict=True) if label == 0)
    assert load_dataset("digits", "test", classes="3,8").classes == ("3", "8")
    with pytest.raises(UserError, match="no class 'cow' — did you mean 'owl'"):
        load_dataset("folder", "train", tmp_path, classes="cow,dog")
    with pytest.raises(UserError, match="1 class is nothing to tell apart"):
        load_dataset("folder", "train", tmp_path, classes="cat,")
    with pytest.raises(UserError, match="named twice"):
        load_dataset("folder", "train", tmp_path, classes="cat,Cat")
    with pytest.raises(UserError, match="no choice of classes 'all' — name two classes"):
        load_dataset("folder", "train", tmp_path, classes="all")


def affectnet(root: Path) -> Path:
    for split in ("train_set", "val_set"):
        for number in range(len(AFFECTNET)):
            save(root / split / "images" / f"{number}.jpg", 20 * number)
            (root / split / "annotations").mkdir(exist_ok=True)
            np.save(root / split / "annotations" / f"{number}_exp.npy", np.array(str(number)))
    return root


def test_affectnet_has_seven_or_eight(tmp_path: Path) -> None:
    root = affectnet(tmp_path)
    assert list(available_classes("affectnet")) == ["7", "8"]
    seven, eight = (load_dataset("affectnet", "val", root, classes=choice) for choice in (None, "8"))
    assert (seven.classes, eight.classes) == (EXPRESSIONS, EIGHT)
    for dataset in (seven, eight):
        assert [dataset.classes[k] for k in dataset.labels] == [
            expression(AFFECTNET[int(Path(name).stem)]) for name in dataset.ids
        ]
    assert len(eight) == len(seven) + 1
    assert load_dataset("affectnet", "val", root, classes="happy,contempt").classes == ("happiness", "contempt")
    with pytest.raises(UserError, match="no choice of classes '9' — it has 7, 8"):
        load_dataset("affectnet", "val", root, classes="9")


def test_a_prepared_folder_keeps_its_choice(tmp_path: Path) -> None:
    root = affectnet(tmp_path / "a")
    prepare("affectnet", root, 8, tmp_path / "p", classes="8")
    assert load_dataset("affectnet", "val", tmp_path / "p").classes == EIGHT
    assert load_dataset("affectnet", "val", tmp_path / "p", classes="7").classes == EXPRESSIONS
    prepare("affectnet", root, 8, tmp_path / "q")
    with pytest.raises(UserError, match="has no class 'contempt'"):
        load_dataset("affectnet", "val", tmp_path / "q", classes="8")


def test_rafdb_compound(tmp_path: Path) -> None:
    lines = []
    for number in range(1, 12):
        for split in ("train", "test"):
            save(tmp_path / "compound" / "Image" / "aligned" / f"{split}_{number:04d}_aligned.jpg", 20 * number)
            lines.append(f"{split}_{number:04d}.jpg {number}")
    labels = tmp_path / "compound" / "EmoLabel" / "list_patition_label.txt"
    labels.parent.mkdir()
    labels.write_text("\n".join(lines))
    for root in (tmp_path, tmp_path / "compound"):
        dataset = load_dataset("rafdb", "train", root, classes="compound")
        assert dataset.classes == RAFDB_COMPOUND and dataset.labels.tolist() == list(range(11))
    with pytest.raises(UserError, match="RAF-DB"):  # its numbers 1 to 7 mean something else
        load_dataset("rafdb", "train", tmp_path / "compound", classes="basic")
    renamed = tmp_path / "other"
    shutil.move(tmp_path / "compound", renamed)
    with pytest.raises(UserError, match="compound part of RAF-DB"):
        load_dataset("rafdb", "train", renamed, classes="compound")


def ckplus(root: Path) -> Path:
    for subject in range(6):
        for sequence, name in enumerate(CKPLUS):
            save(root / name / f"S{subject:03d}_{sequence:03d}_00000001.png", 10 + 30 * sequence + subject)
    return root


def test_ckplus_six_seven_and_what_it_lacks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = ckplus(tmp_path)
    shared = EXPRESSIONS[:6]
    assert load_dataset("ckplus", "train", root).classes == shared
    assert load_dataset("ckplus", "train", root, classes="all").classes == (*shared, "contempt")
    load_dataset("ckplus", "train", root).require_every_class()
    registry._warn_once.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert load_dataset("ckplus", "train", root, classes=EXPRESSIONS).classes == shared
    assert caplog.messages == ["ckplus as published has no image of 'neutral': this class is left out"]
    shutil.rmtree(root / "fear")
    with pytest.raises(UserError, match="no image of class fear"):  # it should be there
        load_dataset("ckplus", "train", root).require_every_class()


def test_digits_come_with_their_splits() -> None:
    parts = {split: load_dataset("digits", split) for split in available_splits("digits")}
    assert {split: len(part) for split, part in parts.items()} == {"train": 1248, "val": 185, "test": 364}
    ids = [name for part in parts.values() for name in part.ids]
    assert len(set(ids)) == 1797 and all(int(part.class_counts().min()) > 16 for part in parts.values())
    assert int(parts["train"].images.max()) == 255

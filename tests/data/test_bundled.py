"""The shipped faces: what the data card promises, and that damage is noticed."""

import json
import shutil

import numpy as np
import pytest
import torch

from dacl_edu import paths
from dacl_edu.data.bundled import load_bundled
from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu.errors import UserError
from dacl_edu_faces.action_units import CONFUSIONS
from dacl_edu_faces.dataset_plan import class_counts
from dacl_edu_faces.factors import FACTOR_TYPES

COUNTS = {"train": 6300, "val": 1050, "test": 2100}


@pytest.fixture(scope="module")
def splits():
    return {split: load_bundled(split) for split in COUNTS}


def test_counts_sizes_and_classes(splits):
    for split, count in COUNTS.items():
        faces = splits[split]
        assert tuple(faces.images.shape) == (count, 3, 64, 64) and faces.classes == EXPRESSIONS
        true = faces.factors["label_true"]
        assert [int((true == name).sum()) for name in EXPRESSIONS] == class_counts(split, count)
    assert min(class_counts("train", COUNTS["train"])) >= 150
    assert splits["test"].class_counts().tolist() == [300] * 7


def test_the_set_is_small_enough_for_a_repository():
    assert sum(path.stat().st_size for path in paths.bundled_faces().iterdir()) < 30e6


def test_no_person_is_in_two_splits(splits):
    people = {split: set(faces.groups.tolist()) for split, faces in splits.items()}
    assert not people["train"] & people["val"]
    assert not people["train"] & people["test"]
    assert not people["val"] & people["test"]
    assert all(len(found) > 200 for found in people.values())


def test_one_training_label_in_ten_is_a_plausible_confusion(splits):
    table = splits["train"].factors
    wrong = table[table["label_observed"] != table["label_true"]]
    assert len(wrong) == round(0.1 * len(table))
    assert all(row.label_observed in CONFUSIONS[row.label_true] for row in wrong.itertuples())
    observed = [EXPRESSIONS.index(name) for name in table["label_observed"]]
    assert splits["train"].labels.tolist() == observed
    for split in ("val", "test"):
        assert (splits[split].factors["label_observed"] == splits[split].factors["label_true"]).all()


def test_the_factor_table_has_each_factor_and_each_image(splits):
    for faces in splits.values():
        assert set(FACTOR_TYPES) <= set(faces.factors.columns)
        assert len(set(faces.ids.tolist())) == len(faces) == len(faces.factors)
        assert not faces.factors.isna().any().any()
        assert (faces.factors["expression"] == faces.factors["label_true"]).all()
        assert (faces.factors["identity"].to_numpy() == faces.groups).all()


def test_images_match_their_rows(splits):
    """Grey and exposure can be seen in the pictures, so a table out of step would show."""
    faces = splits["test"]
    channel_spread = faces.images.float().std(dim=1).mean((1, 2)).numpy()
    grey = faces.factors["grey"].to_numpy() == 1
    assert grey.any() and channel_spread[grey].max() < 3 < np.median(channel_spread[~grey])
    brightness = faces.images.float().mean((1, 2, 3)).numpy()
    assert np.corrcoef(brightness, np.log(faces.factors["exposure"]))[0, 1] > 0.3


def test_no_picture_is_twice_in_the_set(splits):
    pictures = [image.numpy().tobytes() for faces in splits.values() for image in faces.images]
    assert len(set(pictures)) == len(pictures)


def test_another_size_and_a_second_call(splits):
    small = load_bundled("val", image_size=32)
    assert small.images.shape[-1] == 32
    again = load_bundled("val")
    again.images.zero_()
    again.factors["yaw"] = 0.0
    assert torch.equal(load_bundled("val").images, splits["val"].images)
    assert load_bundled("val").factors["yaw"].abs().max() > 0


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(paths.bundled_faces(), tmp_path / "faces")


@pytest.mark.parametrize("name", ["val.npz", "val.csv.gz"])
def test_a_damaged_file_is_refused(copy, name):
    load_bundled("val", copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(bytes(content))
    with pytest.raises(UserError, match=rf"{name}: damaged .*git checkout"):
        load_bundled("val", copy)


@pytest.mark.parametrize("name", ["val.npz", "val.csv.gz", "manifest.json"])
def test_a_missing_file_is_refused(copy, name):
    (copy / name).unlink()
    with pytest.raises(UserError, match=f"{name}: no such file"):
        load_bundled("val", copy)


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"files": {"val.npz": 3}})])
def test_a_damaged_manifest_is_refused(copy, text):
    (copy / "manifest.json").write_text(text)
    with pytest.raises(UserError, match=r"manifest\.json: cannot be read"):
        load_bundled("val", copy)


def test_unknown_splits_and_folders_are_refused(tmp_path):
    with pytest.raises(UserError, match="no split 'dev'"):
        load_bundled("dev")
    with pytest.raises(UserError, match="no such file"):
        load_bundled("val", tmp_path)

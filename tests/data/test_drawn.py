"""The drawn faces: what is promised of the splits, of the pen, and of the copy on disk."""

import dataclasses
import multiprocessing
import os
import time

import numpy as np
import pandas as pd
import pytest

from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu.data.drawn import ACTION_UNITS, FaceFactors, cache, draw_face, load_drawn, sample_factors
from dacl_edu.data.drawn.cache import RAFDB_TRAIN, SPLITS, class_counts, plan_labels, sample_image
from dacl_edu.errors import UserError

# -- the splits --------------------------------------------------------------------------------------------------------


def test_train_counts_follow_rafdb_and_no_class_is_small():
    counts = class_counts("train")
    assert sum(counts) == 2800
    assert min(counts) >= 150
    assert np.argmax(counts) == EXPRESSIONS.index("happiness")
    above = [i for i, n in enumerate(counts) if n > 150]
    ratios = np.array([counts[i] / RAFDB_TRAIN[i] for i in above])
    assert ratios.max() / ratios.min() < 1.02


@pytest.mark.parametrize(("split", "each"), [("val", 80), ("test", 160)])
def test_held_out_splits_are_balanced(split, each):
    assert class_counts(split) == [each] * 7
    assert np.bincount(plan_labels(split)).tolist() == [each] * 7


@pytest.mark.parametrize("count", [1, 5, 7, 50, 333])
@pytest.mark.parametrize("split", list(SPLITS))
def test_smaller_versions_have_the_size_asked_for(split, count):
    counts = class_counts(split, count)
    assert sum(counts) == count and min(counts) >= 0


def test_labels_are_shuffled():
    labels = plan_labels("train")
    assert len(set(labels[:60].tolist())) == 7


def test_nobody_is_in_two_splits():
    people = {split: {sample_image(split, i, 6).identity for i in range(400)} for split in SPLITS}
    assert not people["train"] & people["val"]
    assert not people["train"] & people["test"]
    assert not people["val"] & people["test"]


def test_a_person_keeps_the_same_looks():
    by_person: dict[int, set] = {}
    for index in range(600):
        face = sample_image("val", index, index % 7)
        by_person.setdefault(face.identity, set()).add((face.skin_tone, face.hair_style, face.eye_spacing))
    assert len(by_person) > 100
    assert all(len(looks) == 1 for looks in by_person.values())


def test_images_do_not_depend_on_their_order():
    forwards = [sample_image("train", i, 3) for i in range(5)]
    backwards = [sample_image("train", i, 3) for i in reversed(range(5))]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == 5


def test_expressions_have_their_units():
    def mean(expression, unit):
        return np.mean([sample_factors(np.random.default_rng(i), expression).units[unit] for i in range(60)])

    for unit, expression in {
        12: "happiness",
        15: "sadness",
        26: "surprise",
        20: "fear",
        23: "anger",
        9: "disgust",
    }.items():
        strengths = {name: mean(name, unit) for name in EXPRESSIONS}
        assert max(strengths, key=strengths.__getitem__) == expression
        assert strengths["neutral"] < 0.1 < strengths[expression] - strengths["neutral"]


def test_unknown_expression_is_refused():
    with pytest.raises(ValueError, match="joy"):
        sample_factors(np.random.default_rng(0), "joy")


# -- the pen -----------------------------------------------------------------------------------------------------------

PLAIN = FaceFactors(hair_style="bald")
#: Bands of rows, as shares of the image, that belong to a part of the face of `PLAIN`.
BANDS = {
    "brows": (0.15, 0.42),
    "eyes": (0.38, 0.54),
    "nose": (0.30, 0.74),
    "cheeks": (0.44, 0.78),
    "mouth": (0.66, 1.0),
}
REGION = {
    1: "brows", 2: "brows", 4: "brows", 5: "eyes", 6: "cheeks", 7: "eyes", 9: "nose", 10: "mouth", 12: "mouth",
    15: "mouth", 16: "mouth", 17: "mouth", 20: "mouth", 23: "mouth", 25: "mouth", 26: "mouth", 43: "eyes",
}  # fmt: skip


@pytest.mark.parametrize("unit", list(ACTION_UNITS))
def test_each_unit_moves_its_own_part_of_the_face(unit):
    rest = draw_face(PLAIN, 96).astype(float)
    moved = draw_face(dataclasses.replace(PLAIN, **{f"au{unit}": 1.0}), 96).astype(float)
    change = np.abs(moved - rest).sum(axis=0)
    # Light changes a little everywhere, as the camera meters the whole face; what moved changes much.
    rows = np.where(change > 30, change, 0.0).sum(axis=1)
    first, last = (round(96 * share) for share in BANDS[REGION[unit]])
    assert rows.sum() > 1000
    assert rows[first:last].sum() > 0.6 * rows.sum(), (rows / rows.sum()).round(3)


def test_a_smile_raises_the_mouths_corners_and_a_sad_mouth_lowers_them():
    from dacl_edu.data.drawn.canvas import Canvas
    from dacl_edu.data.drawn.features import mouth_corners

    def height(**units):
        return mouth_corners(Canvas(FaceFactors(**units), 64))[:, 1].mean()

    assert height(au12=1.0) < height(au12=0.5) < height() < height(au15=0.5) < height(au15=1.0)


def test_asymmetry_moves_one_side_more():
    rest = draw_face(PLAIN).astype(int)
    lopsided = draw_face(dataclasses.replace(PLAIN, au2=1.0, asymmetry_brows=1.0)).astype(int)
    change = np.abs(lopsided - rest)[:, :30].sum(axis=(0, 1))
    assert change[33:].sum() > 3 * change[:31].sum()


@pytest.mark.parametrize(
    "changes",
    [{"hair_style": s} for s in ("afro", "bun", "headscarf", "beanie", "curly", "fringe", "long", "receding")]
    + [{"facial_hair": s} for s in ("stubble", "moustache", "goatee", "beard")]
    + [{"glasses": s} for s in ("round", "square", "dark")]
    + [{"occluder": s} for s in ("hand", "scarf", "mask", "strand", "object")]
    + [{"background": s} for s in ("gradient", "cloudy", "lights", "stripes", "room")]
    + [{name: value} for name, value in {
        "yaw": 20.0, "pitch": 10.0, "roll": 10.0, "scale": 1.1, "shift_x": 0.05, "shift_y": 0.05, "gaze_x": 1.0,
        "gaze_y": 0.8, "light_azimuth": 60.0, "light_elevation": -10.0, "light_strength": 0.7, "skin_tone": 0.9,
        "exposure": 1.3, "contrast": 0.7, "temperature": 1.0, "blur": 1.0, "noise": 0.04, "jpeg_quality": 50,
        "jaw": 1.0, "eye_spacing": 1.1, "lip_fullness": 1.5, "nose_width": 1.3, "age": 0.9, "mouth_rest": 0.3,
    }.items()],
)  # fmt: skip
def test_every_factor_is_drawn(changes):
    picture = draw_face(dataclasses.replace(PLAIN, **changes))
    assert picture.shape == (3, 64, 64) and picture.dtype == np.uint8
    assert not np.array_equal(picture, draw_face(PLAIN))


def test_drawing_is_deterministic_and_needs_only_the_factors():
    for index in range(4):
        face = sample_image("test", index, index)
        assert np.array_equal(draw_face(face), draw_face(FaceFactors.from_row(face.as_dict())))


def test_most_sampled_faces_are_neither_black_nor_white():
    means = np.array([draw_face(sample_image("test", i, i % 7)).mean() for i in range(60)])
    assert means.min() > 35 and means.max() < 225


# -- the copy on disk --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    return root, load_drawn("val", root, count=21)


def test_dataset_is_aligned(kept):
    _, faces = kept
    assert tuple(faces.images.shape) == (21, 3, 64, 64)
    assert faces.class_counts().tolist() == [3] * 7
    assert [EXPRESSIONS[label] for label in faces.labels] == faces.factors["expression"].tolist()
    assert np.array_equal(faces.groups, faces.factors["identity"])
    assert len(set(faces.ids.tolist())) == 21
    assert (faces.name, faces.split, faces.classes) == ("drawn", "val", EXPRESSIONS)


def test_a_row_of_the_table_gives_its_picture_back_after_a_round_trip_through_the_disk(kept):
    root, faces = kept
    again = load_drawn("val", root, count=21)
    pd.testing.assert_frame_equal(again.factors, faces.factors)
    for index in (0, 7, 20):
        picture = draw_face(FaceFactors.from_row(again.factors.iloc[index]))
        assert np.array_equal(picture, again.images[index].numpy())


def test_second_load_reads(kept, monkeypatch):
    root, faces = kept
    monkeypatch.setattr(cache, "draw_face", lambda *_: pytest.fail("drawn again"))
    assert np.array_equal(load_drawn("val", root, count=21).images, faces.images)


def test_other_size(kept):
    root, faces = kept
    small = load_drawn("val", root, image_size=32, count=21)
    assert tuple(small.images.shape) == (21, 3, 32, 32)
    block_means = faces.images.float().reshape(21, 3, 32, 2, 32, 2).mean(dim=(3, 5))
    assert (small.images.float() - block_means).abs().mean() < 5


def _flip_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "missing", "table", "no table", "labels", "version"])
def test_damaged_copies_are_drawn_again(tmp_path, damage, monkeypatch):
    faces = load_drawn("train", tmp_path, count=8)
    archive, table = tmp_path / "drawn-v1" / "train-8.npz", tmp_path / "drawn-v1" / "train-8.csv"
    before = archive.read_bytes()
    if damage == "flip":
        _flip_byte(archive)
    elif damage == "cut":
        archive.write_bytes(before[: len(before) // 2])
    elif damage == "empty":
        archive.write_bytes(b"")
    elif damage == "missing":
        archive.unlink()
    elif damage == "table":
        _flip_byte(table)
    elif damage == "no table":
        table.unlink()
    elif damage == "labels":  # a well-formed archive whose labels are not the stamped ones
        with np.load(archive) as stored:
            np.savez(archive, images=stored["images"], labels=stored["labels"][::-1], stamp=stored["stamp"])
    elif damage == "version":
        monkeypatch.setattr(cache, "CONTENT_VERSION", cache.CONTENT_VERSION + 1)
    assert cache._read(tmp_path / "drawn-v1", "train-8") is None
    again = load_drawn("train", tmp_path, count=8)
    assert np.array_equal(again.images, faces.images) and np.array_equal(again.labels, faces.labels)
    assert cache._read(tmp_path / "drawn-v1", "train-8") is not None


def test_what_a_killed_process_left_is_swept_up_but_not_what_another_is_writing(tmp_path):
    folder = tmp_path / "drawn-v1"
    folder.mkdir()
    old, new = folder / ".val-3.npz.aa.tmp", folder / ".val-3.npz.bb.tmp"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    load_drawn("val", tmp_path, count=3)
    assert sorted(p.name for p in folder.iterdir()) == [new.name, "val-3.csv", "val-3.npz"]


def _load(root, queue):
    queue.put(load_drawn("test", root, count=14).images.numpy().tobytes())


def test_two_processes_at_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=_load, args=(tmp_path, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    got = [queue.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    assert got[0] == got[1] == load_drawn("test", tmp_path, count=14).images.numpy().tobytes()
    assert sorted(p.name for p in (tmp_path / "drawn-v1").iterdir()) == ["test-14.csv", "test-14.npz"]


def test_unknown_split_and_bad_root_are_named(tmp_path):
    with pytest.raises(UserError, match="split 'dev'"):
        load_drawn("dev", tmp_path)
    with pytest.raises(UserError, match="count is 0"):
        load_drawn("val", tmp_path, count=0)
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(UserError, match="cannot be written to"):
        load_drawn("val", blocked, count=2)


def test_falls_back_to_the_users_cache(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    usual = cache.cache_folders()
    assert usual[-1] == tmp_path / "cache" / "dacl-edu" / "drawn-v1"
    monkeypatch.setattr(cache, "cache_folders", lambda root=None: [blocked / "drawn-v1", usual[-1]])
    load_drawn("val", count=2)
    assert (usual[-1] / "val-2.npz").is_file()

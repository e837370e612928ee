"""Sampling: every image has its own generator, people do not cross splits, wildness spreads the conditions."""

import numpy as np
import pytest

from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu.errors import UserError
from dacl_edu_faces.dataset_plan import RAFDB_TRAIN, SPLITS, class_counts, plan_face, plan_labels, split_sizes
from dacl_edu_faces.factors import FACTOR_TYPES, WORDS, FaceFactors, parse_pins


def faces(wildness, count=150, **pins):
    return [plan_face("val", i, i % 7, count, 3, wildness, pins) for i in range(count)]


def test_an_image_does_not_depend_on_the_others():
    assert plan_face("train", 5, 2, 100, 1, 0.5) == plan_face("train", 5, 2, 100, 1, 0.5)
    assert plan_face("train", 5, 2, 100, 1, 0.5) != plan_face("train", 5, 2, 100, 2, 0.5)
    assert plan_face("train", 5, 2, 100, 1, 0.5) != plan_face("val", 5, 2, 100, 1, 0.5)


def test_no_person_is_in_two_splits_and_each_keeps_their_looks():
    people = {split: {} for split in SPLITS}
    for split in SPLITS:
        for i in range(200):
            face = plan_face(split, i, i % 7, 200, 0, 0.5)
            looks = (face.skin_tone, face.gender, face.shape_seed, face.hair_style)
            assert people[split].setdefault(face.identity, looks) == looks
    assert not set(people["train"]) & set(people["val"]) and not set(people["val"]) & set(people["test"])
    assert not set(people["train"]) & set(people["test"])


def test_class_counts_follow_rafdb():
    counts = class_counts("train", 12271)
    above = [k for k, n in enumerate(counts) if RAFDB_TRAIN[k] / 12271 > 0.024]
    ratios = np.array([counts[k] / RAFDB_TRAIN[k] for k in above])
    assert sum(counts) == 12271 and ratios.max() / ratios.min() < 1.02
    assert min(class_counts("train", 6300)) >= 150
    assert class_counts("test", 2100) == [300] * 7


@pytest.mark.parametrize("count", [7, 10, 123, 1000])
def test_splits_add_up_and_labels_have_the_counts(count):
    sizes = split_sizes(count)
    assert sum(sizes.values()) == count
    for split, n in sizes.items():
        assert np.bincount(plan_labels(split, n, 0), minlength=7).tolist() == class_counts(split, n)


def test_wildness_spreads_pose_and_weakens_expressions():
    calm, half, wild = faces(0.0), faces(0.5), faces(1.0)
    for name in ("yaw", "pitch", "roll", "noise", "shift_x"):
        spread = [np.std([getattr(f, name) for f in group]) for group in (calm, half, wild)]
        assert spread[0] == 0 < spread[1] < spread[2], name
    strength = [np.mean([f.intensity for f in group if f.expression != "neutral"]) for group in (calm, half, wild)]
    assert strength[0] > strength[1] > strength[2]
    assert {f.occlusion for f in calm} == {"none"} and len({f.occlusion for f in wild}) > 2


def test_factors_survive_text_and_keep_to_their_words():
    for face in faces(1.0, 40):
        row = {k: str(v) for k, v in face.as_dict().items()}
        assert FaceFactors.from_row(row) == face
        assert all(getattr(face, name) in words for name, words in WORDS.items())


def test_pins_hold_and_leave_the_rest_alone():
    free, pinned = faces(0.8, 30), faces(0.8, 30, yaw=0.0, occlusion="none")
    assert all(f.yaw == 0 and f.occlusion == "none" for f in pinned)
    assert [f.skin_tone for f in free] == [f.skin_tone for f in pinned]


def test_pins_are_read():
    assert parse_pins("") == {}
    assert parse_pins("yaw=-10, grey=1 ,glasses=dark") == {"yaw": -10.0, "grey": 1, "glasses": "dark"}
    assert all(parse_pins(f"{name}={WORDS[name][0]}") for name in WORDS if name != "expression")


@pytest.mark.parametrize(
    ("text", "message"),
    [("yawn=0", "did you mean 'yaw'"), ("yaw", "name=value"), ("yaw=left", "not a number"), ("yaw=nan", "usable"),
     ("occlusion=elephant", "one of none, hand"), ("expression=fear", "cannot be pinned")],
)  # fmt: skip
def test_wrong_pins_are_refused(text, message):
    with pytest.raises(UserError, match=message):
        parse_pins(text)


def test_every_factor_has_a_type_that_a_table_can_hold():
    assert set(FACTOR_TYPES.values()) == {"int", "float", "str"}
    assert FACTOR_TYPES["expression"] == "str" and set(EXPRESSIONS) == set(WORDS["expression"])

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dacl_edu.data import EXPRESSIONS, available_splits, list_dataset, load_dataset
from dacl_edu.data.ckplus import parse_name, split_subjects
from dacl_edu.errors import UserError

FOLDERS = {name: name for name in ("anger", "disgust", "fear", "sadness", "surprise")} | {
    "happy": "happiness", "contempt": "neutral",
}  # fmt: skip
SUBJECTS = [f"S{number:03d}" for number in range(10, 30)]


@pytest.fixture
def ckplus(tmp_path, save_image):
    """Twenty subjects, each with three frames of every expression."""
    for subject in SUBJECTS:
        for sequence, (folder, expression) in enumerate(FOLDERS.items()):
            for frame in (15, 16, 17):
                name = f"{subject}_{sequence:03d}_{frame:08d}.png"
                save_image(tmp_path / "ck" / "CK+48" / folder / name, expression, size=(4, 4))
    return tmp_path / "ck"


@pytest.mark.parametrize("inner", ["", "CK+48"])
def test_split_by_subject(ckplus, inner, pictures_match_labels):
    root = ckplus / inner
    assert available_splits("ckplus", root) == ("train", "val", "test")
    parts = {split: load_dataset("ckplus", split, root) for split in ("train", "val", "test")}
    subjects = {split: set(part.groups) for split, part in parts.items()}
    assert {split: len(who) for split, who in subjects.items()} == {"train": 14, "val": 2, "test": 4}
    assert set().union(*subjects.values()) == set(SUBJECTS)
    for part in parts.values():
        assert pictures_match_labels(part)
        assert all(str(who) in name for who, name in zip(part.groups, part.ids, strict=True))
        # three frames of six expressions: contempt is left out, neutral was never there
        assert part.class_counts().tolist() == [3 * len(set(part.groups))] * 6


def test_the_split_does_not_depend_on_which_images_are_there(ckplus):
    before = {s: set(load_dataset("ckplus", s, ckplus).groups) for s in ("train", "val", "test")}
    for path in (ckplus / "CK+48" / "anger").iterdir():
        path.unlink()
    assert {s: set(load_dataset("ckplus", s, ckplus).groups) for s in ("train", "val", "test")} == before
    assert before["test"] == {"S017", "S019", "S024", "S027"}  # the same on every machine, for ever


def test_absent_classes_are_said(ckplus):
    assert list_dataset("ckplus", "test", ckplus).notes == ("12 images left out: contempt", "CK+48 has no neutral")
    load_dataset("ckplus", "train", ckplus).require_every_class()


def test_a_file_that_does_not_say_who_is_refused(ckplus, save_image):
    save_image(ckplus / "CK+48" / "fear" / "fear_3.png", size=(4, 4))
    with pytest.raises(UserError, match=r"fear: 'fear_3\.png' does not say who.*S010_004_00000017\.png"):
        load_dataset("ckplus", "train", ckplus)


def test_an_unknown_folder_is_refused(ckplus, save_image):
    save_image(ckplus / "CK+48" / "boredom" / "S010_004_00000017.png", size=(4, 4))
    with pytest.raises(UserError, match=r"boredom: unknown expression 'boredom'.*CK\+48 has anger, contempt"):
        load_dataset("ckplus", "train", ckplus)


def test_nothing_there_or_too_little(tmp_path, save_image):
    with pytest.raises(UserError, match=r"no CK\+48 in .*looked for .*anger.*ask for access"):
        load_dataset("ckplus", "train", tmp_path)
    for folder in ("anger", "surprise"):
        save_image(tmp_path / folder / "S010_004_00000017.png", size=(4, 4))
    with pytest.raises(UserError, match="1 subjects cannot fill three splits"):
        load_dataset("ckplus", "train", tmp_path)


@given(st.integers(0, 999), st.integers(0, 99), st.integers(0, 10**8 - 1), st.sampled_from(["png", "jpg", "PNG"]))
def test_names_round_trip(subject, sequence, frame, ending):
    name = f"S{subject:03d}_{sequence:03d}_{frame:08d}.{ending}"
    assert parse_name(name) == (f"S{subject:03d}", f"{sequence:03d}", frame)


@given(st.text(st.sampled_from("S0123_.png\n٣"), max_size=16))
def test_any_other_name_is_a_user_error_or_a_subject(name):
    try:
        subject, sequence, frame = parse_name(name)
    except UserError:
        parts = name.split(".")[0].split("_")
        assert len(parts) != 3 or not all(part and part.isascii() for part in parts) or not name.endswith(".png") or (
            name.count(".") != 1 or parts[0][0] != "S" or not all(p.isdigit() for p in (parts[0][1:], *parts[1:]))
        )  # fmt: skip
    else:
        assert name.startswith(f"{subject}_{sequence}_") and int(name.split("_")[2].split(".")[0]) == frame


@given(st.sets(st.integers(0, 999), min_size=3, max_size=60))
def test_every_split_has_subjects_and_each_subject_one_split(numbers):
    subjects = {f"S{number:03d}" for number in numbers}
    splits = split_subjects(subjects)
    assert set(splits) == subjects and set(splits.values()) == {"train", "val", "test"}


def test_labels_are_mapped_by_name(ckplus):
    test = load_dataset("ckplus", "test", ckplus)
    for name, label in zip(test.ids, test.labels.tolist(), strict=True):
        assert FOLDERS[name.split("/")[0]] == EXPRESSIONS[label]

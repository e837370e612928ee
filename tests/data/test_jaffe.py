import pytest
from hypothesis import given
from hypothesis import strategies as st

from dacl_edu.data import EXPRESSIONS, available_splits, load_dataset
from dacl_edu.data.jaffe import EMOTIONS, parse_name
from dacl_edu.errors import UserError


@pytest.fixture
def jaffe(tmp_path, save_image):
    """Three subjects, every emotion twice; beside them what the real folder has."""
    folder = tmp_path / "jaffe"
    for subject in ("KA", "KL", "YM"):
        for number, (code, expression) in enumerate(EMOTIONS.items()):
            for take in (1, 2):
                save_image(folder / f"{subject}.{code}{take}.{number * 2 + take}.tiff", expression, size=(8, 8))
    (folder / "README").write_text("text")
    (folder / "._KA.AN1.39.tiff").write_bytes(b"left by macOS")
    return folder


def test_leave_one_subject_out(jaffe, pictures_match_labels):
    assert available_splits("jaffe:KL", jaffe) == ("train", "test")
    train, test = load_dataset("jaffe:KL", "train", jaffe), load_dataset("jaffe:KL", "test", jaffe)
    assert set(train.groups) == {"KA", "YM"} and set(test.groups) == {"KL"}
    assert train.class_counts().tolist() == [4] * 7 and test.class_counts().tolist() == [2] * 7
    assert pictures_match_labels(train) and pictures_match_labels(test)
    assert test.name == "jaffe:KL" and test.ids[0] == "KL.AN1.1.tiff"
    option = load_dataset("jaffe", "test", jaffe, subject="KL")
    assert option.ids.tolist() == test.ids.tolist()


def test_everybody_is_train_where_no_subject_is_named(jaffe):
    assert available_splits("jaffe", jaffe) == ("train",)
    assert len(load_dataset("jaffe", "train", jaffe)) == 42
    with pytest.raises(UserError, match="'jaffe' has no split 'test'"):
        load_dataset("jaffe", "test", jaffe)


def test_the_folder_above_will_do_and_is_the_default(jaffe, tmp_path, monkeypatch):
    assert len(load_dataset("jaffe:KA", "test", tmp_path)) == 14
    (tmp_path / "data").mkdir()
    jaffe.rename(tmp_path / "data" / "jaffe")
    monkeypatch.chdir(tmp_path)
    assert len(load_dataset("jaffe:KA", "test")) == 14


def test_unknown_subjects_and_empty_names(jaffe):
    with pytest.raises(UserError, match="has no subject 'XX' — it has KA, KL, YM"):
        load_dataset("jaffe:XX", "test", jaffe)
    with pytest.raises(UserError, match="jaffe takes a subject after the colon"):
        load_dataset("jaffe:", "test", jaffe)
    with pytest.raises(UserError, match="folder takes a seed after the colon"):
        load_dataset("folder:KA", "test", jaffe)


def test_a_file_that_does_not_say_who_shows_what_is_refused(jaffe, save_image):
    save_image(jaffe / "KA.XX1.39.tiff", size=(8, 8))
    with pytest.raises(UserError, match=r"'KA\.XX1\.39\.tiff' does not say who.*AN anger"):
        load_dataset("jaffe", "train", jaffe)


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match=r"no JAFFE in .*KA\.AN1\.39\.tiff.*jaffedbase.*ask for access"):
        load_dataset("jaffe", "train", tmp_path)


@given(
    subject=st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), min_size=2, max_size=2),
    code=st.sampled_from(sorted(EMOTIONS)), take=st.integers(0, 99), serial=st.integers(0, 999),
)  # fmt: skip
def test_names_round_trip(subject, code, take, serial):
    who, label = parse_name(f"{subject}.{code}{take}.{serial}.tiff")
    assert who == subject and EXPRESSIONS[label] == EMOTIONS[code]


@given(st.text(st.sampled_from("KANDI.12tiff\n"), max_size=16))
def test_any_other_name_is_a_user_error_or_a_label(name):
    try:
        who, label = parse_name(name)
    except UserError:
        pass
    else:
        parts = name.split(".")
        assert len(parts) == 4 and parts[0] == who and EMOTIONS[parts[1][:2]] == EXPRESSIONS[label]

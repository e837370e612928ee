import csv
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from dacl_edu.data import EXPRESSIONS, available_splits, list_dataset, load_dataset
from dacl_edu.data.affectnet import COLUMNS, EXPRESSION_NAMES, expression_label, read_annotation, read_annotations
from dacl_edu.errors import UserError

NAMES = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
LANDMARKS = ";".join(f"{i}.5" for i in range(136))


def row(file, expression, box=(4, 6, 10, 12), landmarks=LANDMARKS, valence="0.1", arousal="-0.2"):
    return [file, *map(str, box), landmarks, str(expression), valence, arousal]


def write(path: Path, rows, header=COLUMNS):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows] if header else rows)


@pytest.fixture
def original(tmp_path, save_image):
    """CSV release: 7 photographs with one face each, one with two faces, and every row that is to be left out."""
    root = tmp_path / "affectnet"
    images = root / "Manually_Annotated_Images"
    rows = []
    for number, name in enumerate(NAMES):
        rows.append(row(f"{number}/a{number}.jpg", number))
        save_image(images / f"{number}/a{number}.jpg", name, size=(30, 24))
    two = np.zeros((20, 40, 3), dtype=np.uint8)
    two[:, :20], two[:, 20:] = 110, 200  # left: the grey of happiness; right: of neutral
    (images / "pair").mkdir()
    Image.fromarray(two).save(images / "pair/two.png")
    rows += [row("pair/two.png", 1, (0, 0, 20, 20)), row("pair/two.png", 0, (20, 0, 20, 20))]
    rows += [row("gone/not_there.jpg", number) for number in (7, 8, 9, 10)]
    rows += [row("gone/not_there.jpg", 1, (-1, -1, -1, -1))]
    write(root / "training.csv", rows)
    write(root / "validation.csv", rows[:7], header=None)  # some copies lack it
    return root


@pytest.fixture
def release_2021(tmp_path, save_image):
    root = tmp_path / "affectnet2021"
    for split in ("train_set", "val_set"):
        (root / split / "annotations").mkdir(parents=True)
        for number in (*range(8), 1):
            image = len(os.listdir(root / split / "annotations"))
            value = np.array(str(number)) if image % 2 else np.array(number)  # both occur
            np.save(root / split / "annotations" / f"{image}_exp.npy", value)
            save_image(root / split / "images" / f"{image}.jpg", (*NAMES, "neutral")[number], size=(16, 16))
        np.save(root / split / "annotations" / "0_val.npy", np.array(0.5))
    return root


def test_original_release(original, pictures_match_labels):
    assert available_splits("affectnet", original) == ("train", "val")
    train = load_dataset("affectnet", "train", original, image_size=8)
    assert pictures_match_labels(train)
    assert [EXPRESSIONS[label] for label in train.labels] == [*NAMES, "happiness", "neutral"]
    assert train.ids.tolist() == [*(f"{n}/a{n}.jpg" for n in range(7)), "pair/two.png", "pair/two.png#2"]
    assert train.factors["valence"].tolist() == [0.1] * 9 and train.factors["face_x"].iloc[-1] == 20
    assert pictures_match_labels(load_dataset("affectnet", "val", original, image_size=8))


def test_what_is_left_out_is_counted(original):
    notes = list_dataset("affectnet", "train", original).notes
    assert sorted(notes) == [
        f"1 faces left out: {reason}" for reason in ("contempt", "face_width below 0", "no-face", "none", "uncertain")
    ]


def test_crop_is_the_face_box_and_the_photograph_can_be_had(original):
    left = load_dataset("affectnet", "train", original, image_size=20).images[7]
    assert (left.int() - 110).abs().max() <= 1
    for whole in (
        load_dataset("affectnet:whole", "train", original, image_size=20),
        load_dataset("affectnet", "train", original, image_size=20, crop="whole"),
    ):
        assert whole.images[7, :, :, :9].max() < 120 and whole.images[7, :, :, 11:].min() > 190
        assert whole.name == "affectnet:whole"
    with pytest.raises(UserError, match="unknown crop 'hole'"):
        load_dataset("affectnet:hole", "train", original, image_size=20)


def test_box_beyond_the_photograph_is_cut_and_one_outside_is_refused(original):
    write(original / "training.csv", [row("pair/two.png", 1, (-5, -5, 25, 40))])
    assert (load_dataset("affectnet", "train", original).images.shape[2:]) == (20, 20)
    write(original / "training.csv", [row("pair/two.png", 1, (40, 0, 10, 10))])
    with pytest.raises(UserError, match=r"two\.png: the face box \(40, 0, 50, 10\).*40 wide and 20 high"):
        load_dataset("affectnet", "train", original)


def test_csv_files_may_lie_in_their_own_folder(original):
    for name in ("training.csv", "validation.csv"):
        target = original / "Manually_Annotated_file_lists" / name
        target.parent.mkdir(exist_ok=True)
        (original / name).rename(target)
    assert len(load_dataset("affectnet", "val", original, image_size=4)) == 7


def test_2021_release(release_2021, pictures_match_labels):
    assert available_splits("affectnet", release_2021) == ("train", "val")
    for split in ("train", "val"):
        dataset = load_dataset("affectnet", split, release_2021)
        assert pictures_match_labels(dataset)
        assert dataset.ids.tolist() == [f"{n}.jpg" for n in (0, 1, 2, 3, 4, 5, 6, 8)]
    assert list_dataset("affectnet", "val", release_2021).notes[0].startswith("1 faces left out: of none of")


def test_an_annotation_that_is_a_pickle_is_not_opened(release_2021, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(release_2021 / "train_set" / "annotations" / "3_exp.npy", np.array(Trap(), dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match=r"3_exp\.npy: cannot be read as an annotation"):
        load_dataset("affectnet", "train", release_2021)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array(11), r"5_exp\.npy: unknown label '11'.*6 Anger"),
        (np.array([1, 2]), r"5_exp\.npy: cannot be read"),
        (b"\x93NUMPY", r"5_exp\.npy: cannot be read"),
        (b"", r"5_exp\.npy: cannot be read"),
    ],
)
def test_a_damaged_annotation_is_named(release_2021, content, message):
    path = release_2021 / "val_set" / "annotations" / "5_exp.npy"
    path.write_bytes(content) if isinstance(content, bytes) else np.save(path, content)
    with pytest.raises(UserError, match=message):
        load_dataset("affectnet", "val", release_2021)
    assert len(load_dataset("affectnet", "train", release_2021)) == 8


def test_missing_images_are_counted(original, release_2021):
    (release_2021 / "train_set" / "images" / "4.jpg").unlink()
    with pytest.raises(UserError, match=r"annotations lists 8 files, 1 of them .*4\.jpg, .*images — .*ask its authors"):
        load_dataset("affectnet", "train", release_2021)
    (original / "Manually_Annotated_Images" / "2" / "a2.jpg").unlink()
    with pytest.raises(UserError, match=r"training\.csv lists 9 files, 1 of them .*a2\.jpg, looked for in .*2 — "):
        load_dataset("affectnet", "train", original, image_size=8)


def test_nothing_there_or_both_releases(original, release_2021, tmp_path):
    with pytest.raises(UserError, match=r"looked for training\.csv and validation\.csv.*train_set.*ask its authors"):
        load_dataset("affectnet", "train", tmp_path / "none")
    (original / "val_set").mkdir()
    with pytest.raises(UserError, match="holds both releases"):
        available_splits("affectnet", original)
    (release_2021 / "val_set" / "annotations").rename(release_2021 / "val_set" / "elsewhere")
    with pytest.raises(UserError, match=r"no <id>_exp\.npy in .*val_set"):
        load_dataset("affectnet", "val", release_2021)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(expression=11), "row 3: unknown expression '11' — it is 0 Neutral"),
        (dict(expression=""), "row 3: unknown expression ''"),
        (dict(box=("", 0, 5, 5)), "row 3: face_x '' is not a number"),
        (dict(box=(0, "left", 5, 5)), "row 3: face_y 'left'"),
        (dict(box=(0, 0, "inf", 5)), "row 3: face_width 'inf'"),
        (dict(box=(0, 0, 5, 0)), "row 3: the face box is empty"),
        (dict(valence="x"), "row 3: valence 'x'"),
        (dict(file="../../x.jpg"), "'../../x.jpg' is not below .*Manually_Annotated_Images"),
        (dict(file="/etc/x.jpg"), "'/etc/x.jpg' is not below"),
    ],
)
def test_a_wrong_row_is_named(original, change, message):
    write(original / "training.csv", [row("0/a0.jpg", 0), row(**(dict(file="1/a1.jpg", expression=1) | change))])
    with pytest.raises(UserError, match=rf"training\.csv.*{message}"):
        load_dataset("affectnet", "train", original, image_size=8)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "\xff\n", 'x,"\n'])
def test_another_file_is_refused(original, content):
    (original / "training.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"training\.csv: (cannot be read as CSV|no column|its first line is no head)"):
        load_dataset("affectnet", "train", original)


def test_blank_lines_do_not_shift_rows(original):
    write(original / "training.csv", [row("0/a0.jpg", 0), [], row("1/a1.jpg", 12)])
    with pytest.raises(UserError, match="row 4: unknown expression '12'"):
        load_dataset("affectnet", "train", original)


NUMBER = st.floats(-1e4, 1e4, allow_nan=False).map(lambda x: round(x, 4))
FILE = st.text(st.characters(categories=["L", "N"], include_characters=" ,_\"'"), min_size=1, max_size=8).map(
    lambda text: f"d/{text.strip()}x.jpg"
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(FILE, st.integers(0, 10), st.tuples(NUMBER, NUMBER, st.floats(1, 900), st.floats(1, 900)),
                  st.lists(NUMBER, min_size=2, max_size=2), st.booleans()),
        min_size=1, max_size=6,
    ),
    header=st.booleans(),
)  # fmt: skip
def test_csv_rows_round_trip(tmp_path, rows, header):
    path = tmp_path / "training.csv"
    lines = [
        row(file, number, (-1.0, -1.0, -1.0, -1.0) if skip else box, ";".join(map(str, points)))
        for file, number, box, points, skip in rows
    ]
    write(path, lines, header=COLUMNS if header else None)
    kept = [(f, n, b, p) for f, n, b, p, skip in rows if n < 7 and not skip]
    table = read_annotations(path)
    assert [EXPRESSIONS[label] for label in table["label"]] == [NAMES[number] for _, number, _, _ in kept]
    assert table["subDirectory_filePath"].tolist() == [file for file, *_ in kept]
    assert table[list(COLUMNS[1:5])].to_numpy().ravel().tolist() == [x for _, _, box, _ in kept for x in box]
    assert table["facial_landmarks"].tolist() == [";".join(map(str, points)) for *_, points in kept]
    assert sum(table.attrs["dropped"].values()) == len(rows) - len(kept)


@given(st.one_of(st.text(max_size=3), st.integers(-2, 12).map(str)))
def test_any_other_expression_is_a_user_error_or_a_label(text):
    try:
        label = expression_label(text)
    except UserError:
        assert text not in {*map(str, range(11))}
    else:
        assert label is None if int(text) > 6 else EXPRESSIONS[label] == NAMES[int(text)]


def test_names_are_those_of_the_release():
    assert EXPRESSION_NAMES[:7] == ("Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger")
    assert EXPRESSION_NAMES[7:] == ("Contempt", "None", "Uncertain", "No-Face")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_an_annotation_that_is_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "7_exp.npy")
    with pytest.raises(UserError, match=r"7_exp\.npy: .*it is no file"):
        read_annotation(tmp_path / "7_exp.npy")

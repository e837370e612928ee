import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dacl_edu.data import EXPRESSIONS, available_splits, canonical_index, load_dataset
from dacl_edu.data.rafdb import LABEL_NAMES, parse_label_line
from dacl_edu.errors import UserError

LIST = "EmoLabel/list_patition_label.txt"


@pytest.mark.parametrize("inner", ["", "basic"])
def test_official_layout(rafdb, inner, pictures_match_labels):
    root = rafdb / inner
    assert available_splits("rafdb", root) == ("train", "test")
    train, test = load_dataset("rafdb", "train", root), load_dataset("rafdb", "test", root)
    assert train.class_counts().tolist() == [2] * 7 and test.class_counts().tolist() == [1] * 7
    assert pictures_match_labels(train) and pictures_match_labels(test)
    assert train.ids[:2].tolist() == ["train_00001.jpg", "train_00002.jpg"]
    assert test.ids[-1] == "test_0007.jpg"  # the last line has no newline
    assert train.labels[:2].tolist() == [3, 0]  # 4 is happiness, 1 is surprise
    assert (train.name, train.split, test.split) == ("rafdb", "train", "test")


def test_image_size(rafdb):
    assert tuple(load_dataset("rafdb", "test", rafdb, image_size=16).images.shape) == (7, 3, 16, 16)


def test_no_validation_split(rafdb):
    with pytest.raises(UserError, match=r"'rafdb' has no split 'val'.*train, test"):
        load_dataset("rafdb", "val", rafdb)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\n".join(f"{line} {i}" for i, line in enumerate(text.splitlines())),
        lambda text: text + "\n\n",
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: text.replace(" ", "\t"),
    ],
    ids=["third column", "blank lines", "windows", "tabs"],
)
def test_label_file_as_copies_have_it(rafdb, change, pictures_match_labels):
    before = load_dataset("rafdb", "train", rafdb)
    path = rafdb / "basic" / LIST
    path.write_bytes(change(path.read_text()).encode())
    after = load_dataset("rafdb", "train", rafdb)
    assert after.ids.tolist() == before.ids.tolist() and pictures_match_labels(after)


@pytest.mark.parametrize("aligned_files", [True, False])
def test_a_list_for_each_split_with_aligned_in_the_names(rafdb, aligned_files, pictures_match_labels):
    before = load_dataset("rafdb", "test", rafdb)
    labels = rafdb / "basic" / LIST
    lines = labels.read_text().replace(".jpg", "_aligned.jpg").splitlines()
    labels.unlink()
    for split in ("train", "test"):
        labels.with_name(f"{split}.txt").write_text("\n".join(line for line in lines if line.startswith(split)))
    if not aligned_files:
        for path in (rafdb / "basic" / "Image" / "aligned").iterdir():
            path.rename(path.with_name(path.name.replace("_aligned", "")))
    test = load_dataset("rafdb", "test", rafdb)
    assert pictures_match_labels(test) and pictures_match_labels(load_dataset("rafdb", "train", rafdb))
    assert test.ids.tolist() == before.ids.tolist()


@pytest.fixture
def numbered(tmp_path, save_image):
    """Class folders 1 to 7, one image each."""

    def build(*splits):
        for split in splits:
            for number, name in enumerate(EXPRESSIONS, start=1):
                save_image(tmp_path / split / str(number) / f"train_{number:05d}_aligned.jpg", name)
        return tmp_path

    return build


@pytest.mark.parametrize("folder", ["Image/aligned/", "Image\\aligned\\", "C:\\raf\\Image\\aligned\\"])
def test_lists_with_paths_in_them(rafdb, folder):
    expected = load_dataset("rafdb", "train", rafdb)
    labels = rafdb / "basic" / "EmoLabel" / "list_patition_label.txt"
    labels.write_text("\n".join(folder + line for line in labels.read_text().splitlines()))
    found = load_dataset("rafdb", "train", rafdb)
    assert found.ids.tolist() == expected.ids.tolist() and found.labels.equal(expected.labels)


@pytest.mark.parametrize("held_out", ["test", "valid", "val"])
def test_class_folders(numbered, held_out, pictures_match_labels):
    root = numbered("train", held_out)
    assert available_splits("rafdb", root) == ("train", "test")
    test = load_dataset("rafdb", "test", root)
    assert test.labels.tolist() == list(range(7)) and pictures_match_labels(test)
    assert test.ids[0] == "train_00001.jpg"


def test_class_folders_with_both_validation_and_test(numbered):
    root = numbered("train", "valid", "test")
    assert available_splits("rafdb", root) == ("train", "val", "test")
    assert len(load_dataset("rafdb", "validation", root)) == 7


def test_the_half_documented_numbering_is_refused(tmp_path, save_image):
    for number in range(7):
        save_image(tmp_path / "train" / f"{number:02d}" / "a.jpg")
    for call in (available_splits, lambda name, root: load_dataset(name, "train", root)):
        with pytest.raises(UserError, match="00 neutral, 01 happy, 02 sad and 06 disgust are documented — rename"):
            call("rafdb", tmp_path)


README_NAMES = {"00": "neutral", "01": "happy", "02": "sad", "03": "surprise", "04": "fear", "05": "anger"} | {
    "06": "disgust"
}


def test_the_half_documented_numbering_is_read_once_the_user_names_it(tmp_path, save_image, pictures_match_labels):
    for split in ("train", "valid"):
        for folder, name in README_NAMES.items():
            save_image(tmp_path / split / folder / "a.jpg", EXPRESSIONS[canonical_index(name)])
    assert available_splits("rafdb", tmp_path, class_names=README_NAMES) == ("train", "test")
    dataset = load_dataset("rafdb", "test", tmp_path, class_names=README_NAMES)
    assert pictures_match_labels(dataset) and dataset.class_counts().tolist() == [1] * 7
    del (partial := dict(README_NAMES))["04"]
    with pytest.raises(UserError, match=r"train.04: class_names says nothing about '04'"):
        load_dataset("rafdb", "train", tmp_path, class_names=partial)
    with pytest.raises(UserError, match="unknown expression 'joy'"):
        load_dataset("rafdb", "train", tmp_path, class_names=README_NAMES | {"01": "joy"})


def test_an_eighth_class_folder_is_named(numbered, save_image):
    root = numbered("train", "test")
    save_image(root / "train" / "8" / "a.jpg")
    with pytest.raises(UserError, match=r"train.8: unknown label '8'.*7 Neutral"):
        load_dataset("rafdb", "train", root)


def test_nothing_there_says_what_was_looked_for_and_how_to_get_it(tmp_path):
    with pytest.raises(UserError, match=r"list_patition_label\.txt.*basic.*ask its authors for access at http"):
        load_dataset("rafdb", "train", tmp_path / "raf")


def test_half_unpacked(rafdb):
    folder = rafdb / "basic" / "Image" / "aligned"
    for number in (3, 4, 9):
        (folder / f"train_{number:05d}_aligned.jpg").unlink()
    with pytest.raises(
        UserError,
        match=r"3 of them are missing; the first is train_00003_aligned\.jpg, looked for in .*aligned — .*http",
    ):
        load_dataset("rafdb", "train", rafdb)
    assert len(load_dataset("rafdb", "test", rafdb)) == 7


def test_the_uncropped_photographs_are_no_substitute(rafdb):
    shutil.rmtree(rafdb / "basic" / "Image" / "aligned")
    with pytest.raises(UserError, match="lists 14 files, 14 of them are missing"):
        load_dataset("rafdb", "train", rafdb)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train_00002.jpg 8", "line 2: unknown label '8'.*1 Surprise"),
        ("train_00002.jpg 0", "line 2: unknown label '0'"),
        ("train_00002.jpg five", "line 2: unknown label 'five'"),
        ("train_00002.jpg", "line 2: 'train_00002.jpg' is not a file name and a label"),
        ("train_00001.jpg 4", "line 2: train_00001.jpg is listed twice"),
        ("photo.jpg 4", "photo.jpg begins with neither train_ nor test_"),
    ],
)
def test_a_wrong_line_is_named(rafdb, line, message):
    path = rafdb / "basic" / LIST
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], line, *lines[2:]]))
    with pytest.raises(UserError, match=rf"list_patition_label\.txt.*{message}"):
        load_dataset("rafdb", "train", rafdb)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00\x01"])
def test_an_unreadable_label_file_is_named(rafdb, content):
    (rafdb / "basic" / LIST).write_bytes(content)
    with pytest.raises(UserError, match=r"list_patition_label\.txt.*(lists no images|cannot be read)"):
        load_dataset("rafdb", "train", rafdb)


NAMES = st.text(st.characters(categories=["L", "N"], include_characters="_-"), min_size=1).map(lambda t: t + ".jpg")


@settings(deadline=None)
@given(name=NAMES, label=st.integers(1, 7), extra=st.lists(NAMES), space=st.sampled_from([" ", "  ", "\t"]))
def test_label_lines_round_trip(name, label, extra, space):
    parsed, index = parse_label_line(space.join([name, str(label), *extra]) + "\n")
    assert parsed == name.removesuffix("_aligned.jpg") + (".jpg" if name.endswith("_aligned.jpg") else "")
    assert EXPRESSIONS[index] == LABEL_NAMES[label - 1].lower()


@settings(deadline=None)
@given(st.text())
def test_any_other_line_is_a_user_error_or_a_label(line):
    try:
        name, index = parse_label_line(line)
    except UserError:
        columns = line.split()
        assert len(columns) < 2 or columns[1] not in {*"1234567"}
    else:
        assert name and index in range(7)

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dacl_edu.data import EXPRESSIONS, available_splits, list_dataset, load_dataset
from dacl_edu.data.ferplus import VOTES, majority, read_votes
from dacl_edu.errors import UserError

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
USAGES = ("Training", "PublicTest", "PrivateTest")
# fer2013.csv of conftest.py: for each of these, one row of each usage.
EXPRESSION_OF_ROW = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def counts(**votes):
    return [votes.get(name, 0) for name in VOTES]


@pytest.fixture
def ferplus(fer2013):
    """fer2013.csv with fer2013new.csv: every label by majority, names that repeat, as four of the real ones do."""
    lines = [HEADER]
    for row in range(21):
        votes = counts(**{EXPRESSION_OF_ROW[row // 3]: 8, "contempt": 1, "unknown": 1})
        lines.append(f"{USAGES[row % 3]},fer{row // 2:07d}.png,{','.join(map(str, votes))}")
    (fer2013 / "fer2013new.csv").write_text("\n".join(lines) + "\n")
    return fer2013


def change(root, row, usage=None, name=None, **votes):
    """Change a row, counted from 0 as rows of fer2013.csv are."""
    path = root / "fer2013new.csv"
    lines = path.read_text().splitlines()
    cells = lines[row + 1].split(",")
    cells[0] = usage if usage is not None else cells[0]
    cells[1] = name if name is not None else cells[1]
    if votes:
        cells[2:] = map(str, counts(**votes))
    lines[row + 1] = ",".join(cells)
    path.write_text("\n".join(lines))


def test_labels_are_joined_by_row(ferplus, pictures_match_labels):
    assert available_splits("ferplus", ferplus) == ("train", "val", "test")
    for first, split in enumerate(("train", "val", "test")):
        dataset = load_dataset("ferplus", split, ferplus)
        assert pictures_match_labels(dataset)
        assert dataset.ids.tolist() == [f"{row:05d}" for row in range(first, 21, 3)]
        assert [EXPRESSIONS[label] for label in dataset.labels] == list(EXPRESSION_OF_ROW)
        assert (dataset.name, dataset.split) == ("ferplus", split)


def test_the_label_of_fer2013_does_not_matter(ferplus):
    change(ferplus, 3, happiness=6, disgust=4)  # fer2013.csv says disgust
    assert load_dataset("ferplus", "train", ferplus).labels[1] == EXPRESSIONS.index("happiness")


def test_images_without_a_face_or_a_majority_are_left_out(ferplus, pictures_match_labels):
    change(ferplus, 0, name="")
    change(ferplus, 3, neutral=5, sadness=5)
    change(ferplus, 6, contempt=10)
    change(ferplus, 9, unknown=10)
    dataset = load_dataset("ferplus", "train", ferplus)
    assert dataset.ids.tolist() == ["00012", "00015", "00018"] and pictures_match_labels(dataset)
    assert list_dataset("ferplus", "train", ferplus).notes == (
        "1 images left out: not a face", "3 left out: no majority, or none of the 7 classes",
    )  # fmt: skip


def test_votes_stay_with_their_images(ferplus):
    change(ferplus, 3, happiness=6, disgust=3, fear=1)
    dataset = load_dataset("ferplus", "train", ferplus)
    assert dataset.factors["votes_happiness"].tolist()[1] == 6 and dataset.factors["votes_fear"].tolist()[1] == 1
    assert dataset.subset([1, 0]).factors["votes_happiness"].tolist()[0] == 6


@pytest.mark.parametrize("folder", ["fer2013", "../fer2013"])
def test_images_may_lie_in_a_folder_of_their_own(ferplus, tmp_path, folder):
    root = tmp_path / "plus"
    root.mkdir()
    shutil.copy(ferplus / "fer2013new.csv", root)
    (root / folder).resolve().mkdir(exist_ok=True)
    shutil.copy(ferplus / "fer2013.csv", root / folder)
    assert len(load_dataset("ferplus", "val", root)) == 7


def test_files_that_do_not_belong_together_are_refused(ferplus):
    path = ferplus / "fer2013new.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *lines[2:]]))  # the first row is gone: all others would shift
    with pytest.raises(UserError, match=r"fer2013new\.csv does not belong to .*fer2013\.csv.*from row 2 on.*by row"):
        load_dataset("ferplus", "train", ferplus)
    path.write_text("\n".join(lines[:-3]))
    with pytest.raises(UserError, match="6 and 7 train rows, which differ at the end"):
        load_dataset("ferplus", "train", ferplus)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (dict(usage="Test"), "row 5: unknown Usage 'Test' — it is Training"),
        (dict(neutral=11), "row 5: neutral '11' is not a count"),
        (dict(neutral=-1), "row 5: neutral '-1'"),
        (dict(neutral="x"), "row 5: neutral 'x'"),
        (dict(NF=1.5), "row 5: NF '1.5'"),
    ],
)
def test_a_wrong_row_is_named(ferplus, row, message):
    change(ferplus, 3, **row)
    with pytest.raises(UserError, match=rf"fer2013new\.csv, {message}"):
        load_dataset("ferplus", "train", ferplus)


def test_missing_files_are_named(ferplus, tmp_path):
    with pytest.raises(UserError, match=r"no fer2013new\.csv and fer2013\.csv or icml_face_data\.csv; looked.*github"):
        load_dataset("ferplus", "train", tmp_path / "nowhere" / "x")
    (ferplus / "fer2013.csv").unlink()
    with pytest.raises(UserError, match=r"FER\+ in .*: no fer2013\.csv or icml_face_data\.csv; looked"):
        load_dataset("ferplus", "train", ferplus)
    (ferplus / "fer2013new.csv").write_text("Usage,neutral\n")
    with pytest.raises(UserError, match="no column Image name, happiness"):
        read_votes(ferplus / "fer2013new.csv")
    (ferplus / "fer2013new.csv").write_text("")
    with pytest.raises(UserError, match="cannot be read as CSV"):
        read_votes(ferplus / "fer2013new.csv")


@pytest.mark.parametrize(
    ("votes", "winner"),
    [
        (dict(neutral=10), "neutral"),
        (dict(neutral=5, happiness=5), None),  # half is not more than half
        (dict(neutral=4, happiness=2, anger=1, fear=1, sadness=1, disgust=1), "neutral"),  # 4 of 6 once 1s are dropped
        (dict(neutral=4, happiness=2, anger=2, fear=2), None),
        (dict(neutral=1, happiness=1, anger=1), None),
        (dict(contempt=9), None),
        (dict(unknown=9), None),
        (dict(NF=9), None),
        (dict(surprise=5, unknown=4), "surprise"),
        (dict(surprise=5, NF=5), None),
        ({}, None),
    ],
)
def test_majority_rule(votes, winner):
    assert majority(np.array([counts(**votes)])).tolist() == [-1 if winner is None else EXPRESSIONS.index(winner)]


@given(arrays(np.int64, (5, 10), elements=st.integers(0, 10)))
def test_the_majority_agrees_with_the_rule_in_words(votes):
    for row, label in zip(votes.tolist(), majority(votes).tolist(), strict=True):
        kept = {name: count for name, count in zip(VOTES, row, strict=True) if count > 1}
        winners = [name for name, count in kept.items() if count > sum(kept.values()) / 2]
        expected = EXPRESSIONS.index(winners[0]) if winners and winners[0] in EXPRESSIONS else -1
        assert label == expected

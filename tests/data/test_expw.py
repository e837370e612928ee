import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dacl_edu.data import EXPRESSIONS, available_splits, load_dataset
from dacl_edu.data.expw import LABEL_NAMES, parse_line, split_of
from dacl_edu.errors import UserError

NAMES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
GREY = {name: 20 + 30 * index for index, name in enumerate(EXPRESSIONS)}


@pytest.fixture
def expw(tmp_path):
    """40 photographs of black, each with two faces: wide pictures, so that a box in the wrong order misses the face."""
    root = tmp_path / "expw"
    (root / "origin").mkdir(parents=True)
    lines = []
    for number in range(40):
        photograph = np.zeros((30, 90, 3), dtype=np.uint8)
        for face, left in enumerate((50, 74)):
            label = (number + face) % 7
            photograph[8:20, left : left + 12] = GREY[NAMES[label]]
            lines.append(f"photo {number}.png {face} 8 {left} {left + 12} 20 22.9857 {label}")
        Image.fromarray(photograph).save(root / "origin" / f"photo {number}.png")
    (root / "label.lst").write_text("\n".join(lines) + "\n")
    return root


def splits(root):
    return {split: load_dataset("expw", split, root) for split in available_splits("expw", root)}


def test_boxes_are_top_left_right_bottom(expw, pictures_match_labels):
    parts = splits(expw)
    assert set(parts) == {"train", "val", "test"} and sum(map(len, parts.values())) == 80
    for part in parts.values():
        assert pictures_match_labels(part)  # any other order of the box would hold black
        assert tuple(part.images.shape[2:]) == (12, 12)
    assert (parts["train"].factors["confidence"] == 22.9857).all()


def test_both_faces_of_a_photograph_are_in_one_split(expw):
    parts = splits(expw)
    photographs = [set(part.groups) for part in parts.values()]
    assert sum(map(len, photographs)) == len(set().union(*photographs)) == 40
    assert parts["val"].ids[:2].tolist() == [f"{parts['val'].groups[0]}#0", f"{parts['val'].groups[0]}#1"]


def test_the_split_is_a_property_of_the_name(expw):
    before = set(load_dataset("expw", "test", expw).groups)
    path = expw / "label.lst"
    path.write_text("\n".join(path.read_text().splitlines()[20:]))
    assert set(load_dataset("expw", "test", expw).groups) <= before
    shares = [split_of(f"{number}.jpg") for number in range(5000)]
    assert [shares.count(s) / 5000 for s in ("train", "val", "test")] == pytest.approx([0.8, 0.1, 0.1], abs=0.02)
    assert [split_of(name) for name in ("angry_actor_104.jpg", "girl_12.jpg")] == ["train", "train"]  # for ever


def test_the_folders_of_the_archive(expw):
    for name, folder in (("label.lst", "label"), ("origin", "image")):
        (expw / folder).mkdir()
        (expw / name).rename(expw / folder / name)
    assert len(load_dataset("expw", "train", expw)) > 50


def test_missing_photographs_are_counted(expw):
    names = sorted(set(load_dataset("expw", "train", expw).groups))
    (expw / "origin" / names[0]).unlink()
    with pytest.raises(UserError, match=r"label\.lst lists .* 2 of them are missing.*looked for in .*origin — .*http"):
        load_dataset("expw", "train", expw)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.jpg 0 1 2 3 4 5", "line 2: .* has 7 columns instead of 8"),
        ("a.jpg 0 8 50 62 20 22.9 7", "line 2: unknown label '7' — the labels are 0 angry"),
        ("a.jpg 0 8 50 62 20 22.9 -1", "line 2: unknown label '-1'"),
        ("a.jpg 0 8 50 62 20 22.9 happy", "line 2: .*happy"),
        ("a.jpg 0 8 50 x 20 22.9 3", "line 2: .*'x'"),
        ("a.jpg 0 8 50 nan 20 22.9 3", "line 2: .*is empty"),
        ("a.jpg 0 50 8 8 62 22.9 3", "line 2: .*left 8, right 8.*order of the columns is top, left, right, bottom"),
        ("../a.jpg 0 8 50 62 20 22.9 3", "'../a.jpg' is not a file name"),
    ],
)
def test_a_wrong_line_is_named(expw, line, message):
    path = expw / "label.lst"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], line, *lines[1:]]))
    with pytest.raises(UserError, match=rf"label\.lst.*{message}"):
        splits(expw)


def test_a_face_listed_twice_is_named(expw):
    path = expw / "label.lst"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, lines[0]]))
    with pytest.raises(UserError, match=r"photo 0\.png#0 is listed twice"):
        splits(expw)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00"])
def test_an_unreadable_list_is_named(expw, content):
    (expw / "label.lst").write_bytes(content)
    with pytest.raises(UserError, match=r"label\.lst.*(lists no images|cannot be read)"):
        load_dataset("expw", "train", expw)


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match=r"no ExpW in .*label\.lst and .*label.*http"):
        load_dataset("expw", "train", tmp_path)


EDGES = st.lists(st.integers(0, 5000), min_size=2, max_size=2, unique=True).map(sorted)


@given(
    words=st.lists(st.text(st.characters(categories=["L", "N"], include_characters="_-.")), min_size=1, max_size=3),
    face=st.integers(0, 20), rows=EDGES, columns=EDGES, confidence=st.floats(0, 100), label=st.integers(0, 6),
    space=st.sampled_from([" ", "\t", "  "]),
)  # fmt: skip
def test_lines_round_trip(words, face, rows, columns, confidence, label, space):
    name = " ".join([*words, "x.jpg"]).strip()
    (top, bottom), (left, right) = rows, columns
    parsed = parse_line(space.join(map(str, (name, face, top, left, right, bottom, confidence, label))) + "\n")
    assert parsed.image == name and parsed.face_id == face and parsed.confidence == confidence
    assert parsed.box == (left, top, right, bottom)
    assert EXPRESSIONS[parsed.label] == NAMES[label] and LABEL_NAMES[label][:3] == NAMES[label][:3]


@given(st.text(st.sampled_from("a1 2-.\tnif\n"), max_size=40))
def test_any_other_line_is_a_user_error_or_a_face(line):
    try:
        face = parse_line(line)
    except UserError:
        pass
    else:
        left, top, right, bottom = face.box
        assert left < right and top < bottom and face.label in range(7) and face.image

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dacl_edu.data import EXPRESSIONS, available_splits, load_dataset
from dacl_edu.data.decode import resize_images
from dacl_edu.data.fer2013 import EMOTION_NAMES, parse_pixels
from dacl_edu.errors import UserError


@pytest.fixture(params=["fer2013", "icml"])
def root(request):
    return request.getfixturevalue(request.param)


def test_both_files(root, pictures_match_labels):
    assert available_splits("fer2013", root) == ("train", "val", "test")
    for split, first in (("train", 0), ("val", 1), ("test", 2)):
        dataset = load_dataset("fer2013", split, root)
        assert tuple(dataset.images.shape) == (7, 3, 48, 48) and dataset.images.dtype == torch.uint8
        assert pictures_match_labels(dataset)
        assert [EXPRESSIONS[label] for label in dataset.labels] == [
            "anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral",
        ]  # fmt: skip
        # FER+ is joined by the position in the file
        assert dataset.ids.tolist() == [f"{position:05d}" for position in range(first, 21, 3)]
        assert (dataset.name, dataset.split) == ("fer2013", split)


def test_root_may_be_the_file(fer2013):
    assert len(load_dataset("fer2013", "val", fer2013 / "fer2013.csv")) == 7


def test_pixels_are_read_row_by_row(fer2013):
    pixels = np.arange(48 * 48) % 256
    text = (fer2013 / "fer2013.csv").read_text().splitlines()
    text[1] = f"0,{' '.join(map(str, pixels))},Training"
    (fer2013 / "fer2013.csv").write_text("\n".join(text))
    image = load_dataset("fer2013", "train", fer2013).images[0]
    assert all(np.array_equal(channel, pixels.reshape(48, 48)) for channel in image.numpy())


@pytest.mark.parametrize("size", [32, 64])
def test_image_size(fer2013, size, pictures_match_labels):
    dataset = load_dataset("fer2013", "train", fer2013, image_size=size)
    assert tuple(dataset.images.shape) == (7, 3, size, size) and pictures_match_labels(dataset)


def test_resizing_is_the_antialiased_one():
    grey = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    reference = torch.nn.functional.interpolate(
        torch.from_numpy(grey)[:, None].float(), size=(20, 20), mode="bilinear", antialias=True
    )
    resized = resize_images(torch.from_numpy(grey)[:, None], 20)
    assert resized.dtype == torch.uint8
    assert (resized.float() - reference).abs().max() <= 1


def test_channels_share_memory_but_batches_do_not(fer2013):
    dataset = load_dataset("fer2013", "train", fer2013)
    assert dataset.images.untyped_storage().nbytes() == 7 * 48 * 48
    images, _ = dataset.gather([0, 1])
    images[0, 0] = 0
    assert images[0, 1].min() > 0


def test_class_folders_are_read_by_name(tmp_path, save_image, pictures_match_labels):
    names = dict(zip(["surprise", "fear", "disgust", "happy", "sad", "angry", "neutral"], EXPRESSIONS, strict=True))
    for split in ("train", "test"):
        for name, expression in names.items():
            save_image(tmp_path / split / name / "im0.png", expression)
    assert available_splits("fer2013", tmp_path) == ("train", "test")
    dataset = load_dataset("fer2013", "test", tmp_path)
    assert pictures_match_labels(dataset) and dataset.class_counts().tolist() == [1] * 7
    assert dataset.name == "fer2013"


def change_row(root, row, change):
    """Change a row of fer2013.csv, as a spreadsheet counts: the header is row 1."""
    path = root / "fer2013.csv"
    lines = path.read_text().splitlines()
    lines[row - 1] = change(*lines[row - 1].split(","))
    path.write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e, p, u: f"7,{p},{u}", "unknown emotion '7' — it is 0 Angry"),
        (lambda e, p, u: f",{p},{u}", "unknown emotion ''"),
        (lambda e, p, u: f"{e},{p},Test", "unknown Usage 'Test' — it is Training, PublicTest, PrivateTest"),
        (lambda e, p, u: f"{e},{p}", "unknown Usage ''"),
        (lambda e, p, u: f"{e},{p[:-30]},{u}", r"2\d\d\d pixels instead of 2304"),
        (lambda e, p, u: f"{e},{p} 1,{u}", "2305 pixels"),
        (lambda e, p, u: f"{e},,{u}", "0 pixels instead of 2304"),
        (lambda e, p, u: f"{e},256 {p.split(' ', 1)[1]},{u}", "pixel value 256 is not 0 to 255"),
        (lambda e, p, u: f"{e},{2**64 + 5} {p.split(' ', 1)[1]},{u}", "pixel value"),
        (lambda e, p, u: f"{e},-1 {p.split(' ', 1)[1]},{u}", "pixel value -1"),
        (lambda e, p, u: f"{e},1.5 {p.split(' ', 1)[1]},{u}", "pixels hold something that is not a whole number"),
        (lambda e, p, u: f"{e},{p} x,{u}", "pixels hold something that is not a whole number"),
    ],
)
def test_a_wrong_row_is_named(fer2013, change, message):
    change_row(fer2013, 5, change)  # rows 2, 5, 8, … are Training
    with pytest.raises(UserError, match=rf"fer2013\.csv, row 5: {message}"):
        load_dataset("fer2013", "train", fer2013)


def test_blank_lines_do_not_shift_the_rows_that_errors_name(fer2013):
    change_row(fer2013, 3, lambda e, p, u: f"{e},{p},{u}\n")  # now row 4 is blank
    assert load_dataset("fer2013", "train", fer2013).ids.tolist() == [f"{i:05d}" for i in range(0, 21, 3)]
    change_row(fer2013, 6, lambda e, p, u: f"9,{p},{u}")
    with pytest.raises(UserError, match=r"row 6: unknown emotion '9'"):
        load_dataset("fer2013", "train", fer2013)
    change_row(fer2013, 6, lambda e, p, u: f"1,{p[:-4]},Training")
    with pytest.raises(UserError, match=r"row 6: 230. pixels"):
        load_dataset("fer2013", "train", fer2013)


def test_other_csv_files_are_refused(fer2013):
    path = fer2013 / "fer2013.csv"
    path.write_text("emotion,pixels\n0,1 2 3\n")
    with pytest.raises(UserError, match=r"no column Usage among emotion, pixels"):
        load_dataset("fer2013", "train", fer2013)
    path.write_text("")
    with pytest.raises(UserError, match=r"fer2013\.csv: cannot be read as CSV"):
        load_dataset("fer2013", "train", fer2013)
    path.write_bytes(b"emotion,pixels,Usage\n0,\xff\xfe,Training\n")
    with pytest.raises(UserError, match=r"fer2013\.csv: cannot be read as CSV"):
        load_dataset("fer2013", "train", fer2013)


def test_a_file_without_the_split(fer2013):
    path = fer2013 / "fer2013.csv"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.endswith("PrivateTest")))
    with pytest.raises(UserError, match="has no split 'test' — there are train, val"):
        load_dataset("fer2013", "test", fer2013)


def test_nothing_there_says_what_was_looked_for(tmp_path):
    with pytest.raises(UserError, match=r"looked for fer2013\.csv, icml_face_data\.csv.*https://www\.kaggle"):
        load_dataset("fer2013", "train", tmp_path)


def test_emotions_are_those_of_the_csv():
    assert EMOTION_NAMES == ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), space=st.sampled_from([" ", "  "]), tail=st.sampled_from(["", " ", "\n"]))
def test_pixel_strings_round_trip(seed, space, tail):
    image = np.random.default_rng(seed).integers(0, 256, (48, 48), dtype=np.uint8)
    assert np.array_equal(parse_pixels(space.join(map(str, image.ravel())) + tail), image)


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(st.one_of(st.integers().map(str), st.text(max_size=4)), max_size=5),
    fill=st.sampled_from([0, 2303, 2304]),
)
def test_any_other_text_is_a_user_error_or_an_image(words, fill):
    numbers = ["7"] * fill
    text = " ".join(numbers[len(words) :] + words)
    try:
        image = parse_pixels(text)
    except UserError:
        valid = [word.isascii() and word.isdigit() and int(word) <= 255 for word in text.split()]
        assert not (all(valid) and len(valid) == 2304)
    else:
        assert image.shape == (48, 48)
        assert image.ravel().tolist() == [int(word) for word in text.split()]


@pytest.mark.slow
def test_the_whole_file_takes_seconds(tmp_path):
    """28,709 rows as in the real file; generous, because machines differ."""
    pixels = " ".join(map(str, np.random.default_rng(0).integers(0, 256, 48 * 48)))
    with open(tmp_path / "fer2013.csv", "w") as file:
        file.write("emotion,pixels,Usage\n")
        file.writelines(f"{row % 7},{pixels},Training\n" for row in range(28709))
    assert len(load_dataset("fer2013", "train", tmp_path)) == 28709

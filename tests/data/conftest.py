"""Small generated data sets, one for each layout, with the traps of the real ones.

Every image is one flat grey that stands for its class, so that a test can see that the picture and the label belong
together: a reader that maps labels by position instead of by name fails.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from PIL import Image

from dacl_edu.data import EXPRESSIONS, FaceDataset

#: Grey value of the images of each class.
GREY = {name: 20 + 30 * index for index, name in enumerate(EXPRESSIONS)}

RAFDB_NAMES = {"1": "surprise", "2": "fear", "3": "disgust", "4": "happiness", "5": "sadness", "6": "anger"} | {
    "7": "neutral"
}
FER_NAMES = {"0": "anger", "1": "disgust", "2": "fear", "3": "happiness", "4": "sadness", "5": "surprise"} | {
    "6": "neutral"
}

SaveImage = Callable[..., Path]


@pytest.fixture
def save_image() -> SaveImage:
    def save(path: Path, expression: str = "neutral", size: tuple[int, int] = (10, 10)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (GREY[expression],) * 3).save(path)
        return path

    return save


@pytest.fixture
def pictures_match_labels() -> Callable[[FaceDataset], bool]:
    def match(dataset: FaceDataset) -> bool:
        """Whether each image has the grey of its label's class (JPEG moves it by a step or two)."""
        expected = [GREY[EXPRESSIONS[label]] for label in dataset.labels.tolist()]
        means = dataset.images.float().mean((1, 2, 3)).tolist()
        return len(expected) > 0 and all(abs(mean - grey) < 4 for mean, grey in zip(means, expected, strict=True))

    return match


@pytest.fixture
def rafdb(tmp_path: Path, save_image: SaveImage) -> Path:
    """Official layout inside ``basic/``: 14 train images, 7 test images; no newline at the end of the label file."""
    root = tmp_path / "raf"
    lines = []
    for number in range(21):
        label = "4172653"[number % 7]
        split, index = ("train", f"{number + 1:05d}") if number < 14 else ("test", f"{number - 13:04d}")
        lines.append(f"{split}_{index}.jpg {label}")
        save_image(root / "basic" / "Image" / "aligned" / f"{split}_{index}_aligned.jpg", RAFDB_NAMES[label])
        # The uncropped photograph has the name that stands in the label file. It is not the image to be read.
        save_image(root / "basic" / "Image" / "original" / f"{split}_{index}.jpg", size=(30, 20))
    labels = root / "basic" / "EmoLabel" / "list_patition_label.txt"
    labels.parent.mkdir()
    labels.write_text("\n".join(lines))
    return root


def fer_pixels(expression: str) -> str:
    return " ".join([str(GREY[expression])] * (48 * 48))


def fer_rows() -> Iterable[tuple[str, str, str]]:
    """(emotion, usage, pixels) of 7 rows for each usage, with the usages interleaved as they may be."""
    for emotion, expression in FER_NAMES.items():
        for usage in ("Training", "PublicTest", "PrivateTest"):
            yield emotion, usage, fer_pixels(expression)


@pytest.fixture
def fer2013(tmp_path: Path) -> Path:
    root = tmp_path / "fer"
    root.mkdir()
    rows = [f"{emotion},{pixels},{usage}" for emotion, usage, pixels in fer_rows()]
    (root / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return root


@pytest.fixture
def icml(tmp_path: Path) -> Path:
    """The other file: spaces before the column names, and another order of the columns."""
    root = tmp_path / "icml"
    root.mkdir()
    rows = [f"{emotion}, {usage},{pixels}" for emotion, usage, pixels in fer_rows()]
    (root / "icml_face_data.csv").write_text("\n".join(["emotion, Usage, pixels", *rows]) + "\n")
    return root

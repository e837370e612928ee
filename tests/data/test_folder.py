import pytest
import torch

from dacl_edu.data import EXPRESSIONS, available_splits, load_dataset
from dacl_edu.errors import UserError


@pytest.fixture
def root(tmp_path, save_image):
    names = ["Surprised", "afraid", "DISGUST", "happy", "sad", "Angry", "neutral"]
    for split in ("train", "Validation"):
        for name, expression in zip(names, EXPRESSIONS, strict=True):
            for ending in (".png", ".JPG"):
                save_image(tmp_path / split / name / f"a{ending}", expression)
    return tmp_path


def test_class_folders_are_matched_by_name(root, pictures_match_labels):
    dataset = load_dataset("folder", "train", root)
    assert dataset.class_counts().tolist() == [2] * 7
    assert pictures_match_labels(dataset)
    assert (dataset.name, dataset.split, dataset.classes) == ("folder", "train", EXPRESSIONS)
    assert "train/happy/a.JPG" in dataset.ids and "train/happy/a.png" in dataset.ids


def test_split_folders_have_synonyms(root):
    assert available_splits("folder", root) == ("train", "val")
    assert load_dataset("folder", "val", root).ids[0].startswith("Validation/")
    with pytest.raises(UserError, match="no split 'test'"):
        load_dataset("folder", "test", root)


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "png", "bmp", "webp", "WebP"])
def test_extensions(tmp_path, save_image, ending):
    save_image(tmp_path / "test" / "fear" / f"x.{ending}")
    dataset = load_dataset("folder", "test", tmp_path)
    assert dataset.labels.tolist() == [0] and dataset.classes == ("fear",)
    assert dataset.ids.tolist() == [f"test/fear/x.{ending}"]


def test_what_systems_leave_behind_is_no_image(root):
    expected = load_dataset("folder", "train", root).ids.tolist()
    (root / "train" / "happy" / "._a.JPG").write_bytes(b"\0\5\x16\7")
    (root / "train" / "happy" / "Thumbs.db").write_bytes(b"x")
    (root / "train" / ".ipynb_checkpoints").mkdir()
    (root / "__MACOSX").mkdir()
    (root / "train" / "README.txt").write_text("hello")
    assert load_dataset("folder", "train", root).ids.tolist() == expected


def test_two_folders_of_one_class_are_one_class(root, save_image, pictures_match_labels):
    save_image(root / "train" / "happiness" / "b.png", "happiness")
    dataset = load_dataset("folder", "train", root)
    assert int(dataset.class_counts()[3]) == 3 and pictures_match_labels(dataset)


def test_files_that_are_left_out_for_their_ending_are_counted(root):
    for at in range(3):
        (root / "train" / "happy" / f"{at}.GIF").write_bytes(b"GIF89a")
    (root / "train" / "sad" / "face").write_bytes(b"x")
    (root / "train" / "sad" / "desktop.ini").write_bytes(b"x")
    notes = load_dataset("folder", "train", root).notes
    assert "4 files left out, whose endings are not read: 3 .gif, 1 without ending" in notes
    assert not any("not read" in note for note in load_dataset("folder", "val", root).notes)


def test_a_class_that_ends_empty_names_the_ending(root):
    for path in (root / "train" / "afraid").iterdir():
        path.rename(f"{path}.heic")
    train = load_dataset("folder", "train", root)
    with pytest.raises(UserError, match=r"of class fear; 2 files left out, .* 2 \.heic; nothing else is in afraid"):
        train.require_every_class()


def test_only_foreign_endings(tmp_path):
    (tmp_path / "happy").mkdir()
    (tmp_path / "happy" / "a.avif").write_bytes(b"x")
    with pytest.raises(UserError, match=r"has no class folders with images; 1 files left out, .* 1 \.avif"):
        load_dataset("folder", "train", tmp_path)
    (tmp_path / "test" / "happy").mkdir(parents=True)
    (tmp_path / "test" / "happy" / "a.avif").write_bytes(b"x")
    with pytest.raises(UserError, match=r"no images in class folders; 1 files left out, .* 1 \.avif"):
        load_dataset("folder", "test", tmp_path)


def test_a_link_that_leads_back_is_not_followed(root):
    expected = load_dataset("folder", "train", root).ids.tolist()
    (root / "train" / "happy" / "again").symlink_to(root / "train")
    (root / "train" / "happy" / "here").symlink_to(".")
    assert load_dataset("folder", "train", root).ids.tolist() == expected
    (root / "train" / "happy" / "more").symlink_to("../sad")
    (root / "train" / "sad" / "more").symlink_to("../happy")
    crossed = load_dataset("folder", "train", root).ids.tolist()
    assert len(crossed) == len(expected) + sum(f"/{label}/" in name for label in ("happy", "sad") for name in expected)
    for label in ("happy", "sad"):
        (root / "train" / label / "more").unlink()
    elsewhere = root / "elsewhere"
    (root / "train" / "sad").rename(elsewhere)
    (root / "train" / "sad").symlink_to(elsewhere)  # another disk, say
    assert load_dataset("folder", "train", root).ids.tolist() == expected


def test_image_size(root):
    assert tuple(load_dataset("folder", "train", root, image_size=6).images.shape) == (14, 3, 6, 6)
    assert tuple(load_dataset("folder", "train", root).images.shape) == (14, 3, 10, 10)


def test_reading_is_deterministic(root):
    first, second = (load_dataset("folder", "train", root) for _ in range(2))
    assert first.ids.tolist() == second.ids.tolist() == sorted(first.ids.tolist())
    assert torch.equal(first.images, second.images)


def test_no_split_folder(tmp_path):
    with pytest.raises(UserError, match="has no class folders with images — lay the images out"):
        load_dataset("folder", "train", tmp_path)
    with pytest.raises(UserError, match="nothing is not a folder"):
        available_splits("folder", tmp_path / "nothing")


def test_no_images(tmp_path):
    (tmp_path / "train" / "happy").mkdir(parents=True)
    with pytest.raises(UserError, match=r"train: no images in class folders.*\.webp"):
        load_dataset("folder", "train", tmp_path)


def test_two_folders_of_one_split_are_refused(root):
    (root / "valid").mkdir()
    with pytest.raises(UserError, match="both Validation/ and valid/ are the val split"):
        available_splits("folder", root)


def test_a_damaged_image_is_named(root):
    (root / "train" / "sad" / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"sad.a\.png: cannot be decoded as an image \(the file is empty\)"):
        load_dataset("folder", "train", root)

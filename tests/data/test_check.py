import io
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance
from typer.testing import CliRunner

from dacl_edu.data import EXPRESSIONS, Listing, load_dataset
from dacl_edu.data.check import check_dataset
from dacl_edu.data.cli import app
from dacl_edu.data.duplicates import close_pairs, correlation, grey_copy, near_copies, perceptual_hashes, pixel_digest
from dacl_edu.data.prepare import prepare
from dacl_edu.data.sheet import contact_sheet
from dacl_edu.errors import UserError


def face(seed, mouth=None, size=96):
    """A schematic face, eyes level and in place as aligned photographs have them; all of them look alike."""
    rng = np.random.default_rng(seed)

    def between(low, high):
        return float(rng.uniform(low, high))

    x, y, wide = between(44, 52), between(36, 44), between(0.85, 1.15)
    mouth = between(-12, 12) if mouth is None else mouth
    image = Image.new("RGB", (96, 96), tuple(rng.integers(40, 220, 3).tolist()))
    draw = ImageDraw.Draw(image)
    draw.ellipse((x - 36 * wide, y - 40, x + 36 * wide, y + 60), fill=tuple(rng.integers(20, 90, 3).tolist()))
    draw.ellipse((x - 29 * wide, y - between(26, 34), x + 29 * wide, y + between(44, 56)), fill=(214, 170, 140))
    open_, slant, thick, tilt = between(2, 7), between(-4, 4), int(rng.integers(1, 5)), between(-2, 2)
    for side in (-1, 1):
        eye, level = x + side * 14 * wide, y + side * tilt
        draw.ellipse((eye - 7, level - open_, eye + 7, level + open_), fill="white")
        draw.ellipse((eye - 3, level - 3, eye + 3, level + 3), fill=(60, 40, 30))
        draw.line((eye - 9, level - 10, eye + 9, level - 10 + side * slant), fill=(50, 35, 25), width=thick)
    draw.line((x, y + 6, x - between(2, 6), y + between(15, 22), x + 2, y + 21), fill=(150, 110, 90), width=2)
    half, lips = between(10, 18), int(rng.integers(2, 7))
    bend = [(x + half * t / 4, y + 34 + mouth * (t * t - 8) / 16) for t in range(-4, 5)]
    draw.line(bend, fill=(150, 40, 40), width=lips)
    pixels = np.asarray(image, dtype=np.float32) * between(0.5, 1.2) + rng.normal(0, 4, (96, 96, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).resize((size, size))


def jpeg(image, quality):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


COPIES = {
    "jpeg": lambda image: jpeg(image, 40),
    "smaller": lambda image: image.resize((48, 48)),
    "larger": lambda image: image.resize((200, 200), Image.Resampling.BICUBIC),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "both": lambda image: jpeg(image.resize((64, 64)), 60),
}


@pytest.fixture
def root(tmp_path):
    """Four faces of each expression in train, two in test, all different; PNG, so that nothing is lost by writing."""
    for number in range(42):
        split, name = ("train", "test")[number % 6 > 3], EXPRESSIONS[number // 6]
        path = tmp_path / "faces" / split / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        face(number).save(path)
    return tmp_path / "faces"


def check(root, *arguments, data="folder"):
    return CliRunner().invoke(app, ["check", "--data", data, "--root", str(root), *map(str, arguments)])


def test_a_sound_data_set_passes(root):
    result = check(root)
    assert result.exit_code == 0 and "0 images do not decode, 0 are in two splits" in result.stdout
    report = json.loads(check(root, "--json").stdout)
    assert report["counts"]["train"] == dict.fromkeys(EXPRESSIONS, 4) and report["leaks"] == []
    assert report["counts"]["test"] == dict.fromkeys(EXPRESSIONS, 2) and report["published"] == {}


def test_an_exact_copy_in_another_split_is_a_leak(root):
    copy = root / "test" / "anger" / "again.png"
    Image.open(root / "train" / "fear" / "8.png").save(copy, compress_level=0)  # other bytes, the same pixels
    result = check(root)
    assert isinstance(result.exception, UserError)
    assert "1 images of folder are in two splits" in str(result.exception)
    assert "8.png (train), an exact copy of" in str(result.exception) and "--allow-leak" in str(result.exception)
    report, _ = check_dataset("folder", root)
    [leak] = report.leaks
    assert (leak.kind, leak.splits, leak.labels) == ("exact", ("train", "test"), ("fear", "anger"))
    assert leak.images == (str(root / "train" / "fear" / "8.png"), str(copy))
    allowed = check(root, "--allow-leak", "--json")
    assert allowed.exit_code == 0 and json.loads(allowed.stdout)["leaks"][0]["kind"] == "exact"


@pytest.mark.parametrize("how", COPIES)
def test_a_near_copy_in_another_split_is_a_leak(root, how):
    copy = root / "val" / "anger" / "copy.png"
    copy.parent.mkdir(parents=True)
    COPIES[how](Image.open(root / "test" / "fear" / "10.png")).save(copy)
    report, _ = check_dataset("folder", root)
    [leak] = report.leaks
    assert (leak.kind, leak.splits) == ("near", ("val", "test"))
    assert leak.images == (str(copy), str(root / "test" / "fear" / "10.png"))
    with pytest.raises(UserError, match=r"copy\.png \(val\), a near copy of .*10\.png \(test\)"):
        report.require_sound()
    report.require_sound(allow_leak=True)


def test_copies_within_a_split_are_counted_and_no_leak(root):
    Image.open(root / "train" / "fear" / "8.png").save(root / "train" / "anger" / "again.png")
    report, _ = check_dataset("folder", root)
    assert report.leaks == [] and report.repeats == {"train": 1, "test": 0}
    assert "train: 1 images repeat another one" in check(root).stdout


def test_similar_faces_are_no_copies():
    greys = np.stack([grey_copy(np.asarray(face(seed)).transpose(2, 0, 1)) for seed in range(400)])
    hashes = perceptual_hashes(greys)
    close = [pair for a, b in close_pairs(hashes[:200], hashes[200:]) for pair in zip(a, b, strict=True)]
    assert len(close) > 20  # the hash alone would accuse them
    assert [len(rows) for rows in near_copies(greys[:200], greys[200:])] == [0, 0]


def test_the_same_person_with_another_expression_is_no_copy(root):
    for number, mouth in enumerate((-12, 12)):
        path = root / ("train", "test")[number] / "happiness" / f"same_person_{mouth}.png"
        face(1000, mouth=mouth).save(path)
    assert check_dataset("folder", root)[0].leaks == []


def test_both_the_whole_and_the_detail_must_agree(monkeypatch):
    monkeypatch.setattr("dacl_edu.data.duplicates.MAX_BITS", 64)
    rng = np.random.default_rng(0)
    light = np.cos(np.linspace(0, np.pi, 32))[None, :].repeat(32, 0)
    one, other = rng.normal(0, 10, (2, 32, 32))

    def copies(left, right):
        return len(near_copies(*((128 + x)[None].clip(0, 255).astype(np.uint8) for x in (left, right)))[0])

    assert copies(60 * light + one, 0.9 * (60 * light + one) + 5) == 1
    assert copies(80 * light + one, 80 * light + other) == 0  # the same light, another picture
    assert copies(20 * light + one, one - 20 * light) == 0  # the same texture under another light


def test_blank_pictures_are_no_near_copies():
    blank = np.stack([np.full((32, 32), value, dtype=np.uint8) for value in (0, 90, 255)])
    assert correlation(blank, blank).tolist() == correlation(blank, blank, detail=True).tolist() == [0, 0, 0]
    assert len(near_copies(blank, blank)[0]) == 0


def test_the_bundled_faces_do_not_leak():
    report, _ = check_dataset("bundled")
    assert report.leaks == [] and not any(report.undecodable)
    report.require_sound()


def test_every_undecodable_file_is_counted_and_an_error(root):
    (root / "train" / "fear" / "8.png").write_bytes(b"")
    (root / "test" / "anger" / "34.png").write_bytes(b"<html>")
    result = check(root, "--allow-leak")
    assert isinstance(result.exception, UserError) and "2 images of folder cannot be decoded" in str(result.exception)
    assert f"cannot be decoded: {root / 'train/fear/8.png'}\n" in result.stdout
    assert "2 images do not decode" in result.stdout
    report, _ = check_dataset("folder", root)
    assert set(report.undecodable) == {str(root / "train/fear/8.png"), str(root / "test/anger/34.png")}
    assert "file is empty" in report.undecodable[str(root / "train/fear/8.png")]
    assert report.leaks == []  # rows after a file that does not decode still go with their own files


def test_rows_after_a_damaged_file_are_named_rightly(root):
    (root / "train" / "anger" / "30.png").write_bytes(b"")
    (root / "test" / "anger" / "34.png").write_bytes(b"")
    Image.open(root / "test" / "anger" / "35.png").save(root / "train" / "neutral" / "z.png")
    [leak] = check_dataset("folder", root)[0].leaks
    assert leak.images == (str(root / "train/neutral/z.png"), str(root / "test/anger/35.png"))
    assert leak.labels == ("neutral", "anger")


def test_counts_stand_beside_the_published_ones(rafdb):
    result = check(rafdb, "--json", "--allow-leak", data="rafdb")
    report = json.loads(result.stdout)
    assert report["counts"]["train"]["fear"] == 2 and report["published"]["train"]["fear"] == 281
    assert "test happiness: 1 instead of 1,185" in report["differences"] and len(report["differences"]) == 14
    assert result.exit_code == 0  # copies differ in their counts; that is said, and no error
    table = check(rafdb, "--allow-leak", data="rafdb").stdout
    assert (
        "4,772" in table
        and "12,271" in table
        and "differs from the published counts: train fear: 2 instead of 281" in table
    )


def test_a_class_without_an_image_and_endings_that_are_not_read_are_said(root):
    for path in (root / "test" / "fear").iterdir():
        path.rename(path.with_suffix(".heic"))
    result = check(root)
    assert result.exit_code == 0
    said = " ".join(result.stdout.split())
    assert "test: no image of class fear; training refuses a class without one" in said
    assert "whose endings are not read: 2 .heic; nothing else is in fear" in said


def test_flat_pictures_of_the_fixture_leak_exactly(rafdb):
    with pytest.raises(UserError, match="14 images of rafdb are in two splits"):
        check_dataset("rafdb", rafdb)[0].require_sound()


def test_sheet_shows_every_class(root, tmp_path):
    file = tmp_path / "sheets" / "sheet.png"
    assert check(root, "--sheet", file, "--split", "testing").exit_code == 0
    sheet = np.asarray(Image.open(file).convert("RGB")).astype(int)
    assert sheet.shape == (2 + 7 * 66, 84 + 12 * 66, 3)
    filled = [[(sheet[34 + 66 * r, 84 + 66 * c : 148 + 66 * c] < 250).any() for c in range(12)] for r in range(7)]
    assert filled == [[True] * 2 + [False] * 10] * 7
    first = load_dataset("folder", "test", root, 64).images[0].numpy().transpose(1, 2, 0)
    assert np.array_equal(
        sheet[2 + 66 * 5 : 66 + 66 * 5, 84:148], first
    )  # folders are read by name: anger is the first


def test_sheet_is_spread_over_the_split():
    pixels = torch.arange(9, dtype=torch.uint8).view(9, 1, 1, 1).expand(9, 1, 8, 8) * 20
    sheet = contact_sheet(Listing([3] * 9, [str(i) for i in range(9)], pixels=pixels), columns=3, size=8)
    assert [sheet.getpixel((84 + 10 * column, 2 + 10 * 3))[0] for column in range(3)] == [0, 80, 160]


def test_sheet_of_what_is_damaged(root, tmp_path):
    (root / "train" / "surprise" / "0.png").write_bytes(b"")
    file = tmp_path / "sheet.png"
    assert isinstance(check(root, "--sheet", file).exception, UserError)  # the sheet is written all the same
    assert Image.open(file).convert("RGB").getpixel((84 + 20, 2 + 20)) == (255, 0, 0)
    empty = Listing([3], ["a"], [root / "train" / "happiness" / "18.png"])
    assert contact_sheet(empty, columns=1).size == (84 + 66, 2 + 7 * 66)
    with pytest.raises(UserError, match="no split 'val'"):
        raise check(root, "--sheet", file, "--split", "val").exception
    with pytest.raises(UserError, match="cannot be written"):
        raise check(root, "--sheet", root / "train" / "fear" / "8.png" / "sheet.png").exception


def test_a_prepared_folder_is_verified(root, tmp_path):
    prepare("folder", root, 32, tmp_path / "prepared")
    assert check(tmp_path / "prepared").exit_code == 0
    images = np.load(tmp_path / "prepared" / "test.npy", mmap_mode="r+")
    images[3, 1, 5, 5] ^= 1
    images.flush()
    with pytest.raises(UserError, match="prepared: test changed since it was prepared"):
        raise check(tmp_path / "prepared").exception


def test_digests_tell_one_pixel_and_the_shape():
    image = np.zeros((3, 4, 6), dtype=np.uint8)
    other = image.copy()
    other[2, 3, 5] = 1
    digests = {pixel_digest(x) for x in (image, other, image.reshape(3, 6, 4))}
    assert len(digests) == 3 and pixel_digest(image.copy()) in digests


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 64), st.integers(0, 40), st.integers(0, 40))
def test_close_pairs_are_those_of_two_loops(seed, bits, n, m):
    rng = np.random.default_rng(seed)
    left, right = (rng.integers(0, 2**64, count, dtype=np.uint64) for count in (n, m))
    if n and m:
        right[0] = left[-1] ^ np.uint64(5)
    expected = {
        (a, b) for a in range(n) for b in range(m) if (int(left[a]) ^ int(right[b])).bit_count() <= bits
    }  # fmt: skip
    found = [(int(a), int(b)) for x, y in close_pairs(left, right, bits) for a, b in zip(x, y, strict=True)]
    assert set(found) == expected and len(found) == len(expected)


def test_search_in_parts_finds_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    left, right = (rng.integers(0, 2**64, count, dtype=np.uint64) for count in (500, 300))
    whole = [np.concatenate(x) for x in zip(*close_pairs(left, right, 24), strict=True)]
    monkeypatch.setattr("dacl_edu.data.duplicates._PAIRS_AT_ONCE", 1000)
    parts = list(close_pairs(left, right, 24))
    assert len(parts) > 10
    assert all(np.array_equal(a, np.concatenate(b)) for a, b in zip(whole, zip(*parts, strict=True), strict=True))

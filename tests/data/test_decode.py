import io
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as tv
from torture.bad_images import SPECIAL, bad_images, encoded, huge_png

from dacl_edu.data import decode
from dacl_edu.data.decode import decode_image, decode_images
from dacl_edu.data.reading import require_files
from dacl_edu.errors import UserError

RNG = np.random.default_rng(0)


def noise(height, width):
    """A smooth picture, left half darker than right, top darker than bottom."""
    y, x = np.mgrid[:height, :width]
    picture = np.stack([120 * x / width + 60, 120 * y / height + 60, np.full((height, width), 90.0)], -1)
    return (picture + RNG.integers(0, 20, picture.shape)).astype(np.uint8)


def test_png_is_read_as_it_was_written(tmp_path):
    picture = noise(6, 9)
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert np.array_equal(decode_image(tmp_path / "a.png"), picture.transpose(2, 0, 1))


def test_order_is_kept_over_many_files(tmp_path):
    paths = []
    for value in RNG.permutation(60):
        paths.append(tmp_path / f"{value}.png")
        Image.new("RGB", (3, 3), (int(value),) * 3).save(paths[-1])
    images = decode_images(paths)
    assert images.dtype == torch.uint8 and tuple(images.shape) == (60, 3, 3, 3)
    assert images[:, 0, 0, 0].tolist() == [int(path.stem) for path in paths]


@pytest.mark.parametrize(
    ("image", "pixel"),
    [
        (Image.new("L", (4, 4), 77), (77, 77, 77)),
        (Image.new("1", (4, 4), 1), (255, 255, 255)),
        (Image.new("LA", (4, 4), (77, 10)), (77, 77, 77)),
        (Image.new("RGBA", (4, 4), (10, 20, 30, 255)), (10, 20, 30)),
        (Image.new("RGB", (4, 4), (10, 20, 30)).convert("P", palette=Image.Palette.ADAPTIVE), (10, 20, 30)),
        (Image.fromarray(np.full((4, 4), 0xAB12, dtype=np.uint16)), (0xAB, 0xAB, 0xAB)),
    ],
    ids=["grey", "bits", "grey alpha", "rgba", "palette", "16 bit"],
)
def test_every_kind_of_png_becomes_rgb(tmp_path, image, pixel):
    image.save(tmp_path / "a.png")
    assert decode_image(tmp_path / "a.png")[:, 1, 2].tolist() == list(pixel)


@pytest.mark.filterwarnings("error")
def test_palette_with_transparency(tmp_path):
    image = Image.new("RGB", (4, 4), (10, 20, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
    image.save(tmp_path / "a.png", transparency=bytes([255, 0]))
    assert decode_image(tmp_path / "a.png")[:, 0, 0].tolist() == [10, 20, 30]


def test_exif_orientation_is_honoured(tmp_path):
    picture = noise(6, 9)
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to show"
    Image.fromarray(picture).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(decode_image(tmp_path / "a.png"), np.rot90(picture, -1).transpose(2, 0, 1))


@pytest.mark.parametrize(("height", "width"), [(40, 40), (40, 60), (92, 40), (12, 12)])
def test_resize_short_side_then_centre_as_torchvision_does(tmp_path, height, width):
    picture = noise(height, width)
    Image.fromarray(picture).save(tmp_path / "a.png")
    reference = tv.resize(torch.from_numpy(picture).permute(2, 0, 1), [20], InterpolationMode.BILINEAR, antialias=True)
    reference = tv.center_crop(reference, [20])
    ours = torch.from_numpy(decode_image(tmp_path / "a.png", 20).copy())
    assert ours.shape == reference.shape
    difference = (ours.int() - reference.int()).abs().float()
    # Square: equal but for rounding. Otherwise the crop comes before the resize, which differs at the cut edges.
    assert difference.max() <= (1 if height == width else 8) and difference.mean() < 1


def test_box_is_left_top_right_bottom_and_is_cut_at_the_edges(tmp_path):
    picture = noise(10, 16)
    Image.fromarray(picture).save(tmp_path / "a.png")
    whole = picture.transpose(2, 0, 1)
    assert np.array_equal(decode_image(tmp_path / "a.png", box=(2, 3, 9, 8)), whole[:, 3:8, 2:9])
    assert np.array_equal(decode_image(tmp_path / "a.png", box=(-4, 6, 3.4, 99)), whole[:, 6:, :3])
    boxes = np.array([[0, 0, 4, 4], [12.0, 6, 16, 10]])
    assert np.array_equal(decode_images([tmp_path / "a.png"] * 2, boxes=boxes)[1], whole[:, 6:, 12:])
    with pytest.raises(UserError, match=r"a\.png: the face box \(16, 0, 20, 5\).* 16 wide and 10 high"):
        decode_image(tmp_path / "a.png", box=(16, 0, 20, 5))


def test_sizes_that_differ_need_an_image_size(tmp_path, save_image):
    paths = [save_image(tmp_path / "a.png", size=(8, 8)), save_image(tmp_path / "b.png", size=(8, 9))]
    with pytest.raises(UserError, match=r"b\.png is 9x8 .*a\.png is 8x8 .*--image-size"):
        decode_images(paths)
    assert tuple(decode_images(paths, 6).shape) == (2, 3, 6, 6)


def test_large_pictures_are_refused_by_their_head_and_never_unpacked(tmp_path):
    for name, side in (("claims.png", 9_000), ("huge.png", 15_000)):  # Pillow itself warns, and refuses
        (tmp_path / name).write_bytes(huge_png(side, side, rows=1))
        with pytest.raises(UserError, match=rf"{name}: cannot be decoded .*(9,000 x 9,000 pixels|exceeds limit)"):
            decode_image(tmp_path / name)
    (tmp_path / "fits.png").write_bytes(huge_png(5_000, 3_000))
    assert decode_image(tmp_path / "fits.png", 4).max() == 0


def test_a_jpeg_of_endless_scans_is_refused_by_their_number(tmp_path):
    content = encoded(Image.new("L", (64, 64)), "JPEG", progressive=True)
    last = content[content.rindex(b"\xff\xda") : -2]
    for scans, read in ((10, True), (1000, False)):
        (tmp_path / "a.jpg").write_bytes(content[:-2] + last * scans + b"\xff\xd9")
        if read:
            assert decode_image(tmp_path / "a.jpg").shape == (3, 64, 64)
        else:
            with pytest.raises(UserError, match=r"a.jpg: .* scans, at most 100"):
                decode_image(tmp_path / "a.jpg")


def test_threads_share_the_room_for_unpacked_pixels():
    room, inside, most = decode._Room(100), [], []

    def work(count):
        with room.taken(count):
            inside.append(count)
            most.append(sum(inside))
            time.sleep(0.001)
            inside.remove(count)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [60, 40, 30, 250, 10] * 8))
    assert len(most) == 40 and max(count for count in most if count != 250) <= 100 and max(most) == 250


@pytest.mark.parametrize("form", ["DDS", "EPS", "PPM", "TGA", "PCX", "ICO"])
def test_content_of_another_format_is_no_image_whatever_its_name(tmp_path, form):
    (tmp_path / "a.jpg").write_bytes(encoded(Image.new("RGB", (8, 8)), form))
    with pytest.raises(UserError, match=r"a\.jpg: cannot be decoded .* none of JPEG, PNG, .* — "):
        decode_image(tmp_path / "a.jpg")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("FIFO", "a pipe"),
        ("socket", "a socket"),
        ("device", "a device"),
        ("folder", "a folder"),
        ("link to nothing", "no such file"),
        ("link to itself", "symbolic links"),
        ("sparse 16 GB", "17,179,869,184 bytes"),
    ],
)
def test_what_is_no_file_of_usual_size_is_not_opened(tmp_path, kind, said):
    SPECIAL[kind](tmp_path / "a.jpg")
    with pytest.raises(UserError, match=rf"a\.jpg: .*{said}"):
        decode_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("error", [RuntimeError("of the library"), MemoryError(), KeyError("x"), RecursionError()])
def test_any_error_of_a_decoder_names_the_file(tmp_path, save_image, monkeypatch, error):
    def broken(image, *anything):
        raise error

    path = save_image(tmp_path / "a.png")
    monkeypatch.setattr(Image.Image, "convert", broken)
    with pytest.raises(UserError, match=r"a\.png: cannot be decoded as an image \(.+\)"):
        decode_image(path)


def damaged(kind):
    stream = io.BytesIO()
    Image.fromarray(noise(40, 40)).save(stream, "JPEG")
    return {"empty": b"", "truncated": stream.getvalue()[:500], "text": b"<html>not found</html>"}[kind]


@pytest.mark.parametrize("kind", ["empty", "truncated", "text"])
def test_a_damaged_file_is_named(tmp_path, save_image, kind):
    paths = [save_image(tmp_path / f"{i}.jpg", size=(40, 40)) for i in range(5)]
    paths[3].write_bytes(damaged(kind))
    with pytest.raises(UserError, match=r"3\.jpg: cannot be decoded .* — "):
        decode_images(paths)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.jpg: no such file"):
        decode_image(tmp_path / "gone.jpg")


def test_a_png_broken_in_a_later_chunk_is_named(tmp_path):
    """Pillow raises SyntaxError for this one, only once the pixels are read."""
    Image.fromarray(RNG.integers(0, 256, (250, 250, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    content = bytearray((tmp_path / "a.png").read_bytes())
    content[content.find(b"IDAT", content.find(b"IDAT") + 4)] = 1
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.png: cannot be decoded"):
        decode_image(tmp_path / "a.png")


@settings(max_examples=150, deadline=None)
@given(data=st.data(), form=st.sampled_from(["JPEG", "PNG", "BMP", "WEBP"]))
def test_damaged_bytes_decode_or_are_refused_but_raise_nothing_else(data, form):
    stream = io.BytesIO()
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3)).save(stream, form)
    content = bytearray(stream.getvalue())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(content)
        try:
            image = decode_image(path, 8)
        except UserError as error:
            assert str(path) in str(error)
        else:
            assert image.shape == (3, 8, 8) and image.dtype == np.uint8


def test_every_bad_image_is_read_or_named(tmp_path):
    refused = 0
    for name, path in bad_images(tmp_path):
        try:
            assert decode_image(path, 8).shape == (3, 8, 8), name
        except UserError as error:
            assert str(path) in str(error) and "\n" not in str(error), name
            refused += 1
    assert refused > 100


def test_memory_is_checked_before_it_is_taken(tmp_path, save_image, monkeypatch):
    path = save_image(tmp_path / "a.png", size=(8, 8))
    needed = 10 * 3 * 8 * 8
    monkeypatch.setattr(decode, "available_memory", lambda: needed)
    assert len(decode_images([path] * 10)) == 10
    monkeypatch.setattr(decode, "available_memory", lambda: needed - 1)
    with pytest.raises(UserError, match=r"10 images of 8x8 need .* GiB .*--image-size"):
        decode_images([path] * 10)


def test_the_memory_of_this_machine_is_plausible():
    available = decode.available_memory()
    assert available is None or 2**24 < available < 2**50


@pytest.mark.parametrize(
    ("terminal", "patience", "shown"), [(True, -1.0, True), (True, 60.0, False), (False, -1.0, False)]
)
def test_progress_only_on_a_terminal_and_only_when_it_takes_long(monkeypatch, capsys, terminal, patience, shown):
    monkeypatch.setenv("FORCE_COLOR", "1") if terminal else monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert list(decode.progress(iter("abc"), 3, patience)) == ["a", "b", "c"]
    captured = capsys.readouterr()
    assert ("decoding images" in captured.err) == shown
    assert captured.out == ""


def test_missing_files_are_counted(tmp_path):
    (tmp_path / "a.jpg").touch()
    paths = [tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "nowhere" / "c.jpg"]
    require_files(paths[:1], "list.txt", "ask X")
    with pytest.raises(UserError, match=r"list.txt lists 3 files, 2 of them are missing; the first is b\.jpg.*ask X"):
        require_files(paths, "list.txt", "ask X")

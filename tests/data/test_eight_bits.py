"""Pictures of 10, 12, 14, 16 and 32 bits and of real numbers keep their brightness."""

from __future__ import annotations

import logging
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from torture.bad_images import huge_png

from dacl_edu.data import eight_bits
from dacl_edu.data.decode import decode_image
from dacl_edu.errors import UserError

RAMP = np.linspace(0, 1, 64).reshape(8, 8)
GREY = np.round(RAMP * 255)


def grey(path):
    image = decode_image(path)
    assert (image == image[:1]).all()
    return image[0].astype(float)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_bits_of_a_16_bit_file_that_are_used_are_all_there_are(tmp_path, bits, ending):
    Image.fromarray(np.round(RAMP * (2**bits - 1)).astype(np.uint16)).save(tmp_path / f"a.{ending}")
    assert abs(grey(tmp_path / f"a.{ending}") - GREY).max() <= 1


@pytest.mark.parametrize("bits", [8, 12, 16, 24, 31, 32])
def test_32_bits(tmp_path, bits):
    numbers = np.round(RAMP * (2**bits - 1)).astype(np.uint32)
    Image.fromarray(numbers.view(np.int32)).save(tmp_path / "a.tif")
    signed = (tmp_path / "a.tif").read_bytes()  # Pillow says so of everything
    unsigned = signed.replace(struct.pack("<HHIHH", 339, 3, 1, 2, 0), struct.pack("<HHIHH", 339, 3, 1, 1, 0))
    assert unsigned != signed
    (tmp_path / "a.tif").write_bytes(unsigned)
    assert abs(grey(tmp_path / "a.tif") - GREY).max() <= 1


@pytest.mark.parametrize(
    "numbers",
    [RAMP, RAMP * 255, RAMP * 4095, RAMP * 65535, RAMP * 1.08 - 0.04],
    ids=["1", "255", "4095", "65535", "overshoot"],
)
def test_real_numbers(tmp_path, numbers):
    Image.fromarray(numbers.astype(np.float32)).save(tmp_path / "a.tiff")
    expected = np.round(numbers.clip(0, 1) * 255) if numbers.max() < 2 else GREY
    assert abs(grey(tmp_path / "a.tiff") - expected).max() <= 1


@pytest.mark.parametrize(
    "numbers",
    [np.full((4, 4), np.nan, "f4"), np.full((4, 4), 1e30, "f4"), np.full((4, 4), -3, "i4"), RAMP.astype("f4") - 0.5],
    ids=["NaN", "1e30", "-3", "around 0"],
)
def test_numbers_that_are_no_brightness_are_refused(tmp_path, numbers):
    Image.fromarray(numbers).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a\.tif: numbers from .* are no brightness — scale"):
        decode_image(tmp_path / "a.tif")


def deep_colour(value):
    """A PNG of 4 x 4 pixels with 16 bits a channel, all of one value; Pillow cannot write one."""
    row = b"\0" + struct.pack(">H", value) * 12
    data = zlib.compress(row * 4)
    plain = huge_png(4, 4, bits=16, colour=2)
    start = plain.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
    return plain[:start] + chunk + plain[-12:]


def test_deep_colour_is_read_or_said_to_be_too_dark(tmp_path):
    (tmp_path / "a.png").write_bytes(deep_colour(0xABCD))
    assert decode_image(tmp_path / "a.png")[0, 0, 0] == 0xAB
    (tmp_path / "a.png").write_bytes(deep_colour(0x0FFF))  # 12 bits
    with pytest.raises(UserError, match=r"a\.png: 16-bit colour .* would be black"):
        decode_image(tmp_path / "a.png")


def test_a_word_is_said_once(tmp_path, caplog):
    eight_bits._say.cache_clear()
    Image.fromarray(np.full((4, 4), 4095, dtype=np.uint16)).save(tmp_path / "a.png")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            decode_image(tmp_path / "a.png")
    assert [record.getMessage().count("12 bits") for record in caplog.records] == [2]

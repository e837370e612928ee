"""Files that a folder of faces may hold though none is a face: damaged, foreign, huge, odd, and no files at all.

`bad_images` makes them by the same seed in the same order; a reader must return a picture or raise a `UserError` that
names the file, in bounded memory, and never wait.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

#: Formats of Pillow that no data set of faces has, by which a picture's content may differ from its name.
FOREIGN = ("AVIF", "DDS", "EPS", "ICO", "ICNS", "JPEG2000", "PCX", "PDF", "PPM", "SGI", "SPIDER", "TGA", "IM", "MSP")


def bad_images(folder: Path, seed: int = 0) -> Iterator[tuple[str, Path]]:
    """Write one bad image after another.

    Parameters
    ----------
    folder : Path
        Is made anew; files stay in it.
    seed : int
        Which bytes are damaged.

    Yields
    ------
    name : str
        What is wrong.
    path : Path
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, (name, content) in enumerate(_contents(np.random.default_rng(seed))):
        path = folder / f"{number:03d}.jpg"
        path.write_bytes(content)
        yield name, path
    for name, make in SPECIAL.items():
        path = folder / f"{name}.jpg"
        make(path)
        yield name, path


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """A picture as the bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def face(side: int = 24, mode: str = "RGB") -> Image.Image:
    """A picture of two eyes and a mouth."""
    y, x = np.mgrid[:side, :side] / side
    eyes = (np.hypot(x - 0.3, y - 0.35) < 0.1) | (np.hypot(x - 0.7, y - 0.35) < 0.1) | (abs(y - 0.75) < 0.05)
    grey = np.where(eyes, 40, 200).astype(np.uint8)
    return Image.fromarray(np.stack([grey, grey // 2 + 50, grey], -1)).convert(mode)


def huge_png(width: int, height: int, bits: int = 1, colour: int = 0, rows: int | None = None) -> bytes:
    """A black PNG of any size; some 20 kB for 13,000 x 13,000 pixels of one bit.

    Parameters
    ----------
    width, height : int
    bits, colour : int
        As in its header: depth of a channel, and the type of colour.
    rows : int, optional
        Only the header claims `height`; so many rows are there.
    """
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * bits * channels + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height if rows is None else rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _contents(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """Name and content of each bad file."""
    yield "empty", b""
    yield "a web page", b"<!DOCTYPE html><html><body>404 not found</body></html>"
    yield "noise", rng.bytes(5000)
    yield "a script", b"#!/bin/sh\ntouch evil\n"
    good = {form: encoded(face(), form) for form in ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF")}
    good["progressive JPEG"] = encoded(face(), "JPEG", progressive=True)
    good["CMYK JPEG"] = encoded(face(mode="CMYK"), "JPEG")
    good["palette PNG"] = encoded(face(mode="P"), "PNG")
    good["16-bit PNG"] = encoded(Image.fromarray(rng.integers(0, 65536, (24, 24), dtype=np.uint16)), "PNG")
    good["packed TIFF"] = encoded(face(), "TIFF", compression="tiff_lzw")
    good["float TIFF"] = encoded(Image.fromarray(rng.random((24, 24), dtype=np.float32)), "TIFF")
    good["animated WebP"] = encoded(face(), "WEBP", save_all=True, append_images=[face()] * 3)
    for form, content in good.items():
        yield f"{form} cut in half", content[: len(content) // 2]
        yield f"{form} cut behind its head", content[:40]
        yield f"{form} without its last byte", content[:-1]
        for time in range(12):
            damaged = bytearray(content)
            for at in rng.integers(0, len(content), 1 + time):
                damaged[at] = rng.integers(256)
            yield f"{form} with {1 + time} wrong bytes", bytes(damaged)
        yield f"{form} with another behind it", content + good["PNG"]
    for form in FOREIGN:
        try:
            yield f"{form} inside", encoded(face(mode="1" if form == "MSP" else "RGB"), form)
        except (KeyError, OSError, ValueError):  # this Pillow cannot write it
            continue
    yield "EPS that draws", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n(x) run\n%%EOF\n"
    yield "SVG", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    yield "PNG of 13,000 x 13,000", huge_png(13_000, 13_000)
    yield "PNG of 20,000 x 20,000", huge_png(20_000, 20_000, rows=9)
    yield "PNG that claims four thousand million pixels", huge_png(2**16, 2**16, 8, 2, rows=1)
    yield "PNG of 2,147,483,647 x 1", huge_png(8, 1).replace(struct.pack(">II", 8, 1), struct.pack(">II", 2**31 - 1, 1))
    yield "PNG without pixels", huge_png(8, 8, rows=0)
    yield "PNG of width 0", huge_png(0, 8)
    yield "GIF of 65,535 x 65,535", _gif(65_535)
    yield "GIF of 30,000 frames", _gif(1, frames=30_000)
    yield "GIF whose frame is larger than itself", _gif(1, frame=20_000)
    yield "BMP of 60,000 x 60,000", _bmp(60_000, 60_000)
    yield "BMP of negative width", _bmp(-8, 8)
    yield "TIFF whose tile is 60,000 x 60,000", _tiled(60_000)
    yield "TIFF whose directory is a circle", b"II*\0\x08\0\0\0\0\0\x08\0\0\0"
    yield "EXIF that is noise", encoded(face(), "JPEG", exif=b"Exif\0\0" + rng.bytes(200))
    yield "EXIF that turns by 99", encoded(face(), "JPEG", exif=_turned(99))
    yield "float of NaN", encoded(Image.fromarray(np.full((8, 8), np.nan, dtype=np.float32)), "TIFF")
    yield "float of 1e30", encoded(Image.fromarray(np.full((8, 8), 1e30, dtype=np.float32)), "TIFF")
    yield "32 bits below 0", encoded(Image.fromarray(np.full((8, 8), -7, dtype=np.int32)), "TIFF")
    yield "LAB TIFF", encoded(face(mode="LAB"), "TIFF")
    yield "one pixel", encoded(face(1), "PNG")
    yield "1 x 5,000", encoded(face().resize((1, 5000)), "PNG")


def _turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def _gif(side: int, frame: int | None = None, frames: int = 1) -> bytes:
    picture = b"," + struct.pack("<HHHH", 0, 0, frame or side, frame or side) + b"\0\x02\x02\x44\x01\0"
    return b"GIF89a" + struct.pack("<HH", side, side) + b"\x80\0\0" + bytes(6) + picture * frames + b";"


def _bmp(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 64, 0, 0, 54) + head + bytes(10)


def _tiled(side: int) -> bytes:
    """A TIFF of 8 x 8 pixels in one deflated tile that unpacks to a picture of `side` squared."""
    packer = zlib.compressobj(9)
    tile = b"".join(packer.compress(bytes(side)) for _ in range(min(side, 2000))) + packer.flush()
    tags = [
        (256, 8),
        (257, 8),
        (258, 8),
        (259, 8),
        (262, 1),
        (277, 1),
        (322, side),
        (323, side),
        (324, 0),
        (325, len(tile)),
    ]
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, start if tag == 324 else value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + tile


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's path has at most 107 bytes
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def _sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(b"RIFF\xff\xff\xff\x7fWEBPVP8 ")
        file.truncate(2**34)


#: What is no file, or no small one, under the name of a picture.
SPECIAL: dict[str, Callable[[Path], None]] = {
    "folder": lambda path: path.mkdir(exist_ok=True),
    "link to nothing": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "sparse 16 GB": _sparse,
}
if hasattr(os, "mkfifo"):
    SPECIAL |= {
        "FIFO": os.mkfifo,
        "socket": _socket,
        "device": lambda path: path.symlink_to("/dev/zero"),
        "unreadable": lambda path: (path.write_bytes(b"x"), path.chmod(0))[1],
    }

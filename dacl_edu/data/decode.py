"""Image files to one uint8 array, many at a time."""

from __future__ import annotations

import os
import stat
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor
from torch.nn import functional as F

from dacl_edu.data.eight_bits import is_deep_colour, to_rgb
from dacl_edu.errors import UserError

#: What a file's content may be, whatever its name: other decoders of Pillow are never tried, some run programs.
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF")
#: Pixels of a picture at most: phones have 50 million. A file of 20 kB can claim, and unpack to, any number.
MAX_PIXELS = 2**26
#: Bytes of a file at most: some decoders read it whole before they look at it.
MAX_BYTES = 2**30
#: Scans of a JPEG at most: each is another pass over all pixels, and an honest file has about ten.
MAX_SCANS = 100
#: Part of what cached images are known by; another number when the same file gives other pixels than before.
DECODER = 2

# Of metadata, and of sizes that are refused below.
warnings.filterwarnings("ignore", module=r"PIL\.")

#: Left, top, right, bottom in pixels, as Pillow counts them: right and bottom are the first pixel outside.
Box = tuple[float, float, float, float]


def decode_image(path: Path, image_size: int | None = None, box: Box | None = None) -> np.ndarray:
    """One image file as an array.

    The EXIF orientation is applied; grey, palette, 16-bit, 32-bit and real-valued images become 8-bit RGB
    (`dacl_edu.data.eight_bits`); transparency is dropped; of an animation the first picture is taken.

    Parameters
    ----------
    path : Path
        A file whose content is one of `FORMATS`.
    image_size : int, optional
        The short side is resized to this (bilinear, antialiased) and the centre square kept.
    box : tuple of float, optional
        Keep only this part: left, top, right, bottom. What of it lies outside the image is left out.

    Returns
    -------
    numpy.ndarray
        (3, H, W) uint8.

    Raises
    ------
    UserError
        The file is missing, empty, truncated, no file (a pipe, a device), not an image, larger than `MAX_PIXELS`, or
        a JPEG of more than `MAX_SCANS`; or the box lies outside it.
    """
    try:
        _require_file(path)
        with Image.open(path, formats=FORMATS) as image, _ROOM.taken(_pixels(image, path)):
            deep = is_deep_colour(image)
            ImageOps.exif_transpose(image, in_place=True)
            rgb = to_rgb(image, str(path), deep)
            if box is not None:
                rgb = _cropped(rgb, box, path)
            if image_size is not None and rgb.size != (image_size, image_size):
                rgb = ImageOps.fit(rgb, (image_size, image_size), method=Image.Resampling.BILINEAR)
            return np.asarray(rgb).transpose(2, 0, 1)
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file", hint="unpack the data set again") from error
    except Exception as error:  # whatever a decoder makes of bytes that are not what they claim to be
        reason = str(error) or repr(error)
        if isinstance(error, UnidentifiedImageError):
            reason = f"its content is none of {', '.join(FORMATS)}"
        raise UserError(f"{path}: cannot be decoded as an image ({reason})", hint=REPLACE) from error


#: What to do about a file that does not decode.
REPLACE = (
    "copy or unpack this file again, or remove it; dacl-edu data check names all such files, and data prepare "
    "--on-error skip leaves them out"
)


def _require_file(path: Path) -> None:
    """Refuse what would wait for ever, or never end, when opened."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        what = "folder" if stat.S_ISDIR(status.st_mode) else "pipe, a socket or a device"
        raise UserError(f"{path}: cannot be decoded as an image (it is a {what})", hint="remove it")
    if not 0 < status.st_size <= MAX_BYTES:
        what = f"it has {status.st_size:,} bytes" if status.st_size else "the file is empty"
        raise UserError(f"{path}: cannot be decoded as an image ({what})", hint=REPLACE)


def _pixels(image: Image.Image, path: Path) -> int:
    """Pixels by the head of a file, before any is unpacked; refuses what would take too long."""
    count = image.width * image.height
    if count > MAX_PIXELS:
        raise UserError(
            f"{path}: cannot be decoded as an image (it is {image.width:,} x {image.height:,} pixels, more than "
            f"{MAX_PIXELS:,} in all)",
            hint="make it smaller with an image editor, or remove it",
        )
    if image.format == "JPEG" and (scans := path.read_bytes().count(b"\xff\xda")) > MAX_SCANS:
        raise UserError(f"{path}: cannot be decoded as an image (it has {scans:,} scans, at most {MAX_SCANS})", REPLACE)
    return count


class _Room:
    """So many pixels may be unpacked at a time, by all threads together: a thread waits until there is room."""

    def __init__(self, most: int) -> None:
        self._most = self._free = most
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, count: int) -> Iterator[None]:
        count = min(count, self._most)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= count)
            self._free -= count
        try:
            yield
        finally:
            with self._changed:
                self._free += count
                self._changed.notify_all()


_ROOM = _Room(MAX_PIXELS // 2)


def _cropped(image: Image.Image, box: Box, path: Path) -> Image.Image:
    width, height = image.size
    left, top, right, bottom = (round(edge) for edge in box)
    inside = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise UserError(
            f"{path}: the face box {left, top, right, bottom} (left, top, right, bottom) holds nothing of the image, "
            f"which is {width} wide and {height} high",
            hint="the image or the list of boxes is not the original one; copy both again",
        )
    return image.crop(inside)


def decode_images(
    paths: Sequence[Path], image_size: int | None = None, boxes: Sequence[Box] | np.ndarray | None = None
) -> Tensor:
    """Many image files as one tensor (N, 3, H, W) uint8, in their order, decoded by several threads.

    `image_size` as for `decode_image`; if left out, all images must have the same size. `boxes` (N, 4) are the parts to
    be kept: left, top, right, bottom.

    Raises
    ------
    UserError
        A file cannot be decoded, sizes differ while `image_size` is left out, or memory does not suffice.
    """
    box = (lambda row: None) if boxes is None else (lambda row: tuple(boxes[row]))
    first = decode_image(paths[0], image_size, box(0))
    require_memory(len(paths) * first.size, f"{len(paths)} images of {first.shape[1]}x{first.shape[2]}")
    images = np.empty((len(paths), *first.shape), dtype=np.uint8)

    def decode_into(row: int) -> None:
        image = decode_image(paths[row], image_size, box(row))
        if image.shape != first.shape:
            raise UserError(
                f"{paths[row]} is {image.shape[1]}x{image.shape[2]} (height x width) "
                f"but {paths[0]} is {first.shape[1]}x{first.shape[2]}",
                hint="give an image size (image_size=…, or --image-size) so that all are resized to it",
            )
        images[row] = image

    with ThreadPoolExecutor() as pool:
        for _ in progress(pool.map(decode_into, range(len(paths))), len(paths)):
            pass
    return torch.from_numpy(images)


def resize_images(images: Tensor, image_size: int | None) -> Tensor:
    """Square images (N, C, S, S) uint8 of another side, bilinear and antialiased; with None as they are.

    Raises
    ------
    UserError
        Memory does not suffice.

    Examples
    --------
    >>> tuple(resize_images(torch.zeros(2, 1, 48, 48, dtype=torch.uint8), 32).shape)
    (2, 1, 32, 32)
    """
    if image_size is None or image_size == images.shape[-1]:
        return images
    require_memory(len(images) * images.shape[1] * image_size**2, f"{len(images)} images of {image_size}x{image_size}")
    size = (image_size, image_size)
    # In parts, so that no float copy of everything is ever held.
    return torch.cat([F.interpolate(part, size, mode="bilinear", antialias=True) for part in images.split(1024)])


def require_memory(n_bytes: int, what: str) -> None:
    """Refuse to allocate more bytes than there are, before the operating system ends the process for it.

    Raises
    ------
    UserError
        `n_bytes` is more than the memory available (of the machine where only that is known).
    """
    available = available_memory()
    if available is not None and n_bytes > available:
        raise UserError(
            f"{what} need {n_bytes / 2**30:.1f} GiB of memory, {available / 2**30:.1f} GiB are available",
            hint="give a smaller image size (image_size=…, or --image-size)",
        )


def available_memory() -> int | None:
    """Return the bytes of memory that can be taken now (of the machine where only that is known); None if unknown."""
    try:  # Linux; free pages alone would not count what the file cache gives back
        with open("/proc/meminfo", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def progress(
    results: Iterable[Any], total: int, patience: float = 2.0, what: str = "decoding images", steps: int = 1
) -> Iterator[Any]:
    """Pass `results` through; after `patience` seconds, show on a terminal how far they are, beside the word `what`.

    There are `total` steps in all, and each result stands for `steps` of them.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield from results
        return
    bar = Progress(console=console, transient=True)
    task = bar.add_task(what, total=total)
    started, begin = False, time.monotonic()
    try:
        for result in results:
            if not started and time.monotonic() - begin > patience:
                bar.start()
                started = True
            bar.advance(task, steps)
            yield result
    finally:
        if started:
            bar.stop()

"""Image files to one uint8 array, many at a time."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from dacl_edu.errors import UserError

#: What Pillow raises for bytes that are not the image they claim to be.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, Image.DecompressionBombError)


#: Left, top, right, bottom in pixels, as Pillow counts them: right and bottom are the first pixel outside.
Box = tuple[float, float, float, float]


def decode_image(path: Path, image_size: int | None = None, box: Box | None = None) -> np.ndarray:
    """One image file as an array.

    The EXIF orientation is applied; grey, palette and 16-bit images become 8-bit RGB; transparency is dropped.

    Parameters
    ----------
    path : Path
        A file that Pillow can read.
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
        The file is missing, empty, truncated, or not an image, or the box lies outside it.
    """
    try:
        with Image.open(path) as file:
            image = _to_rgb(ImageOps.exif_transpose(file))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file", hint="unpack the data set again") from error
    except _DAMAGED as error:
        reason = "the file is empty" if path.is_file() and path.stat().st_size == 0 else str(error) or repr(error)
        raise UserError(
            f"{path}: cannot be decoded as an image ({reason})",
            hint="copy or unpack this file again, or remove it; dacl-edu data check names all such files",
        ) from error
    if box is not None:
        image = _cropped(image, box, path)
    if image_size is not None and image.size != (image_size, image_size):
        image = ImageOps.fit(image, (image_size, image_size), method=Image.Resampling.BILINEAR)
    return np.asarray(image).transpose(2, 0, 1)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow clips 16 bits to 255 when it converts, which turns a face white; the high byte is the picture.
        return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


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
    """Many image files as one tensor, decoded by several threads.

    Parameters
    ----------
    paths : sequence of Path
        (N,) files, at least one.
    image_size : int, optional
        As for `decode_image`. If left out, all images must have the same size.
    boxes : sequence of tuple, optional
        (N, 4) left, top, right, bottom of the part to be kept of each.

    Returns
    -------
    Tensor
        (N, 3, H, W) uint8, in the order of `paths`.

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
    """Square images of another size, bilinear and antialiased.

    Parameters
    ----------
    images : Tensor
        (N, C, S, S) uint8.
    image_size : int, optional
        Side of the result; as they are, if left out.

    Returns
    -------
    Tensor
        (N, C, image_size, image_size) uint8.

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
    """Refuse to allocate more memory than there is, before the operating system ends the process for it.

    Parameters
    ----------
    n_bytes : int
        What will be allocated.
    what : str
        What it is for, to be named in the message.

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
    """Pass `results` through; after `patience` seconds, show on a terminal how far they are.

    Parameters
    ----------
    results : iterable
        Passed through as they come.
    total : int
        How many steps there are in all.
    patience : float
        Seconds after which the bar appears.
    what : str
        What is shown beside the bar.
    steps : int
        How many steps one result stands for.

    Yields
    ------
    object
        The results.
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

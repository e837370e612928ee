"""Pictures of more than eight bits, and of real numbers, as the eight bits a channel that all else works with."""

from __future__ import annotations

import functools
import logging

import numpy as np
from PIL import Image, TiffImagePlugin

from dacl_edu.errors import UserError

#: What cameras and scanners fill of a 16-bit file; its head does not say which.
DEPTHS = (8, 10, 12, 14, 16)

_log = logging.getLogger(__name__)
_OVERSHOOT = 0.1  # what resampling adds to real numbers from 0 to 1
_SAMPLE_FORMAT, _UNSIGNED = 339, 1  # TIFF 6.0, section 19


def is_deep_colour(image: Image.Image) -> bool:
    """Whether several channels have 16 bits each in the file; only before it is loaded can that be seen.

    Pillow keeps the high byte of each, and does not give out the other.
    """
    return any(";16" in str(tile[3]) for tile in getattr(image, "tile", ())) and not image.mode.startswith("I")


def to_rgb(image: Image.Image, name: str, deep: bool = False) -> Image.Image:
    """A picture of any mode in RGB, eight bits a channel; transparency is dropped.

    Integers are scaled by the least of `DEPTHS` that holds the largest of them, real numbers up to 1 by 255, other real
    numbers as integers. `name` is how an error calls it, `deep` what `is_deep_colour` said of it.

    Raises
    ------
    UserError
        There are negative numbers, NaN or infinity; or colour of 16 bits fills so few of them that nothing is left.

    Examples
    --------
    >>> twelve = Image.fromarray(np.array([[0, 2048, 4095]], dtype=np.uint16))
    >>> to_rgb(twelve, "a.png").getchannel(0).tobytes().hex(" ")
    '00 80 ff'
    """
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(_scaled(image, name)).convert("RGB")
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    rgb = image.convert("RGB")
    if deep and np.asarray(rgb).max() < 2**6:
        raise UserError(f"{name}: 16-bit colour of which the two highest bits or more are empty: it would be black",
                        hint="scale its numbers to 16 bits, or save it with 8")  # fmt: skip
    return rgb


def _scaled(image: Image.Image, name: str) -> np.ndarray:
    """Numbers of one channel, (H, W), as uint8."""
    numbers = np.asarray(image)
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else None
    if image.mode == "I" and tags is not None and tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0] == _UNSIGNED:
        numbers = numbers.view(np.uint32)  # Pillow has no unsigned 32 bits: the upper half comes out negative
    low, high = float(numbers.min()), float(numbers.max())
    if numbers.dtype.kind == "f" and low >= -_OVERSHOOT and high <= 1 + _OVERSHOOT:
        return (numbers.clip(0, 1) * 255).round().astype(np.uint8)
    if not (low >= 0 and high < 2**32):  # nor is it so with NaN
        raise UserError(f"{name}: numbers from {low:g} to {high:g} are no brightness",
                        hint="scale them to 0 to 255, or real numbers to 0 to 1")  # fmt: skip
    bits = int(high).bit_length()
    depth = next((depth for depth in DEPTHS if depth >= bits), bits)
    if depth != max(DEPTHS):
        _say(depth)
    return (numbers // 2.0 ** (depth - 8)).astype(np.uint8)


@functools.cache  # once is enough
def _say(depth: int) -> None:
    _log.warning(f"pictures of 16 bits, or more, whose numbers fill {depth} bits are read as pictures of {depth} bits")

"""Operations on a batch of images that do something of its own to each image, without a loop over the images."""

from __future__ import annotations

import torch
from torch import Tensor

from dacl_edu.errors import UserError


def room(height: int, width: int, size: int) -> tuple[int, int]:
    """Largest offsets, top and left, of a square crop.

    Raises
    ------
    UserError
        `size` is larger than the image.
    """
    if size > min(height, width):
        raise UserError(
            f"a crop of {size}x{size} does not fit into images of {height}x{width}",
            hint="give a larger image size or a smaller crop size",
        )
    return height - size, width - size


def ten_crop_offsets(height: int, width: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The ten views of an image: four corners, the centre, and the same of its mirror image.

    Parameters
    ----------
    height, width : int
        Of the image.
    size : int
        Side of a view.

    Returns
    -------
    top, left : Tensor
        (10,) int64, in the order of torchvision's ``ten_crop``.
    flip : Tensor
        (10,) bool.

    Raises
    ------
    UserError
        The image is smaller than the view.

    Examples
    --------
    >>> top, left, flip = ten_crop_offsets(64, 64, 56)
    >>> top[:5].tolist(), left[:5].tolist()
    ([0, 0, 8, 8, 4], [0, 8, 0, 8, 4])
    """
    down, right = room(height, width, size)
    middle, centre = round(down / 2), round(right / 2)
    top = torch.tensor([0, 0, down, down, middle]).repeat(2)
    left = torch.tensor([0, right, 0, right, centre])
    # A crop of the mirror image at `left` is the mirror image of the crop that lies as far from the other edge.
    return top, torch.cat([left, right - left]), torch.arange(10) >= 5


def crop_batch(images: Tensor, top: Tensor, left: Tensor, size: int, flip: Tensor) -> Tensor:
    """Crop each image at its own offset, and mirror those that are to be mirrored, in one gather.

    Parameters
    ----------
    images : Tensor
        (m, C, H, W), any dtype.
    top, left : Tensor
        (m,) int64.
    size : int
        Side of the square crop.
    flip : Tensor
        (m,) bool: whether the crop is mirrored left to right.

    Returns
    -------
    Tensor
        (m, C, size, size), dtype and device as `images`.

    Raises
    ------
    UserError
        `size` is larger than the images.
    ValueError
        An offset lies outside the image.

    Examples
    --------
    >>> images = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4)
    >>> crop_batch(images, torch.tensor([1]), torch.tensor([2]), 2, torch.tensor([True])).tolist()
    [[[[7, 6], [11, 10]]]]
    """
    m, _, height, width = images.shape
    down, right = room(height, width, size)
    # Without this a wrong offset would fetch pixels of another row.
    if m and (min(int(top.min()), int(left.min())) < 0 or int(top.max()) > down or int(left.max()) > right):
        raise ValueError(f"offsets must be 0 to {down} (top) and 0 to {right} (left)")
    return gather_crops(images, top, left, size, flip)


def gather_crops(images: Tensor, top: Tensor, left: Tensor, size: int, flip: Tensor) -> Tensor:
    """:func:`crop_batch` of offsets that are known to lie inside: nothing is read, so no device makes a host wait."""
    m, channels, _, width = images.shape
    # Three numbers a sample travel to the device; the positions of all pixels, a thousand times more, are made there.
    top, left, flip = (each.to(images.device, non_blocking=True) for each in (top, left, flip))
    steps = torch.arange(size, device=images.device)
    rows = top[:, None] + steps
    columns = left[:, None] + torch.where(flip[:, None], steps.flip(0), steps)
    # (m, size * size) positions in an image, the same for all of its channels
    positions = (rows[:, :, None] * width + columns[:, None, :]).flatten(1)
    pixels = images.flatten(2).gather(2, positions[:, None].expand(m, channels, size * size))
    return pixels.view(m, channels, size, size)


def centre_crop(images: Tensor, size: int) -> Tensor:
    """The middle of each image, at the offset that torchvision's ``center_crop`` takes.

    Parameters
    ----------
    images : Tensor
        (m, C, H, W)
    size : int
        Side of the square crop.

    Returns
    -------
    Tensor
        (m, C, size, size), a view.

    Raises
    ------
    UserError
        `size` is larger than the images.
    """
    down, right = room(images.shape[-2], images.shape[-1], size)
    top, left = round(down / 2), round(right / 2)
    return images[..., top : top + size, left : left + size]

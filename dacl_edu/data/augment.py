"""Augmentation of a whole batch at once, with a draw of its own for each sample.

Given a batch, a transform of torchvision draws one crop (one angle, one flip) for all of it; given one image after
another, it is slow. Here the random numbers of a batch are drawn together, one a sample, and the
pixels are fetched in one gather. All random numbers come from a generator on the CPU, so that a
run draws the same on every device; those of an epoch can be drawn ahead, so that no device waits for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dacl_edu.data.batch_ops import centre_crop, gather_crops, room, ten_crop_offsets
from dacl_edu.errors import UserError
from dacl_edu.text import nearest

#: What `BatchAugment` can do to a training batch.
KINDS = ("ten_crop", "random_crop", "none")


@dataclass(frozen=True)
class AugmentParameters:
    """What to draw, and from where.

    Attributes
    ----------
    size : int
        Side of the square result, in pixels.
    kind : str
        ``"ten_crop"``: the centre, a corner, or the mirror image of one of these, as in the paper.
        ``"random_crop"``: any offset, mirrored or not.
        ``"none"``: the centre.
    mean, std : tuple of float
        Of the three channels, for pixel values from 0 to 1; the result is ``(pixel - mean) / std``.

    Raises
    ------
    UserError
        A value is out of range.
    """

    size: int
    kind: str = "ten_crop"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"unknown augmentation {self.kind!r}", hint=nearest(self.kind, KINDS))
        if self.size < 1:
            raise UserError(f"crop size is {self.size}", hint="give a number of pixels")
        if min(self.std) <= 0:
            raise UserError(f"std is {self.std}", hint="give positive numbers")


class BatchAugment:
    """Turns uint8 batches into what the network sees: augmented for training, the centre crop for evaluation.

    Parameters
    ----------
    parameters : AugmentParameters
        What to draw.
    generator : torch.Generator, optional
        On the CPU. Its state decides every draw, so that saving and restoring it continues a run exactly.
        A new one with seed 0 if left out.

    Examples
    --------
    >>> images = torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8)
    >>> augment = BatchAugment(AugmentParameters(size=56), torch.Generator().manual_seed(1))
    >>> batch = augment(images)
    >>> tuple(batch.shape), batch.dtype
    ((8, 3, 56, 56), torch.float32)
    >>> tuple(augment.evaluate(images).shape)
    (8, 3, 56, 56)
    """

    def __init__(self, parameters: AugmentParameters, generator: torch.Generator | None = None) -> None:
        self.parameters = parameters
        self.generator = torch.Generator().manual_seed(0) if generator is None else generator
        self._constants: dict[torch.device, tuple[Tensor, Tensor]] = {}

    def __call__(self, images: Tensor) -> Tensor:
        """Augment a training batch.

        Parameters
        ----------
        images : Tensor
            (m, 3, H, W) uint8, on any device.

        Returns
        -------
        Tensor
            (m, 3, size, size) float32 on the same device, normalised, in channels_last memory.

        Raises
        ------
        UserError
            The crop is larger than the images.
        ValueError
            `images` are not (m, 3, H, W) uint8.
        """
        _check(images)
        m, _, height, width = images.shape
        return self.apply(images, self.draw(m, height, width))

    def draw(self, m: int, height: int, width: int) -> Tensor:
        """Draw a view of each of `m` images of `height` x `width`.

        Returns
        -------
        Tensor
            (m, 3) int64 on the CPU: top, left, and 1 where the crop is mirrored.

        Raises
        ------
        UserError
            The crop is larger than the images.
        """
        size, kind = self.parameters.size, self.parameters.kind
        down, right = room(height, width, size)
        if kind == "none":
            return torch.tensor([[round(down / 2), round(right / 2), 0]]).expand(m, 3)
        if kind == "ten_crop":
            view = self._integers(10, m)
            return torch.stack(ten_crop_offsets(height, width, size), dim=1)[view]
        top, left = self._integers(down + 1, m), self._integers(right + 1, m)
        return torch.stack([top, left, torch.rand(m, generator=self.generator) < 0.5], dim=1)

    def apply(self, images: Tensor, views: Tensor) -> Tensor:
        """Crop, mirror and normalise `images` as :meth:`draw` drew; both may live on any device, none is waited for."""
        top, left, flip = views.unbind(1)
        return self._normalise(gather_crops(images, top, left, self.parameters.size, flip.bool()))

    def evaluate(self, images: Tensor) -> Tensor:
        """Return the centre crop of a batch, normalised as in training; draws nothing. Shapes and errors as there."""
        _check(images)
        return self._normalise(centre_crop(images, self.parameters.size))

    def _normalise(self, pixels: Tensor) -> Tensor:
        # (pixel / 255 - mean) / std as one multiplication and one addition
        if pixels.device not in self._constants:  # copied to a device once: each copy would make it wait
            mean, std = torch.tensor(self.parameters.mean), torch.tensor(self.parameters.std)
            both = (1 / (255 * std)).view(3, 1, 1), (-mean / std).view(3, 1, 1)
            self._constants[pixels.device] = both[0].to(pixels.device), both[1].to(pixels.device)
        factor, offset = self._constants[pixels.device]
        # channels_last comes last: converting and scaling contiguous memory first is twice as fast.
        batch = pixels.float().mul_(factor).add_(offset)
        return batch.contiguous(memory_format=torch.channels_last)

    def _integers(self, below: int, m: int) -> Tensor:
        return torch.randint(below, (m,), generator=self.generator)


def _check(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise ValueError(f"images must be (m, 3, H, W) uint8, got {tuple(images.shape)} {images.dtype}")

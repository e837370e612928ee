"""Augmentation of a whole batch at once, with a draw of its own for each sample.

Given a batch, a transform of torchvision draws one crop (one angle, one flip) for all of it; given one image after
another, it is slow. Here the random numbers of a batch are drawn together, one a sample, and the
pixels are fetched in one gather or one ``grid_sample``. All random numbers come from a generator on the CPU, so that a
run draws the same on every device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dacl_edu.data.batch_ops import affine_batch, centre_crop, crop_batch, erase_batch, room, ten_crop_offsets
from dacl_edu.errors import UserError
from dacl_edu.text import nearest

#: What `BatchAugment` can do to a training batch.
KINDS = ("ten_crop", "random_crop", "affine", "none")


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
        ``"affine"``: rotated, zoomed, shifted, mirrored or not, with another contrast and brightness.
        ``"none"``: the centre.
    mean, std : tuple of float
        Of the three channels, for pixel values from 0 to 1; the result is ``(pixel - mean) / std``.
    degrees : float
        Affine: the angle is uniform in ±`degrees`.
    log_zoom : float
        Affine: the logarithm of the zoom is uniform in ±`log_zoom`.
    shift : float
        Affine: the shift along each axis is uniform in ±`shift` times half the side of the image.
    contrast : float
        Affine: the normalised image is multiplied by exp(u), u uniform in ±`contrast`.
    brightness : float
        Affine: to the normalised image u is added, uniform in ±`brightness` (in standard deviations).
    erase : float
        Probability, for each sample, that a rectangle of it is set to the mean; with every kind.
    erase_sides : tuple of float
        Least and greatest side of that rectangle, as a share of `size`.

    Raises
    ------
    UserError
        A value is out of range.
    """

    size: int
    kind: str = "ten_crop"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    degrees: float = 15.0
    log_zoom: float = 0.15
    shift: float = 0.12
    contrast: float = 0.25
    brightness: float = 0.25
    erase: float = 0.0
    erase_sides: tuple[float, float] = (0.15, 0.45)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(f"unknown augmentation {self.kind!r}", hint=nearest(self.kind, KINDS))
        if self.size < 1:
            raise UserError(f"crop size is {self.size}", hint="give a number of pixels")
        if not 0 <= self.erase <= 1:
            raise UserError(f"erase is {self.erase}", hint="give a probability, from 0 to 1")
        if not 0 < self.erase_sides[0] <= self.erase_sides[1] <= 1:
            raise UserError(f"erase_sides is {self.erase_sides}", hint="give two shares of the side, from 0 to 1")
        if min(self.std) <= 0:
            raise UserError(f"std is {self.std}", hint="give positive numbers")
        for name in ("degrees", "log_zoom", "shift", "contrast", "brightness"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} is {getattr(self, name)}", hint="give the half width of the range, 0 or more")


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
        size, kind = self.parameters.size, self.parameters.kind
        down, right = room(height, width, size)
        if kind == "affine":
            batch = self._affine(images)
        elif kind == "none":
            batch = self._normalise(centre_crop(images, size))
        else:
            if kind == "ten_crop":
                view = self._integers(10, m)
                top, left, flip = (offsets[view] for offsets in ten_crop_offsets(height, width, size))
            else:
                top, left = self._integers(down + 1, m), self._integers(right + 1, m)
                flip = self._uniform(m) < 0.5
            batch = self._normalise(crop_batch(images, top, left, size, flip))
        return self._erase(batch) if self.parameters.erase else batch

    def evaluate(self, images: Tensor) -> Tensor:
        """Centre crop of a batch, normalised as in training; draws nothing.

        Parameters
        ----------
        images : Tensor
            (m, 3, H, W) uint8, on any device.

        Returns
        -------
        Tensor
            (m, 3, size, size) float32 on the same device, in channels_last memory.

        Raises
        ------
        UserError
            The crop is larger than the images.
        ValueError
            `images` are not (m, 3, H, W) uint8.
        """
        _check(images)
        return self._normalise(centre_crop(images, self.parameters.size))

    def _normalise(self, pixels: Tensor) -> Tensor:
        # (pixel / 255 - mean) / std as one multiplication and one addition
        mean, std = torch.tensor(self.parameters.mean), torch.tensor(self.parameters.std)
        factor, offset = (1 / (255 * std)).view(3, 1, 1), (-mean / std).view(3, 1, 1)
        # channels_last comes last: converting and scaling contiguous memory first is twice as fast.
        batch = pixels.float().mul_(factor.to(pixels.device)).add_(offset.to(pixels.device))
        return batch.contiguous(memory_format=torch.channels_last)

    def _affine(self, images: Tensor) -> Tensor:
        parameters, m = self.parameters, len(images)
        angle = self._within(math.radians(parameters.degrees), m)
        zoom = self._within(parameters.log_zoom, m).exp()
        shift_x, shift_y = self._within(parameters.shift, m), self._within(parameters.shift, m)
        flip = self._uniform(m) < 0.5
        contrast = self._within(parameters.contrast, m).exp().to(images.device)
        brightness = self._within(parameters.brightness, m).to(images.device)
        pixels = affine_batch(images.float(), angle, zoom, shift_x, shift_y, flip, parameters.size)
        return self._normalise(pixels).mul_(contrast.view(m, 1, 1, 1)).add_(brightness.view(m, 1, 1, 1))

    def _erase(self, batch: Tensor) -> Tensor:
        parameters, m, size = self.parameters, len(batch), self.parameters.size
        hit = self._uniform(m) < parameters.erase
        least, greatest = parameters.erase_sides
        height, width = (
            ((least + (greatest - least) * self._uniform(m)) * size).round().long().clamp(1, size) for _ in "hw"
        )
        top = (self._uniform(m) * (size - height + 1)).long()
        left = (self._uniform(m) * (size - width + 1)).long()
        return erase_batch(batch, top, left, height * hit, width)

    def _uniform(self, m: int) -> Tensor:
        return torch.rand(m, generator=self.generator)

    def _within(self, limit: float, m: int) -> Tensor:
        return (self._uniform(m) * 2 - 1) * limit

    def _integers(self, below: int, m: int) -> Tensor:
        return torch.randint(below, (m,), generator=self.generator)


def _check(images: Tensor) -> None:
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.uint8:
        raise ValueError(f"images must be (m, 3, H, W) uint8, got {tuple(images.shape)} {images.dtype}")

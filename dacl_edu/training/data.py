"""The data of a run: which images train, which validate, which are measured at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Sampler

from dacl_edu._moved import old_names
from dacl_edu.data import AugmentParameters, FaceDataset, available_splits, split_train_validation
from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.splits import evaluated_split, load_split

RGB = tuple[float, float, float]

_KNOWN_STATISTICS: dict[str, tuple[RGB, RGB]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),  # torchvision's
    "rafdb": ((0.5752, 0.4495, 0.4012), (0.2086, 0.1911, 0.1827)),  # the authors' released code, main.py
}


@dataclass(frozen=True)
class TrainingData:
    """Training part and, where there is one, validation part; and how images become inputs.

    Attributes
    ----------
    train : FaceDataset
    validation : FaceDataset or None
        The data set's own validation part, or one taken from its training part.
    validation_source : str
        ``"val"``, :data:`HELD_OUT`, ``"test"`` or ``"none"``.
    augment : AugmentParameters
    """

    train: FaceDataset
    validation: FaceDataset | None
    validation_source: str
    augment: AugmentParameters

    @property
    def held_out(self) -> int:
        """How many images of the training part validate, and do not train."""
        return 0 if self.validation is None or self.validation_source != HELD_OUT else len(self.validation)

    def lines(self) -> list[str]:
        """What to say of the data before training: how many images of which classes, and what to know of them."""
        held = "" if self.validation is None else f", {len(self.validation)} validation ({self.validation_source})"
        named = self.train.classes if len(self.train.classes) <= _NAMED else (*self.train.classes[: _NAMED - 1], "…")
        first = f"{self.train.name}: {len(self.train)} training images{held}; {len(self.train.classes)} classes: "
        return [first + ", ".join(named), *dict.fromkeys(self.train.notes)]


_NAMED, HELD_OUT = 12, "held out of train"


def load_training_data(config: TrainConfig) -> TrainingData:
    """Load what is trained and validated on; the evaluated split is only looked for, not read.

    Raises
    ------
    UserError
        A split is missing, a class has no image, or the training part is smaller than two images.
    """
    splits = available_splits(config.data, config.root)
    evaluated_split(config, splits)
    train = load_split(config, "train")
    validation, source = None, "none"
    if config.select_by == "test":
        validation, source = load_split(config, "test"), "test"
    elif "val" in splits:
        validation, source = load_split(config, "val"), "val"
    elif config.select_by == "validation":
        if not config.validation_fraction:
            raise UserError(
                f"{config.data} has no validation part and validation_fraction is 0, so no epoch can be selected",
                hint="--select-by last, or --validation-fraction 0.1",
            )
        train, validation = split_train_validation(train, config.validation_fraction, config.seed)
        source = HELD_OUT
    train.require_every_class()
    if len(train) < 2:
        raise UserError(f"{config.data} has {len(train)} training image(s)", hint="BatchNorm needs at least two")
    mean, std = _KNOWN_STATISTICS.get(config.normalize) or channel_statistics(train)
    augment = AugmentParameters(config.image_size, config.augment, mean, std)
    return TrainingData(train, validation, source, augment)


def channel_statistics(images: Tensor | FaceDataset, most: int = 4096) -> tuple[RGB, RGB]:
    """Mean and standard deviation of each of the three channels, for pixel values from 0 to 1.

    Of more than ``most`` images (n, 3, H, W) uint8 every k-th is looked at.

    Examples
    --------
    >>> channel_statistics(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 1, 1))
    ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    """
    # A histogram counts every pixel exactly and needs no float copy of the images.
    counts = torch.zeros(3, 256, dtype=torch.int64)
    for rows in torch.arange(0, len(images), max(1, len(images) // most)).split(256):
        part = images.gather(rows)[0] if isinstance(images, FaceDataset) else images[rows]
        counts += torch.stack([torch.bincount(part[:, channel].flatten(), minlength=256) for channel in range(3)])
    values = torch.arange(256, dtype=torch.float64) / 255
    means, stds = [], []
    for share in counts.double():
        share /= share.sum()
        mean = float(share @ values)
        means.append(mean)
        stds.append(max(float(share @ (values - mean).square()) ** 0.5, 1e-6))
    return (means[0], means[1], means[2]), (stds[0], stds[1], stds[2])


class EpochSampler(Sampler[int]):
    """A new random order each epoch that depends on seed and epoch alone, so that a resumed run draws the same.

    Parameters
    ----------
    length : int
        Number of images.
    seed : int

    Attributes
    ----------
    epoch : int
        Whose order is drawn next. A plain attribute, since Fabric would call ``set_epoch`` with a count of its own.

    Examples
    --------
    >>> order = EpochSampler(5, seed=0)
    >>> first = list(order)
    >>> order.epoch = 1
    >>> first != list(order), sorted(first)
    (True, [0, 1, 2, 3, 4])
    """

    def __init__(self, length: int, seed: int) -> None:
        self.length = length
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        return iter(torch.randperm(self.length, generator=epoch_generator(self.seed, self.epoch)).tolist())


def epoch_generator(seed: int, epoch: int, stream: int = 0) -> torch.Generator:
    """Return a generator whose numbers depend on seed, epoch and stream (order, augmentation of process k, …)."""
    mixed = (seed * 1_000_003 + epoch) * 1_009 + stream
    return torch.Generator().manual_seed(mixed % (2**63))


__getattr__ = old_names(__name__)  # names of the last release

"""How time and memory grow: with the batch, the features, the classes, the image's side and the images of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch

from dacl_edu.bench.loss import both_steps
from dacl_edu.bench.pair import by_turns, peak_bytes, slope
from dacl_edu.data import AugmentParameters, FaceDataset
from dacl_edu.expressions import EXPRESSIONS
from dacl_edu.model import DACL
from dacl_edu.runs.config import TrainConfig
from dacl_edu.training.allocator import keep_freed_memory
from dacl_edu.training.batches import TrainingBatches


@dataclass(frozen=True)
class Growth:
    """What a cost is for several sizes.

    Attributes
    ----------
    name : str
        What grows.
    sizes : list of int
    milliseconds, mebibytes : list of float
        For each size: the quickest repetition, and the most memory held at a time.

    Examples
    --------
    >>> print(Growth("m", [1, 2], [1.0, 2.0], [3.0, 6.0]))
    m                  1 .. 2        time ~ 1.00 (1 .. 2 ms), memory ~ 1.00 (3 .. 6 MiB)
    """

    name: str
    sizes: list[int]
    milliseconds: list[float]
    mebibytes: list[float]

    def __str__(self) -> str:
        time, memory = slope(self.sizes, self.milliseconds), slope(self.sizes, self.mebibytes)
        ends = [f"{each[0]:.3g} .. {each[-1]:.3g}" for each in (self.milliseconds, self.mebibytes)]
        sizes = f"{self.sizes[0]} .. {self.sizes[-1]}"
        return f"{self.name:<18} {sizes:<13} time ~ {time:.2f} ({ends[0]} ms), memory ~ {memory:.2f} ({ends[1]} MiB)"

    def as_json(self) -> dict[str, Any]:
        """All numbers and both slopes."""
        slopes = {"time": slope(self.sizes, self.milliseconds), "memory": slope(self.sizes, self.mebibytes)}
        return {**asdict(self), "slopes": slopes}


def growths(repetitions: int) -> Iterator[Growth]:
    """Yield the growth of Eq. 4 and 11 with m, d and K, of the network with an image's pixels, of an epoch with N."""
    keep_freed_memory()  # as in training
    base = {"m": 1024, "d": 1024, "K": 64}
    for name, sizes in {"m": [1024, 2048, 4096], "d": [1024, 2048, 4096], "K": [64, 1024, 8192]}.items():
        yield _growth(name, sizes, [both_steps(*{**base, name: size}.values()) for size in sizes], repetitions)
    sides = [32, 64, 128]
    yield _growth("pixels of an image", [side**2 for side in sides], [_network(side) for side in sides], repetitions)
    counts = [512, 1024, 2048]
    yield _growth("images of an epoch", counts, [_epoch(count) for count in counts], repetitions)


def _growth(name: str, sizes: list[int], calls: list[Callable[[], None]], repetitions: int) -> Growth:
    times = by_turns(calls, repetitions)
    memory = [peak_bytes(call) / 2**20 for call in calls]
    return Growth(name, sizes, [1e3 * min(each) for each in times], memory)


def _network(side: int) -> Callable[[], None]:
    # Narrow attention: its first layer has a weight for each position, which would hide what the pixels cost.
    model, images = DACL("small_resnet", image_size=side, attention="ones"), torch.zeros(16, 3, side, side)
    return lambda: model(images).logits.sum().backward()


def _epoch(count: int) -> Callable[[], None]:
    images = torch.zeros(count, 3, 64, 64, dtype=torch.uint8)
    faces = FaceDataset(images, torch.arange(count) % len(EXPRESSIONS))
    config = TrainConfig.from_preset("quick", device="cpu")
    batches = TrainingBatches(faces, AugmentParameters(56, "random_crop"), config, torch.device("cpu"))

    def call() -> None:
        for _ in batches.epoch(0):
            pass

    return call

"""The batches of a run: where its images lie, who gets which of them, and how they become the network's input."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import torch
from torch import Tensor

from dacl_edu.data import AugmentParameters, BatchAugment, FaceDataset
from dacl_edu.data.decode import available_memory
from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu.training.data import EpochSampler, epoch_generator

Place = Literal["device", "host"]

SHARE = 3
"""The images may take one part in so many of the device's free memory; the rest is the network's."""
AHEAD = 4
"""Batches that are fetched ahead where the images stay on the host."""

_LABELS = 1_000  # the stream of labels that are drawn from votes: every process draws the same


class TrainingBatches:
    """Batches of the training part on this process's device, augmented and normalised, in a new order each epoch.

    Where the images live on the device, a step asks the host for nothing: order and views of a whole epoch are drawn on
    the CPU, so that every device draws the same, and are copied at once; gathering, cropping, mirroring and normalising
    happen on the device. Else threads gather the next batches into pinned memory while the device computes.

    Several processes share each batch: process r takes rows r, r + world_size, … of it, so that every image is seen
    once an epoch, and with the very view that it would have in one process.

    Parameters
    ----------
    dataset : FaceDataset
    augment : AugmentParameters
    config : TrainConfig
        Its ``seed``, ``batch_size``, ``accumulate``, ``workers`` and ``data_place`` are read.
    device : torch.device
    rank, world_size : int, default 0, 1
        This process, and how many there are.

    Attributes
    ----------
    place : {"device", "host"}
        Where the images lie while the run goes on.

    Raises
    ------
    UserError
        Too few images for the micro-batches that the configuration asks for.

    Examples
    --------
    >>> faces = FaceDataset(torch.zeros(7, 3, 20, 20, dtype=torch.uint8), torch.arange(7))
    >>> config = TrainConfig(image_size=16, batch_size=4)
    >>> batches = TrainingBatches(faces, AugmentParameters(16), config, torch.device("cpu"))
    >>> [(tuple(images.shape), len(labels), joined) for images, labels, joined in batches.epoch(0)]
    [((4, 3, 16, 16), 4, 4), ((3, 3, 16, 16), 3, 3)]
    """

    def __init__(
        self,
        dataset: FaceDataset,
        augment: AugmentParameters,
        config: TrainConfig,
        device: torch.device,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.seed, self.device, self.rank, self.world_size = config.seed, device, rank, world_size
        self.augment = augment
        self.batch_size = min(config.batch_size, len(dataset))
        # BatchNorm cannot train on one image, so a last batch with fewer is left out (each epoch others).
        self.least = 2 * config.accumulate * world_size
        if self.batch_size < self.least:
            raise UserError(
                f"{len(dataset)} training images over accumulate {config.accumulate} and devices {world_size} leave "
                "fewer than two at a time, and BatchNorm needs at least two",
                hint="--accumulate 1, or more images",
            )
        self.place = place_of(config, dataset.nbytes, device)
        self.dataset = dataset.to(device) if self.place == "device" else dataset
        self.threads = config.workers or (0 if device.type == "cpu" else 2)

    def __len__(self) -> int:
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest >= self.least)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Yield images (b, 3, size, size) float32, labels (b,), and the images of this batch over all processes."""
        self.dataset.redraw_labels(epoch_generator(self.seed, number, stream=_LABELS))
        order = EpochSampler(len(self.dataset), self.seed)
        order.epoch = number
        augment = BatchAugment(self.augment, epoch_generator(self.seed, number, stream=2))
        _, height, width = self.dataset.image_shape
        joined = torch.tensor(list(order)).split(self.batch_size)[: len(self)]
        views = [augment.draw(len(rows), height, width) for rows in joined]
        mine = slice(self.rank, None, self.world_size)
        todo = [torch.cat([rows[mine, None], drawn[mine]], dim=1) for rows, drawn in zip(joined, views, strict=True)]
        batches = self._resident(todo) if self.place == "device" else self._fetched(todo)
        for (images, labels, drawn), rows in zip(batches, joined, strict=True):
            yield augment.apply(images, drawn), labels, len(rows)

    def _resident(self, todo: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Gather each batch where the images live; `todo` are (b, 4): row, top, left, mirrored."""
        there = torch.cat(list(todo)).to(self.device)  # one copy an epoch
        for part in there.split([len(each) for each in todo]):
            yield *self.dataset.gather(part[:, 0]), part[:, 1:]

    def _fetched(self, todo: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Gather each batch on the host, ahead of the device."""
        pinned = self.device.type == "cuda"

        def fetch(part: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            images = torch.empty(len(part), *self.dataset.image_shape, dtype=torch.uint8, pin_memory=pinned)
            _, labels = self.dataset.gather(part[:, 0], out=images)
            views = part[:, 1:].contiguous()
            return images, *((labels.pin_memory(), views.pin_memory()) if pinned else (labels, views))

        for images, labels, views in ahead(fetch, todo, self.threads):
            yield tuple(each.to(self.device, non_blocking=True) for each in (images, labels, views))


def ahead(fetch: Callable[[Any], Any], items: Sequence[Any], threads: int, depth: int = AHEAD) -> Iterator[Any]:
    """Yield ``fetch(item)`` in order, computed by threads and at most `depth` ahead; without threads when asked for.

    Examples
    --------
    >>> list(ahead(abs, [-1, 2, -3], threads=2))
    [1, 2, 3]
    """
    if not threads:
        yield from map(fetch, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        rest = iter(items)
        waiting = deque(pool.submit(fetch, item) for item in itertools.islice(rest, depth))
        try:
            while waiting:
                done = waiting.popleft()
                yield done.result()
                waiting.extend(pool.submit(fetch, item) for item in itertools.islice(rest, 1))
        finally:  # an interrupted epoch does not fetch what nobody will see
            for each in waiting:
                each.cancel()


def place_of(config: TrainConfig, nbytes: int, device: torch.device) -> Place:
    """Return where the images of a run lie: on its device where they fit beside the network, unless the config says.

    On a CPU both are the same memory, so that nothing is copied; threads that fetch ahead are used where ``workers``
    asks for them.
    """
    if config.data_place != "auto":
        return config.data_place
    if device.type == "cpu":
        return "host" if config.workers else "device"
    return "device" if nbytes * SHARE <= free_memory(device) else "host"


def free_memory(device: torch.device) -> int:
    """Return the bytes that are free on a device; of Apple's GPUs and of unknown ones, those of the machine."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return available_memory() or 0

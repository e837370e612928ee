"""Where images lie and who gets which of them must not change a batch; nothing in a step may wait for a device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from dacl_edu.data import AugmentParameters, BatchAugment, FaceDataset
from dacl_edu.errors import UserError
from dacl_edu.losses import base, functional
from dacl_edu.runs.folder import RunFolder
from dacl_edu.training import TrainConfig, batches, loop, train
from dacl_edu.training.batches import TrainingBatches, ahead, place_of
from dacl_edu.training.data import epoch_generator

Config = Callable[..., TrainConfig]
CPU = torch.device("cpu")


def some(n: int = 23, side: int = 20) -> FaceDataset:
    images = torch.randint(0, 256, (n, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return FaceDataset(images, torch.arange(n) % 7)


def epoch(data: FaceDataset, *ranks: int, number: int = 1, **changes: Any) -> list[tuple[Tensor, Tensor, int]]:
    config = TrainConfig(**{"image_size": 16, "batch_size": 8, **changes})
    return list(TrainingBatches(data, AugmentParameters(16, "random_crop"), config, CPU, *ranks).epoch(number))


def test_a_batch_is_what_a_plain_gather_and_the_augmentation_give() -> None:
    data = some()
    augment = BatchAugment(AugmentParameters(16, "random_crop"), epoch_generator(0, 1, stream=2))
    order = torch.randperm(23, generator=epoch_generator(0, 1))
    expected = [(augment(data.images[rows]), data.labels[rows]) for rows in order.split(8)]
    for (images, labels, joined), (right_images, right_labels) in zip(epoch(data), expected, strict=True):
        assert torch.equal(images, right_images) and torch.equal(labels, right_labels) and joined == len(labels)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_images_on_the_host_give_the_same_batches(workers: int) -> None:
    there = epoch(some(), data_place="host", workers=workers)
    for ours, theirs in zip(there, epoch(some()), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours[:2], theirs[:2], strict=True)) and ours[2] == theirs[2]


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize("n", [23, 24, 25])
def test_processes_share_each_batch_and_see_every_image_once(n: int, world: int) -> None:
    data, config = some(n), {"batch_size": 12}
    alone = epoch(data, **config)
    shares = [epoch(data, rank, world, **config) for rank in range(world)]
    left_out = 0 < n % 12 < 2 * world  # too few for BatchNorm on every process
    assert {len(share) for share in shares} == {len(alone) - (left_out and n % 12 >= 2)}
    for step, parts in enumerate(zip(*shares, strict=True)):
        images, labels, joined = alone[step]
        assert sum(len(part[1]) for part in parts) == joined == len(labels) == parts[0][2]
        for rank, part in enumerate(parts):
            assert torch.equal(part[0], images[rank::world]) and torch.equal(part[1], labels[rank::world])


def test_too_few_images_for_the_processes_are_refused() -> None:
    with pytest.raises(UserError, match="7 training images over accumulate 2 and devices 2"):
        epoch(some(7), 0, 2, accumulate=2)


def test_no_number_of_a_resident_epoch_is_read_off_its_device() -> None:
    """On the meta device there are shapes and no numbers: whatever would make a GPU wait raises."""
    config = TrainConfig(image_size=16, batch_size=8, data_place="device")
    there = TrainingBatches(some(), AugmentParameters(16), config, torch.device("meta"))
    seen = list(there.epoch(0))
    assert [tuple(images.shape) for images, *_ in seen] == [(8, 3, 16, 16), (8, 3, 16, 16), (7, 3, 16, 16)]
    assert {images.device.type for images, *_ in seen} == {"meta"}


def test_images_live_on_a_gpu_where_a_third_of_its_free_memory_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, config, images = torch.device("cuda"), TrainConfig(), some().images
    for free, place in ((3 * images.nbytes, "device"), (3 * images.nbytes - 1, "host")):
        monkeypatch.setattr(batches, "free_memory", lambda device, free=free: free)
        assert place_of(config, images.nbytes, gpu) == place
        assert place_of(config.model_copy(update={"data_place": "device"}), images.nbytes, gpu) == "device"
        assert place_of(config.model_copy(update={"data_place": "host"}), images.nbytes, gpu) == "host"
    assert place_of(config, images.nbytes, CPU) == "device"
    assert place_of(config.model_copy(update={"workers": 2}), images.nbytes, CPU) == "host"


def test_a_result_says_where_the_images_lay_and_how_float32_was_multiplied(config: Config, tmp_path: Path) -> None:
    import json

    assert train(config(epochs=1), tmp_path / "a", progress=False)["data_place"] == "device"
    own = config(epochs=1, data_place="host", matmul_precision="high")
    assert train(own, tmp_path / "b", progress=False)["data_place"] == "host"
    said = [json.loads(RunFolder(tmp_path / name).environment_file.read_text())["matmul_precision"] for name in "ab"]
    torch.set_float32_matmul_precision("highest")
    assert said == ["highest", "high"]


def test_fetching_ahead_is_bounded_and_stops_with_its_reader() -> None:
    fetched: list[int] = []
    reader = ahead(lambda item: fetched.append(item) or item, list(range(100)), threads=1, depth=3)
    assert [next(reader), next(reader)] == [0, 1]
    reader.close()
    assert len(fetched) <= 5


class Reads(TorchDispatchMode):
    """Counts how often a number is asked for by ``.item()`` or ``bool()``; ``.tolist()`` it does not see."""

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*arguments, **(keywords or {}))


def reads_of_an_epoch(config: TrainConfig, out: Path, monkeypatch: pytest.MonkeyPatch, every: int) -> int:
    def as_on_a_gpu(*arguments: Any) -> Any:
        run = true_build(*arguments)
        run.read_every = every
        return run

    true_build, true_list, listed = loop.build_run, Tensor.tolist, list[int]()
    with monkeypatch.context() as patch, Reads() as reads:
        patch.setattr(loop, "build_run", as_on_a_gpu)
        for module in (base, functional):  # labels are checked on a CPU only
            patch.setattr(module, "check_labels", lambda labels, num_classes: None)
        patch.setattr(Tensor, "tolist", lambda tensor: listed.append(0) or true_list(tensor))
        train(config, out, progress=False)
    return reads.count + len(listed)


@pytest.mark.parametrize(
    "changes", [{}, {"method": "island"}, {"method": "softmax"}, {"clip_norm": 1.0}, {"attention": "permuted"}], ids=str
)
def test_a_step_reads_no_number(
    changes: dict[str, Any], config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three steps an epoch ask for as many numbers as ten do: none of them belongs to a step."""
    counts = [
        reads_of_an_epoch(config(epochs=1, batch_size=size, **changes), tmp_path / str(size), monkeypatch, every=100)
        for size in (16, 4)
    ]
    assert counts[0] == counts[1]
    if not changes:  # the counter counts: where every step is reported, each reads the losses
        assert reads_of_an_epoch(config(epochs=1, batch_size=4), tmp_path / "each", monkeypatch, every=1) > counts[1]


@pytest.mark.gpu
def test_a_step_on_a_gpu_makes_nobody_wait(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dacl_edu.training.progress import Throughput

    true_timed, steps = Throughput.timed, [0]

    def timed(self: Throughput, given: Any) -> Any:
        for batch in true_timed(self, given):
            steps[0] += 1
            torch.cuda.set_sync_debug_mode("error" if 1 < steps[0] < 10 else "default")
            yield batch
        torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(Throughput, "timed", timed)
    try:
        train(config(epochs=1, batch_size=4, device="cuda"), tmp_path / "run", progress=False)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert steps[0] == 11

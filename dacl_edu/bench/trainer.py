"""What the trainer adds to the bare step, DACL to softmax, and the way of a batch to its device."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from dacl_edu.bench.pair import Pair, by_turns
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder
from dacl_edu.training import train
from dacl_edu.training.batches import TrainingBatches
from dacl_edu.training.build import build_run
from dacl_edu.training.state import RunState


def bare_step(run: RunState) -> Callable[[], None]:
    """Return one step of Algorithm 1 on a batch that is there already, with nothing counted, watched or written."""
    images, labels, _ = next(run.batches.epoch(0))
    run.model.train()

    def step() -> None:
        run.optimizer.zero_grad()
        logits, features, attention, _ = run.model(images)
        terms = run.objective(logits, features, attention, labels, run.centers())
        run.fabric.backward(terms.total)
        run.centers.accumulate(features, attention, labels)
        run.centers.step(run.objective.center_push(run.centers()))
        run.optimizer.step()

    return step


def step_pair(config: TrainConfig, repetitions: int, cpu_time: bool = False, wanted: float | None = 0.909) -> Pair:
    """Return the step of DACL beside that of softmax, in images a second."""
    with tempfile.TemporaryDirectory() as folder:
        steps = [
            bare_step(_built(config.model_copy(update={"method": method}), Path(folder) / method))
            for method in ("dacl", "softmax")
        ]
        threads = 1 if cpu_time else torch.get_num_threads()
        ours, theirs = by_turns(steps, repetitions, threads, seconds=1.0, cpu_time=cpu_time)
    m = config.batch_size
    what = f"DACL step, {config.backbone} {config.image_size} px"
    return Pair(what, "softmax", "images/s", [m / t for t in ours], [m / t for t in theirs], wanted, True)


def train_pair(config: TrainConfig, repetitions: int, wanted: float | None = 0.93) -> tuple[Pair, list[dict[str, Any]]]:
    """Return the trainer beside its own bare step, in images a second, and what each run said at its end."""
    ours, theirs, said = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        run = _built(config, Path(folder) / "bare")
        step, count = bare_step(run), len(run.batches)
        step()
        for number in range(repetitions):
            said.append(train(config, Path(folder) / str(number), progress=False))
            ours.append(said[-1]["images_per_second"])
            start = time.perf_counter()
            for _ in range(count):
                step()
            _finish(run.fabric.device)
            theirs.append(count * run.batches.batch_size / (time.perf_counter() - start))
    what = f"trainer, {config.method} {config.preset} {config.image_size} px"
    return Pair(what, "its bare step", "images/s", ours, theirs, wanted, True), said


def input_pair(config: TrainConfig, repetitions: int) -> Iterator[Pair]:
    """Yield an epoch of batches from images on the device, beside threads that fetch them, and beside torchvision."""
    with tempfile.TemporaryDirectory() as folder:
        run = _built(config, Path(folder) / "run")
    device, augment = run.fabric.device, run.data.augment
    n = len(run.batches) * run.batches.batch_size

    def epoch(batches: TrainingBatches) -> Callable[[], None]:
        def call() -> None:
            for _ in batches.epoch(0):
                pass

        return call

    ways = {}
    for place in ("device", "host"):
        own = config.model_copy(update={"data_place": place, "workers": 2 if place == "host" else 0})
        ways[place] = epoch(TrainingBatches(run.data.train, augment, own, device))
    classic = _one_by_one(run, n)
    there, fetched, plain = by_turns([ways["device"], ways["host"], classic], repetitions, torch.get_num_threads())
    speeds = [[n / t for t in times] for times in (there, fetched, plain)]
    what = f"input {augment.size} px"
    yield Pair(f"{what}, images on the device", "one by one", "images/s", speeds[0], speeds[2], None, True)
    yield Pair(f"{what}, fetched by 2 threads", "one by one", "images/s", speeds[1], speeds[2], None, True)


def _one_by_one(run: RunState, n: int) -> Callable[[], None]:
    """The classical way: a transform of each image by itself, stacked by a DataLoader."""
    from torch.utils.data import DataLoader
    from torchvision.transforms import v2

    size, data = run.data.augment.size, run.data.train
    transform = v2.Compose([
        v2.RandomCrop(size), v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(list(run.data.augment.mean), list(run.data.augment.std)),
    ])  # fmt: skip

    class OneByOne(torch.utils.data.Dataset[Any]):
        def __len__(self) -> int:
            return min(n, len(data))

        def __getitem__(self, index: int) -> Any:
            return transform(data.images[index]), data.labels[index]

    def epoch() -> None:
        for images, _ in DataLoader(OneByOne(), run.batches.batch_size, shuffle=True):
            images.to(run.fabric.device)

    return epoch


def _built(config: TrainConfig, folder: Path) -> RunState:
    return build_run(config, RunFolder(folder), resume=False, progress=False)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()

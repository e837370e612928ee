"""The state of a run: its parts, what changes in them, and what a checkpoint holds to resume it to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dacl_edu.centers import ClassCenters
from dacl_edu.data import FaceDataset
from dacl_edu.losses import Objective
from dacl_edu.model import DACL
from dacl_edu.model.pretrained import require_same_classes
from dacl_edu.runs.checkpoint import checkpoint_classes, rng_state, save_checkpoint, set_rng_state
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder
from dacl_edu.runs.snapshots import SnapshotWriter
from dacl_edu.training.batches import TrainingBatches
from dacl_edu.training.board import Board
from dacl_edu.training.data import TrainingData
from dacl_edu.training.progress import Throughput
from dacl_edu.training.trackers import Tracker, open_tracker

if TYPE_CHECKING:
    from lightning_fabric import Fabric


@dataclass
class RunState:
    """A run while it goes on, in memory and on disk.

    Attributes
    ----------
    folder : RunFolder
    config : TrainConfig
    fabric : Fabric
    data : TrainingData
    batches : TrainingBatches
    validation : FaceDataset or None
        The validation part, on the device where the training part lives there.
    prepare : callable
        From uint8 images to the network's input, for evaluation.
    network, model : DACL, module
        The network, and what is called in its place: Fabric's wrapper, perhaps compiled.
    centers : ClassCenters
    objective : Objective
    optimizer, schedule
    snapshots : SnapshotWriter
    read_every : int
        Steps after which the losses are read: each time a GPU must finish first.
    epoch : int
        Epochs that are finished.
    best, best_epoch : float, int
        Best accuracy on the validation part so far, and when.
    speed : Throughput
        Goes on counting where an interrupted run stopped.
    history : list of dict
        The metrics of each finished epoch.
    """

    folder: RunFolder
    config: TrainConfig
    fabric: Fabric
    data: TrainingData
    batches: TrainingBatches
    validation: FaceDataset | None
    prepare: Callable[[Tensor], Tensor]
    network: DACL
    model: Any
    centers: ClassCenters
    objective: Objective
    optimizer: Any
    schedule: Any
    snapshots: SnapshotWriter
    read_every: int = 1
    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0
    speed: Throughput = field(default_factory=Throughput)
    history: list[dict[str, Any]] = field(default_factory=list)

    def finish_epoch(self, line: dict[str, Any]) -> None:
        """Count the epoch, write its metrics, snapshot and checkpoints."""
        self.epoch += 1
        self.history.append(line)
        self.snapshots.take(self.epoch, self.network, self.centers)
        accuracy = line["validation"]["accuracy"] if "validation" in line else -1.0
        is_best = accuracy > self.best
        if is_best:
            self.best, self.best_epoch = accuracy, self.epoch
        if self.fabric.is_global_zero:
            self.folder.write_metrics(self.history)
            self.board.epoch(line, self.epoch)
            if self.tracker is not None:
                self.tracker.epoch(self.history)
            if is_best and self.config.select_by != "last":
                save_checkpoint(self.folder.checkpoint_best, self.state())
            save_checkpoint(self.folder.checkpoint_last, self.state(), self.folder.checkpoint_before)
        self.fabric.barrier()

    def state(self) -> dict[str, Any]:
        """Return everything that the rest of the run depends on."""
        scaler = getattr(self.fabric._strategy.precision, "scaler", None)
        return {
            "model": self.network.state_dict(),
            "centers": self.centers.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "rng": rng_state(),
            "threads": torch.get_num_threads(),
            "epoch": self.epoch,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "seconds": self.speed.seconds,
            "images": self.speed.images,
            "waiting": self.speed.waiting,
            "history": self.history,
            "normalization": [list(self.data.augment.mean), list(self.data.augment.std)],
            "config": self.config.model_dump(mode="json"),
            "classes": list(self.data.train.classes),
        }

    def restore(self, state: dict[str, Any], path: Path) -> None:
        """Put back what :meth:`state` returned; ``path`` is where it was read, for the error.

        Raises
        ------
        UserError
            The checkpoint is of other classes than the data.
        """
        require_same_classes(str(path), checkpoint_classes(state), self.data.train.classes)
        self.network.load_state_dict(state["model"])
        self.centers.load_state_dict(state["centers"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        scaler = getattr(self.fabric._strategy.precision, "scaler", None)
        if scaler is not None and state["scaler"] is not None:
            scaler.load_state_dict(state["scaler"])
        set_rng_state(state["rng"])
        self.epoch, self.best, self.best_epoch = state["epoch"], state["best"], state["best_epoch"]
        speed = self.speed
        speed.seconds, speed.images, speed.waiting = state["seconds"], state["images"], state["waiting"]
        self.history = list(state["history"] or [])

    @cached_property
    def board(self) -> Board:
        """What TensorBoard shows of this run; its file is opened when the first epoch is written."""
        return Board(self.folder.path / "tensorboard", self.epoch)

    @cached_property
    def tracker(self) -> Tracker | None:
        """The tracker that the configuration asks for, opened as the board is."""
        return open_tracker(self.config, self.folder.path)

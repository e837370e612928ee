"""The state of a run: what a checkpoint holds, so that a resumed run continues to the bit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from dacl_edu.centers import ClassCenters
from dacl_edu.model import DACL
from dacl_edu.training.checkpoint import load_checkpoint, rng_state, save_checkpoint, set_rng_state
from dacl_edu.training.config import TrainConfig
from dacl_edu.training.progress import Throughput
from dacl_edu.training.run_folder import RunFolder


@dataclass
class RunState:
    """Everything that changes while a run goes on, in memory and on disk.

    Attributes
    ----------
    epoch : int
        Epochs that are finished.
    best, best_epoch : float, int
        Best accuracy on the validation part so far, and when.
    seconds, images, waiting : float, int, float
        What :class:`Throughput` has counted so far.
    history : list of dict
        The metrics of each finished epoch.
    """

    folder: RunFolder
    fabric: Fabric
    config: TrainConfig
    network: DACL
    centers: ClassCenters
    optimizer: Any
    schedule: Any
    normalization: tuple[tuple[float, ...], tuple[float, ...]]
    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0
    seconds: float = 0.0
    images: int = 0
    waiting: float = 0.0
    history: list[dict[str, Any]] | None = None

    def finish_epoch(self, line: dict[str, Any], speed: Throughput) -> None:
        """Count the epoch, write its metrics and the checkpoints."""
        self.epoch += 1
        self.history = [*(self.history or []), line]
        self.seconds, self.images, self.waiting = speed.seconds, speed.images, speed.waiting
        accuracy = line["validation"]["accuracy"] if "validation" in line else -1.0
        is_best = accuracy > self.best
        if is_best:
            self.best, self.best_epoch = accuracy, self.epoch
        if self.fabric.is_global_zero:
            self.folder.write_metrics(self.history)
            self._write_tensorboard(line)
            if is_best and self.config.select_by != "last":
                save_checkpoint(self.folder.checkpoint_best, self.state())
            save_checkpoint(self.folder.checkpoint_last, self.state())
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
            "epoch": self.epoch,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
            "images": self.images,
            "waiting": self.waiting,
            "history": self.history,
            "normalization": [list(self.normalization[0]), list(self.normalization[1])],
            "config": self.config.model_dump(mode="json"),
        }

    def restore(self, path: Path) -> None:
        """Put back what :meth:`state` returned."""
        state = load_checkpoint(path)
        self.network.load_state_dict(state["model"])
        self.centers.load_state_dict(state["centers"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        scaler = getattr(self.fabric._strategy.precision, "scaler", None)
        if scaler is not None and state["scaler"] is not None:
            scaler.load_state_dict(state["scaler"])
        set_rng_state(state["rng"])
        self.epoch, self.best, self.best_epoch = state["epoch"], state["best"], state["best_epoch"]
        self.seconds, self.images, self.waiting = state["seconds"], state["images"], state["waiting"]
        self.history = state["history"]

    def throughput(self) -> Throughput:
        """Return a meter that goes on where the run stopped."""
        speed = Throughput()
        speed.seconds, speed.images, speed.waiting = self.seconds, self.images, self.waiting
        return speed

    def _write_tensorboard(self, line: dict[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter  # here, since it takes a second to import

        with SummaryWriter(self.folder.path / "tensorboard") as writer:
            for key, value in line.items():
                values = value if isinstance(value, dict) else {"": value}
                for name, number in values.items():
                    if isinstance(number, float):
                        writer.add_scalar(f"{key}/{name}".rstrip("/"), number, self.epoch)

"""Algorithm 1 of the paper as one visible loop. The comments ``line k`` are the lines of Algorithm 1."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.utils.data import DataLoader

from dacl_edu.centers import ClassCenters
from dacl_edu.data import BatchAugment, FaceDataset, collate_batch
from dacl_edu.errors import UserError
from dacl_edu.evaluation.metrics import AttentionMeter
from dacl_edu.evaluation.predict import Predictions, predict
from dacl_edu.losses import LossTerms, Objective
from dacl_edu.model import DACL
from dacl_edu.training.checkpoint import load_checkpoint, rng_state, save_checkpoint, set_rng_state
from dacl_edu.training.config import TrainConfig
from dacl_edu.training.methods import build_method
from dacl_edu.training.optim import build_optimizer, build_schedule, resolve_precision
from dacl_edu.training.parts import EpochOrder, epoch_generator, load_evaluated_split, load_training_data
from dacl_edu.training.progress import Reporter, Throughput
from dacl_edu.training.run_folder import RunFolder, git_sha, versions, write_json
from dacl_edu.weights import load_weights

History = list[dict[str, Any]]


def train(
    config: TrainConfig,
    out: str | Path,
    resume: bool = False,
    progress: bool = True,
    on_epoch: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Train and evaluate one model as ``config`` says, into the folder ``out``.

    Parameters
    ----------
    config : TrainConfig
        See :meth:`TrainConfig.from_preset`.
    out : path
        The run folder; must be new or empty, unless ``resume``.
    resume : bool, default False
        Continue a run that was interrupted, from the end of its last finished epoch, to the very bits that an
        uninterrupted run gives on the same machine. A finished run is returned as it is.
    progress : bool, default True
        Show a progress bar in a terminal and one line an epoch, on standard error.
    on_epoch : callable, optional
        Called with the metrics of each epoch, e.g. to draw a live plot.

    Returns
    -------
    dict
        What ``result.json`` holds: method, data, scores on the evaluated split, speed, versions.

    Raises
    ------
    UserError
        A wrong setting, a damaged data set, a folder that holds another run, or a loss that is not finite.

    Examples
    --------
    >>> import tempfile
    >>> config = TrainConfig.from_preset("smoke", data="bundled", method="center")
    >>> result = train(config, tempfile.mkdtemp(), progress=False)  # doctest: +SKIP
    >>> sorted(result["attention"])  # doctest: +SKIP
    ['entropy', 'mean', 'std']
    """
    folder = RunFolder(out)
    if resume and folder.result_file.exists():
        folder.start(config, resume)
        return folder.result()
    data = load_training_data(config)
    metric_loss, attention_mode = build_method(config)
    fabric = Fabric(
        accelerator=config.device,
        devices=config.devices,
        strategy="ddp" if config.devices > 1 else "auto",
        precision=resolve_precision(config),
    )
    if config.devices > 1:
        fabric.launch()
    order = EpochOrder(len(data.train), config.seed, fabric.global_rank, fabric.world_size)
    loader = _loader(fabric, data.train, order, config)

    # Input of Algorithm 1: parameters θ_C, θ_P, θ_A, θ_S, centers C, hyper-parameters α, λ, μ.
    torch.manual_seed(config.seed)
    num_classes = len(data.train.classes)
    network = DACL(config.backbone, num_classes, config.image_size, attention_mode, config.attention_widths)
    if config.weights:
        report = load_weights(network, config.weights)
        if progress and fabric.is_global_zero:
            print(report, file=sys.stderr)
    centers = ClassCenters(
        num_classes, network.feature_dim, config.alpha, config.eps, config.center_init,
        generator=epoch_generator(config.seed, 0, stream=1),
    ).to(fabric.device)
    objective = Objective(metric_loss, config.lam)
    if fabric.is_global_zero:  # not before here: a mistyped setting leaves no folder behind
        folder.start(config, resume)
    fabric.barrier()
    optimizer = build_optimizer(network, config)
    network.to(memory_format=torch.channels_last)
    trained: Any = torch.compile(network) if config.compile else network
    model, optimizer = fabric.setup(trained, optimizer)
    schedule = build_schedule(optimizer, config, steps_per_epoch=len(loader))

    normalization = (data.augment.mean, data.augment.std)
    run = _Run(folder, fabric, config, network, centers, optimizer, schedule, normalization)
    if resume and folder.checkpoint_last.exists():
        run.restore(folder.checkpoint_last)
    evaluate_input = BatchAugment(data.augment).evaluate
    speed = Throughput()
    speed.seconds = run.seconds
    speed.images = run.images

    with Reporter(config.epochs * len(loader), run.epoch * len(loader), progress and fabric.is_global_zero) as reporter:
        while run.epoch < config.epochs:  # line 1: while not converged
            name = f"{config.method} epoch {run.epoch + 1}/{config.epochs}"
            augment = BatchAugment(data.augment, epoch_generator(config.seed, run.epoch, stream=2 + fabric.global_rank))
            order.epoch = run.epoch
            seen = _EpochMeter(fabric.device)
            model.train()

            for step, (images, labels) in enumerate(speed.timed(_augmented(loader, augment))):  # line 2: a mini-batch
                optimizer.zero_grad()
                for part, labels_of_part, is_last in _micro_batches(images, labels, config.accumulate):
                    with fabric.no_backward_sync(model, enabled=not is_last and config.devices > 1):
                        logits, features, attention, _ = model(part)  # lines 3, 4, 5: x*, x, a
                        terms = objective(logits, features, attention, labels_of_part, centers())  # lines 6, 7, 8
                        share = len(part) / len(images)  # Eq. 2-4 are means: parts weigh as many samples as they have
                        fabric.backward(share * terms.total)  # lines 9, 10, 11, 12: the gradients
                    centers.accumulate(features, attention, labels_of_part)  # line 13: Δc, Eq. 11
                    seen.add(terms, logits, labels_of_part, attention)
                if config.clip_norm:
                    fabric.clip_gradients(model, optimizer, max_norm=config.clip_norm)
                # line 14: t <- t + 1
                centers.step()  # line 15: c <- c - α Δc
                optimizer.step()  # line 16: θ <- θ - μ g
                rate = schedule.get_last_lr()[0]
                schedule.step()

                speed.images += len(images) * fabric.world_size
                if step % (1 if fabric.device.type == "cpu" else 10) == 0:  # reading a GPU's numbers makes it wait
                    reporter.step(name, seen.check_finite(name, step, folder), speed)
            # line 17: end while

            seen.check_finite(name, step, folder)
            _check_weights(network, centers, name, folder)
            line = {"epoch": run.epoch + 1, **seen.summary(), "lr": rate}
            if data.validation is not None:
                line["validation"] = predict(model, data.validation, evaluate_input, device=fabric.device).scores()
            line |= {"images_per_second": speed.images_per_second, "data_wait": speed.data_wait}
            run.finish_epoch(line, speed)
            reporter.say(_epoch_line(name, line))
            if on_epoch:
                on_epoch(line)

    if config.select_by != "last":
        run.restore(folder.checkpoint_best)
    evaluated = load_evaluated_split(config)
    predictions = predict(model, evaluated, evaluate_input, device=fabric.device)
    result = _result(config, run, predictions, data.validation_source, evaluated, fabric, speed)
    if fabric.is_global_zero:
        predictions.save(folder.predictions_file)
        write_json(folder.result_file, result)
    return result


@dataclass
class _Run:
    """Everything that changes while a run goes on, in memory and on disk."""

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
    history: History | None = None

    def finish_epoch(self, line: dict[str, Any], speed: Throughput) -> None:
        """Count the epoch, write its metrics and the checkpoints."""
        self.epoch += 1
        self.history = [*(self.history or []), line]
        self.seconds, self.images = speed.seconds, speed.images
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
        self.seconds, self.images, self.history = state["seconds"], state["images"], state["history"]

    def _write_tensorboard(self, line: dict[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter  # here, since it takes a second to import

        with SummaryWriter(self.folder.path / "tensorboard") as writer:
            for key, value in line.items():
                values = value if isinstance(value, dict) else {"": value}
                for name, number in values.items():
                    if isinstance(number, float):
                        writer.add_scalar(f"{key}/{name}".rstrip("/"), number, self.epoch)


class _EpochMeter:
    """Sums of an epoch that stay on the device, so that counting does not slow training."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(4, dtype=torch.float32, device=device)  # total, softmax, metric, right answers
        self.attention = AttentionMeter()
        self.images = 0

    @torch.no_grad()
    def add(self, terms: LossTerms, logits: Tensor, labels: Tensor, attention: Tensor) -> None:
        """Count one micro-batch."""
        right = (logits.argmax(dim=1) == labels).float().mean()
        self.sums += len(labels) * torch.stack([*(term.detach().float() for term in terms), right])
        self.attention.add(attention)
        self.images += len(labels)

    def check_finite(self, name: str, step: int, folder: RunFolder) -> float:
        """Return the mean loss so far; stop the run when a term is not a number any more."""
        total, softmax, metric, _ = (self.sums / self.images).tolist()
        if not math.isfinite(total):
            terms = {"softmax loss": softmax, "metric loss": metric, "sum of the losses": total}
            which = [f"the {term} is {value}" for term, value in terms.items() if not math.isfinite(value)]
            # Where both terms went at once, neither can be blamed alone.
            said = " and ".join(which[:-1] or which)
            raise UserError(f"{name}, step {step + 1}: {said}{_kept(folder)}", mend="lower --lr or --lam")
        return total

    def summary(self) -> dict[str, Any]:
        """Return the means of the epoch."""
        total, softmax, metric, accuracy = (self.sums / self.images).tolist()
        train = {"loss": total, "softmax_loss": softmax, "metric_loss": metric, "accuracy": accuracy}
        return {"train": train, "attention": self.attention.stats()}


def _check_weights(network: DACL, centers: ClassCenters, name: str, folder: RunFolder) -> None:
    """Stop before a checkpoint is written: a loss can be finite where its gradient is not."""
    for tensor_name, tensor in [*network.named_parameters(), *centers.named_buffers()]:
        if not tensor.isfinite().all():
            raise UserError(
                f"{name}: the losses are finite, but their gradient made {tensor_name} infinite or nan{_kept(folder)}",
                mend="look for a root or a quotient at zero in your loss, or lower --lr",
            )


def _kept(folder: RunFolder) -> str:
    return f"; the last good epoch is in {folder.checkpoint_last}" if folder.checkpoint_last.exists() else ""


def _loader(fabric: Fabric, dataset: FaceDataset, order: EpochOrder, config: TrainConfig) -> Any:
    of_process = len(order)
    batch = min(config.batch_size // config.devices, of_process)
    if batch < 2 * config.accumulate:
        raise UserError(
            f"{len(dataset)} training images over accumulate {config.accumulate} and devices {config.devices} leave "
            "fewer than two at a time, and BatchNorm needs at least two",
            mend="--accumulate 1, or more images",
        )
    loader: DataLoader[Any] = DataLoader(
        dataset,
        batch_size=batch,
        sampler=order,
        collate_fn=collate_batch,
        num_workers=config.workers,
        persistent_workers=config.workers > 0,
        pin_memory=fabric.device.type == "cuda",
        generator=torch.Generator(),  # else a resumed run with workers draws one number more than an uninterrupted one
        # BatchNorm cannot train on one image, so a lone last one is left out (each epoch another).
        drop_last=0 < of_process % batch < 2 * config.accumulate,
    )
    return fabric.setup_dataloaders(loader, use_distributed_sampler=False)  # the order knows the processes


def _augmented(loader: Any, augment: BatchAugment) -> Iterator[tuple[Tensor, Tensor]]:
    for images, labels in loader:
        yield augment(images), labels


def _micro_batches(images: Tensor, labels: Tensor, count: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
    parts = list(zip(images.tensor_split(count), labels.tensor_split(count), strict=True))
    for index, (part, labels_of_part) in enumerate(parts):
        yield part, labels_of_part, index == len(parts) - 1


def _epoch_line(name: str, line: dict[str, Any]) -> str:
    train, attention = line["train"], line["attention"]
    text = f"{name}  loss {train['loss']:.3f}  train {train['accuracy']:.1%}"
    if "validation" in line:
        text += f"  validation {line['validation']['accuracy']:.1%} / {line['validation']['average_accuracy']:.1%}"
    return f"{text}  attention {attention['mean']:.2f}  {line['images_per_second']:.0f} images/s"


def _result(
    config: TrainConfig, run: _Run, predictions: Predictions, validation_source: str, evaluated: FaceDataset,
    fabric: Fabric, speed: Throughput,
) -> dict[str, Any]:
    selected_by = {"last": "last epoch", "validation": f"accuracy on validation ({validation_source})"}.get(
        config.select_by, "accuracy on the test part: optimistic, not comparable with honest results"
    )
    if config.select_by == "validation" and validation_source == config.eval_split:
        selected_by += ", the very images it is measured on: optimistic"
    return {
        "method": config.method,
        "dataset": config.data,
        "preset": config.preset,
        "seed": config.seed,
        "split": evaluated.split,
        "images": len(evaluated),
        "selected_by": selected_by,
        "selected_epoch": run.epoch,
        "classes": list(evaluated.classes),
        **predictions.scores(),
        "epochs": config.epochs,
        "images_per_second": speed.images_per_second,
        "data_wait": speed.data_wait,
        "seconds": speed.seconds,
        "device": str(fabric.device),
        "precision": resolve_precision(config),
        "parameters": sum(parameter.numel() for parameter in run.network.parameters()),
        "versions": versions(),
        "git_sha": git_sha(),
    }

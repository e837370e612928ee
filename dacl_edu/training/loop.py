"""Algorithm 1 of the paper as one visible loop. The comments ``line k`` are the lines of Algorithm 1."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from dacl_edu.centers import ClassCenters
from dacl_edu.data import BatchAugment
from dacl_edu.evaluation.predict import predict
from dacl_edu.losses import Objective
from dacl_edu.model import DACL
from dacl_edu.training.config import TrainConfig
from dacl_edu.training.meter import EpochMeter, check_weights
from dacl_edu.training.methods import build_method
from dacl_edu.training.optim import build_optimizer, build_schedule, resolve_precision
from dacl_edu.training.parts import (
    EpochOrder,
    build_loader,
    epoch_generator,
    load_evaluated_split,
    load_training_data,
)
from dacl_edu.training.progress import Reporter
from dacl_edu.training.result import epoch_line, final_result
from dacl_edu.training.run_folder import RunFolder, write_json
from dacl_edu.training.snapshots import SnapshotWriter
from dacl_edu.training.state import RunState
from dacl_edu.weights import load_weights


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
    >>> config = TrainConfig.from_preset("smoke", method="center", limit=28, batch_size=14, epochs=1)
    >>> result = train(config, tempfile.mkdtemp(), progress=False)
    >>> sorted(result["attention"])
    ['entropy', 'mean', 'std']
    """
    folder = RunFolder(out)
    if resume and folder.result_file.exists():
        folder.start(config, resume)
        return folder.result()
    precision = resolve_precision(config)  # first, for it refuses a device that is not there
    data = load_training_data(config)
    metric_loss, attention_mode = build_method(config)
    fabric = Fabric(
        accelerator=config.device,
        devices=config.devices,
        strategy="ddp" if config.devices > 1 else "auto",
        precision=precision,
    )
    if config.devices > 1:
        fabric.launch()
    order = EpochOrder(len(data.train), config.seed, fabric.global_rank, fabric.world_size)
    loader = build_loader(fabric, data.train, order, config)

    # Input of Algorithm 1: parameters θ_C, θ_P, θ_A, θ_S, centers C, hyper-parameters α, λ, μ.
    torch.manual_seed(config.seed)
    num_classes = len(data.train.classes)
    network = DACL(config.backbone, num_classes, config.image_size, attention_mode, config.attention_widths)
    if config.weights:
        report = load_weights(network, config.weights)
        if progress and fabric.is_global_zero:
            print(report, file=sys.stderr)
    centers = ClassCenters(
        num_classes,
        network.feature_dim,
        config.alpha,
        config.eps,
        config.center_init,
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
    run = RunState(folder, fabric, config, network, centers, optimizer, schedule, normalization)
    if resume and folder.checkpoint_last.exists():
        run.restore(folder.checkpoint_last)
    evaluate_input = BatchAugment(data.augment).evaluate
    speed = run.throughput()
    watched = data.validation if fabric.is_global_zero else None
    snapshots = SnapshotWriter(folder.path, watched, config.snapshots, evaluate_input)
    if run.epoch == 0:
        snapshots.take(0, network, centers)

    with Reporter(config.epochs * len(loader), run.epoch * len(loader), progress and fabric.is_global_zero) as reporter:
        while run.epoch < config.epochs:  # line 1: while not converged
            name = f"{config.method} epoch {run.epoch + 1}/{config.epochs}"
            augment = BatchAugment(data.augment, epoch_generator(config.seed, run.epoch, stream=2 + fabric.global_rank))
            order.epoch = run.epoch
            seen = EpochMeter(fabric.device)
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
                centers.push(objective.center_push(centers()))  # added to Δc by losses that drive the centers apart
                centers.step()  # line 15: c <- c - α Δc
                optimizer.step()  # line 16: θ <- θ - μ g
                rate = schedule.get_last_lr()[0]
                schedule.step()

                speed.images += len(images) * fabric.world_size
                if step % (1 if fabric.device.type == "cpu" else 10) == 0:  # reading a GPU's numbers makes it wait
                    reporter.step(name, seen.check_finite(name, step, folder), speed)
            # line 17: end while

            seen.check_finite(name, step, folder)
            check_weights(network, centers, name, folder)
            line = {"epoch": run.epoch + 1, **seen.summary(), "lr": rate}
            if data.validation is not None:
                line["validation"] = predict(model, data.validation, evaluate_input, device=fabric.device).scores()
            line |= {"images_per_second": speed.images_per_second, "data_wait": speed.data_wait}
            snapshots.take(run.epoch + 1, network, centers)
            run.finish_epoch(line, speed)
            reporter.say(epoch_line(name, line))
            if on_epoch:
                on_epoch(line)

    if config.select_by != "last":
        run.restore(folder.checkpoint_best)
    evaluated = load_evaluated_split(config)
    predictions = predict(model, evaluated, evaluate_input, device=fabric.device)
    result = final_result(config, run, predictions, data.validation_source, evaluated, fabric, speed)
    if fabric.is_global_zero:
        predictions.save(folder.predictions_file)
        write_json(folder.result_file, result)
    return result


def _augmented(loader: Any, augment: BatchAugment) -> Iterator[tuple[Tensor, Tensor]]:
    for images, labels in loader:
        yield augment(images), labels


def _micro_batches(images: Tensor, labels: Tensor, count: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
    parts = list(zip(images.tensor_split(count), labels.tensor_split(count), strict=True))
    for index, (part, labels_of_part) in enumerate(parts):
        yield part, labels_of_part, index == len(parts) - 1

"""What Algorithm 1 is given: everything that is built from a configuration before its line 1."""

from __future__ import annotations

import sys
from typing import Any

import torch

from dacl_edu.centers import ClassCenters
from dacl_edu.data import BatchAugment
from dacl_edu.losses import Objective
from dacl_edu.model import DACL
from dacl_edu.model.pretrained import load_pretrained
from dacl_edu.runs.checkpoint import newest_checkpoint, seed_everything
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder
from dacl_edu.runs.methods import build_method
from dacl_edu.runs.snapshots import SnapshotWriter
from dacl_edu.training.allocator import keep_freed_memory
from dacl_edu.training.batches import TrainingBatches
from dacl_edu.training.data import epoch_generator, load_training_data
from dacl_edu.training.optim import build_optimizer, build_schedule, resolve_precision, set_matmul_precision
from dacl_edu.training.state import RunState
from dacl_edu.training.trackers import require_tracker


def build_run(config: TrainConfig, folder: RunFolder, resume: bool, progress: bool) -> RunState:
    """Build data, network, centers, loss and optimizer, claim the run's folder, and restore what it holds.

    The order matters: a mistyped setting leaves no folder behind, and the network's random numbers depend on the seed
    alone.

    Parameters
    ----------
    config : TrainConfig
    folder : RunFolder
    resume : bool
        Continue from ``checkpoint_last.pt`` where there is one.
    progress : bool
        Say on standard error which pretrained weights were taken.

    Returns
    -------
    RunState
        At the end of its last finished epoch; at epoch 0 for a new run.

    Raises
    ------
    UserError
        As :func:`dacl_edu.training.train`.
    """
    require_tracker(config.logger)
    precision = resolve_precision(config)  # first, for it refuses a device that is not there
    from lightning_fabric import Fabric  # here, since it takes long to import

    from dacl_edu.training.float64 import Float64

    data = load_training_data(config)
    metric_loss, attention_mode = build_method(config)
    fabric = Fabric(
        accelerator=config.device,
        devices=config.devices,
        strategy="ddp" if config.devices > 1 else "auto",
        **({"plugins": [Float64()]} if precision == "64-true" else {"precision": precision}),
    )
    if config.devices > 1:
        fabric.launch()
    set_matmul_precision(config)
    if fabric.device.type == "cpu":
        keep_freed_memory()
    ranks = fabric.global_rank, fabric.world_size
    batches = TrainingBatches(data.train, data.augment, config, fabric.device, *ranks)
    validation = data.validation
    if validation is not None and batches.place == "device":
        validation = validation.to(fabric.device)

    seed_everything(config.seed)
    num_classes = len(data.train.classes)
    network = DACL(
        config.backbone, num_classes, config.image_size, attention_mode, config.attention_widths, config.feature_dim
    )
    if config.pretrained:
        report = load_pretrained(network, config.pretrained, data.train.classes, config.pretrained_classes)
        if progress and fabric.is_global_zero:
            print(report, file=sys.stderr)
    centers = ClassCenters(
        num_classes,
        network.feature_dim,
        config.alpha,
        config.eps,
        config.center_init,
        generator=epoch_generator(config.seed, 0, stream=1),
    ).to(fabric.device, torch.float64 if precision == "64-true" else torch.float32)
    if fabric.is_global_zero:
        folder.start(config, resume, data.train.classes)
        if progress:
            print("\n".join(data.lines()), file=sys.stderr)
    fabric.barrier()
    optimizer = build_optimizer(network, config)
    network.to(memory_format=torch.channels_last)
    trained: Any = torch.compile(network) if config.compile else network
    model, optimizer = fabric.setup(trained, optimizer)

    prepare = BatchAugment(data.augment).evaluate
    watched = data.validation if fabric.is_global_zero else None
    run = RunState(
        folder=folder,
        config=config,
        fabric=fabric,
        data=data,
        batches=batches,
        validation=validation,
        prepare=prepare,
        network=network,
        model=model,
        centers=centers,
        objective=Objective(metric_loss, config.lam),
        optimizer=optimizer,
        schedule=build_schedule(optimizer, config, steps_per_epoch=len(batches)),
        snapshots=SnapshotWriter(folder.path, watched, config.snapshots, prepare),
        read_every=1 if fabric.device.type == "cpu" else 10,
    )
    state = newest_checkpoint(folder.checkpoint_last, folder.checkpoint_before, _say) if resume else None
    if state is not None:
        run.restore(state, folder.checkpoint_last)
        threads = state.get("threads", torch.get_num_threads())
        if threads != torch.get_num_threads():
            _say(f"it ran on {threads} threads and goes on with {torch.get_num_threads()}: the last digits will differ")
    if run.epoch == 0:
        run.snapshots.take(0, network, centers)
    return run


def _say(words: str) -> None:
    print(words, file=sys.stderr)

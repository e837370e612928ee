"""Optimizer, learning-rate schedule and arithmetic of a run."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR, StepLR

from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu.text import nearest


def build_optimizer(network: nn.Module, config: TrainConfig) -> SGD:
    """Return SGD over all trainable parameters. The centers are a buffer and never among them.

    PyTorch's fused form does the same arithmetic in one pass: five times faster on the paper's 92 million attention
    parameters on a CPU. It cannot be combined with a loss scaler and clipping.
    """
    fused = resolve_precision(config) != "16-mixed" and resolve_device(config) != "mps"
    return SGD(
        [parameter for parameter in network.parameters() if parameter.requires_grad],
        lr=config.lr,
        momentum=config.momentum,
        nesterov=config.nesterov,
        weight_decay=config.weight_decay,
        fused=fused,
    )


def build_schedule(optimizer: Optimizer, config: TrainConfig, steps_per_epoch: int) -> LRScheduler:
    """Return the schedule, to be stepped after each optimisation step.

    ``step`` divides the rate every ``step_epochs`` epochs (Sec. 4.2); ``onecycle`` rises for ``warmup`` of the run and
    falls to nearly zero; ``constant`` stays.
    """
    if config.schedule == "step":
        return StepLR(optimizer, step_size=config.step_epochs * steps_per_epoch, gamma=config.step_factor)
    if config.schedule == "onecycle":
        # One step more than there are: the scheduler is stepped after the last optimisation step too.
        # The momentum stays as configured.
        return OneCycleLR(
            optimizer,
            max_lr=config.lr,
            total_steps=config.epochs * steps_per_epoch + 1,
            pct_start=config.warmup,
            cycle_momentum=False,
        )
    return LambdaLR(optimizer, lambda _: 1.0)


def resolve_device(config: TrainConfig) -> str:
    """Return the kind of device that a run computes on here: ``"cuda"``, ``"mps"`` or ``"cpu"``.

    Raises
    ------
    UserError
        There is no such device here, or no such kind.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if config.device == "auto":
        return next(kind for kind, is_there in there.items() if is_there)
    wanted = "cuda" if config.device == "gpu" else config.device
    if wanted not in there:
        raise UserError(f"unknown device {config.device!r}", hint=nearest(config.device, ["auto", *there]))
    if not there[wanted]:
        what = {"cuda": "CUDA device", "mps": "Apple GPU"}[wanted]
        raise UserError(
            f"device {config.device}: PyTorch sees no {what} on this machine",
            hint="leave --device out to take what there is; dacl-edu doctor says what that is",
        )
    return wanted


def set_matmul_precision(config: TrainConfig) -> None:
    """Say how exactly float32 is multiplied in this process, in matrices and convolutions alike.

    PyTorch itself keeps the two apart, and allows TF32 in convolutions; a run says one thing of both.
    """
    torch.set_float32_matmul_precision(config.matmul_precision)
    torch.backends.cudnn.allow_tf32 = config.matmul_precision != "highest"


def resolve_precision(config: TrainConfig) -> Any:
    """Return the precision of a run; ``auto`` is bfloat16 where the processor computes in it, else float32.

    Raises
    ------
    UserError
        As :func:`resolve_device`; or float16 on a CPU, where PyTorch would compute something else in silence.
    """
    device = resolve_device(config)
    if config.precision == "16-mixed" and device == "cpu":
        raise UserError(
            "precision 16-mixed needs a GPU; on a CPU bfloat16 is computed instead", hint="--precision bf16-mixed"
        )
    if config.precision != "auto":
        return config.precision
    if device == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    if device == "mps":
        return "32-true"
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bf16-mixed" if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else "32-true"

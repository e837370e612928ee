"""What a network is made of: shapes, parameters, multiply-adds."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from dacl_edu.choices import ATTENTION_MODES
from dacl_edu.errors import UserError
from dacl_edu.model import DACL


class Row(NamedTuple):
    """One part of the network.

    Attributes
    ----------
    part : str
        Name, with the paper's symbol.
    output : tuple of int
        Shape of its output for one image.
    parameters : int
    macs : int
        Multiply-adds for one image, in linear and convolutional layers.
    """

    part: str
    output: tuple[int, ...]
    parameters: int
    macs: int


def summarize(backbone: str = "resnet18", image_size: int = 224, attention: str = "learned") -> list[Row]:
    """Return a row for each part of :class:`DACL` and one for their sum.

    Parameters
    ----------
    backbone, image_size, attention
        As in :class:`DACL`.

    Raises
    ------
    UserError
        An unknown backbone or attention mode.

    Examples
    --------
    >>> for row in summarize("small_resnet", 56)[:2]:
    ...     print(row.part, row.output, row.parameters)
    backbone → x* (128, 7, 7) 307536
    pooling → x (128,) 0
    """
    if attention not in ATTENTION_MODES:
        raise UserError(f"unknown attention mode {attention!r}", hint=f"use one of {', '.join(ATTENTION_MODES)}")
    model = DACL(backbone, image_size=image_size, attention=attention).eval()  # type: ignore[arg-type]
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        output = model(torch.zeros(1, 3, image_size, image_size))
    flops = counter.get_flop_counts()

    def row(part: str, module: str, shape: tuple[int, ...]) -> Row:
        network = model.get_submodule(module)
        # The counter counts a multiplication and an addition as two.
        macs = sum(flops.get(f"DACL.{module}", {}).values()) // 2
        return Row(part, tuple(shape), sum(p.numel() for p in network.parameters()), macs)

    rows = [
        row("backbone → x*", "backbone", output.feature_map.shape[1:]),
        row("pooling → x", "pool", output.features.shape[1:]),
        row("classifier → z (Eq. 1)", "classifier", output.logits.shape[1:]),
    ]
    if model.attention.encoder is not None:
        rows.append(row("context encoder → e (Eq. 5)", "attention.encoder", (model.attention.encoder.widths[-1],)))
        rows.append(row("heads → a (Eq. 6, 7)", "attention.heads", output.attention.shape[1:]))
    return [*rows, Row("all", (), sum(r.parameters for r in rows), sum(r.macs for r in rows))]

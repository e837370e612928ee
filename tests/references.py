"""The loops of ``dacl_edu.reference``, called with tensors; and batches to call them with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dacl_edu.reference import center_update, sparse_center_loss

Batch = tuple[Tensor, Tensor, Tensor, Tensor]


def random_batch(generator: torch.Generator, labels: Tensor, d: int, classes: int) -> Batch:
    """Features, attention, the labels, and centers, in float64."""
    features = torch.randn(len(labels), d, generator=generator, dtype=torch.float64)
    attention = torch.rand(len(labels), d, generator=generator, dtype=torch.float64)
    return features, attention, labels, torch.randn(classes, d, generator=generator, dtype=torch.float64)


def in_numpy(loop: Callable[..., Any], *arguments: Any) -> Tensor:
    """Call a loop over NumPy arrays; float64."""
    found = loop(*(a.detach().numpy() if isinstance(a, Tensor) else a for a in arguments))
    return torch.as_tensor(found, dtype=torch.float64)


def loop_eq4(x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> float:
    return in_numpy(sparse_center_loss.sparse_center_loss, x, a, y, c).item()


def loop_eq9(x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> Tensor:
    return in_numpy(sparse_center_loss.gradient_x, x, a, y, c)


def loop_eq10(x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> Tensor:
    return in_numpy(sparse_center_loss.gradient_a, x, y, c)


def loop_eq11(x: Tensor, a: Tensor, y: Tensor, c: Tensor, eps: float) -> Tensor:
    return in_numpy(center_update.center_delta, x, a, y, c, eps)

"""What Eq. 4 and Eq. 11 cost, beside the plainest way to write each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from dacl_edu.bench.pair import Pair, by_turns, peak_bytes
from dacl_edu.centers import ClassCenters
from dacl_edu.losses import sparse_center_loss
from dacl_edu.training.allocator import keep_freed_memory

SIZES = {(128, 512, 7): 1.2, (1024, 512, 7): 1.5, (4096, 2048, 8631): 1.5}
"""(m, d, K) → by how much the hand-written backward must be faster than autograd's."""

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def plain_sparse_center_loss(features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
    """Eq. 4 as one writes it down, with autograd's backward: the peer."""
    return (attention * (features - centers[labels]).pow(2)).sum() / (2 * len(features))


def loss_pairs(
    threads: int, repetitions: int, cpu_time: bool = False, sizes: dict[tuple[int, int, int], float] = SIZES
) -> Iterator[Pair]:
    """Yield time and peak memory of forward and backward of Eq. 4 for each size, then the step of Eq. 11.

    Examples
    --------
    >>> [pair.what for pair in loss_pairs(1, 1, sizes={(8, 4, 3): 1.0})]
    ['Eq. 4 (8, 4, 3)', 'Eq. 4 (8, 4, 3) peak', 'Eq. 11 (128, 512, 8631)']
    """
    keep_freed_memory()  # as in training: else the system's clearing of pages is most of what is measured
    for (m, d, k), wanted in sizes.items():
        calls = [_step(loss, m, d, k) for loss in (sparse_center_loss, plain_sparse_center_loss)]
        ours, theirs = by_turns(calls, repetitions, threads, cpu_time=cpu_time)
        yield Pair(f"Eq. 4 ({m}, {d}, {k})", "autograd", "ms", _ms(ours), _ms(theirs), wanted)
        own, plain = (peak_bytes(call) / 2**20 for call in calls)
        yield Pair(f"Eq. 4 ({m}, {d}, {k}) peak", "autograd", "MiB", [own], [plain], wanted=1.0)
    m, d, k = 128, 512, 8631
    few, many = (_center_step(m, d, classes) for classes in (7, k))
    theirs, ours = by_turns([few, many], repetitions, threads, cpu_time=cpu_time)
    yield Pair(f"Eq. 11 ({m}, {d}, {k})", "Eq. 11 with K = 7", "ms", _ms(ours), _ms(theirs))


def both_steps(m: int, d: int, k: int) -> Callable[[], None]:
    """Return a call that does forward and backward of Eq. 4 and then the step of Eq. 11."""
    loss, center = _step(sparse_center_loss, m, d, k), _center_step(m, d, k)

    def call() -> None:
        loss()
        center()

    return call


def _batch(m: int, d: int, k: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    x = torch.randn(m, d, generator=source).requires_grad_()
    a = torch.rand(m, d, generator=source).requires_grad_()
    return x, a, torch.randint(k, (m,), generator=source), torch.randn(k, d, generator=source)


def _step(loss: Loss, m: int, d: int, k: int) -> Callable[[], None]:
    x, a, y, c = _batch(m, d, k)

    def step() -> None:
        loss(x, a, y, c).backward()
        x.grad = a.grad = None

    return step


def _center_step(m: int, d: int, k: int) -> Callable[[], None]:
    x, a, y, _ = _batch(m, d, k)
    centers = ClassCenters(k, d)

    def step() -> None:
        centers.accumulate(x, a, y)
        centers.step()

    return step


def _ms(seconds: list[float]) -> list[float]:
    return [1e3 * each for each in seconds]

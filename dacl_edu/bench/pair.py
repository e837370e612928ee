"""Two things measured by turns, so that a machine that gets slower or busier does so for both."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from rich import box
from rich.table import Table


@dataclass(frozen=True)
class Pair:
    """One row: what we take, what the peer takes, once for each repetition.

    Attributes
    ----------
    what : str
        What is measured, with its size.
    peer : str
        What it is compared with.
    unit : str
        Of both.
    ours, theirs : list of float
        One number a repetition, of the same moment.
    wanted : float or None
        The ratio that must be reached at least; None where none is demanded.
    more_is_better : bool
        Whether the numbers are speeds and not costs.

    Examples
    --------
    >>> Pair("loss", "autograd", "us", [2.0, 1.0, 1.0], [2.0, 3.0, 2.0], 1.2).ratio
    (2.0, 1.0, 3.0)
    """

    what: str
    peer: str
    unit: str
    ours: list[float]
    theirs: list[float]
    wanted: float | None = None
    more_is_better: bool = False

    @property
    def ratio(self) -> tuple[float, float, float]:
        """Median, smallest and largest quotient of a repetition; above 1 ours is better."""
        each = [o / t if self.more_is_better else t / o for o, t in zip(self.ours, self.theirs, strict=True)]
        return median(each), min(each), max(each)

    def as_json(self) -> dict[str, Any]:
        """All numbers, with medians and the quotient's range."""
        middle, low, high = self.ratio
        return {
            **asdict(self),
            "median": {"ours": median(self.ours), "theirs": median(self.theirs)},
            "ratio": {"median": middle, "low": low, "high": high},
        }


def by_turns(
    calls: Sequence[Callable[[], Any]],
    repetitions: int,
    threads: int = 1,
    seconds: float = 0.1,
    cpu_time: bool = False,
) -> tuple[list[float], ...]:
    """Time several calls, one after another in each repetition; a GPU is waited for.

    Parameters
    ----------
    calls : sequence of callable
    repetitions : int
    threads : int, default 1
        Threads of one operation.
    seconds : float, default 0.1
        What one repetition of one call takes about: quick ones are called many times.
    cpu_time : bool, default False
        Count the time that this process computes, over all its threads, and not the time on the wall: what others do on
        the machine then plays less of a part.

    Returns
    -------
    tuple of list of float
        For each call the seconds that it takes, once for each repetition.

    Examples
    --------
    >>> quick, slow = by_turns([lambda: None, lambda: sum(range(10_000))], 3, seconds=0.001)
    >>> len(quick), min(slow) > min(quick)
    (3, True)
    """
    # Its import would say that a machine has no CUDA.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    from torch.utils.benchmark import Timer

    clock = time.process_time if cpu_time else time.perf_counter
    timers = [Timer("call()", globals={"call": call}, num_threads=threads, timer=clock) for call in calls]
    counts = []
    for timer in timers:
        timer.timeit(1)  # what is slow the first time only
        counts.append(max(1, round(seconds / max(timer.timeit(1).median, 1e-7))))
    rounds = [
        [timer.timeit(count).median for timer, count in zip(timers, counts, strict=True)] for _ in range(repetitions)
    ]
    return tuple(list(column) for column in zip(*rounds, strict=True))


def peak_bytes(call: Callable[[], Any]) -> int:
    """Return how many bytes `call` holds at most at a time, beyond what was there before, on the CPU."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        call()
    held = peak = 0
    assert record.profiler is not None and record.profiler.kineto_results is not None
    for event in sorted(record.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the power with which a cost grows: 1 is linear, 0 does not grow. Least squares of the logarithms.

    Examples
    --------
    >>> round(slope([1, 2, 4], [3, 6, 12]), 3), round(slope([1, 2, 4], [3, 3, 3]), 3)
    (1.0, 0.0)
    """
    import numpy as np

    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on."""
    import torch

    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names += [next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))]
    except (OSError, StopIteration):
        names += [platform.processor() or platform.machine()]
    return {"processors": names, "threads": torch.get_num_threads(), "torch": torch.__version__}


def table(title: str, pairs: Sequence[Pair]) -> Table:
    """Return rows of medians that fit 80 columns; the quotient with its range."""
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    shown.add_column("what", overflow="fold")
    for name in ("ours", "peer", "ratio", "range", "wanted"):
        shown.add_column(name, justify="right", no_wrap=True)
    for pair in pairs:
        middle, low, high = pair.ratio
        shown.add_row(
            f"{pair.what}, {pair.unit}",
            f"{median(pair.ours):.4g}",
            f"{median(pair.theirs):.4g}",
            f"{middle:.2f}",
            f"{low:.2f}-{high:.2f}",
            "" if pair.wanted is None else f">={pair.wanted:g}",
        )
    return shown

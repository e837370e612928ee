"""What a person sees while a run goes on: a bar in a terminal, one line an epoch elsewhere; and what both count."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Throughput:
    """Counts images, seconds and the share of them spent waiting for data.

    Examples
    --------
    >>> speed = Throughput()
    >>> for batch in speed.timed([[1, 2], [3]]):
    ...     speed.images += len(batch)
    >>> speed.images, 0 <= speed.data_wait <= 1
    (3, True)
    """

    def __init__(self) -> None:
        self.images = 0
        self.seconds = 0.0
        self.waiting = 0.0

    @property
    def images_per_second(self) -> float:
        """Images trained on in a second, waiting included."""
        return self.images / self.seconds if self.seconds else 0.0

    @property
    def data_wait(self) -> float:
        """Share of the time in which the next batch was not there yet, 0 to 1."""
        return self.waiting / self.seconds if self.seconds else 0.0

    def timed(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Hand ``batches`` through, timing how long each took to come and how long the loop was away."""
        iterator = iter(batches)
        while True:
            start = time.perf_counter()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            fetched = time.perf_counter()
            self.waiting += fetched - start
            yield batch
            self.seconds += time.perf_counter() - start


class Reporter:
    """Shows a run on standard error, so that standard output stays for results.

    Of a resumed run ``done_steps`` are behind it.
    """

    def __init__(self, total_steps: int, done_steps: int, enabled: bool) -> None:
        self.console = Console(stderr=True, quiet=not enabled, highlight=False)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.console,
            transient=True,
            disable=not (enabled and sys.stderr.isatty()),
        )
        self.task = self.bar.add_task("", total=total_steps, completed=done_steps, note="")

    def __enter__(self) -> Reporter:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def step(self, epoch: str, done: int, loss: float, speed: Throughput) -> None:
        """Show how many optimisation steps are done."""
        note = f"loss {loss:.3f}  {speed.images_per_second:.0f} images/s  data wait {speed.data_wait:.0%}"
        self.bar.update(self.task, completed=done, description=epoch, note=note)

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self.console.print(line, markup=False, soft_wrap=True)

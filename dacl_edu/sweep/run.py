"""Run the cells of a plan, each exactly once, on worker processes that Dask watches over."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dacl_edu.errors import UserError
from dacl_edu.files import write_json
from dacl_edu.own_module import own_module
from dacl_edu.runs.lock import RunLocked, holder, lock_run
from dacl_edu.sweep.plan import Cell

if TYPE_CHECKING:
    from distributed import Client

ERRORS, DONE = "errors.json", "done.json"
"""Errors of a sweep, by the name of the cell; and the mark in a notebook's folder that it went to its end."""

SMALL_RUNS_ON_A_GPU = 8
"""How many runs of the small network fill a GPU."""

Say = Callable[[str], None]


class Outcome(NamedTuple):
    """How a cell ended: ``done`` now, ``skipped`` (done before), ``held`` by another process, or ``failed``."""

    name: str
    state: str
    words: str = ""
    seconds: float = 0.0


def run_cells(
    cells: Sequence[Cell],
    out: str | Path,
    workers: int | None = None,
    scheduler: str | None = None,
    say: Say = print,
    on_progress: Callable[[int], None] = lambda done: None,
) -> list[Outcome]:
    """Run every cell that is not done; what is half done goes on, and a lost worker's cell is taken up by another.

    Each has the folder of its name in ``out``. There are as many ``workers`` as cells, cores and memory allow, or, with
    the address of a running Dask ``scheduler`` (``tcp://10.0.0.5:8786``), its own: then all machines see ``out`` under
    this path. ``say`` is called with one line a finished cell, ``on_progress`` about every second with the epochs done
    in all. A cell that fails stops no other.

    Raises
    ------
    UserError
        No Dask, or no scheduler at the address.
    KeyboardInterrupt
        After the workers were stopped; finished epochs are kept.
    """
    out = Path(out).expanduser().absolute()
    out.mkdir(parents=True, exist_ok=True)
    outcomes = {cell.name: Outcome(cell.name, "skipped") for cell in cells if is_done(cell, out)}
    waiting = [cell for cell in cells if cell.name not in outcomes]
    if waiting:
        number = workers or default_workers(waiting)
        threads = max(1, (os.cpu_count() or 1) // number)
        with _client(scheduler, min(number, len(waiting))) as client:
            for outcome in _finished(client, waiting, out, None if scheduler else threads, cells, on_progress):
                outcomes[outcome.name] = outcome
                say(f"{len(outcomes)} of {len(cells)}  {outcome.name}: {outcome.words or outcome.state}")
    found = [outcomes[cell.name] for cell in cells]
    (out / ERRORS).unlink(missing_ok=True)
    if errors := {o.name: o.words for o in found if o.state == "failed"}:
        write_json(out / ERRORS, errors)
    return found


def run_cell(cell: Cell, out: Path, threads: int | None = None) -> Outcome:
    """Run one cell here; whatever goes wrong in it is its outcome, never an error."""
    import torch

    start = time.perf_counter()
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)
    if threads:
        torch.set_num_threads(threads)
    folder = out / cell.name
    try:
        if cell.module:
            own_module(cell.module, "import")
        words = _train(cell, folder) if cell.config else _execute(cell, folder)
    except RunLocked as error:
        return Outcome(cell.name, "held", str(error))
    except Exception as error:  # a loss of one's own, a notebook's cell, a full disk: the others go on
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        return Outcome(cell.name, "failed", f"failed: {kind}{' '.join(str(error).split())[:500]}")
    return Outcome(cell.name, "done", words, time.perf_counter() - start)


def is_done(cell: Cell, out: Path) -> bool:
    """Whether a cell has gone to its end."""
    return (out / cell.name / (DONE if cell.notebook else "result.json")).is_file()


def epochs_done(cell: Cell, out: Path) -> int:
    """Return how many epochs of a cell are on disk; 1 for a notebook that is done."""
    if is_done(cell, out):
        return cell.epochs
    try:
        return 0 if cell.notebook else (out / cell.name / "metrics.jsonl").read_bytes().count(b"\n")
    except OSError:
        return 0


def state_of(cell: Cell, out: Path) -> str:
    """Return ``done``, ``running``, ``begun`` or ``waiting``."""
    if is_done(cell, out):
        return "done"
    if holder(out / cell.name) is not None:
        return "running"
    return "begun" if epochs_done(cell, out) else "waiting"


def default_workers(cells: Sequence[Cell]) -> int:
    """Return how many runs fit this machine at once: one a core, or several small ones on one GPU."""
    import torch

    if torch.cuda.is_available() and all(c.config is None or c.config.device in ("auto", "cuda") for c in cells):
        small = all(cell.config is not None and cell.config.backbone == "small_resnet" for cell in cells)
        return min(len(cells), torch.cuda.device_count() * (SMALL_RUNS_ON_A_GPU if small else 1))
    return max(1, min(len(cells), os.cpu_count() or 1))


def _train(cell: Cell, folder: Path) -> str:
    from dacl_edu.training import train

    assert cell.config is not None
    result = train(cell.config, folder, resume=True, progress=False)
    return f"{result['accuracy']:.2%} in {result['seconds']:.0f} s"


def _execute(cell: Cell, folder: Path) -> str:
    from dacl_edu.lessons.cli import run_notebook

    lock = lock_run(folder)
    try:
        start = time.perf_counter()
        run_notebook(cell.notebook, cell.parameters, folder)
        write_json(folder / DONE, {"notebook": cell.notebook, "parameters": cell.parameters})
        return f"done in {time.perf_counter() - start:.0f} s"
    finally:
        lock.release()


@contextmanager
def _client(scheduler: str | None, workers: int) -> Iterator[Client]:
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise UserError("sweeps need Dask", hint="pip install 'dacl-edu[notebooks]'") from error
    # Dask makes workers give memory back at once, and then every large tensor is new pages: a third of a run's time.
    kept = {f"distributed.nanny.pre-spawn-environ.MALLOC_{name}_THRESHOLD_": 2**30 for name in ("TRIM", "MMAP")}
    patient = {  # on a busy machine a process takes long to start
        "distributed.comm.timeouts.connect": "120s",
        "distributed.comm.timeouts.tcp": "120s",
        "distributed.scheduler.allowed-failures": 5,
    }
    with dask.config.set(patient | kept):
        if scheduler:
            try:
                client = Client(scheduler, timeout="10s")
            except (OSError, ValueError) as error:  # nobody answers; no address
                raise UserError(
                    f"no Dask scheduler at {scheduler}", hint="start one: dask scheduler --host …"
                ) from error
            with client:
                yield client
            return
        warnings.filterwarnings("ignore", message="Port .* is already in use")  # two sweeps: each takes a free one
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
                memory_limit=0, silence_logs=50, worker_dashboard_address=None,
            ) as cluster,
            Client(cluster) as client,
        ):  # fmt: skip
            yield client


def _finished(
    client: Client,
    waiting: Sequence[Cell],
    out: Path,
    threads: int | None,
    cells: Sequence[Cell],
    on_progress: Callable[[int], None],
) -> Iterator[Outcome]:
    """Yield outcomes as they come, and report epochs meanwhile."""
    from distributed import wait

    futures: dict[Any, Cell] = {
        client.submit(run_cell, cell, out, threads, pure=False, key=f"cell-{cell.name}", priority=-number): cell
        for number, cell in enumerate(waiting)
    }
    while futures:
        try:
            ended = wait(list(futures), timeout=1, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            ended = set()
        for future in ended:
            cell = futures.pop(future)
            error = future.exception()  # only what kills the worker again and again, such as too little memory
            yield future.result() if error is None else Outcome(cell.name, "failed", f"failed: {error}")
        on_progress(sum(epochs_done(cell, out) for cell in cells))

"""``dacl-edu bench``: the figures that the README quotes, measured on this machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from dacl_edu.bench.pair import Pair, machine, table
from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig

app = typer.Typer(
    help="Measure this project on this machine. Example: dacl-edu bench loss --threads 2",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Repetitions = Annotated[
    int, typer.Option("--repetitions", "-r", min=1, max=10_000, help="Repetitions; the median is shown.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
CpuTime = Annotated[
    bool,
    typer.Option("--cpu-time", help="Count the time computed, for a machine that others use too."),
]
Images = Annotated[int, typer.Option(min=256, max=10_000_000, help="Images of an epoch.")]


@app.command()
def loss(
    threads: Annotated[
        list[int] | None, typer.Option(min=1, max=1024, help="Threads of one operation. [default: 1 and 2]")
    ] = None,
    repetitions: Repetitions = 5,
    cpu_time: CpuTime = False,
    as_json: Json = False,
) -> None:
    """Time and memory of the sparse center loss beside autograd. Example: dacl-edu bench loss --threads 1"""
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # PyTorch's profiler would say that it starts and stops
    from dacl_edu.bench.loss import loss_pairs

    for number in threads or [1, 2]:
        _show(f"loss, {number} thread{'s' * (number > 1)}", loss_pairs(number, repetitions, cpu_time), as_json)


@app.command(name="input")
def input_command(
    images: Images = 2560, device: Device = "auto", repetitions: Repetitions = 3, as_json: Json = False
) -> None:
    """How many images a second become batches, beside torchvision one by one. Example: dacl-edu bench input"""
    from dacl_edu.bench.trainer import input_pair

    _show("input", input_pair(_quick(images, device), repetitions), as_json)


@app.command()
def step(
    paper: Annotated[bool, typer.Option("--paper", help="ResNet-18 at 224 px, batch 128; slow on a CPU.")] = False,
    batch: Annotated[int, typer.Option(min=2, max=1_000_000, help="Samples of a step.")] = 128,
    device: Device = "auto",
    repetitions: Repetitions = 5,
    cpu_time: CpuTime = False,
    as_json: Json = False,
) -> None:
    """The step of DACL beside that of softmax loss. Example: dacl-edu bench step"""
    from dacl_edu.bench.trainer import step_pair

    config = _paper(batch, "auto", device, batch) if paper else _quick(max(256, batch), device, batch_size=batch)
    _show("step", (step_pair(config, repetitions, cpu_time) for _ in "1"), as_json)


@app.command()
def train(images: Images = 2560, device: Device = "auto", repetitions: Repetitions = 3, as_json: Json = False) -> None:
    """The trainer beside its own bare step, preset quick. Example: dacl-edu bench train --images 5120"""
    from dacl_edu.bench.trainer import train_pair

    _show("train", (train_pair(_quick(images, device), repetitions)[0] for _ in "1"), as_json)


@app.command()
def start(repetitions: Repetitions = 3, as_json: Json = False) -> None:
    """How long commands, imports and images need to be there. Example: dacl-edu bench start"""
    from dacl_edu.bench.start import start_pairs

    _show("start", start_pairs(repetitions), as_json)


@app.command()
def growth(repetitions: Repetitions = 5, as_json: Json = False) -> None:
    """How time and memory grow with m, d, K, image side and N; 1 is linear. Example: dacl-edu bench growth"""
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")
    from dacl_edu.bench.growth import growths

    found = []
    with _waiting("growth") as say:
        for each in growths(repetitions):
            say(each.name)
            found.append(each)
    if as_json:
        print(json.dumps({"machine": machine(), "growth": [each.as_json() for each in found]}, indent=2))
    else:
        for each in found:
            print(each)


@app.command()
def gpu(
    images: Images = 12271,
    side: Annotated[int, typer.Option(min=8, max=8192, help="Side of the stored images; the crop is 7/8 of it.")] = 256,
    repetitions: Repetitions = 3,
    device: Device = "cuda",
    as_json: Json = False,
) -> None:
    """Paper's setting and quick: trainer beside bare step, DACL beside softmax. Example: dacl-edu bench gpu"""
    from dacl_edu.bench.trainer import step_pair, train_pair
    from dacl_edu.training.optim import resolve_device

    resolve_device(TrainConfig.from_preset(device=device))  # says so where there is none

    def pairs() -> Iterator[Pair]:
        for precision in ("32-true", "bf16-mixed"):
            pair, said = train_pair(_paper(images, precision, device, 128, side), repetitions, wanted=0.97)
            yield pair
            print(f"{precision}: waits {max(run['data_wait'] for run in said):.1%} of the time", file=sys.stderr)
        yield step_pair(_paper(images, "bf16-mixed", device, 128, side), repetitions)
        yield train_pair(_quick(images, device), repetitions)[0]

    _show("gpu", pairs(), as_json)


def _quick(images: int, device: str, **changes: Any) -> TrainConfig:
    return TrainConfig.from_preset("quick", limit=images, device=device, epochs=1, **changes)


def _paper(images: int, precision: str, device: str, batch: int, side: int = 256) -> TrainConfig:
    from dacl_edu.bench.noise import register_noise

    return TrainConfig.from_preset(
        "paper-rafdb", data=register_noise(images, side), load_size=side, image_size=side * 7 // 8, epochs=1,
        precision=precision, matmul_precision="high", device=device, select_by="last", batch_size=batch,
    )  # fmt: skip


def _show(title: str, pairs: Iterable[Pair], as_json: bool) -> None:
    """Measure, saying what is done, and print a table or JSON."""
    from rich.console import Console

    found: list[Pair] = []
    with _waiting(title) as say:
        for pair in pairs:
            say(pair.what)
            found.append(pair)
    if not found:
        raise UserError(f"bench {title}: nothing was measured")
    where = machine()
    if as_json:
        print(json.dumps({"title": title, "machine": where, "rows": [pair.as_json() for pair in found]}, indent=2))
    else:
        Console().print(table(f"{title}: median of {len(found[0].ours)}, {where['processors'][0]}", found))
        for peer in dict.fromkeys(pair.peer for pair in found):
            print(f"{'peer' if len({pair.peer for pair in found}) == 1 else 'a peer'}: {peer}")


@contextmanager
def _waiting(title: str) -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is being measured, or was measured last."""
    from rich.console import Console

    with Console(stderr=True).status(f"measuring: {title}") as status:
        yield lambda done: status.update(f"measuring: {title}; done: {done}")

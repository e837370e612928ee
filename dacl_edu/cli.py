"""The command line: ``dacl-edu doctor | info | train | evaluate | compare | demo | course …``."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import shlex
import signal
import sys
import textwrap
import threading
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from dacl_edu import __version__, paths
from dacl_edu.bench.cli import app as bench_app
from dacl_edu.data.cli import app as data_app
from dacl_edu.errors import UserError
from dacl_edu.lessons.cli import register as register_notebook_commands
from dacl_edu.lessons.lab import register as register_lab_command
from dacl_edu.own_module import own_module
from dacl_edu.report.cli import register as register_report_command
from dacl_edu.runs.cli import Json, print_comparison
from dacl_edu.runs.cli import register as register_run_commands
from dacl_edu.runs.config import PRESETS
from dacl_edu.runs.naming import run_name
from dacl_edu.runs.options import with_config_options
from dacl_edu.sweep.cli import register as register_sweep_command
from dacl_edu.terminal import spell_on_streams
from dacl_edu.widgets.cli import register as register_explore_command

app = typer.Typer(
    name="dacl-edu",
    help="Deep Attentive Center Loss, equation by equation. Start with: dacl-edu doctor",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(data_app, name="data")
app.add_typer(bench_app, name="bench")
for _entry in sorted(entry_points(group="dacl_edu.commands"), key=lambda entry: entry.name):
    if find_spec(_entry.module.partition(".")[0]):  # packages beside this one attach themselves where they are there
        app.add_typer(_entry.load(), name=_entry.name)
_debug = False
_signal = 0


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _import_modules(names: list[str] | None) -> None:
    """Import modules whose losses register themselves; the current folder is on the path."""
    for name in names or []:
        own_module(name.removesuffix(".py"), "--import")


Import = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        help="Module that registers losses of your own, e.g. my_losses.",
        callback=_import_modules,
        show_default=False,
        metavar="MODULE",
    ),
]


@app.callback()
def _options(
    modules: Import = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    global _debug
    _debug = debug


@app.command(name="train")
@with_config_options
def train_command(
    preset: Annotated[
        str | None, typer.Option("--preset", "-p", help=f"Starting point: {', '.join(PRESETS)}. [default: quick]")
    ] = None,
    saved: Annotated[
        Path | None, typer.Option("--config", help="Start from a config.json, or from that of a run folder.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", help="Several seeds, one run each: 0-4, or 0,3,7. Ends in a comparison.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Run folder; of several runs, the folder above. [default: runs/<what it is>]"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue what was interrupted.")] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Let torchvision fetch its data set; never done otherwise.")
    ] = False,
    as_json: Json = False,
    *,
    changes: dict[str, Any],
) -> None:
    """Train one model and measure it. Example: dacl-edu train --preset quick --method dacl --seed 3

    Several methods and seeds are trained one after another: dacl-edu train --seeds 0-4 --method softmax --method dacl

    Every option after --json overrides the preset; the value in brackets holds where the preset says nothing.
    Losses of your own are found by --import MODULE, here as with every command.
    """
    from dacl_edu.evaluation.tables import result_tables
    from dacl_edu.runs.plan import planned
    from dacl_edu.training import train

    configs = planned(preset, saved, seeds, changes)
    if download:
        from dacl_edu.data import torchvision_sets

        torchvision_sets.download(configs[0].data, configs[0].root)
    parent = Path("runs") if out is None else out
    several = len(configs) > 1
    folders = [parent / run_name(config) if several or out is None else parent for config in configs]
    results = []
    for number, (config, folder) in enumerate(zip(configs, folders, strict=True), start=1):
        if several and _is_first_process():
            _stderr(f"run {number} of {len(configs)}: {folder}")
        try:
            results.append(train(config, folder, resume=resume))
        except KeyboardInterrupt:
            _stderr(f"interrupted; finished epochs are in {folder}. Continue with the same command and --resume")
            raise typer.Exit(130) from None
    if not _is_first_process():
        return
    if as_json:
        print(json.dumps(results if several else results[0], indent=2))
        return
    if several:
        from dacl_edu.runs.run import read_run
        from dacl_edu.runs.standing import first_lines

        runs = [read_run(folder) for folder in folders]
        for line in first_lines(runs):
            print(textwrap.fill(line, 80))
        print_comparison(runs)
        print(shlex.join(["dacl-edu", "report", *map(str, [out] if out else folders)]))
    else:
        Console().print(result_tables(results))
        print(f"{folders[0]}")


def _is_first_process() -> bool:
    """Whether this process is the one of several (torchrun) that prints."""
    import torch.distributed as dist

    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


@app.command()
def demo(
    profile: Annotated[str, typer.Option("--profile", "-p", help="Preset: smoke, minute, quick, ...")] = "minute",
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", "-e", help="Epochs of each run. [default: the preset's]", min=1, max=1_000_000),
    ] = None,
    seeds: Annotated[str, typer.Option("--seeds", "--seed", help="Seeds of each method: 0-2, or 0,3,7.")] = "0-2",
    workers: Annotated[
        int | None, typer.Option("--workers", "-w", min=1, max=512, help="Runs at once. [what fits]")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of all that it makes.")] = Path("runs/demo"),
) -> None:
    """Train three methods, execute lessons 07 and 10: make run. Softmax loss, center loss and DACL, over three seeds.

    Example: dacl-edu demo --profile smoke --out runs/try
    """
    from dacl_edu.demo import run_demo
    from dacl_edu.report.write import write_report

    try:
        runs = run_demo(profile, epochs, seeds, out, workers)
        page = write_report(
            [out], out / "report.html", command=shlex.join(["dacl-edu", "report", str(out)]), cache=paths.cache(),
            say=lambda step: _stderr(f"report: {step}"),
        )  # fmt: skip
    except KeyboardInterrupt:
        _stderr(f"interrupted; finished epochs are in {out}. The same command continues")
        raise typer.Exit(130) from None
    from dacl_edu.runs.standing import first_lines

    said = first_lines(runs)
    print(said[0])
    print_comparison(runs)
    for line in said[1:]:
        print(textwrap.fill(line, 80))
    print(f"notebooks  {out / '07_training.ipynb'}, {out / '10_results.ipynb'}")
    print(f"results    {out / 'results.csv'}")
    print(f"report     {page}")
    print(f"Train again from scratch: remove {out}.")


@app.command()
def info(
    backbone: Annotated[str, typer.Option(help="small_resnet, a torchvision classifier, or timm:<name>.")] = "resnet18",
    image_size: Annotated[int, typer.Option(min=8, max=8192, help="Side of the images in pixels.")] = 224,
    attention: Annotated[str, typer.Option(help="Attention mode.")] = "learned",
    as_json: Json = False,
) -> None:
    """Show shapes, parameters and multiply-adds of a network. Example: dacl-edu info --backbone resnet50"""
    from dacl_edu.evaluation.tables import network_table
    from dacl_edu.model.summary import summarize

    rows = summarize(backbone, image_size, attention)
    if as_json:
        print(json.dumps([row._asdict() for row in rows], indent=2))
    else:
        Console().print(network_table(rows))


@app.command()
def doctor() -> None:
    """Check the installation; each [FAIL] says what mends it."""
    from dacl_edu.doctor import run_checks

    checks = run_checks()
    for check in checks:
        print(f"[{'OK' if check.ok else 'FAIL'}] {check.what}{'' if check.ok else f' — {check.hint}'}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


register_run_commands(app)
register_notebook_commands(app)
register_lab_command(app)
register_report_command(app)
register_explore_command(app)
register_sweep_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error that the user can put right is one line and exit code 2.

    Called with arguments, from a program that goes on, it leaves that program's handlers of signals as they were: a
    process that is forked from there must end when it is told to.
    """
    # On the child: importing lightning_fabric sets the level of its own logger anew.
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    spell_on_streams()
    global _signal
    _signal = 0
    taken = []
    try:
        try:
            here = os.getcwd()
        except OSError as error:
            raise UserError("the current folder is no longer there", hint="change to another") from error
        sys.path.append(here)  # --method my_module:MyLoss; an installed command would not look here
        if threading.current_thread() is threading.main_thread():
            # From a queue; from a terminal that is closed. Ctrl-C keeps Python's own handler, which asyncio looks for.
            for wanted in ("SIGTERM", "SIGHUP"):
                number = getattr(signal, wanted, None)
                if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores it
                    signal.signal(number, _as_interrupt)
                    taken.append(number)
        app(args=_imports_first(_homes(sys.argv[1:] if arguments is None else arguments)), prog_name="dacl-edu")
    except SystemExit as leaving:
        if leaving.code != 130:
            raise
        before = leaving.__context__
        if before is not None and isinstance(before.__cause__, KeyboardInterrupt):  # the command has said nothing
            _stderr("interrupted")
        sys.exit(128 + (_signal or signal.SIGINT))
    except KeyboardInterrupt:  # while modules are imported: nothing was begun
        _stderr("interrupted")
        sys.exit(128 + (_signal or signal.SIGINT))
    except UserError as error:
        if _debug:
            raise
        _stderr(f"error: {error}")
        sys.exit(2)
    except OSError as error:  # of a path: too long, not writable, a full disk, …
        if _debug or not error.strerror or (error.filename is None and error.errno not in _HINT):
            _unforeseen(error)
        what = f"{error.strerror[0].lower()}{error.strerror[1:]}"
        where = "" if error.filename is None else f"{error.filename}: "
        _stderr(f"error: {UserError(where + what)}{_HINT.get(error.errno or 0, '')}")
        sys.exit(2)
    except Exception as error:  # a student's own loss can fail in any way, a device with a RuntimeError
        _unforeseen(error)
    finally:
        if arguments is not None:
            for number in taken:
                signal.signal(number, signal.SIG_DFL)


def _homes(words: list[str]) -> list[str]:
    """Put the user's home for ``~``, which a shell leaves in ``--out=~/x``: a folder of that name is deadly to remove.

    Examples
    --------
    >>> _homes(["--out=~/x", "--method", "~"]) == [f"--out={os.path.expanduser('~/x')}", "--method", "~"]
    True
    """
    return [
        re.sub(r"^(--[\w-]+=|)(~/.*)", lambda m: m[1] + os.path.expanduser(m[2]), word, flags=re.S) for word in words
    ]


def _imports_first(words: list[str]) -> list[str]:
    """Move each ``--import MODULE`` to the front: every command may read a run of one's own loss, wherever it is said.

    Examples
    --------
    >>> _imports_first(["compare", "runs/x", "--import", "my_losses"])
    ['--import', 'my_losses', 'compare', 'runs/x']
    """
    first: list[str] = []
    rest: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--import":
            first += [word, *[value for value in [next(left, None)] if value is not None]]
        else:
            (first if word.startswith("--import=") else rest).append(word)
    return [*first, *rest]


_HINT = {
    errno.ENAMETOOLONG: " — choose a shorter name",
    errno.EACCES: " — choose a place that you may read and write",
    errno.EROFS: " — choose a place where you may write",
    errno.ENOSPC: " — free some space, or choose another place",
    errno.EDQUOT: " — free some space, or choose another place",
    errno.EFBIG: " — allow larger files (ulimit -f), or choose another place",
}


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """A signal to end: commands say what is kept.

    During an import the process ends here: libraries swallow what is raised there, and go on with half a module. Once
    a training has begun, its own words come first.
    """
    global _signal
    _signal = number
    stack = []
    while frame is not None:
        stack.append(frame.f_code)
        frame = frame.f_back
    imports = any(code.co_filename.startswith("<frozen importlib") for code in stack)
    if imports and not any(code.co_name == "train" for code in stack):
        _stderr("interrupted")
        os._exit(128 + number)
    raise KeyboardInterrupt


def _unforeseen(error: Exception) -> NoReturn:
    if _debug:
        raise error
    if isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error):
        _stderr(f"error: {UserError('there is not enough memory for this', 'try smaller numbers, or close programs')}")
        sys.exit(2)
    kind = "" if isinstance(error, ValueError | IndexError) else f"{type(error).__name__}: "
    _stderr(f"error: {UserError(f'{kind}{error}')} (dacl-edu --debug … shows where)")
    sys.exit(2)


def _stderr(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()

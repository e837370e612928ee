"""The command line: ``dacl-edu doctor | info | train | evaluate | compare | demo | course …``."""

from __future__ import annotations

import errno
import importlib
import inspect
import json
import logging
import os
import shlex
import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_args

import typer
from rich.console import Console

from dacl_edu import __version__, paths
from dacl_edu._moved import with_new_names
from dacl_edu.bench.cli import app as bench_app
from dacl_edu.data.cli import app as data_app
from dacl_edu.errors import UserError
from dacl_edu.lessons.cli import register as register_notebook_commands
from dacl_edu.lessons.lab import register as register_lab_command
from dacl_edu.report.cli import register as register_report_command
from dacl_edu.runs.config import PRESETS, RENAMED_FIELDS, TrainConfig
from dacl_edu.terminal import spell_on_streams
from dacl_edu.widgets.cli import register as register_explore_command

if TYPE_CHECKING:
    from dacl_edu.runs.folder import RunFolder

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


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _import_modules(names: list[str] | None) -> None:
    """Import modules whose losses register themselves; the current folder is on the path."""
    for name in names or []:
        try:
            importlib.import_module(name.removesuffix(".py"))
        except ModuleNotFoundError as error:
            if error.name != name.removesuffix(".py"):
                raise
            hint = "run from the folder that holds the module, or add it to PYTHONPATH"
            raise UserError(f"--import: there is no module {name!r}", hint) from error


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


Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Runs = Annotated[
    list[Path], typer.Argument(help="Run folders, or folders that hold several, e.g. runs/demo.", show_default=False)
]
_FLAGS = {"epochs": ("-e",), "data": ("-d",), "method": ("-m",)}


def _with_config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each field of :class:`TrainConfig`, so that none can be forgotten."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "changes"]
    options = []
    for name, field in TrainConfig.model_fields.items():
        if name == "preset":
            continue
        default = field.get_default(call_default_factory=True)
        option = typer.Option(
            f"--{name.replace('_', '-')}",
            *_FLAGS.get(name, ()),
            help=f"{field.description}{f' [{default}]' if default not in (None, {}) else ''}",
            show_default=False,
            metavar=_metavar(field.annotation),
        )
        kind = list[str] | None if name == "method" else str | None  # several methods are several runs
        options.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])
        )
    for old in RENAMED_FIELDS:
        hidden = Annotated[str | None, typer.Option(f"--{old}", help=f"Now --{RENAMED_FIELDS[old]}.", hidden=True)]
        options.append(inspect.Parameter(old, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hidden))

    def wrapper(**arguments: Any) -> None:
        fields = [option.name for option in options]
        changes = {name: value for name in fields if (value := arguments.pop(name)) not in (None, [])}
        for old in RENAMED_FIELDS.keys() & changes.keys():
            _stderr(f"--{old} is now --{RENAMED_FIELDS[old]}; the old name goes with the next release")
        changes = with_new_names(changes, RENAMED_FIELDS, warn=False)
        command(**arguments, changes={name: _parsed(name, value) for name, value in changes.items()})

    wrapper.__name__ = command.__name__
    wrapper.__doc__ = command.__doc__
    wrapper.__signature__ = inspect.Signature([p.replace(kind=p.KEYWORD_ONLY) for p in own] + options)  # type: ignore[attr-defined]
    return wrapper


def _metavar(annotation: Any) -> str:
    choices = [str(a) for part in getattr(annotation, "__args__", ()) for a in getattr(part, "__args__", (part,))]
    words = [c for c in choices if c.isidentifier() or "-" in c]
    if getattr(annotation, "__origin__", None) is not None and words and "NoneType" not in str(words):
        return "|".join(words)
    return getattr(annotation, "__name__", "VALUE").upper() if not choices else "VALUE"


def _parsed(name: str, text: Any) -> Any:
    """Turn an option's text into what pydantic expects; it converts numbers and booleans itself."""
    if isinstance(text, list):
        return text
    if text.lower() == "none" and type(None) in get_args(TrainConfig.model_fields[name].annotation):
        return None
    if name == "attention_widths":
        return tuple(text.replace(",", " ").split())
    if name == "loss_parameters":
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise UserError(f"--loss-parameters is not JSON: {text}", hint="""e.g. '{"margin": 0.5}'""") from error
    return text


@app.command(name="train")
@_with_config_options
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
    as_json: Json = False,
    modules: Import = None,
    *,
    changes: dict[str, Any],
) -> None:
    """Train one model and measure it. Example: dacl-edu train --preset quick --method dacl --seed 3

    Several methods and seeds are trained one after another: dacl-edu train --seeds 0-4 --method softmax --method dacl

    Every option after --import overrides the preset; the value in brackets holds where the preset says nothing.
    """
    from dacl_edu.evaluation.tables import result_tables
    from dacl_edu.runs.plan import planned
    from dacl_edu.training import train

    configs = planned(preset, saved, seeds, changes)
    parent = Path("runs") if out is None else out
    several = len(configs) > 1
    folders = [parent / default_name(config) if several or out is None else parent for config in configs]
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
    Console().print(result_tables(results))
    if several:
        _say_what_they_claim(folders)
        print(shlex.join(["dacl-edu", "report", *map(str, folders)]))
    else:
        print(f"{folders[0]}")


def _say_what_they_claim(folders: list[Path]) -> None:
    """Say how far runs went, and what that ranks; nothing where one lacks its answers image by image."""
    from dacl_edu.runs.run import read_run
    from dacl_edu.runs.standing import first_lines

    runs = [read_run(folder) for folder in folders]
    for line in first_lines(runs) if all(run.finished for run in runs) else []:
        print(textwrap.fill(line, 80))


def _is_first_process() -> bool:
    """Whether this process is the one of several (torchrun) that prints."""
    import torch.distributed as dist

    return not (dist.is_available() and dist.is_initialized()) or dist.get_rank() == 0


def default_name(config: TrainConfig) -> str:
    """Name a run after what it is. A result that is selected on the test part says so."""
    method = config.method.replace(":", ".")
    name = f"{config.data.replace(':', '-')}-{method}-{config.preset}-seed{config.seed}"
    return f"{name}-selected-on-test" if config.select_by == "test" else name


@app.command()
def evaluate(
    runs: Runs,
    data: Annotated[str | None, typer.Option(help="Another data set than the run's.")] = None,
    root: Annotated[Path | None, typer.Option(help="Its folder.")] = None,
    split: Annotated[str | None, typer.Option(help="train, val or test. [default: the run's]")] = None,
    predictions: Annotated[
        Path | None, typer.Option(help="Write the predictions of one run to this .npz file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure trained runs on any data set. Example: dacl-edu evaluate runs/x --data rafdb --root ~/rafdb"""
    from dacl_edu.evaluation.tables import result_tables
    from dacl_edu.runs.trained import evaluate_run

    folders = _run_folders(runs)
    if predictions is not None and len(folders) > 1:
        raise UserError(f"--predictions takes one run, not {len(folders)}", hint=f"name one, e.g. {folders[0].path}")
    results = []
    for folder in folders:
        if len(folders) > 1:
            _stderr(f"measuring {folder.path}")
        result, predicted = evaluate_run(folder.path, data, root, split)
        results.append(result)
    if predictions is not None:
        predictions.parent.mkdir(parents=True, exist_ok=True)
        predicted.save(predictions)
    if as_json:
        print(json.dumps(results[0] if len(results) == 1 else results, indent=2))
    else:
        Console().print(result_tables(results))


@app.command()
def compare(
    runs: Runs,
    as_json: Json = False,
) -> None:
    """Put finished runs side by side. Example: dacl-edu compare runs/demo"""
    from dacl_edu.evaluation.tables import result_tables

    folders = _run_folders(runs, finished=True)
    results = [folder.result() for folder in folders]
    if as_json:
        print(json.dumps(results, indent=2))
        return
    Console().print(result_tables(results))
    _say_what_they_claim([folder.path for folder in folders])


def _run_folders(places: list[Path], finished: bool = False) -> list[RunFolder]:
    """Return the runs in or below some folders; of what lies beside them, as in ``runs/*``, is said that it is no run.

    A run that is named itself is taken in any case, one below a folder only if it has finished, where that is asked.
    """
    from dacl_edu.runs.folder import RunFolder, find_run_folders
    from dacl_edu.runs.run import papers_order

    found: list[RunFolder] = []
    for place in places:
        if os.path.isfile(place) and len(places) > 1:
            below = []
        else:
            below = [RunFolder(folder) for folder in find_run_folders([place])]
        if [folder.path for folder in below] != [place]:
            waits = [folder for folder in below if finished and not folder.result_file.is_file()]
            for folder in waits:
                _stderr(f"left out: {folder.path} (not finished)")
            below = sorted((f for f in below if f not in waits), key=lambda folder: papers_order(folder.config()))
            if not below and not waits and len(places) > 1:
                _stderr(f"left out: {place} (no run)")
        found += below
    if not found:
        raise UserError(
            f"no {'finished ' if finished else ''}run in {', '.join(map(str, places))}",
            hint="name run folders, or a folder that holds them; dacl-edu demo trains three",
        )
    return found


@app.command()
def demo(
    profile: Annotated[str, typer.Option("--profile", "-p", help="As in lesson 07, e.g. smoke, quick.")] = "quick",
    epochs: Annotated[
        int | None, typer.Option("--epochs", "-e", help="Epochs of each run. [default: 9 of quick's 28]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the three runs.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of all that it makes.")] = Path("runs/demo"),
) -> None:
    """Execute lessons 07 and 10: train softmax loss, center loss and DACL, compare them. What make run does.

    Example: dacl-edu demo --profile smoke --out runs/try
    """
    from dacl_edu.evaluation.tables import result_tables
    from dacl_edu.lessons.demo import run_demo
    from dacl_edu.report.write import write_report

    try:
        runs = run_demo(profile, epochs, seed, out)
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
    Console().print(result_tables([run.result for run in runs]))
    for line in said[1:]:
        print(textwrap.fill(line, 80))
    print(f"notebooks  {out / '07_training.ipynb'}, {out / '10_results.ipynb'}")
    print(f"results    {out / 'results.csv'}")
    print(f"report     {page}")
    print(f"Train again from scratch: remove {out}.")


@app.command()
def info(
    backbone: Annotated[str, typer.Option(help="small_resnet, a torchvision classifier, or timm:<name>.")] = "resnet18",
    image_size: Annotated[int, typer.Option(help="Side of the images in pixels.")] = 224,
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
    """Check that everything is in place; each [FAIL] names the command that mends it."""
    from dacl_edu.doctor import run_checks

    checks = run_checks()
    for check in checks:
        print(f"[{'OK' if check.ok else 'FAIL'}] {check.what}{'' if check.ok else f' — {check.hint}'}")
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


register_notebook_commands(app)
register_lab_command(app)
register_report_command(app)
register_explore_command(app)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; an error that the user can put right is one line and exit code 2."""
    # On the child: importing lightning_fabric sets the level of its own logger anew.
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    spell_on_streams()
    try:
        sys.path.append(os.getcwd())  # --method my_module:MyLoss; an installed command would not look here
        app(args=arguments, prog_name="dacl-edu")
    except UserError as error:
        if _debug:
            raise
        _stderr(f"error: {error}")
        sys.exit(2)
    except OSError as error:  # of a path: too long, not writable, a full disk, …
        if _debug or error.filename is None or not error.strerror:
            _unforeseen(error)
        what = f"{error.strerror[0].lower()}{error.strerror[1:]}"
        _stderr(f"error: {error.filename}: {what}{_HINT.get(error.errno or 0, '')}")
        sys.exit(2)
    except Exception as error:  # a student's own loss can fail in any way, a device with a RuntimeError
        _unforeseen(error)


_HINT = {
    errno.ENAMETOOLONG: " — choose a shorter name",
    errno.EACCES: " — choose a place that you may read and write",
    errno.EROFS: " — choose a place where you may write",
    errno.ENOSPC: " — free some space, or choose another place",
}


def _unforeseen(error: Exception) -> NoReturn:
    if _debug:
        raise error
    kind = "" if isinstance(error, ValueError | IndexError) else f"{type(error).__name__}: "
    _stderr(f"error: {kind}{' '.join(str(error).split())} (dacl-edu --debug … shows where)")
    sys.exit(2)


def _stderr(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    main()

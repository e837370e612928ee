"""The commands ``dacl-edu data check | prepare | unpack``."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dacl_edu.data.classes import parsed_classes

if TYPE_CHECKING:
    from rich.table import Table

    from dacl_edu.data.check import Report

app = typer.Typer(
    help="Look at a data set, decode it once, or unpack its archive.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Data = Annotated[str, typer.Option("--data", "-d", help="Data set, as for training; jaffe:KA leaves a subject out.")]
Classes = Annotated[str | None, typer.Option("--classes", help="Which classes, as for training.", show_default=False)]
Root = Annotated[Path | None, typer.Option(help="Its folder. [default: data/<name>]", show_default=False)]


class Undecodable(StrEnum):
    """What becomes of a file that cannot be decoded."""

    stop = "stop"
    skip = "skip"


OnError = Annotated[Undecodable, typer.Option(help="A file that cannot be decoded is an error, or left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@app.command()
def check(
    data: Data,
    root: Root = None,
    classes: Classes = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet of 12 images a class to this PNG.")] = None,
    split: Annotated[str | None, typer.Option(help="Split on the sheet. [default: the first]")] = None,
    allow_leak: Annotated[bool, typer.Option("--allow-leak", help="Images in two splits are no error.")] = False,
    on_error: OnError = Undecodable.stop,
    as_json: Json = False,
) -> None:
    """Count, decode and compare every image of a data set. Example: dacl-edu data check --data rafdb --root ~/rafdb

    Exit code 2: images do not decode, or an image is in two splits (exactly, or re-encoded or resized).
    """
    from rich.console import Console

    from dacl_edu.data.check import check_dataset
    from dacl_edu.data.registry import canonical_split
    from dacl_edu.data.sheet import save_sheet
    from dacl_edu.errors import UserError

    report, listings = check_dataset(data, root, **_option(classes))
    if sheet is not None:
        wanted = next(iter(listings)) if split is None else canonical_split(split)
        if wanted not in listings:
            raise UserError(f"data set {data!r} has no split {split!r}", hint=f"it has {', '.join(listings)}")
        save_sheet(listings[wanted], sheet)
    if as_json:
        print(json.dumps(asdict(report) | {"differences": report.differences()}, indent=2))
    else:
        print(f"{report.name} in {report.root}" if report.root else report.name)
        Console().print(report_table(report))
        print("\n".join(report_lines(report, of_files=None if on_error is Undecodable.skip else 10)))
    report.require_sound(allow_leak, allow_undecodable=on_error is Undecodable.skip)


@app.command()
def prepare(
    data: Data,
    size: Annotated[int, typer.Option(min=8, max=8192, help="Side of the images in pixels.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to be made; give it as --root afterwards.")],
    root: Root = None,
    classes: Classes = None,
    on_error: OnError = Undecodable.stop,
    as_json: Json = False,
) -> None:
    """Decode a data set once. Example: dacl-edu data prepare --data rafdb --size 256 --out data/rafdb-256

    Afterwards, load_dataset(name, root=out) and --root out read it memory-mapped. An interrupted command may be
    repeated; what is finished is kept.
    """
    from dacl_edu.data.prepare import prepare as run

    manifest = run(data, root, size, out, on_error=on_error.value, **_option(classes))
    if as_json:
        print(json.dumps(manifest, indent=2))
        return
    for split, entry in manifest["splits"].items():
        print(f"{split:6} {entry['images']:>8,} images of {size}x{size}  SHA-256 {entry['sha256'][:16]}…")
        for problem in entry.get("left_out", {}).values():
            print(f"left out: {problem}")
    print(out)


@app.command()
def unpack(
    archive: Annotated[Path, typer.Argument(help="A .zip, .tar, .tar.gz, .tar.bz2 or .tar.xz file.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to be made.")],
) -> None:
    """Unpack an archive that nobody has checked. Example: dacl-edu data unpack basic.zip --out data/rafdb"""
    from dacl_edu.data.archive import unpack as run

    print(f"{run(archive, out):,} files in {out}")


def _option(classes: str | None) -> dict[str, Any]:
    return {} if classes is None else {"classes": parsed_classes(classes)}


def report_table(report: Report) -> Table:
    """Images of each class and split, beside the published counts where there are any."""
    from rich.table import Table

    table = Table()
    table.add_column("class")
    for split in report.counts:
        table.add_column(split, justify="right")
        if split in report.published:
            table.add_column("published", justify="right")
    for name in [*next(iter(report.counts.values())), "sum"]:
        table.add_row(name, *_cells(report, name))
    return table


def report_lines(report: Report, most: int = 10, of_files: int | None = 10) -> list[str]:
    """Everything else that was found, a line each; of leaks `most` are named, of bad files `of_files` (None: all)."""
    lines = list(report.notes)
    lines += [f"differs from the published counts: {line}" for line in report.differences()]
    lines += [f"{split}: {n:,} images repeat another one of it exactly" for split, n in report.repeats.items() if n]
    lines += [f"cannot be decoded: {file}" for file in list(report.undecodable)[:of_files]]
    lines += [
        f"{leak.kind} copy: {leak.splits[0]} {leak.images[0]} ({leak.labels[0]}) = "
        f"{leak.splits[1]} {leak.images[1]} ({leak.labels[1]})"
        for leak in report.leaks[:most]
    ]
    return [*lines, f"{len(report.undecodable):,} images do not decode, {len(report.leaks):,} are in two splits"]


def _cells(report: Report, name: str) -> list[str]:
    cells: list[Any] = []
    for split, counts in report.counts.items():
        columns = [counts] + ([report.published[split]] if split in report.published else [])
        cells += [sum(column.values()) if name == "sum" else column.get(name) for column in columns]
    return ["–" if cell is None else f"{cell:,}" for cell in cells]

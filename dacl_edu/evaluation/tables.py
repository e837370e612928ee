"""Results as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from dacl_edu.summary import Row


def result_table(results: Sequence[dict[str, Any]]) -> Table:
    """Return one row a result: what was run, accuracy, average accuracy, each class, attention, speed.

    Parameters
    ----------
    results : sequence of dict
        What ``result.json`` holds.

    Examples
    --------
    >>> result_table([]).row_count
    0
    """
    what = {(r["dataset"], r["split"], r["images"], r["selected_by"]) for r in results}
    title = "; ".join(f"{d} {s} ({n} images), epoch: {by}" for d, s, n, by in sorted(what))
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column("method")
    table.add_column("seed", justify="right")
    table.add_column("accuracy", justify="right")
    table.add_column("average", justify="right")
    classes = results[0]["classes"] if results else []
    for name in classes:
        table.add_column(name[:9], justify="right")
    table.add_column("attention", justify="right")
    table.add_column("img/s", justify="right")
    table.add_column("time", justify="right")
    for r in results:
        per_class = ["–" if value is None else f"{value:.0%}" for value in r["per_class_accuracy"]]
        table.add_row(
            r["method"], str(r["seed"]), f"{r['accuracy']:.2%}", f"{r['average_accuracy']:.2%}", *per_class,
            f"{r['attention']['mean']:.3f}",
            f"{r['images_per_second']:.0f}" if "images_per_second" in r else "–",
            f"{r['seconds']:.0f} s" if "seconds" in r else "–",
        )
    return table


def network_table(rows: Sequence[Row]) -> Table:
    """Return one row a part of the network: output shape, parameters, multiply-adds."""
    table = Table(title="one image", title_justify="left")
    for name, justify in (("part", "left"), ("output", "left"), ("parameters", "right"), ("multiply-adds", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        shape = "×".join(map(str, row.output))
        table.add_row(row.part, shape, f"{row.parameters:,}", f"{row.macs:,}", end_section=row.part == rows[-2].part)
    return table

"""Results as tables for the terminal, narrow enough for 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table

from dacl_edu.model.summary import Row


def result_tables(results: Sequence[dict[str, Any]]) -> Group:
    """Return two tables: one row a result, and the accuracy of each class with one column a result.

    Parameters
    ----------
    results : sequence of dict
        What ``result.json`` holds.

    Returns
    -------
    rich.console.Group
        To be printed by a rich console.

    Examples
    --------
    >>> from rich.console import Console
    >>> run = {"dataset": "toy", "split": "test", "images": 2, "selected_by": "last epoch", "method": "dacl", "seed": 0,
    ...        "accuracy": 0.5, "average_accuracy": 0.5, "classes": ["a", "b"], "per_class_accuracy": [1.0, 0.0],
    ...        "attention": {"mean": 0.49}, "images_per_second": 900.0, "seconds": 3.0}
    >>> Console(width=80).print(result_tables([run]))  # doctest: +ELLIPSIS
    toy test (2 images), epoch: last epoch
    ...
    """
    return Group(_summary(results), _per_class(results))


def _summary(results: Sequence[dict[str, Any]]) -> Table:
    what = {(r["dataset"], r["split"], r["images"], r["selected_by"]) for r in results}
    title = "; ".join(f"{data} {split} ({n} images), epoch: {by}" for data, split, n, by in sorted(what))
    table = Table(title=title, title_justify="left")
    table.add_column("method")
    for name in ("seed", "accuracy", "average", "attention", "images/s", "time"):
        table.add_column(name, justify="right")
    for r in results:
        table.add_row(
            r["method"],
            str(r["seed"]),
            f"{r['accuracy']:.2%}",
            f"{r['average_accuracy']:.2%}",
            f"{r['attention']['mean']:.3f}",
            f"{r['images_per_second']:.0f}" if "images_per_second" in r else "–",
            f"{r['seconds']:.0f} s" if "seconds" in r else "–",
        )
    return table


def _per_class(results: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="accuracy of each class", title_justify="left")
    table.add_column("class")
    for r in results:
        table.add_column(
            r["method"] if len({x["seed"] for x in results}) == 1 else f"{r['method']} {r['seed']}", justify="right"
        )
    for index, name in enumerate(results[0]["classes"] if results else []):
        shares = [r["per_class_accuracy"][index] for r in results]
        table.add_row(name, *("–" if share is None else f"{share:.1%}" for share in shares))
    return table


def network_table(rows: Sequence[Row]) -> Table:
    """Return one row a part of the network: output shape, parameters, multiply-adds."""
    table = Table(title="for one image", title_justify="left")
    table.add_column("part")
    table.add_column("output")
    table.add_column("parameters", justify="right")
    table.add_column("multiply-adds", justify="right")
    for index, row in enumerate(rows):
        shape = "×".join(map(str, row.output))
        table.add_row(row.part, shape, f"{row.parameters:,}", f"{row.macs:,}", end_section=index == len(rows) - 2)
    return table

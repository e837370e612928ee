"""Results as tables for the terminal, narrow enough for 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table

from dacl_edu.evaluation.metrics import mean_attention
from dacl_edu.model.summary import Row

WIDTH = 80
"""Columns of a terminal that the tables fit."""
_FRAME = 3  # a line and a space at each side


def result_tables(results: Sequence[dict[str, Any]]) -> Group:
    """Return tables for a rich console: one row a result (of ``result.json``), and each class with one column a result.

    As many columns stand beside one another as fit; the others follow below.

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
    parts: dict[tuple[str, ...], list[dict[str, Any]]] = {}  # results on the same classes
    for result in results:
        parts.setdefault(tuple(result["classes"]), []).append(result)
    below = [_per_class(classes, columns) for classes, part in parts.items() for columns in _fitting(classes, part)]
    return Group(_summary(results), *below, *not_scored(results))


def not_scored(results: Sequence[dict[str, Any]]) -> list[str]:
    """Say which classes were left out where a model was measured on data of other classes, and what chance is there.

    Examples
    --------
    >>> left = {"model": ["neutral"], "data": ["contempt"], "images": 54, "share": 0.055}
    >>> print(*not_scored([{"run": "runs/a", "classes": ["fear", "anger"], "chance": 0.5, "not_scored": left}]))
    runs/a: scored on the 2 classes that model and data share; chance is 50.0%. Not scored: neutral (model only),
    contempt (data only, 54 images, 5.5%).
    """
    lines = []
    for r in results:
        if left := r.get("not_scored"):
            data = f"{', '.join(left['data'])} (data only, {left['images']} images, {left['share']:.1%})"
            both = [f"{', '.join(left['model'])} (model only)"] if left["model"] else []
            lines.append(
                f"{r['run']}: scored on the {len(r['classes'])} classes that model and data share; chance is "
                f"{r['chance']:.1%}. Not scored: {', '.join([*both, *([data] if left['data'] else [])])}."
            )
    return lines


def _summary(results: Sequence[dict[str, Any]]) -> Table:
    what = {(r["dataset"], r["split"], r["images"], r["selected_by"]) for r in results}
    title = "; ".join(f"{data} {split} ({n} images), epoch: {by}" for data, split, n, by in sorted(what))
    table = Table(title=title, title_justify="left")
    table.add_column("method", overflow="fold")
    for name in ("seed", "accuracy", "average", "attention", "images/s", "time"):
        table.add_column(name, justify="right")
    for r in results:
        table.add_row(
            r["method"],
            str(r["seed"]),
            f"{r['accuracy']:.2%}",
            f"{r['average_accuracy']:.2%}",
            mean_attention(r),
            f"{r['images_per_second']:.0f}" if "images_per_second" in r else "–",
            f"{r['seconds']:.0f} s" if "seconds" in r else "–",
        )
    return table


def _fitting(classes: Sequence[str], results: Sequence[dict[str, Any]]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Divide results into groups whose columns, with their heads, fit beside the names of the classes."""
    several = len({r["seed"] for r in results}) > 1
    free = WIDTH - max(map(len, ("class", *classes))) - _FRAME - 1
    group: list[tuple[str, dict[str, Any]]] = []
    for r in results:
        head = f"{r['method']} {r['seed']}" if several else r["method"]
        if group and sum(max(len(name), len("100.0%")) + _FRAME for name, _ in [*group, (head, r)]) > free:
            yield group
            group = []
        group.append((head, r))
    yield group


def _per_class(classes: Sequence[str], columns: Sequence[tuple[str, dict[str, Any]]]) -> Table:
    table = Table(title="accuracy of each class", title_justify="left")
    table.add_column("class")
    for head, _ in columns:
        table.add_column(head, justify="right", overflow="fold")
    for index, name in enumerate(classes):
        shares = [r["per_class_accuracy"][index] for _, r in columns]
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

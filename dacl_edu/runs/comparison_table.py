"""A comparison as a table: for a terminal of 80 columns, and as CSV, JSON, Markdown and LaTeX."""

from __future__ import annotations

import json
import math

import pandas as pd
from rich.box import SIMPLE
from rich.table import Table

from dacl_edu.evaluation.crossed import CrossedDifference
from dacl_edu.evaluation.significance import Interval, p_text, spread_text, within
from dacl_edu.runs.comparison import Comparison

LATEX = str.maketrans({"−": "$-$", "±": r"$\pm$", "–": "--"})
"""What pdflatex does not know, or knows only with further packages."""


def for_terminal(found: Comparison) -> Table:
    """Return one row a configuration, in per cent and points.

    Examples
    --------
    >>> from rich.console import Console
    >>> from dacl_edu.runs.comparison import compare_configurations
    >>> from dacl_edu.runs.run import shipped_runs
    >>> Console(width=80).print(for_terminal(compare_configurations(shipped_runs())))  # doctest: +ELLIPSIS
    bundled test, 2,100 images, epoch: last epoch
    ...
    """
    # With as many samples of each class both accuracies are one number, and the second would only take room.
    averages = any(abs(r.accuracy.middle - r.average_accuracy.middle) > 5e-5 for r in found.rows)
    table = Table(title=found.what, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("configuration", overflow="fold")
    for name in ("n", "accuracy %", "95 %", *(("average %",) if averages else ()), f"− {found.baseline}", "p"):
        table.add_column(name, justify="right", overflow="fold")
    for r in found.rows:
        average = (spread_text(r.average_accuracy.middle, r.average_spread),) if averages else ()
        d = r.difference
        points = _points(d) if d else "–"
        table.add_row(
            r.name, str(r.seeds), spread_text(r.accuracy.middle, r.spread), _span(r.accuracy), *average,
            points, p_text(r.p_value) if d else "–",
        )  # fmt: skip
    return table


def frame(found: Comparison) -> pd.DataFrame:
    """Return the comparison as numbers: shares, not points."""
    lines = []
    for row in found.rows:
        d = row.difference
        lines.append(
            {
                "configuration": row.name, "seeds": row.seeds,
                "accuracy": row.accuracy.middle, "accuracy_sd": row.spread,
                "accuracy_low": row.accuracy.low, "accuracy_high": row.accuracy.high,
                "average_accuracy": row.average_accuracy.middle, "average_accuracy_sd": row.average_spread,
                "difference": d.middle if d else math.nan, "difference_low": d.low if d else math.nan,
                "difference_high": d.high if d else math.nan, "p_holm": row.p_value,
            }
        )  # fmt: skip
    return pd.DataFrame(lines)


def written(found: Comparison, form: str) -> str:
    """Return the comparison as ``csv``, ``json``, ``markdown`` or ``latex`` text; the last two in per cent."""
    numbers = frame(found)
    if form == "csv":
        return numbers.to_csv(index=False).rstrip()
    if form == "json":
        rows = json.loads(numbers.to_json(orient="records"))
        return json.dumps(
            {"what": found.what, "baseline": found.baseline, "rows": rows, "sentence": found.sentence}, indent=2,
            ensure_ascii=False,
        )  # fmt: skip
    table = for_terminal(found)
    cells = [list(column.cells) for column in table.columns]
    heads = [str(column.header) for column in table.columns]
    if form == "latex":
        style = pd.DataFrame(dict(zip(heads, cells, strict=True))).style.hide(axis="index").format(escape="latex")
        text = style.format_index(escape="latex", axis="columns").to_latex(
            hrules=True, column_format=f"l{'r' * (len(heads) - 1)}"
        )
        return str(text).translate(LATEX).rstrip()
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *map(list, zip(*cells, strict=True))]
    return "\n".join([*(f"| {' | '.join(map(str, line))} |" for line in lines), "", f"{found.what}. {found.sentence}"])


def _span(interval: Interval) -> str:
    found = within(interval.low, interval.high, 0, 1)
    return f"{100 * found[0]:.1f}–{100 * found[1]:.1f}" if found else "–"


def _points(d: CrossedDifference) -> str:
    found = within(d.low, d.high, -1, 1)
    span = f"{100 * found[0]:+.1f}, {100 * found[1]:+.1f}" if found else "–"
    return f"{100 * d.middle:+.1f} ({span})".replace("-", "−")

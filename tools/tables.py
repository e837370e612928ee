"""Tables of intervals in Markdown, for the pages that the studies write."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dacl_edu.evaluation.significance import seeds_interval


def interval(values: Sequence[float], digits: int = 3) -> str:
    """Write the mean over seeds with its 95 % interval.

    Examples
    --------
    >>> interval([-1.0, 0.0, 1.0], digits=1)
    '0.0 (−2.5 to 2.5)'
    """
    low, middle, high = seeds_interval(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})".replace("-", "−")


def markdown(table: pd.DataFrame) -> str:
    """Write a table; one without rows is no answer."""
    if table.empty:
        return "Not answered: no such runs yet."
    rows = [list(table.columns), ["---"] * len(table.columns), *table.astype(str).values.tolist()]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)

"""Configurations side by side: one row each, over seeds and images, and the sentence that one may honestly say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from dacl_edu.errors import UserError
from dacl_edu.evaluation.crossed import CrossedDifference, crossed_difference, seeds_needed
from dacl_edu.evaluation.significance import Interval, accuracy_interval, p_text, seeds_interval, within
from dacl_edu.expressions import EIGHT
from dacl_edu.runs.naming import data_folder, named, require_each_once
from dacl_edu.runs.run import Run
from dacl_edu.text import nearest

PAPER_DIFFERENCE = 0.0072
"""DACL over center loss on RAF-DB in the paper's Table 1: 87.78 against 87.06 %, 22 of 3,068 images, one run each."""
PAPERS_DIFFERENCE = "what the paper reports between DACL and center loss on RAF-DB"
LEVEL = 0.05
OTHER_P = (
    "p: seeds and images are both draws, and it is corrected for the number of rows (Holm); the paired t-test of a "
    "report takes seeds alone, and its p differs."
)
WHERE = {"folder": "folder", "epochs": "epochs", "limit": "limit", "data set": "data"}
"""What runs may differ in → the setting to choose them by."""


class Row(NamedTuple):
    """One configuration.

    Attributes
    ----------
    name : str
        The method, and those settings that tell it from others.
    seeds : int
    accuracy, average_accuracy : Interval
        Mean over seeds with Student's 95 % interval; of a single seed Wilson's, over images alone (average: not known).
    spread, average_spread : float
        Sample standard deviation over seeds; NaN for a single one.
    difference : CrossedDifference or None
        To the baseline, over the seeds that both have; None for the baseline and where they share none.
    p_value : float
        That of ``difference``, corrected by Holm for the number of rows; NaN without a difference.
    """

    name: str
    seeds: int
    accuracy: Interval
    spread: float
    average_accuracy: Interval
    average_spread: float
    difference: CrossedDifference | None
    p_value: float


class Comparison(NamedTuple):
    """What :func:`compare_configurations` returns; ``what`` says what was measured, in words."""

    what: str
    baseline: str
    rows: list[Row]
    sentence: str


def compare_configurations(
    runs: Sequence[Run], baseline: str | None = None, wanted: float = PAPER_DIFFERENCE
) -> Comparison:
    """Compare configurations over seeds and images; two single runs by McNemar's test.

    Parameters
    ----------
    runs : sequence of Run
        Finished; of one data set, split, number of epochs and way of selecting the epoch.
    baseline : str, optional
        Name of the row that the others are compared with; default softmax, or the first.
    wanted : float, default 0.0072
        The difference of accuracies whose number of seeds the sentence names; the default is the paper's.

    Raises
    ------
    UserError
        Runs that may not be put side by side, with what differs and where; a baseline that is not there; one
        configuration and seed twice.

    Examples
    --------
    >>> from dacl_edu.runs.run import shipped_runs
    >>> found = compare_configurations(shipped_runs())
    >>> [(row.name, row.seeds, round(row.accuracy.middle, 4)) for row in found.rows]
    [('softmax', 3, 0.8281), ('center', 3, 0.8171), ('dacl', 3, 0.823)]
    """
    _require_alike(runs)
    groups: dict[str, dict[int, Run]] = {}
    for run in require_each_once(named(runs)):
        groups.setdefault(run.group, {})[run.config.seed] = run
    name = _baseline(list(groups), baseline)
    differences = {group: _difference(own, groups[name]) for group, own in groups.items() if group != name}
    corrected = _holm({group: found.p_value for group, found in differences.items() if found is not None})
    order = [name, *(group for group in groups if group != name)]  # what all are compared with comes first
    rows = [_row(group, groups[group], differences.get(group), corrected) for group in order]
    result = runs[0].result
    what = f"{result['dataset']} {result['split']}, {result['images']:,} images, epoch: {result['selected_by']}"
    called = "the paper’s" if set(result["classes"]) <= set(EIGHT) else PAPERS_DIFFERENCE
    return Comparison(what, name, rows, sentence(rows, name, wanted, called))


def sentence(rows: Sequence[Row], baseline: str, wanted: float = PAPER_DIFFERENCE, called: str = "the paper’s") -> str:
    """Say what one may honestly say, and how many seeds a difference of ``wanted`` would need.

    The paper's difference is ``called`` what it is: on other data than faces with expressions it is nobody's.
    """
    tested = [row for row in rows if row.difference is not None]
    if not tested:
        return "One configuration alone: there is nothing to compare." if len(rows) == 1 else (
            f"No configuration shares a seed with {baseline}: nothing can be compared pair by pair."
        )  # fmt: skip
    seeds = min(row.difference.seeds for row in tested if row.difference)
    shown = [row for row in tested if row.p_value < LEVEL]
    words = [_shown(row, baseline) for row in shown]
    if not shown:
        row = max(tested, key=lambda row: abs(row.difference.middle if row.difference else 0))
        said = _shown(row, baseline, test=False)
        if len(tested) > 1:
            said = f"the largest, {said}"
            if row.difference and within(row.difference.low, row.difference.high, -1, 1):
                said += ", an interval that counts this pair alone"
            if row.difference and not row.difference.low <= 0 <= row.difference.high:
                said += f"; corrected for {len(tested)} comparisons p is {p_text(row.p_value)}"
        words.append(f"No difference could be shown with {_counted(seeds)} ({said}).")
    if seeds == 1:
        words.append("One seed: this says something of these networks, nothing of the methods.")
        return " ".join(words)
    need = {row.name: seeds_needed(row.difference, wanted) for row in tested if row.difference}
    points = f"{100 * wanted:.1f} points{f', {called},' if wanted == PAPER_DIFFERENCE else ''}"
    if not any(d.by_seed or d.by_image or d.rest for d in (row.difference for row in tested) if d):
        words.append("All are right on the same images, so nothing is known of the spread.")
    elif never := [row for row, number in need.items() if number is None]:
        words.append(
            f"A true difference of only {points} between {never[0]} and {baseline} could not be shown on so few "
            "images, however many seeds."
        )
    else:
        most = max(number for number in need.values() if number is not None)
        more = ", or more test images" if most > 30 else ""
        doubt = f"; {_counted(seeds)} tell little of the spread" if seeds < 5 else ""
        of_all = f"to {baseline} in every row" if len(need) > 1 else f"to {baseline}"
        words.append(
            f"To show a difference of {points} {of_all} would need about {most} seeds (power 80 %{doubt}){more}."
        )
    return " ".join(words)


def _require_alike(runs: Sequence[Run]) -> None:
    if not runs:
        raise UserError("no finished run to compare", hint="name run folders, or a folder that holds them")
    kinds: dict[str, Callable[[Run], object]] = {
        "data set": lambda run: run.result["dataset"],
        "folder": lambda run: data_folder(run.config) or "none",
        "split": lambda run: run.result["split"],
        "number of images": lambda run: run.result["images"],
        "list of classes": lambda run: tuple(run.result["classes"]),
        "epochs": lambda run: run.config.epochs,
        "limit": lambda run: run.config.limit,
        "selection of the epoch": lambda run: run.result["selected_by"],
    }
    for what, of in kinds.items():
        found: dict[object, Run] = {}
        for run in runs:
            found.setdefault(of(run), run)
        if len(found) > 1:
            (one, first), (other, second) = list(found.items())[:2]
            if first.folder == second.folder:  # a study in small
                field = WHERE.get(what)
                where = f": --where {field}={one}" if field else ""
                raise UserError(f"these runs differ in their {what}: {one}, {other}", hint=f"choose one{where}")
            raise UserError(
                f"these runs differ in their {what}: {one} in {first.folder}, {other} in {second.folder}",
                hint="compare only what differs in the method; name fewer folders",
            )
    first_of_seed: dict[int, tuple[Run, np.ndarray]] = {}  # a limit draws other images for each seed
    for run in runs:
        if run.predictions is None:
            why = " ".join(run.missing) or "no predictions there"
            raise UserError(f"{run.folder}: {why}", hint="train it again")
        labels = run.predictions.labels.numpy()
        other, theirs = first_of_seed.setdefault(run.config.seed, (run, labels))
        if not np.array_equal(labels, theirs):
            raise UserError(f"{run.folder}: its images are not those of {other.folder}", hint="name fewer folders")


def _baseline(groups: list[str], asked: str | None) -> str:
    if asked is None:
        return next((group for group in groups if group.partition(",")[0] == "softmax"), groups[0])
    matches = [group for group in groups if group == asked] or [g for g in groups if g.startswith(f"{asked},")]
    if len(matches) > 1:
        raise UserError(f"--baseline {asked!r} may be {len(matches)} rows", hint=f"one of: {'; '.join(matches)}")
    if not matches:
        raise UserError(f"--baseline {asked!r} is none of these runs", hint=nearest(asked, groups))
    return matches[0]


def _difference(own: dict[int, Run], other: dict[int, Run]) -> CrossedDifference | None:
    both = sorted(own.keys() & other.keys())
    if not both:
        return None
    first, second = (np.stack([side[seed].correct.numpy() for seed in both]) for side in (own, other))
    return crossed_difference(first, second)


def _holm(p_values: dict[str, float]) -> dict[str, float]:
    from statsmodels.stats.multitest import multipletests  # half a second

    if not p_values:
        return {}
    corrected = multipletests(list(p_values.values()), method="holm")[1]
    return dict(zip(p_values, corrected.tolist(), strict=True))


def _row(name: str, own: dict[int, Run], difference: CrossedDifference | None, corrected: dict[str, float]) -> Row:
    accuracy = [float(run.result["accuracy"]) for run in own.values()]
    average = [float(run.result["average_accuracy"]) for run in own.values()]
    only = next(iter(own.values())) if len(own) == 1 else None
    return Row(
        name, len(own),
        accuracy_interval(only.correct.numpy()) if only is not None else seeds_interval(accuracy), _spread(accuracy),
        seeds_interval(average), _spread(average),
        difference, corrected.get(name, float("nan")),
    )  # fmt: skip


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def _shown(row: Row, baseline: str, test: bool = True) -> str:
    d = row.difference
    assert d is not None
    span = within(d.low, d.high, -1, 1)
    middle, *ends = (f"{100 * value:+.1f}".replace("-", "−") for value in (d.middle, *(span or ())))
    words = " to ".join(ends) or "interval not known"
    if not test:
        return f"{row.name} − {baseline}: {middle} points, {words}"
    side = "above" if d.middle > 0 else "below"
    return f"{row.name} is {side} {baseline} by {middle.lstrip('+−')} points ({words}, p {p_text(row.p_value)})."


def _counted(seeds: int) -> str:
    return f"{seeds} seed{'s' if seeds != 1 else ''}"

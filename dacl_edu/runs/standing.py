"""What runs may claim: how far they ran, what they say over seeds, and the full experiment that stands beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import isnan

from dacl_edu.errors import UserError
from dacl_edu.evaluation.compare import compare_runs
from dacl_edu.evaluation.significance import PairedSeeds, p_text, seeds_difference, spread_text
from dacl_edu.runs.config import PRESETS
from dacl_edu.runs.naming import named
from dacl_edu.runs.run import Run, shipped_runs
from dacl_edu.text import counted

QUESTION = "Which of the two do you believe, and why? Lesson 10 answers, in its part “How much is luck?”."


def epochs_done(run: Run) -> int:
    """Return how many epochs a run has finished."""
    return int(run.result.get("epochs") or len(run.history))


def epochs_planned(run: Run) -> int:
    """Return how many epochs its preset has; of a preset that is not known, how many it was asked for."""
    preset = PRESETS.get(run.config.preset, {})
    return int(preset.get("epochs", run.config.epochs))


def is_short(run: Run) -> bool:
    """Whether a run ended before the last epoch of its preset, or saw only some of the images."""
    return epochs_done(run) < epochs_planned(run) or is_limited(run)


def is_limited(run: Run) -> bool:
    """Whether a limit left images out; of a run that does not say on how many images it trained, whether it may have.

    Examples
    --------
    >>> from dacl_edu.runs.config import TrainConfig
    >>> from pathlib import Path
    >>> config = TrainConfig.from_preset("smoke", limit=140)
    >>> [is_limited(Run(Path("x"), config, result={"images": 8, "train_images": n})) for n in (32, 140)]
    [False, True]
    """
    limit, trained = run.config.limit, run.result.get("train_images")
    return limit is not None and (trained is None or max(trained, run.result["images"]) >= limit)


def how_far(runs: Sequence[Run]) -> str:
    """Say how far runs went and what follows: "9 of 28 epochs, one seed: this ranks nothing."

    It is computed from the settings of the runs, at least one, finished or not, and from their presets'.

    Examples
    --------
    >>> from dacl_edu.runs.config import TrainConfig
    >>> from pathlib import Path
    >>> config = TrainConfig.from_preset("quick", epochs=9)
    >>> how_far([Run(Path("x"), config, result={"epochs": 9})])
    '9 of 28 epochs, one seed: a single run, so there is nothing to compare.'
    """
    done, planned = sorted({epochs_done(run) for run in runs}), sorted({epochs_planned(run) for run in runs})
    if done == planned and not any(epochs_done(run) < epochs_planned(run) for run in runs):
        words = [f"All {_span(done)} epochs"]
    else:
        words = [f"{_span(done)} of {_span(planned)} epochs"]
    words.append(counted([len(own) for own in _seeds(runs).values()], "seed"))
    limits = sorted({run.config.limit for run in runs if run.config.limit is not None and is_limited(run)})
    if limits:
        words.append(f"at most {_span(limits)} images of each split")
    return f"{', '.join(words)}: {_verdict(runs)}."


def ranks(runs: Sequence[Run]) -> bool:
    """Whether runs can rank methods at all: each went to its end, and each method has several seeds."""
    return min(map(len, _seeds(runs).values())) > 1 and not any(map(is_short, runs))


def over_seeds(runs: Sequence[Run]) -> str:
    """Say what finished runs say over seeds: mean ± standard deviation, and which pairs differ by a paired test.

    Parameters
    ----------
    runs : sequence of Run
        Finished; of one data set and split.

    Examples
    --------
    >>> over_seeds(shipped_runs())  # doctest: +NORMALIZE_WHITESPACE
    'After all 28 epochs, three seeds: softmax 82.81 ± 0.31 %, dacl 82.30 ± 0.36 %, center 81.71 ± 0.14 %;
    no pair differs significantly (paired t-test, smallest p 0.053).'
    """
    rows = compare_runs([{**run.result, "method": run.group} for run in _grouped(runs)]).sort_values(
        "accuracy_mean", ascending=False
    )
    columns = (rows["method"], rows["accuracy_mean"].astype(float), rows["accuracy_std"].astype(float))
    means = ", ".join(f"{method} {spread_text(mean, std)} %" for method, mean, std in zip(*columns, strict=True))
    far, _, _ = how_far(runs).rpartition(":")
    return f"After {far[0].lower()}{far[1:]}: {means}; {_pairs(runs)}."


def accuracy_by_method(runs: Sequence[Run]) -> dict[str, dict[int, float]]:
    """Return the accuracy of each seed of each method; with other settings it is another method."""
    found: dict[str, dict[int, float]] = {}
    for run in _grouped(runs):
        found.setdefault(run.group, {})[run.config.seed] = float(run.result["accuracy"])
    return found


def pairs_over_seeds(runs: Sequence[Run], scale: float = 1) -> Iterator[tuple[str, str, int, PairedSeeds]]:
    """Test each two methods over the seeds, two or more, that both have, of accuracies times ``scale``."""
    values = accuracy_by_method(runs)
    for one, other in combinations(values, 2):
        both = sorted(values[one].keys() & values[other].keys())
        if len(both) > 1:
            first, second = ([scale * values[name][seed] for seed in both] for name in (one, other))
            yield one, other, len(both), seeds_difference(first, second)


def full_beside(runs: Sequence[Run]) -> list[Run]:
    """Return the full experiment that comes with the project, where these runs are another one on the same data.

    Empty where these runs are that experiment, are on other data, or where none comes with this copy.
    """
    if not runs:
        return []
    try:
        full = shipped_runs()
    except UserError:
        return []
    if ranks(runs) and {run.config.preset for run in runs} == {run.config.preset for run in full}:
        return []
    same = {run.config.data for run in runs} == {run.config.data for run in full}
    return full if same and {run.config.method for run in runs} & {run.config.method for run in full} else []


def first_lines(runs: Sequence[Run]) -> list[str]:
    """Return what is said before any number: how far the runs went, the full result beside them, and a question.

    Examples
    --------
    >>> first_lines(shipped_runs())[0]
    'All 28 epochs, three seeds: a difference that is smaller than the spread over seeds ranks nothing.'
    """
    lines = [how_far(runs)]
    full = full_beside(runs)
    if ranks(runs) and len(_seeds(runs)) > 1:
        lines.append(over_seeds(runs))
        if full:
            lines.append(f"With preset {full[0].config.preset}, runs that come with the project. {over_seeds(full)}")
    elif full:
        lines += [f"The full experiment, which comes with the project. {over_seeds(full)}", QUESTION]
    return lines


def _verdict(runs: Sequence[Run]) -> str:
    if len(_seeds(runs)) == 1:
        alone = "runs that differ in their seed alone" if len(runs) > 1 else "a single run"
        return f"{alone}, so there is nothing to compare"
    if not ranks(runs):
        return "this ranks nothing"
    return "a difference that is smaller than the spread over seeds ranks nothing"


def _pairs(runs: Sequence[Run]) -> str:
    """Say which pairs of methods differ over the seeds that both have."""
    found = []
    for one, other, _, test in pairs_over_seeds(runs):
        ahead, behind = (one, other) if test.middle > 0 else (other, one)
        if not isnan(test.p_value):
            found.append((test.p_value, f"{ahead} is above {behind} (p {p_text(test.p_value)})"))
    if not found:
        return "no pair of methods shares several seeds with a spread, so none is tested"
    sure = [words for p, words in found if p < 0.05]
    if sure:
        return f"by the paired t-test {', '.join(sure)}; {len(found) - len(sure)} of {len(found)} pairs stay open"
    smallest = p_text(min(p for p, _ in found))
    return f"no pair differs significantly (paired t-test, smallest p {smallest})"


def _grouped(runs: Sequence[Run]) -> Sequence[Run]:
    """Return runs that know their configuration's name: as they were named among others, or among themselves."""
    return runs if all(run.group for run in runs) else named(runs)


def _seeds(runs: Sequence[Run]) -> Mapping[str, set[int]]:
    found: dict[str, set[int]] = {}
    for run in _grouped(runs):
        found.setdefault(run.group, set()).add(run.config.seed)
    return found


def _span(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"

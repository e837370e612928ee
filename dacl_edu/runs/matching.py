"""Some of many runs, by their settings: what ``compare --where`` and the lessons choose with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.naming import UNSET, data_folder
from dacl_edu.runs.plan import parsed_seeds
from dacl_edu.text import nearest

if TYPE_CHECKING:
    from dacl_edu.runs.run import Run

EXAMPLE = "write a setting and its values, e.g. --where lam=0.01,1"


def matching(runs: Sequence[Run], conditions: Sequence[str]) -> list[Run]:
    """Return the runs whose settings meet all conditions.

    Parameters
    ----------
    runs : sequence of Run
    conditions : sequence of str
        ``"lam=0.01,1"``: a field of :class:`TrainConfig`, or ``folder`` (:func:`data_folder`), and its values.
        ``none`` is the value of a field that is not set; seeds may be ``0-2``.

    Raises
    ------
    UserError
        A condition of another form, an unknown field, or a value that no run has: those that there are, are said.

    Examples
    --------
    >>> from dacl_edu.runs.run import shipped_runs
    >>> [run.config.seed for run in matching(shipped_runs(), ["method=dacl", "seed=0,2"])]
    [0, 2]
    """
    kept = list(runs)
    for condition in conditions:
        field, equals, text = (part.strip() for part in condition.partition("="))
        known = [*TrainConfig.model_fields, "folder"]
        if not equals or field not in known:
            hint = nearest(field, known, EXAMPLE) if equals else EXAMPLE
            raise UserError(f"--where {condition}: no such setting", hint=hint)
        there = [_values(run.config, field) for run in kept]
        wanted = [value.strip() for value in text.split(",")]
        if field == "seed" and "-" in text:
            wanted = [str(seed) for seed in parsed_seeds(text)]
        for value in wanted:
            if not any(_is(value, found) for found in there):
                has = sorted({found[0] for found in there}, key=lambda name: (len(name), name))
                raise UserError(f"no run has {field}={value}", hint=f"there are {', '.join(has) or 'no runs'}")
        kept = [run for run, found in zip(kept, there, strict=True) if any(_is(value, found) for value in wanted)]
    return kept


def _values(config: TrainConfig, field: str) -> tuple[str, ...]:
    """Return what a setting's value may be called; the first is what it is called here."""
    value = data_folder(config) if field == "folder" else getattr(config, field)
    if value is None:
        return ("none", UNSET.get(field, "default"))
    return (str(value),)


def _is(asked: str, names: tuple[str, ...]) -> bool:
    try:
        return float(asked) == float(names[0])
    except ValueError:
        return asked.lower() in (name.lower() for name in names)

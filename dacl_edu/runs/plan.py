"""From what a command names to the runs that it means: one, or several methods and seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dacl_edu.errors import UserError
from dacl_edu.files import read_object
from dacl_edu.runs.config import PRESET_OF_DATA, TrainConfig
from dacl_edu.runs.folder import RunFolder

MOST_SEEDS = 10_000


def planned(
    preset: str | None, saved: str | Path | None, seeds: str | None, changes: Mapping[str, Any]
) -> list[TrainConfig]:
    """Return the configurations of one or several runs, method by method, seed by seed.

    They start from ``preset``, or from ``saved``, a ``config.json`` or a run folder; where neither is given, from the
    preset of the data set, or ``quick``. ``changes`` are fields of :class:`TrainConfig`; ``method`` may be a list.
    ``seeds`` as for :func:`parsed_seeds`.

    Raises
    ------
    UserError
        Two starting points, ``seeds`` beside ``seed``, or what :meth:`TrainConfig.checked` refuses.

    Examples
    --------
    >>> found = planned("quick", None, "0-1", {"method": ["softmax", "dacl"]})
    >>> [(config.method, config.seed) for config in found]
    [('softmax', 0), ('softmax', 1), ('dacl', 0), ('dacl', 1)]
    """
    if preset is not None and saved is not None:
        raise UserError("--preset and --config are two starting points", hint="name one of them")
    if seeds is not None and "seed" in changes:
        raise UserError("--seed and --seeds were both given", hint="name one of them")
    rest = dict(changes)
    methods = rest.pop("method", [])
    varied = [{"method": method} for method in ([methods] if isinstance(methods, str) else dict.fromkeys(methods))]
    each = [
        {**one, **({} if seed is None else {"seed": seed})}
        for one in varied or [{}]
        for seed in ([None] if seeds is None else parsed_seeds(seeds))
    ]
    if saved is None:
        suited = PRESET_OF_DATA.get(str(rest.get("data")), "quick")
        return [TrainConfig.from_preset(suited if preset is None else preset, **rest, **one) for one in each]
    start = _saved(Path(saved).expanduser())
    return [TrainConfig.checked({**start, **rest, **one}) for one in each]


def parsed_seeds(text: str) -> list[int]:
    """Read ``0-4`` or ``0,3,7`` or both together.

    Raises
    ------
    UserError
        Anything else.

    Examples
    --------
    >>> parsed_seeds("0-2,7")
    [0, 1, 2, 7]
    """
    found: list[int] = []
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"([0-9]{1,10})(?:-([0-9]{1,10}))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            raise UserError(f"--seeds {text!r} is no list of seeds", hint="e.g. 0-4, or 0,3,7")
        if last - first >= MOST_SEEDS:
            raise UserError(f"--seeds {text!r} are {last - first + 1:,} runs", hint=f"at most {MOST_SEEDS:,}")
        found += range(first, last + 1)
    return list(dict.fromkeys(found))


def _saved(place: Path) -> dict[str, Any]:
    if place.is_dir():
        return RunFolder(place).config().model_dump()
    try:
        return read_object(place)
    except OSError as error:
        raise UserError(f"{place}: cannot be read ({error.strerror})", hint="name a config.json, or a run") from error
    except ValueError as error:
        raise UserError(f"{place}: {error}", hint="name the config.json of a run") from error

"""A plan (TOML) and the runs that it stands for."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from dacl_edu.errors import UserError
from dacl_edu.files import read_small
from dacl_edu.lessons.cli import find_notebook
from dacl_edu.lessons.parameters import declared_parameters, typed
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.methods import build_method, loss_module, unused_settings
from dacl_edu.runs.naming import full_name
from dacl_edu.runs.plan import parsed_seeds
from dacl_edu.text import nearest

MOST_RUNS = 10_000
TOP, SETTINGS = ("notebook", "title", "hypotheses"), tuple(TrainConfig.model_fields)
"""What stands at the top of a plan, beside [base] and [[grid]]; and what these hold."""

EXAMPLE = """\
[base]
preset = "minute"

[[grid]]
method = ["softmax", "center", "dacl"]
seed = "0-4"
"""


@dataclass(frozen=True)
class Cell:
    """One run of a plan: a training, or a notebook with parameters.

    Attributes
    ----------
    name : str
        Its folder in the sweep's. A sweep names it after the hash of all that it computes from, so what is done is
        known as done whatever else a plan holds.
    config : TrainConfig or None
        None for a notebook.
    notebook : str
    parameters : dict of str to str or list of str
        Of the notebook.
    module : str
        Where the loss is defined: a worker is another process, so what ``--import`` registered here is imported there.
    """

    name: str
    config: TrainConfig | None = None
    notebook: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    module: str = ""

    @property
    def epochs(self) -> int:
        """Steps of the progress bar: epochs; 1 for a notebook."""
        return self.config.epochs if self.config else 1


def read_plan(file: str | Path, say: Callable[[str], None] = lambda line: None) -> list[Cell]:
    """Read a plan: what all runs share under ``[base]``, and under each ``[[grid]]`` values to be crossed.

    A list is varied, anything else holds for all; ``seed = "0-4"`` is five seeds. With ``notebook = "07_training"`` the
    names are that notebook's parameters, otherwise fields of :class:`TrainConfig`, and ``preset``. A setting that is
    varied and does nothing for a method, as λ for softmax loss, does not multiply its runs: ``say`` is told which.

    Returns
    -------
    list of Cell
        Each once, in the plan's order.

    Raises
    ------
    UserError
        No TOML, an unknown key, field or parameter (the nearest known one is said), a wrong value, or more than
        :data:`MOST_RUNS` runs.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "plan.toml"
    >>> _ = file.write_text(EXAMPLE)
    >>> cells = read_plan(file)
    >>> len(cells), cells[0].config.method, cells[-1].config.seed
    (15, 'softmax', 4)
    """
    try:
        plan = tomllib.loads(read_small(Path(file)).decode("utf-8-sig"))
    except OSError as error:
        raise UserError(
            f"{file}: cannot be read ({error.strerror})", hint="name a plan; e.g. [base], [[grid]]"
        ) from error
    except (ValueError, RecursionError) as error:  # TOML's and UTF-8's
        raise UserError(
            f"{file}: no TOML ({error})", hint=f"a plan looks like this: {' '.join(EXAMPLE.split())}"
        ) from error
    for key in plan:
        if key not in (*TOP, "base", "grid"):
            below = _is_setting(key, plan)
            hint = "put it under [base], for all runs" if below else nearest(key, (*TOP, "base", "grid", *SETTINGS))
            raise UserError(f"{file}: unknown key {key!r} at the top", hint=hint)
    grids = plan.get("grid", {})
    grids = grids if isinstance(grids, list) else [grids]
    if not all(isinstance(part, dict) for part in (plan.get("base", {}), *grids)):
        raise UserError(f"{file}: base and grid are tables", hint="write [base] and [[grid]]")
    if not isinstance(plan.get("notebook", ""), str):
        raise UserError(f"{file}: notebook is no text", hint='write notebook = "07_training"')
    cells, unused = dict[str, Cell](), dict[str, None]()
    varied = [_varied(file, {**plan.get("base", {}), **grid}) for grid in grids]
    count = sum(math.prod(map(len, values.values())) for values in varied)
    if count > MOST_RUNS:
        raise UserError(f"{file}: its values, crossed, are {count:,} runs", hint=f"at most {MOST_RUNS:,}")
    for choices in varied:
        for values in (dict(zip(choices, choice, strict=True)) for choice in product(*choices.values())):
            try:
                cell = (
                    _notebook_cell(plan["notebook"], values)
                    if "notebook" in plan
                    else _cell(values, [key for key in values if len(choices[key]) > 1], unused)
                )
            except UserError as error:
                raise UserError(f"{file}: {error.problem}", error.hint) from error
            first = cells.setdefault(cell.name, cell)
            if first.config and cell.config and first.config.root != cell.config.root:
                raise UserError(
                    f"{file}: {first.config.root} and {cell.config.root} would be one run, as folders of one name are",
                    hint="rename one of the folders",
                )
    for line in unused:
        say(line)
    return list(cells.values())


def _varied(file: str | Path, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    if above := [key for key in TOP if key in values]:
        raise UserError(f"{file}: {above[0]} stands below [base] or [[grid]]", hint="put it at the top, above them")
    varied = {key: value if isinstance(value, list) else [value] for key, value in values.items()}
    if isinstance(values.get("seed"), str):
        varied["seed"] = parsed_seeds(values["seed"])
    for key, choices in varied.items():
        if not choices:
            raise UserError(f"{file}: {key} has no value, so there is no run", hint="give one, or leave the line out")
    return varied


def _is_setting(key: str, plan: Mapping[str, Any]) -> bool:
    """Whether a key is what [base] and [[grid]] hold."""
    notebook = plan.get("notebook")
    return key in (declared_parameters(find_notebook(notebook)) if isinstance(notebook, str) else SETTINGS)


def _cell(values: dict[str, Any], varied: Sequence[str], unused: dict[str, None]) -> Cell:
    """Return one training, without those of its varied settings that do nothing; ``unused`` gets a sentence on them."""
    preset = values.pop("preset", "quick")
    config = TrainConfig.from_preset(preset, **values)
    without = set(varied).intersection(unused_settings(config))
    if without:
        unused[
            f"{config.method} does not use {' or '.join(sorted(without))}: one run a seed, not one for each value"
        ] = None
        config = TrainConfig.from_preset(preset, **{key: v for key, v in values.items() if key not in without})
    build_method(config)  # an unknown method stops here, not after the other runs
    return Cell(full_name(config), config, module=loss_module(config))


def _notebook_cell(notebook: str, values: dict[str, Any]) -> Cell:
    path = find_notebook(notebook)
    declared = declared_parameters(path)
    for name in values:
        if name not in declared:
            raise UserError(f"{path.stem} takes no parameter {name!r}", hint=nearest(name, declared))
    given = {name: [str(v) for v in value] if isinstance(value, list) else str(value) for name, value in values.items()}
    for name, value in given.items():
        typed(declared[name], value)  # a wrong value stops here, not after the other runs
    digest = hashlib.sha256(json.dumps([path.stem, given], sort_keys=True).encode()).hexdigest()[:10]
    words = "-".join(f"{name}{value}" for name, value in given.items() if not isinstance(value, list))
    readable = "".join(c for c in words if c.isalnum() or c in ".-+_")[:100]
    return Cell(
        f"{path.stem}-{readable}-{digest}", None, str(path) if notebook.endswith(".ipynb") else path.stem, given
    )

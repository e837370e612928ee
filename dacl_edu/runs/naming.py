"""What a run is called: its folder, the hash of its settings, and its name among others."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dacl_edu.errors import UserError
from dacl_edu.runs.config import PLACE, PRESETS, TrainConfig

if TYPE_CHECKING:
    from dacl_edu.runs.run import Run


UNSET = {"attention": "learned"}
"""What a setting that is not set means, in a word."""


def settings(config: TrainConfig) -> dict[str, Any]:
    """Return what makes a configuration another method: all but the seed, :data:`PLACE` and the preset's name.

    Examples
    --------
    >>> one, other = (TrainConfig.from_preset("quick", seed=seed, device="cpu") for seed in (0, 1))
    >>> settings(one) == settings(other)
    True
    """
    found = {k: v for k, v in config.model_dump(mode="json").items() if k not in (*PLACE, "seed", "preset")}
    return {**found, "folder": data_folder(config)}


def data_folder(config: TrainConfig) -> str | None:
    """Return the name of the folder that the data come from, where it is not the data set's.

    Where a data set lies does not make another run of it; a folder of another name is another set of images.

    Examples
    --------
    >>> data_folder(TrainConfig(data="rafdb", root="/data/rafdb"))
    >>> data_folder(TrainConfig(data="folder", root="/data/flowers"))
    'flowers'
    """
    return None if config.root is None or config.root.name == config.data else config.root.name


def run_name(config: TrainConfig) -> str:
    """Name a run after what it is; a result that is selected on the test part says so.

    Examples
    --------
    >>> run_name(TrainConfig.from_preset("quick", method="center", seed=3))
    'bundled-center-quick-seed3'
    """
    return _name(config, config.data.split(":"))


def full_name(config: TrainConfig) -> str:
    """Name a run as :func:`run_name`, with what differs from its preset and a hash of all that it computes from.

    Examples
    --------
    >>> full_name(TrainConfig.from_preset("quick", lam=0.1, attention="mean")).rpartition("-")[0]
    'bundled-dacl-quick-seed0-attentionmean-lam0.1'
    """
    words = []
    preset = TrainConfig.from_preset(config.preset) if config.preset in PRESETS else config
    for name in TrainConfig.model_fields:
        value = getattr(config, name)
        if name not in (*PLACE, "preset", "data", "classes", "method", "seed") and value != getattr(preset, name):
            said = json.dumps(value) if isinstance(value, dict) else str(value)
            words.append(name + "".join(c for c in said if c.isalnum() or c in ".-+"))
    folder = "".join(c if c.isalnum() or c in "._+" else "_" for c in data_folder(config) or "")
    name = _name(config, [*config.data.split(":"), *([folder] if folder else [])])
    return f"{'-'.join([name, *words])[:150]}-{config_hash(config)}"


def _name(config: TrainConfig, data: Sequence[str]) -> str:
    some = config.classes if isinstance(config.classes, str | None) else "+".join(config.classes)
    words = [*data, *([some] if some else []), config.method.replace(":", "."), config.preset, f"seed{config.seed}"]
    name = "-".join([*words, *(["selected-on-test"] if config.select_by == "test" else [])])
    return re.sub(r"[/\\\0-\x1f]", "_", name)  # a class may be called F/A-18: the folder is one all the same


def config_hash(config: TrainConfig) -> str:
    """Return ten hexadecimal digits of all that a run computes from: equal runs on any machine have equal ones.

    Examples
    --------
    >>> config = TrainConfig.from_preset("quick", seed=1)
    >>> config_hash(config) == config_hash(config.model_copy(update={"device": "cpu"}))
    True
    """
    usual = settings(TrainConfig.checked({}))  # a field that a later release adds changes no hash
    known = {name: value for name, value in settings(config).items() if value != usual[name]}
    known["seed"] = config.seed
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:10]


def named(runs: Sequence[Run]) -> list[Run]:
    """Give runs the names that tell them apart: ``group`` of equal settings, ``name`` with the seed where needed.

    A name says only what differs among the runs that are put side by side here.
    """
    own = [settings(run.config) for run in runs]
    groups = []
    for run, mine in zip(runs, own, strict=True):
        same = [i for i, other in enumerate(own) if other["method"] == mine["method"]]
        differs = [key for key in mine if any(own[i][key] != mine[key] for i in same)]
        words: list[str] = []
        usual: dict[str, Any] = {}
        if len({runs[i].config.preset for i in same}) > 1:  # a preset's name says what belongs to it
            words.append(f"preset {run.config.preset}")
            usual = settings(TrainConfig.from_preset(run.config.preset)) if run.config.preset in PRESETS else {}
        for key in differs:
            if usual.get(key, ...) != mine[key]:
                value = UNSET.get(key, "default") if mine[key] is None else mine[key]
                words.append(f"{key.replace('_', ' ')} {value}")
        groups.append(", ".join([run.config.method, *words]))
    found: list[Run] = []
    for run, group in zip(runs, groups, strict=True):
        several = groups.count(group) > 1
        name = f"{group}, seed {run.config.seed}" if several else group
        again = sum(other.name.partition(" (again")[0] == name for other in found)
        found.append(replace(run, group=group, name=f"{name} (again, {again + 1})" if again else name))
    return found


def require_each_once(runs: Sequence[Run]) -> Sequence[Run]:
    """Return named runs as they are.

    Raises
    ------
    UserError
        One configuration and seed is there twice: two runs of it would count as two seeds.
    """
    seen: dict[tuple[str, int], Run] = {}
    for run in runs:
        other = seen.setdefault((run.group, run.config.seed), run)
        if other is not run:
            raise UserError(
                f"{other.folder} and {run.folder} have the same settings and seed",
                hint="name only one of them",
            )
    return runs

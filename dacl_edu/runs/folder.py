"""The folder of one run: what it was asked, where it ran, how it went, what came out."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from warnings import warn

from filelock import SoftFileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from dacl_edu.errors import UserError, first_problem
from dacl_edu.files import clear_unfinished, read_object, replace_text, write_json
from dacl_edu.runs.config import PLACE, TrainConfig
from dacl_edu.runs.lock import LOCK, lock_run

_PACKAGES = ("torch", "torchvision", "numpy", "lightning-fabric", "torchmetrics", "dacl-edu")
STUDY = "runs.jsonl"
"""File by which a study in small is known (:mod:`dacl_edu.runs.study`)."""
_MAY_CHANGE = set(PLACE) - {"snapshots"}  # when a run is resumed; snapshots must be of the same images to its end


class Result(BaseModel):
    """What tables and figures need of ``result.json``; it holds more."""

    model_config = ConfigDict(strict=True)  # "0.8" is not turned into a number: the file's own values are shown

    method: str
    dataset: str
    split: str
    seed: int
    images: int
    classes: list[str] | None = None  # an earlier release did not say them
    accuracy: float = Field(ge=0, le=1)
    average_accuracy: float = Field(ge=0, le=1)
    per_class_accuracy: list[float | None]
    confusion: list[list[int]]
    selected_by: str
    attention: dict[str, float | None] | None = None
    epochs: int | None = None
    images_per_second: float | None = None
    seconds: float | None = None

    @model_validator(mode="after")
    def _of_as_many_classes(self) -> Result:
        many = len(self.confusion) if self.classes is None else len(self.classes)
        if {len(self.per_class_accuracy), len(self.confusion), *map(len, self.confusion)} != {many}:
            raise ValueError(f"per_class_accuracy and confusion are not of {many} classes")
        return self


class RunFolder:
    """Reads and writes ``runs/<name>/``.

    Parameters
    ----------
    path : Path
        The folder; made when a run starts in it.

    Examples
    --------
    >>> RunFolder("runs/x").checkpoint_last.name
    'checkpoint_last.pt'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.environment_file = self.path / "environment.json"
        self.metrics_file = self.path / "metrics.jsonl"
        self.result_file = self.path / "result.json"
        self.predictions_file = self.path / "predictions.npz"
        self.checkpoint_last = self.path / "checkpoint_last.pt"
        self.checkpoint_before = self.path / "checkpoint_before.pt"
        self.checkpoint_best = self.path / "checkpoint_best.pt"
        self._lock: SoftFileLock | None = None

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.release(force=True)

    def start(self, config: TrainConfig, resume: bool, classes: Sequence[str] = ()) -> None:
        """Claim the folder for a run, or check that it holds the same run when resuming.

        Raises
        ------
        UserError
            The folder holds another run, holds other files, cannot be written, or another process works in it. As a
            context manager the folder gives its lock back at the end.
        """
        self._require_free(resume)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.path}: cannot make this folder ({error.strerror})", hint="choose --out") from error
        self._lock = lock_run(self.path)
        try:
            begun = self._require_free(resume)  # another process may have begun, and ended, meanwhile
            if begun:
                self._require_same(config)
            clear_unfinished(self.path)
            if not begun and any(file.name not in (LOCK, self.environment_file.name) for file in self.path.iterdir()):
                raise UserError(f"{self.path} is not empty and holds no run", hint="choose another --out")
        except BaseException:
            self.__exit__()
            raise
        # The configuration last: a folder that has one has all that a run needs to go on.
        if not self.environment_file.is_file():
            from dacl_edu.runs.methods import loss_module  # torch

            found = {**environment(), "classes": list(classes), "loss_module": loss_module(config)}
            write_json(self.environment_file, found)
        if not begun:
            write_json(self.config_file, config.model_dump(mode="json"))

    def _require_free(self, resume: bool) -> bool:
        """Return whether a run was begun there, which only who resumes may find."""
        begun = os.path.exists(self.config_file)  # False, and no error, where the name is too long
        if begun and not resume:
            raise UserError(f"{self.path} already holds a run", hint="--resume continues it; or choose another --out")
        return begun

    def _require_same(self, config: TrainConfig) -> None:
        before, now = self.config().model_dump(), config.model_dump()
        changed = [key for key in now if key not in _MAY_CHANGE and before[key] != now[key]]
        if changed:
            said = ", ".join(f"{key} {before[key]!r} → {now[key]!r}" for key in changed)
            raise UserError(
                f"{self.path} holds a run with other settings: {said}",
                hint="resume with the same settings, or choose another --out",
            )

    def config(self) -> TrainConfig:
        """Return the run's configuration.

        Raises
        ------
        UserError
            The folder holds no run, or its configuration is damaged.
        """
        values = self._read(self.config_file, "no run there")
        try:
            return TrainConfig.checked(values)
        except UserError as error:
            raise UserError(f"{self.config_file}: {error.problem}", error.hint) from error

    def result(self) -> dict[str, Any]:
        """Return the final figures.

        Raises
        ------
        UserError
            The run has not finished, or its result is damaged, or that of another run.
        """
        found = self._read(self.result_file, "this run has no result yet; train … --resume finishes it")
        try:
            Result.model_validate(found)
        except ValidationError as error:
            hint = "remove it; train … --resume writes it again"
            raise UserError(f"{self.result_file}: {first_problem(error)}", hint) from error
        if self.config_file.is_file():
            config = self.config()
            said, asked = (found["method"], found["seed"]), (config.method, config.seed)
            if said != asked:  # a copy that went wrong would count for another method
                what = f"{said[0]}, seed {said[1]}, beside a configuration of {asked[0]}, seed {asked[1]}"
                raise UserError(f"{self.result_file}: the result of another run ({what})", hint="copy the folder anew")
        return found

    @staticmethod
    def _read(file: Path, otherwise: str) -> dict[str, Any]:
        if not file.is_file():
            raise UserError(f"{file.parent}: {otherwise}", hint=f"looked for {file.name}")
        try:
            return read_object(file)
        except ValueError as error:
            raise UserError(f"{file}: {error}", hint="train again into another --out") from error
        except OSError as error:  # of several runs, the others go on
            raise UserError(f"{file}: cannot be read ({error.strerror})", hint="allow yourself to read it") from error

    def write_metrics(self, history: list[dict[str, Any]]) -> None:
        """Write one line an epoch, so that a resumed run's file is that of an uninterrupted one."""
        replace_text(self.metrics_file, "".join(json.dumps(line) + "\n" for line in history))


def find_run_folders(places: Iterable[str | Path], holding: str = "config.json") -> list[Path]:
    """Return the run folders in or below some folders, each once, in their order; symbolic links are followed.

    A run folder is known by the file ``holding``; ``"result.json"`` finds the finished ones.

    Raises
    ------
    UserError
        One of ``places`` is not there, or is a file.
    """
    found: dict[Path, Path] = {}  # real folder -> as it was come upon
    for place in places:
        top = Path(os.path.expanduser(place))
        if not os.path.isdir(top):  # of a name that is too long Path.is_dir makes an error
            raise UserError(f"{top}: {'a file, not a folder' if os.path.isfile(top) else 'no such folder'}")
        walked: set[str] = set()
        for folder, below, files in os.walk(top, onerror=_said, followlinks=True):
            real = os.path.realpath(folder)
            below[:] = [] if real in walked else sorted(below)  # a link may lead back up
            walked.add(real)
            if holding in files:
                found.setdefault(Path(real), Path(folder))
        if STUDY in os.listdir(top):
            raise UserError(f"{top}: a study in small, without features and weights", hint="dacl-edu compare reads it")
    return list(found.values())


def _said(error: OSError) -> None:
    warn(f"{error.filename}: left out, cannot be read ({error.strerror})", stacklevel=3)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide a run's numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_sha() -> str | None:
    """Return the commit of the project's checkout, with ``+changes`` when files differ; None outside one."""
    here = Path(__file__).resolve().parent
    try:
        run = {"cwd": here, "capture_output": True, "text": True, "timeout": 10, "check": True}
        sha = subprocess.run(["git", "rev-parse", "HEAD"], **run).stdout.strip()  # type: ignore[call-overload]
        changed = subprocess.run(["git", "status", "--porcelain", "-uno"], **run).stdout.strip()  # type: ignore[call-overload]
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{sha}+changes" if changed else sha


def environment() -> dict[str, Any]:
    """Return where a run happens: versions, machine, device, command line."""
    import torch

    return {
        "versions": versions(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "threads": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "git_sha": git_sha(),
        "command": sys.argv,
    }

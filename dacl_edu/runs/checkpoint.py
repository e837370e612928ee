"""Checkpoints that hold everything, are never half-written, and run no code when they are read."""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dacl_edu.errors import UserError
from dacl_edu.expressions import EXPRESSIONS
from dacl_edu.files import replacing, undisturbed

FORMAT = 1


def save_checkpoint(path: Path, state: dict[str, Any], before: Path | None = None) -> None:
    """Write ``state`` to ``path`` so that a kill at any moment leaves the old file or the new one, never half.

    ``before`` is where the checkpoint that is replaced goes, so that two good ones are kept.

    Raises
    ------
    UserError
        It cannot be written: a full or read-only disk.
    """
    try:
        with undisturbed(), replacing(path) as beside:
            with open(beside, "wb") as file:  # given a name, torch would write it into the file
                torch.save({"format": FORMAT, **state}, file)
            if before is not None and path.exists():
                before.unlink(missing_ok=True)
                try:
                    os.link(path, before)  # two names for a moment: a kill here loses neither
                except OSError:  # a file system without links
                    shutil.copyfile(path, before)
    except (OSError, RuntimeError) as error:  # torch's writer turns a full disk into a RuntimeError
        reason = getattr(error, "strerror", None) or "the write failed"
        raise UserError(
            f"{path}: cannot be written ({reason}; {shutil.disk_usage(path.parent).free >> 20} MiB free)",
            hint="free some space, then continue with --resume",
        ) from error


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of :func:`save_checkpoint` (``weights_only=True``: it cannot run code).

    Every part's checksum, which the format has, is compared first.

    Raises
    ------
    UserError
        No such file, a damaged file, or another format.
    """
    if not path.is_file():
        copy = (path.parent / "result.json").is_file()
        hint = "a small copy of a run keeps none: train it anew" if copy else "train first, or name the run's folder"
        raise UserError(f"{path}: no checkpoint there", hint=hint)
    try:
        with zipfile.ZipFile(path) as parts:
            damaged = parts.testzip()
        if damaged:
            raise ValueError(f"{damaged} has another checksum")
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise UserError(f"{path}: not a readable checkpoint ({type(error).__name__})", hint="train again") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise UserError(f"{path}: not a checkpoint of this version of dacl-edu", hint="train again")
    return state


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Name the checkpoint where its parts are not those that are asked for.

    Raises
    ------
    UserError
        In place of whatever went wrong in the block.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # a state that somebody made can lack or hold anything
        what = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path}: not the checkpoint of this run ({type(error).__name__}: {what})", hint="train again"
        ) from error


def seed_everything(seed: int) -> None:
    """Seed every generator a run may use: a loss of one's own may draw from NumPy or Python."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the global one is what such a loss draws from
    random.seed(seed)


def checkpoint_classes(state: dict[str, Any]) -> tuple[str, ...]:
    """Return the classes of a checkpoint; one of an earlier release does not say, and knew the paper's alone."""
    count = len(state["centers"]["centers"])
    return tuple(state.get("classes", EXPRESSIONS[:count] if count <= len(EXPRESSIONS) else map(str, range(count))))


def rng_state() -> dict[str, Any]:
    """Return the state of every random generator a run may use: torch, CUDA, NumPy and Python."""
    kind, keys, position, has_gauss, cached = np.random.get_state()  # noqa: NPY002 - the global one is what is saved
    version, internal, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [str(kind), torch.from_numpy(np.asarray(keys).astype(np.int64)), position, has_gauss, cached],
        "python": [version, list(internal), gauss],
    }


def set_rng_state(state: dict[str, Any]) -> None:
    """Put back what :func:`rng_state` returned."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))  # noqa: NPY002
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))


def newest_checkpoint(last: Path, before: Path, say: Callable[[str], None]) -> dict[str, Any] | None:
    """Read the last checkpoint, or the one before where the last is damaged, and say so; None where there is none.

    Raises
    ------
    UserError
        Both are damaged.
    """
    if not last.exists() and not before.exists():
        return None
    try:
        return load_checkpoint(last)
    except UserError as error:
        if not before.exists():
            raise
        state = load_checkpoint(before)
        say(f"{error.problem}; going on from the one before, epoch {state.get('epoch', '?')}")
        return state

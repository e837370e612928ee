"""Checkpoints that hold everything, are never half-written, and run no code when they are read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dacl_edu.errors import UserError
from dacl_edu.files import replacing

FORMAT = 1


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` to ``path`` so that a kill at any moment leaves the old file or the new one, never half.

    Parameters
    ----------
    path : Path
    state : dict
        Tensors, numbers, strings and containers of them.
    """
    with replacing(path) as beside, open(beside, "wb") as file:  # given a name, torch would write it into the file
        torch.save({"format": FORMAT, **state}, file)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of :func:`save_checkpoint` (``weights_only=True``: it cannot run code).

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
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise UserError(f"{path}: not a readable checkpoint ({type(error).__name__})", hint="train again") from error
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise UserError(f"{path}: not a checkpoint of this version of dacl-edu", hint="train again")
    return state


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

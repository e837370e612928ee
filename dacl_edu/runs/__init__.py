"""Runs on disk: how one is configured, what its folder holds, and how it is read back.

``config`` says what is trained, ``folder`` where its files lie, ``checkpoint`` and ``snapshots`` what it keeps,
``splits`` which images it sees, ``trained`` puts its network together again, ``run`` is a run as all readers see it: a
whole folder, or one of the small copies that come with the project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dacl_edu.runs.config import PRESETS, TrainConfig
from dacl_edu.runs.folder import RunFolder

if TYPE_CHECKING:
    from dacl_edu.runs.run import Run, find_runs, shipped_runs

__all__ = ["PRESETS", "Run", "RunFolder", "TrainConfig", "find_runs", "shipped_runs"]


def __getattr__(name: str) -> Any:
    """Import what reads features and attention when it is asked for: it brings torchmetrics."""
    if name in __all__:
        from dacl_edu.runs import run

        return getattr(run, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Rendered faces of nobody, from named factors: the generator behind ``dacl-edu faces render`` and the bundled set.

Needs ``pip install 'dacl-edu[faces]'``. Reading the bundled set does not: see :mod:`dacl_edu.data.bundled`.
"""

from __future__ import annotations

from typing import Any

__all__ = ["ACTIONS", "PROTOTYPES", "FaceFactors", "RenderJob", "render_face", "render_set", "sample_factors",
           "sample_identity"]  # fmt: skip

_WHERE = {
    "ACTIONS": "action_units", "PROTOTYPES": "action_units", "FaceFactors": "factors", "RenderJob": "generate",
    "render_face": "camera", "render_set": "generate", "sample_factors": "sample", "sample_identity": "sample",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    import importlib

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)

"""The network of the paper, Fig. 2: backbone, attention network, classifier; pretrained weights; its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dacl_edu.model.dacl import DACL, DACLOutput, InferenceModel

__all__ = ["DACL", "DACLOutput", "InferenceModel"]


def __getattr__(name: str) -> Any:
    """Import the network when it is asked for: torchvision takes a second."""
    if name in __all__:
        from dacl_edu.model import dacl

        return getattr(dacl, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

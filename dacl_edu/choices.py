"""Settings with a few possible values, for those who must name them without loading torch."""

from __future__ import annotations

from typing import Literal, get_args

AttentionMode = Literal["learned", "ones", "mean", "permuted", "frozen", "normalized"]
"""What attention weights are: see :class:`dacl_edu.model.attention.AttentionNetwork`."""

ATTENTION_MODES: tuple[str, ...] = get_args(AttentionMode)

CenterInit = Literal["fan_in_classes", "fan_in_features", "zeros"]
"""How centers begin: see :class:`dacl_edu.centers.ClassCenters`."""

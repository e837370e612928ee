"""Fabric's double precision, with outputs that stay in it. Of its own, since Fabric takes long to import."""

from __future__ import annotations

from typing import Any

from lightning_fabric.plugins import DoublePrecision


class Float64(DoublePrecision):
    """Precision ``64-true`` up to the loss: Fabric's own casts what the network returns back to float32."""

    def convert_output(self, data: Any) -> Any:
        """Leave logits, features and attention in float64."""
        return data

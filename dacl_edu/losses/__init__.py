"""Losses: Eq. 2, 3, 4, 8 and the backward passes of Eq. 9 and 10. Pure functions first, thin modules on top.

A family of related losses stands beside them: island, separate, DDA, locality-preserving and range-regularised center
loss, each also in its attentive form, and those of pytorch-metric-learning by name (``pml:TripletMarginLoss``).
``docs/losses.md`` has the table.
"""

from dacl_edu.losses.base import MetricLoss
from dacl_edu.losses.center import CenterLoss, SparseCenterLoss
from dacl_edu.losses.dda import AttentiveDDALoss, DDALoss
from dacl_edu.losses.functional import center_loss, softmax_loss, sparse_center_loss
from dacl_edu.losses.island import AttentiveIslandLoss, IslandLoss
from dacl_edu.losses.locality import AttentiveLocalityPreservingLoss, LocalityPreservingLoss
from dacl_edu.losses.objective import LossTerms, Objective
from dacl_edu.losses.pml import AttentivePmlLoss, PmlLoss, available_pml_losses
from dacl_edu.losses.range_center import AttentiveRangeCenterLoss, RangeCenterLoss
from dacl_edu.losses.registry import available_losses, build_loss, register_loss
from dacl_edu.losses.separate import AttentiveSeparateLoss, SeparateLoss

__all__ = [
    "AttentiveDDALoss", "AttentiveIslandLoss", "AttentiveLocalityPreservingLoss", "AttentivePmlLoss",
    "AttentiveRangeCenterLoss", "AttentiveSeparateLoss", "CenterLoss", "DDALoss", "IslandLoss",
    "LocalityPreservingLoss", "LossTerms", "MetricLoss", "Objective", "PmlLoss", "RangeCenterLoss", "SeparateLoss",
    "SparseCenterLoss", "available_losses", "available_pml_losses", "build_loss", "center_loss", "register_loss",
    "softmax_loss", "sparse_center_loss",
]  # fmt: skip

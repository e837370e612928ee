"""Losses: Eq. 2, 3, 4, 8 and the backward passes of Eq. 9 and 10. Pure functions first, thin modules on top."""

from dacl_edu.losses.base import MetricLoss, available_losses, build_loss, register_loss
from dacl_edu.losses.center import CenterLoss, SparseCenterLoss
from dacl_edu.losses.functional import center_loss, softmax_loss, sparse_center_loss
from dacl_edu.losses.objective import LossTerms, Objective

__all__ = [
    "CenterLoss",
    "LossTerms",
    "MetricLoss",
    "Objective",
    "SparseCenterLoss",
    "available_losses",
    "build_loss",
    "center_loss",
    "register_loss",
    "softmax_loss",
    "sparse_center_loss",
]

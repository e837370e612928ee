"""The two metric losses of the paper, as modules on top of the pure functions."""

from __future__ import annotations

from torch import Tensor

from dacl_edu.losses.base import MetricLoss
from dacl_edu.losses.functional import center_loss, sparse_center_loss
from dacl_edu.losses.registry import register_loss


@register_loss("center")
class CenterLoss(MetricLoss):
    """Center loss, Eq. 3 (Wen et al., ECCV 2016): every dimension counts alike.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(2, 3); c = torch.zeros(7, 3)
    >>> CenterLoss()(x, torch.ones_like(x), torch.tensor([0, 6]), c).item()
    1.5
    """

    uses_attention = False

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Eq. 3; ``attention`` is not read."""
        return center_loss(features, labels, centers)


@register_loss("sparse_center")
class SparseCenterLoss(MetricLoss):
    """Sparse center loss, Eq. 4 (Farzaneh & Qi, WACV 2021): attention weighs each dimension of each sample.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(2, 3); c = torch.zeros(7, 3)
    >>> SparseCenterLoss()(x, torch.full_like(x, 0.5), torch.tensor([0, 6]), c).item()
    0.75
    """

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Eq. 4, with the hand-written backward of Eq. 9 and 10."""
        return sparse_center_loss(features, attention, labels, centers)

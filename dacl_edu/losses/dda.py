"""DDA loss: center loss, and a softmax over the distances to all centers."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor

from dacl_edu.losses.base import MetricLoss
from dacl_edu.losses.functional import sparse_center_loss
from dacl_edu.losses.registry import register_loss


@register_loss("dda")
class DDALoss(MetricLoss):
    r"""Discriminant distribution-agnostic loss: near the own center, far from the others.

    .. math::
        D_{ik} &= \sum_{j=1}^d a_{ij} (x_{ij} - c_{kj})^2, \qquad a_{ij} = 1 \\
        L_{DDA} &= \frac{1}{2m} \sum_{i=1}^m D_{i y_i}
                  - \frac{\gamma}{m} \sum_{i=1}^m \log \frac{e^{-D_{i y_i}}}{\sum_{k=1}^K e^{-D_{ik}}}

    Parameters
    ----------
    gamma : float, default 1.0
        γ, the weight of the second term against the center loss. The authors' released code multiplies the center
        loss by 0.01 and this term by 3, but divides the latter, already a mean, once more by 2m: with m = 128
        that makes γ = 1.17 in the form above.

    References
    ----------
    A. H. Farzaneh, X. Qi: Discriminant Distribution-Agnostic Loss for Facial Expression Recognition in the Wild.
    CVPR Workshops 2020, pages 1631-1639.

    Notes
    -----
    The centers follow Eq. 11 alone, so they stay what they are called. The released code lets an optimizer move them
    by the gradient of the second term as well.

    Examples
    --------
    As far from one center as from the other: 1/2 + log 2.

    >>> import torch
    >>> x = torch.tensor([[0.0, 0.0]]); c = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    >>> DDALoss()(x, torch.ones_like(x), torch.tensor([0]), c).item()
    1.193147...
    """

    uses_attention = False

    def __init__(self, gamma: float = 1.0) -> None:
        super().__init__()
        if not 0 <= gamma < math.inf:
            raise ValueError(f"gamma must not be negative or infinite, but is {gamma}")
        self.gamma = gamma

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Eq. 4 (with ones: Eq. 3) and the cross-entropy of the negative squared distances."""
        # Direct differences: the expanded form |x|^2 + |c|^2 - 2 x.c loses every digit near a center.
        squares = (features[:, None] - centers[None]).square()  # (m, K, d)
        distances = (attention[:, None] * squares).sum(dim=2)  # (m, K)
        near = sparse_center_loss(features, attention, labels, centers)
        return near + self.gamma * F.cross_entropy(-distances, labels)

    def extra_repr(self) -> str:
        """Show γ."""
        return f"gamma={self.gamma}"


@register_loss("attentive_dda")
class AttentiveDDALoss(DDALoss):
    """DDA loss in its attentive form: a sample's attention weighs its distances to all centers.

    Unlike Eq. 10 the second term can push attention up: a dimension that tells the classes apart makes the other
    centers farther. Parameters as :class:`DDALoss`.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[0.0, 0.0]]); c = torch.tensor([[1.0, 0.0], [0.0, -1.0]])
    >>> AttentiveDDALoss()(x, torch.full_like(x, 0.5), torch.tensor([0]), c).item()  # 1/4 + log 2
    0.943147...
    """

    uses_attention = True

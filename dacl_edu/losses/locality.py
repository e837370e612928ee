"""Locality-preserving loss: each feature near the mean of its nearest neighbours of the same class."""

from __future__ import annotations

import torch
from torch import Tensor

from dacl_edu.losses.base import MetricLoss
from dacl_edu.losses.registry import register_loss


@register_loss("locality_preserving")
class LocalityPreservingLoss(MetricLoss):
    r"""Locality-preserving loss: half the mean squared distance to the mean of the k nearest of the same class.

    .. math::
        L_{LP} = \frac{1}{2m} \sum_{i=1}^m \sum_{j=1}^d a_{ij}
                 \left( x_{ij} - \frac{1}{|N_k(i)|} \sum_{n \in N_k(i)} x_{nj} \right)^2, \qquad a_{ij} = 1

    :math:`N_k(i)` are the k samples of class :math:`y_i` in the batch that are nearest to :math:`x_i`, itself left
    out; all of them where there are fewer than k. A sample that is alone of its class adds 0. Nearness is measured
    with the weights of sample i. Gradients flow to the neighbours too.

    Parameters
    ----------
    k : int, default 20
        Number of neighbours. A batch of 128 images of 7 classes has about 18 of each, so that 20 means all of the
        class; take a smaller k to keep several clusters in a class.

    References
    ----------
    S. Li, W. Deng, J. Du: Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition in
    the Wild. CVPR 2017, pages 2584-2593. S. Li, W. Deng: Reliable Crowdsourcing and Deep Locality-Preserving Learning
    for Unconstrained Facial Expression Recognition. IEEE Transactions on Image Processing 28 (1), 2019, pages 356-370.

    Notes
    -----
    The loss does not read the centers; they go on following Eq. 11, for the figures. Neighbours are looked for in
    one micro-batch: ``accumulate`` changes this loss.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[0.0], [1.0], [5.0], [9.0]]); c = torch.zeros(2, 1)
    >>> y = torch.tensor([0, 0, 0, 1])
    >>> LocalityPreservingLoss(k=1)(x, torch.ones_like(x), y, c).item()  # (1 + 1 + 16 + 0) / (2 * 4)
    2.25
    """

    uses_attention = False

    def __init__(self, k: int = 20) -> None:
        super().__init__()
        if not (isinstance(k, int) and k >= 1):
            raise ValueError(f"k must be a whole number from 1, but is {k!r}")
        self.k = k

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Half the mean weighted squared distance to the neighbours' mean; ``centers`` are not read."""
        m = len(features)
        chosen = self.neighbours(features.detach(), attention.detach(), labels).to(features.dtype)  # (m, m)
        counts = chosen.sum(dim=1, keepdim=True)
        mean = (chosen[:, :, None] * features[None]).sum(dim=1) / counts.clamp_min(1)  # (m, d)
        difference = torch.where(counts > 0, features - mean, 0)
        return (attention * difference.square()).sum() / (2 * m)

    def neighbours(self, features: Tensor, attention: Tensor, labels: Tensor) -> Tensor:
        """Return a mask, (m, m) of bool: row i marks the neighbours of sample i."""
        m = len(features)
        squares = (features[:, None] - features[None]).square()  # (m, m, d), direct differences
        distances = (attention[:, None] * squares).sum(dim=2)
        candidates = labels[:, None] == labels[None]
        candidates = candidates & ~torch.eye(m, dtype=torch.bool, device=features.device)
        nearest = distances.masked_fill(~candidates, torch.inf).topk(min(self.k, m), largest=False).indices
        return torch.zeros_like(candidates).scatter(1, nearest, True) & candidates

    def extra_repr(self) -> str:
        """Show k."""
        return f"k={self.k}"


@register_loss("attentive_locality_preserving")
class AttentiveLocalityPreservingLoss(LocalityPreservingLoss):
    """Locality-preserving loss in its attentive form: attention weighs the distances, as in Eq. 4.

    Parameters as :class:`LocalityPreservingLoss`.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[0.0], [1.0], [5.0], [9.0]]); c = torch.zeros(2, 1)
    >>> y = torch.tensor([0, 0, 0, 1])
    >>> AttentiveLocalityPreservingLoss(k=1)(x, torch.full_like(x, 0.5), y, c).item()
    1.125
    """

    uses_attention = True

"""Separate loss: angles only. Features turn towards their center, centers turn away from one another."""

from __future__ import annotations

import math

from torch import Tensor

from dacl_edu.losses.base import MetricLoss
from dacl_edu.losses.cosines import TINY_NORM, different_pairs, pairwise_cosines, pairwise_push
from dacl_edu.losses.registry import register_loss


@register_loss("separate")
class SeparateLoss(MetricLoss):
    r"""Separate loss: an intra-class and an inter-class term, both of cosines.

    .. math::
        L_{sep} = \frac{w_{intra}}{m} \sum_{i=1}^m \left( 1 - \cos_{a_i}(x_i, c_{y_i}) \right)
                  + \frac{w_{inter}}{K (K-1)} \sum_{j=1}^K \sum_{k \ne j} \left( 1 + \cos(c_j, c_k) \right)

    .. math::
        \cos_a(x, c) = \frac{\sum_j a_j x_j c_j}{\sqrt{\sum_j a_j x_j^2} \sqrt{\sum_j a_j c_j^2}}, \qquad a_{ij} = 1

    Each term lies between 0 and 2 whatever K and m are. As in the island loss the inter-class term reaches the
    network through the centers, which :meth:`center_push` moves. Lengths count for nothing, so a useful λ is much
    larger than that of the center loss.

    Parameters
    ----------
    intra : float, default 1.0
        Weight of the intra-class term.
    inter : float, default 1.0
        Weight of the inter-class term, in the loss and in the push.

    References
    ----------
    Y. Li, Y. Lu, J. Li, G. Lu: Separate Loss for Basic and Compound Facial Expression Recognition in the Wild.
    ACML 2019, PMLR 101, pages 897-911.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[0.0, 5.0]]); c = torch.tensor([[1.0, 0.0], [-3.0, 0.0]])
    >>> SeparateLoss()(x, torch.ones_like(x), torch.tensor([0]), c).item()  # (1 - 0) + (1 + -1)
    1.0
    """

    uses_attention = False

    def __init__(self, intra: float = 1.0, inter: float = 1.0) -> None:
        super().__init__()
        if not (0 <= intra < math.inf and 0 <= inter < math.inf):
            raise ValueError(f"intra and inter must not be negative or infinite, but are {intra} and {inter}")
        self.intra = intra
        self.inter = inter

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """The intra-class term of the samples and the inter-class term of the centers."""
        own = centers[labels]  # (m, d)
        # 1 - cos as half a squared distance: near a center the cosine itself has no digits left to take from 1.
        difference = _unit(features, attention) - _unit(own, attention)
        turned = (attention * difference.square()).sum() / (2 * len(features))
        pairs = different_pairs(centers)
        apart = ((1 + pairwise_cosines(centers)) * pairs).sum() / pairs.sum().clamp_min(1)
        return self.intra * turned + self.inter * apart

    def center_push(self, centers: Tensor) -> Tensor:
        """Return the inter-class weight times :func:`dacl_edu.losses.cosines.pairwise_push`."""
        return self.inter * pairwise_push(centers)

    def extra_repr(self) -> str:
        """Show the two weights."""
        return f"intra={self.intra}, inter={self.inter}"


@register_loss("attentive_separate")
class AttentiveSeparateLoss(SeparateLoss):
    """Separate loss in its attentive form: the angle to the center is measured with weighted dimensions.

    The inter-class term has no samples and so no attention. The cosine does not change when all weights of a sample
    are scaled alike, so here attention cannot lower the loss by shrinking as a whole. Parameters as
    :class:`SeparateLoss`.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[3.0, 4.0]]); c = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    >>> a = torch.tensor([[1.0, 0.0]])  # only the first dimension counts, and there the two agree
    >>> AttentiveSeparateLoss()(x, a, torch.tensor([0]), c).item()
    0.0
    """

    uses_attention = True


def _unit(vectors: Tensor, weights: Tensor) -> Tensor:
    """Scale each row to length 1, in the length that the weights define."""
    squares = (weights * vectors.square()).sum(dim=1, keepdim=True)
    return vectors / squares.clamp_min(TINY_NORM**2).sqrt()

"""Range-regularised center loss: around each center there is a ball in which nothing is asked."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dacl_edu.losses.base import MetricLoss
from dacl_edu.losses.registry import register_loss


@register_loss("range_center")
class RangeCenterLoss(MetricLoss):
    r"""Center loss of which only the part of the distance beyond a margin counts.

    .. math::
        L_{RC} = \frac{1}{2m} \sum_{i=1}^m \max(0,\, d_i - r)^2, \qquad
        d_i = \sqrt{\sum_{j=1}^d a_{ij} (x_{ij} - c_{y_i j})^2}, \qquad a_{ij} = 1

    With r = 0 it is the center loss, Eq. 3. The gradient is continuous at the margin, and zero within: a class may
    keep its shape there, in place of shrinking to a point.

    Parameters
    ----------
    margin : float, default 1.0
        r, in units of the features. After ``quick`` with the softmax loss, most images of the bundled faces lie
        between 1.1 and 2.8 from their center.

    References
    ----------
    Z. Li, S. Wu, G. Xiao: Facial Expression Recognition by Multi-Scale CNN with Regularized Center Loss. ICPR 2018,
    pages 3384-3389. It joins a margin to the center loss; its equation could not be read, the form is this project's.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[3.0, 4.0], [0.3, 0.4]]); c = torch.zeros(2, 2)  # distances 5 and 0.5
    >>> RangeCenterLoss(margin=1.0)(x, torch.ones_like(x), torch.tensor([0, 1]), c).item()  # (16 + 0) / (2 * 2)
    4.0
    """

    uses_attention = False

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        if not 0 <= margin < math.inf:
            raise ValueError(f"margin must not be negative or infinite, but is {margin}")
        self.margin = margin

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Half the mean square of what is beyond the margin."""
        squares = (attention * (features - centers[labels]).square()).sum(dim=1)  # (m,)
        # The slope of the root is infinite at 0: the floor keeps 0 * infinity out of the gradient.
        distances = squares.clamp_min(torch.finfo(squares.dtype).tiny).sqrt()
        return (distances - self.margin).clamp_min(0).square().sum() / (2 * len(features))

    def extra_repr(self) -> str:
        """Show the margin."""
        return f"margin={self.margin}"


@register_loss("attentive_range_center")
class AttentiveRangeCenterLoss(RangeCenterLoss):
    """Range-regularised center loss in its attentive form: attention weighs the distance, as in Eq. 4.

    Within the margin attention gets no gradient. Parameters as :class:`RangeCenterLoss`.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[3.0, 4.0]]); c = torch.zeros(2, 2)
    >>> loss = AttentiveRangeCenterLoss(margin=0.5)
    >>> loss(x, torch.full_like(x, 0.25), torch.tensor([0]), c).item()  # (2.5 - 0.5)^2 / 2
    2.0
    """

    uses_attention = True

"""Island loss: center loss, and the centers are driven apart in angle."""

from __future__ import annotations

import math

from torch import Tensor

from dacl_edu.losses.base import MetricLoss
from dacl_edu.losses.cosines import different_pairs, pairwise_cosines, pairwise_push
from dacl_edu.losses.functional import sparse_center_loss
from dacl_edu.losses.registry import register_loss


@register_loss("island")
class IslandLoss(MetricLoss):
    r"""Island loss: center loss plus the cosines between the centers.

    .. math::
        L_{IL} = \frac{1}{2m} \sum_{i=1}^m \sum_{j=1}^d a_{ij} (x_{ij} - c_{y_i j})^2
                 + \lambda_1 \sum_{j=1}^K \sum_{k \ne j} \left( \cos(c_j, c_k) + 1 \right), \qquad a_{ij} = 1

    The second sum runs over ordered pairs, so it counts each pair twice, as published; it lies between 0 and
    :math:`2 K (K-1)`. The centers are no function of the features within a step, so it sends the network no
    gradient: it acts through the centers, which :meth:`center_push` moves.

    Parameters
    ----------
    lam1 : float, default 10.0
        λ₁, the weight of the pairwise term, in the loss and in the push. The default is that of public
        implementations.

    References
    ----------
    J. Cai, Z. Meng, A. S. Khan, Z. Li, J. O'Reilly, Y. Tong: Island Loss for Learning Discriminative Features in
    Facial Expression Recognition. FG 2018, pages 302-309.

    Examples
    --------
    Two centers at a right angle, so each of the two ordered pairs gives 0 + 1:

    >>> import torch
    >>> x = torch.tensor([[2.0, 0.0]]); c = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> IslandLoss(lam1=0.25)(x, torch.ones_like(x), torch.tensor([0]), c).item()  # 1/2 + 0.25 * 2
    1.0
    """

    uses_attention = False

    def __init__(self, lam1: float = 10.0) -> None:
        super().__init__()
        if not 0 <= lam1 < math.inf:
            raise ValueError(f"lam1 must not be negative or infinite, but is {lam1}")
        self.lam1 = lam1

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Eq. 4 (with ones: Eq. 3) and the pairwise term."""
        # + 1 before the mask: the other way round the diagonal would leave a constant K.
        apart = ((pairwise_cosines(centers) + 1) * different_pairs(centers)).sum()
        return sparse_center_loss(features, attention, labels, centers) + self.lam1 * apart

    def center_push(self, centers: Tensor) -> Tensor:
        """Return λ₁ times :func:`dacl_edu.losses.cosines.pairwise_push`, the published step of the centers."""
        return self.lam1 * pairwise_push(centers)

    def extra_repr(self) -> str:
        """Show λ₁."""
        return f"lam1={self.lam1}"


@register_loss("attentive_island")
class AttentiveIslandLoss(IslandLoss):
    """Island loss in its attentive form: attention weighs the center term, as in Eq. 4.

    The pairwise term has no samples and so no attention. Parameters as :class:`IslandLoss`.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[2.0, 0.0]]); c = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> AttentiveIslandLoss(lam1=0.25)(x, torch.full_like(x, 0.5), torch.tensor([0]), c).item()  # 1/4 + 1/2
    0.75
    """

    uses_attention = True

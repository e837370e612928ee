"""Eq. 8: the softmax loss plus λ times a metric loss, with each term reported."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dacl_edu.losses.base import MetricLoss, scalar_of
from dacl_edu.losses.functional import softmax_loss
from dacl_edu.losses.shapes import check_number


class LossTerms(NamedTuple):
    """The three numbers of Eq. 8.

    Attributes
    ----------
    total : Tensor, scalar
        L = L_S + λ L_SC; the one to call ``backward`` on.
    softmax : Tensor, scalar
        L_S, Eq. 2.
    metric : Tensor, scalar
        The metric loss before λ: L_SC (Eq. 4), L_C (Eq. 3) or your own; 0 without one.
    """

    total: Tensor
    softmax: Tensor
    metric: Tensor


class Objective(nn.Module):
    """Eq. 8, L = L_S + λ L_metric.

    Parameters
    ----------
    metric_loss : MetricLoss or None
        None leaves the softmax loss alone.
    lam : float, default 0.01
        λ (``lambda`` is a keyword of Python). The paper's value is 0.01.

    Raises
    ------
    ValueError
        A negative λ.
    TypeError
        A λ that is no number.

    Examples
    --------
    >>> import torch
    >>> from dacl_edu.losses import build_loss
    >>> objective = Objective(build_loss("center"), lam=0.01)
    >>> x, c = torch.ones(1, 2), torch.zeros(7, 2)
    >>> terms = objective(torch.zeros(1, 7), x, torch.ones_like(x), torch.tensor([0]), c)
    >>> round(terms.softmax.item(), 4), terms.metric.item(), round(terms.total.item(), 4)
    (1.9459, 1.0, 1.9559)
    """

    def __init__(self, metric_loss: MetricLoss | None, lam: float = 0.01) -> None:
        super().__init__()
        check_number("lam (λ of Eq. 8)", lam)
        if not 0 <= lam < math.inf:
            raise ValueError(f"lam (λ of Eq. 8) must not be negative or infinite, but is {lam}")
        self.metric_loss = metric_loss
        self.lam = lam

    def forward(
        self, logits: Tensor, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor | nn.Module
    ) -> LossTerms:
        """Return total, softmax and metric loss; shapes as in :class:`MetricLoss`, ``logits`` (m, K)."""
        softmax = softmax_loss(logits, labels)
        if self.metric_loss is None:
            return LossTerms(softmax, softmax, torch.zeros_like(softmax))
        # Whoever writes forward in place of formula is told as clearly what is wrong with it.
        metric = scalar_of(self.metric_loss.forward, features, attention, labels, centers, called=self.metric_loss)
        return LossTerms(softmax + self.lam * metric, softmax, metric)

    @torch.no_grad()
    def center_push(self, centers: Tensor) -> Tensor | None:
        """Return :meth:`MetricLoss.center_push` of the metric loss, (K, d) or None; λ does not multiply it."""
        return None if self.metric_loss is None else self.metric_loss.center_push(centers)

    def extra_repr(self) -> str:
        """Show λ."""
        return f"lam={self.lam}"

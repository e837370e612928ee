"""Cosines between class centers, and the step that drives the centers apart; island and separate loss share them."""

from __future__ import annotations

import torch
from torch import Tensor

TINY_NORM = 1e-12
"""Below this length a vector has no direction: its cosines count as 0 and it is not pushed."""


def pairwise_cosines(centers: Tensor) -> Tensor:
    r"""Return the cosine of every ordered pair of different centers, 0 on the diagonal.

    Parameters
    ----------
    centers : Tensor, shape (K, d)

    Returns
    -------
    Tensor, shape (K, K)
        Entry (j, k) is :math:`\cos(c_j, c_k)`; the matrix is symmetric, so it holds each pair twice.

    Examples
    --------
    >>> import torch
    >>> pairwise_cosines(torch.tensor([[2.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])).tolist()
    [[0.0, 0.0, -1.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]
    """
    unit = _unit(centers)
    # Sums of products and no matrix product: autocast would compute that in half precision.
    return (unit[:, None] * unit[None]).sum(dim=2) * different_pairs(centers)


def different_pairs(centers: Tensor) -> Tensor:
    """Return the mask of ordered pairs, (K, K): 1 where the two centers differ, 0 on the diagonal.

    Examples
    --------
    >>> import torch
    >>> different_pairs(torch.zeros(2, 5)).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    return 1 - torch.eye(len(centers), dtype=centers.dtype, device=centers.device)


def pairwise_push(centers: Tensor) -> Tensor:
    r"""Return the step that lowers the cosines, in the form that the island loss is published with.

    .. math::
        p_j = \frac{1}{K-1} \sum_{k \ne j} \left( \frac{c_k}{\|c_k\| \|c_j\|}
              - \frac{c_k \cdot c_j}{\|c_k\| \|c_j\|^3} c_j \right)

    Each summand is the gradient of :math:`\cos(c_j, c_k)` in :math:`c_j`. It stands at a right angle to
    :math:`c_j`, so it turns a center and does not lengthen it, and it is large where :math:`\|c_j\|` is small.

    Parameters
    ----------
    centers : Tensor, shape (K, d)

    Returns
    -------
    Tensor, shape (K, d)
        Zero for a center of length zero. A center moves to ``c_j - alpha * p_j``.

    Examples
    --------
    >>> import torch
    >>> pairwise_push(torch.tensor([[1.0, 0.0], [0.0, 2.0]])).tolist()  # each away from the other
    [[0.0, 1.0], [0.5, 0.0]]
    """
    norms = centers.norm(dim=1, keepdim=True)  # (K, 1)
    unit = _unit(centers)
    others = unit.sum(dim=0) - unit  # (K, d): of each center, the sum over the other ones
    across = others - (others * unit).sum(dim=1, keepdim=True) * unit  # without its part along the center
    return torch.where(norms > TINY_NORM, across / norms.clamp_min(TINY_NORM), 0) / max(1, len(centers) - 1)


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=1, keepdim=True).clamp_min(TINY_NORM)

"""What one step of gradient descent on L_SC does to attention: which weights fall, which rise, and what must fall.

Eq. 10 is never negative, so a weight that is free falls. The weights of a network are not free: all are made of the
same parameters. What follows from Eq. 10 for them is one inequality, see :class:`AttentionStep`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dacl_edu.model.attention import AttentionNetwork


@dataclass(frozen=True)
class AttentionStep:
    r"""The rate at which attention changes under gradient descent on L_SC, features and centers held fixed.

    By the chain rule, with :math:`g_{ij} = D_{ij}^2 / (2m)` (Eq. 10) and parameters θ that move against their gradient,

    .. math:: \sum_{ij} g_{ij}\, \dot a_{ij} = -\left\| \partial L_{SC} / \partial\theta \right\|^2 \le 0

    So the mean of the changes, weighted by D², is never positive. Of a single change, and of their plain mean, this
    says nothing.

    Attributes
    ----------
    slope : Tensor, shape (m, d)
        g, Eq. 10.
    change : Tensor, shape (m, d)
        The change of each weight for a step of learning rate μ, divided by μ, in the limit of small μ.
    squared_gradient : float
        The squared length of the gradient of L_SC with respect to the parameters that move.
    """

    slope: Tensor
    change: Tensor
    squared_gradient: float

    @property
    def rising(self) -> float:
        """The share of the weights that rise, 0 to 1."""
        return float((self.change > 0).double().mean())

    @property
    def mean(self) -> float:
        """The mean change."""
        return float(self.change.mean())

    @property
    def weighted_mean(self) -> float:
        """The mean change, each weighted by its D²: never positive."""
        return weighted_mean(self.change, self.slope)


def attention_step(network: nn.Module, feature_map: Tensor, slope: Tensor, moving: str = "") -> AttentionStep:
    """Take one infinitely small step of gradient descent on L_SC with the parameters of an attention network.

    No step is taken in truth: the change is a directional derivative. The network stays as it is, batch norm statistics
    included; it is asked in the mode that it is in.

    Parameters
    ----------
    network : Module
        From feature maps (m, N_C, N_H, N_W) to attention (m, d). Use float64: small changes have signs, too.
    feature_map : Tensor, shape (m, N_C, N_H, N_W)
    slope : Tensor, shape (m, d)
        Eq. 10, that is D² / (2m).
    moving : str, default ""
        Only parameters whose name begins so move: ``"heads"``, ``"encoder"``, ``"encoder.layers.6"``; all by default.

    Raises
    ------
    ValueError
        No trainable parameter begins with that name, or the slope does not have the shape of the attention.

    Examples
    --------
    >>> import torch
    >>> from dacl_edu.model.attention import AttentionNetwork
    >>> network = AttentionNetwork((8, 7, 7), feature_dim=8, widths=(16, 4)).double()
    >>> maps, slope = torch.randn(6, 8, 7, 7).double(), torch.rand(6, 8).double()
    >>> attention_step(network, maps, slope).weighted_mean < 0
    True
    """
    network = copy.deepcopy(network)  # a forward pass in training mode moves the statistics of batch norm
    weights = [w for name, w in network.named_parameters() if name.startswith(moving) and w.requires_grad]
    if not weights:
        raise ValueError(f"no trainable parameter of the network begins with {moving!r}")
    attention = network(feature_map.detach())  # (m, d)
    if attention.shape != slope.shape:
        raise ValueError(f"slope has the shape {tuple(slope.shape)}, but attention {tuple(attention.shape)}")
    # J^T g is linear in g; its derivative by g, asked in the direction -J^T g, is -J J^T g: the change of attention.
    incoming = slope.detach().to(attention.dtype).requires_grad_()
    gradients = torch.autograd.grad(attention, weights, incoming, create_graph=True)
    against = [-gradient.detach() for gradient in gradients]
    (change,) = torch.autograd.grad(gradients, incoming, against)
    length = sum(float(gradient.detach().square().sum()) for gradient in gradients)
    return AttentionStep(incoming.detach(), change, length)


def attention_descent(
    network: nn.Module,
    feature_map: Tensor,
    pull: Callable[[Tensor], Tensor],
    moments: Sequence[int] = (1, 2, 4, 8, 16, 32),
    rate: float = 1e-3,
    moving: str = "",
) -> list[Tensor]:
    """Take real steps of gradient descent with the parameters of an attention network; return what its weights did.

    Parameters
    ----------
    network : Module
        From feature maps (m, N_C, N_H, N_W) to attention (m, d). It stays as it is: a copy moves.
    feature_map : Tensor, shape (m, N_C, N_H, N_W)
    pull : callable
        From attention (m, d) to the loss, a scalar.
    moments : sequence of int, default (1, 2, 4, 8, 16, 32)
        After how many steps to look.
    rate : float, default 1e-3
        0.1 (the learning rate of preset ``quick``) times λ = 0.01.
    moving : str, default ""
        As for :func:`attention_step`.

    Returns
    -------
    list of Tensor, shape (m, d) each
        The changes since the start, one tensor a moment.

    Examples
    --------
    >>> import torch
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.Sigmoid())
    >>> [change.shape for change in attention_descent(network, torch.ones(3, 1, 2, 2), torch.sum, (1, 5))]
    [torch.Size([3, 2]), torch.Size([3, 2])]
    """
    network, maps = copy.deepcopy(network), feature_map.detach()
    weights = [w for name, w in network.named_parameters() if name.startswith(moving) and w.requires_grad]
    before, changes = network(maps).detach(), []
    for step in range(1, max(moments) + 1):
        gradients = torch.autograd.grad(pull(network(maps)), weights)
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(rate * gradient)
            if step in moments:
                changes.append(network(maps) - before)
    return changes


def weighted_mean(values: Tensor, weights: Tensor) -> float:
    """Return the mean of ``values`` (n, d), each weighted by its own number in ``weights`` (n, d), such as D².

    Examples
    --------
    >>> weighted_mean(torch.tensor([[0.25, 0.75]]), torch.tensor([[3.0, 1.0]]))
    0.375
    """
    values, weights = values.double(), weights.double()
    return float((values * weights).sum() / weights.sum())


def without_batch_norm(network: AttentionNetwork) -> AttentionNetwork:
    """Return a copy of an attention network with the same weights and no batch norm in its encoder (Eq. 5).

    Raises
    ------
    ValueError
        The mode ``ones`` has no encoder.

    Examples
    --------
    >>> without_batch_norm(AttentionNetwork((8, 7, 7), feature_dim=8, widths=(16, 4))).encoder.layers[1]
    Identity()
    """
    if network.encoder is None:
        raise ValueError("the mode 'ones' has no encoder")
    network = copy.deepcopy(network)
    assert network.encoder is not None
    for place, layer in enumerate(network.encoder.layers):
        if isinstance(layer, nn.BatchNorm1d):
            network.encoder.layers[place] = nn.Identity()
    return network

"""Eq. 2, 3, 4 as pure functions, and the backward pass of Eq. 4 written by hand (Eq. 9, 10).

Shapes: ``m`` batch, ``K`` classes, ``d`` feature dimension. The paper is Farzaneh & Qi, "Facial Expression
Recognition in the Wild via Deep Attentive Center Loss", WACV 2021; equation numbers are the paper's.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dacl_edu.losses.shapes import center_rows, check_batch, check_labels, computing_dtype


def softmax_loss(logits: Tensor, labels: Tensor) -> Tensor:
    r"""Softmax loss, Eq. 2: mean cross-entropy between the softmax of the scores and the labels.

    .. math:: L_S = -\frac1m \sum_{i=1}^m \log \frac{e^{z_{i y_i}}}{\sum_{j=1}^K e^{z_{ij}}}

    Parameters
    ----------
    logits : Tensor, shape (m, K)
        Raw scores z of Eq. 1.
    labels : Tensor, shape (m,)
        Class indices 0 .. K-1.

    Returns
    -------
    Tensor, scalar
        float32, or float64 for float64 scores.

    Raises
    ------
    ValueError
        Shapes that do not fit.
    IndexError
        A label outside 0 .. K-1.

    Examples
    --------
    >>> import torch
    >>> softmax_loss(torch.zeros(2, 7), torch.tensor([0, 3])).item()  # no knowledge: log 7
    1.945910...
    """
    check_batch(logits, labels)
    check_labels(labels, logits.shape[1])
    return F.cross_entropy(logits.to(computing_dtype(logits)), labels.long())


def center_loss(features: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
    r"""Center loss, Eq. 3: half the mean squared distance of each feature to the center of its class.

    .. math:: L_C = \frac{1}{2m} \sum_{i=1}^m \sum_{j=1}^d (x_{ij} - c_{y_i j})^2

    Parameters
    ----------
    features : Tensor, shape (m, d)
        Deep features x.
    labels : Tensor, shape (m,)
        Class indices 0 .. K-1.
    centers : Tensor, shape (K, d)
        Class centers c.

    Returns
    -------
    Tensor, scalar
        float32, or float64 if an input is float64.

    Raises
    ------
    ValueError
        Shapes that do not fit.
    IndexError
        A label outside 0 .. K-1.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> c = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    >>> center_loss(x, torch.tensor([0, 1]), c).item()  # (1 + 4 + 0 + 16) / (2 * 2)
    5.25
    """
    check_batch(features, labels, centers)
    dtype = computing_dtype(features, centers)
    # The direct difference: the expanded form |x|^2 + |c|^2 - 2 x.c loses every digit near a center.
    difference = features.to(dtype) - center_rows(centers.to(dtype), labels.long())  # (m, d)
    return difference.square().sum() / (2 * features.shape[0])


def sparse_center_loss(features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
    r"""Sparse center loss, Eq. 4: center loss with a weight for each dimension of each sample.

    .. math:: L_{SC} = \frac{1}{2m} \sum_{i=1}^m \sum_{j=1}^d a_{ij} (x_{ij} - c_{y_i j})^2

    The gradients are written by hand, Eq. 9 and Eq. 10, see :class:`SparseCenterLossFunction`. With
    ``attention = 1`` it is :func:`center_loss` exactly; the paper's condition "all a equal" gives a multiple of it.

    Parameters
    ----------
    features : Tensor, shape (m, d)
        Deep features x.
    attention : Tensor, shape (m, d)
        Attention weights a, from Eq. 7 in (0, 1]. Not checked: controls and assignments use others.
    labels : Tensor, shape (m,)
        Class indices 0 .. K-1.
    centers : Tensor, shape (K, d)
        Class centers c.

    Returns
    -------
    Tensor, scalar
        float32, or float64 if an input is float64; half-precision inputs are widened first, also under autocast.

    Raises
    ------
    ValueError
        Shapes that do not fit.
    IndexError
        A label outside 0 .. K-1.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 0.0]])
    >>> a = torch.tensor([[1.0, 0.5], [1.0, 0.25]])
    >>> c = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    >>> sparse_center_loss(x, a, torch.tensor([0, 1]), c).item()  # (1*1 + .5*4 + 1*0 + .25*16) / (2 * 2)
    1.75
    """
    check_batch(features, labels, centers, attention)
    if torch._C._are_functorch_transforms_active():  # torch.func differentiates in its own way, forward mode and all
        difference = features - center_rows(centers, labels.long())
        return (attention * difference.square()).sum() / (2 * len(features))
    return SparseCenterLossFunction.apply(features, attention, labels.long(), centers)


class SparseCenterLossFunction(torch.autograd.Function):
    r"""Eq. 4 forward; Eq. 9 and Eq. 10 backward, by hand. Call it through :func:`sparse_center_loss`.

    With :math:`D_{ij} = x_{ij} - c_{y_i j}` and the gradient ``g`` that arrives from above (λ in Eq. 8):

    .. math::
        \partial L / \partial x_{ij} &= g\, a_{ij} D_{ij} / m            && \text{Eq. 9} \\
        \partial L / \partial a_{ij} &= g\, D_{ij}^2 / (2m)              && \text{Eq. 10, elementwise} \\
        \partial L / \partial c_{kj} &= -g \sum_{i: y_i = k} a_{ij} D_{ij} / m

    The paper never uses the last one (the centers follow Eq. 11, a rule and not a gradient); it is here because a
    caller who asks for it must not get silence. Each line of the backward is itself differentiable, so a second
    derivative is exact too.

    The forward keeps D and a·D for the backward, which multiplies each of them once more; autograd keeps as much and
    makes more on the way. ``dacl-edu bench loss`` measures time and memory of both.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Eq. 4. Keep D and a·D for Eq. 9 and 10, and the inputs for a second derivative."""
        dtype = computing_dtype(features, attention, centers)
        difference = center_rows(centers.to(dtype), labels)  # (m, d), a copy ...
        torch.sub(features.to(dtype), difference, out=difference)  # ... so D = x - c_y may take its place
        weighted = attention.to(dtype) * difference  # (m, d)
        ctx.save_for_backward(features, attention, labels, centers, difference, weighted)
        return (weighted * difference).sum() / (2 * features.shape[0])

    @staticmethod
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, ...]:
        """Eq. 9 and Eq. 10, each multiplied by the incoming gradient."""
        features, attention, labels, centers, difference, weighted = ctx.saved_tensors
        dtype = difference.dtype
        if torch.is_grad_enabled():  # create_graph=True: a second derivative must see where D comes from
            difference = features.to(dtype) - centers.to(dtype).index_select(0, labels)
            weighted = attention.to(dtype) * difference
        needs_features, needs_attention, _, needs_centers = ctx.needs_input_grad
        scale = incoming / len(features)  # g / m, one number

        d_features = d_attention = d_centers = None
        if needs_features or needs_centers:
            step = weighted * scale  # Eq. 9
        if needs_features:
            d_features = step.to(features.dtype)
        if needs_attention:
            d_attention = difference.square().mul_(scale / 2).to(attention.dtype)  # Eq. 10
        if needs_centers:
            per_class = torch.zeros_like(centers, dtype=dtype).index_add(0, labels, step)  # (K, d)
            d_centers = (-per_class).to(centers.dtype)
        return d_features, d_attention, None, d_centers

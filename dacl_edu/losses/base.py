"""``MetricLoss``: what a metric loss is, so that a new one is one method."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dacl_edu.errors import UserError
from dacl_edu.losses.shapes import check_batch, check_labels, computing_dtype


class MetricLoss(nn.Module):
    """A loss on deep features, attention and class centers: subclass it and write :meth:`formula`.

    Shapes and labels are checked here, once, before the formula is called, and features, attention and centers
    are brought to one type, float32 or better. Everything the formula takes and returns keeps the batch's device;
    gradients flow to ``features`` and ``attention``, never to ``centers``, which follow Eq. 11
    (:class:`dacl_edu.centers.ClassCenters`) and, where a loss says so, its :meth:`center_push`.

    Attributes
    ----------
    uses_attention : bool
        Whether the formula gets the attention weights that it is called with. Where False it gets ones, and is
        trained without an attention network. So one formula serves both forms of a loss, the plain and the
        attentive one: the attentive form is a subclass that sets this to True and is registered by a name of its
        own.

    Examples
    --------
    A student's own loss, the absolute distance in place of the square:

    >>> import torch
    >>> class AbsoluteCenterLoss(MetricLoss):
    ...     def formula(self, features, attention, labels, centers):
    ...         return (features - centers[labels]).abs().sum() / features.shape[0]
    >>> loss = AbsoluteCenterLoss()
    >>> x = torch.tensor([[1.0, -2.0]]); c = torch.zeros(7, 2)
    >>> loss(x, torch.ones_like(x), torch.tensor([0]), c).item()
    3.0

    One formula in two forms:

    >>> class PlainAbsoluteLoss(MetricLoss):
    ...     uses_attention = False
    ...     def formula(self, features, attention, labels, centers):
    ...         return (attention * (features - centers[labels]).abs()).sum() / features.shape[0]
    >>> class AttentiveAbsoluteLoss(PlainAbsoluteLoss):
    ...     uses_attention = True
    >>> a = torch.full_like(x, 0.5)
    >>> [loss(x, a, torch.tensor([0]), c).item() for loss in (PlainAbsoluteLoss(), AttentiveAbsoluteLoss())]
    [3.0, 1.5]
    """

    uses_attention: bool = True

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Return the scalar loss. ``features`` and ``attention`` are (m, d), ``labels`` (m,), ``centers`` (K, d)."""
        raise NotImplementedError(f"{type(self).__name__} must define formula(features, attention, labels, centers)")

    def center_push(self, centers: Tensor) -> Tensor | None:
        """Return what this loss adds to the step of Eq. 11, for a term that is about the centers alone.

        Parameters
        ----------
        centers : Tensor, shape (K, d)

        Returns
        -------
        Tensor, shape (K, d), or None
            A center moves to ``c_k - alpha * (delta_k + push_k)``, so a push points where the term grows, like a
            gradient. None, the default, leaves Eq. 11 alone. Like Eq. 11 it is a rule: neither λ nor the learning
            rate touches it.
        """
        return None

    def forward(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor | nn.Module) -> Tensor:
        """Check the inputs, then return :meth:`formula` of them. ``centers`` may be the :class:`.ClassCenters` too.

        Raises
        ------
        ValueError
            Shapes that do not fit.
        UserError
            A formula that takes other arguments, or returns no scalar tensor.
        IndexError
            A label outside 0 .. K-1.
        """
        rows: Tensor = centers() if isinstance(centers, nn.Module) else centers  # (K, d)
        check_batch(features, labels, rows, attention)
        check_labels(labels, rows.shape[0])  # here, since centers[labels] of a formula would take -1 for the last
        dtype = computing_dtype(features, attention, rows)
        weights = attention.to(dtype) if self.uses_attention else torch.ones_like(features, dtype=dtype)
        return scalar_of(self.formula, features.to(dtype), weights, labels.long(), rows.to(dtype))


def scalar_of(formula: Callable[..., Tensor], *arguments: Any, called: Callable[..., Tensor] | None = None) -> Tensor:
    """Return what a method of a loss gives for ``(features, attention, labels, centers)``; ``called`` calls it.

    Raises
    ------
    UserError
        It takes other arguments, or returns no scalar tensor; the class and the method are named.
    """
    try:
        found: object = (called or formula)(*arguments)
    except TypeError as error:
        try:
            inspect.signature(formula).bind(*arguments)
        except TypeError as wrong:
            raise UserError(f"{_name(formula)} does not take what a loss is given ({wrong})", hint=_FORM) from error
        raise  # it goes wrong inside
    if isinstance(found, Tensor) and found.shape == ():
        return found
    if isinstance(found, Tensor):
        what = f"the shape {tuple(found.shape)}"
    else:
        what = "None (its return is missing)" if found is None else f"a {type(found).__name__}"
    raise UserError(f"{_name(formula)} must return a scalar tensor, not {what}", hint=_FORM)


_FORM = (
    "it takes (self, features (m, d), attention (m, d), labels (m,), centers (K, d)) and returns one number as a tensor"
)


def _name(method: Callable[..., Tensor]) -> str:
    return f"{type(getattr(method, '__self__', None)).__name__}.{method.__name__}"

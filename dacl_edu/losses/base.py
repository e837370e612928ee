"""``MetricLoss``: what a metric loss is, so that a new one is one method; and the registry that finds it by name."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from dacl_edu.errors import UserError
from dacl_edu.losses.shapes import check_batch


class MetricLoss(nn.Module):
    """A loss on deep features, attention and class centers: subclass it and write :meth:`formula`.

    Shapes and labels are checked here, once, before the formula is called. Everything the formula takes and
    returns keeps the batch's device; gradients flow to ``features`` and ``attention``, never to ``centers``,
    which follow Eq. 11 (:class:`dacl_edu.centers.ClassCenters`).

    Attributes
    ----------
    uses_attention : bool
        Whether the formula reads ``attention``. A loss that does not is trained without an attention network,
        unless one is asked for.

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
    """

    uses_attention: bool = True

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Return the scalar loss. ``features`` and ``attention`` are (m, d), ``labels`` (m,), ``centers`` (K, d)."""
        raise NotImplementedError(f"{type(self).__name__} must define formula(features, attention, labels, centers)")

    def forward(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Check the inputs, then return :meth:`formula` of them.

        Raises
        ------
        ValueError
            Shapes that do not fit, or a formula that returns no scalar.
        IndexError
            A label outside 0 .. K-1.
        """
        check_batch(features, labels, centers, attention)
        loss = self.formula(features, attention, labels, centers)
        if loss.shape != ():
            raise ValueError(f"{type(self).__name__}.formula must return a scalar, not the shape {tuple(loss.shape)}")
        return loss


_REGISTRY: dict[str, Callable[..., MetricLoss]] = {}


def register_loss(name: str) -> Callable[[type[MetricLoss]], type[MetricLoss]]:
    """Class decorator: make a :class:`MetricLoss` known by ``name`` to :func:`build_loss` and to ``--method``.

    Parameters
    ----------
    name : str
        Lower-case name with underscores, e.g. ``"my_loss"``. Registering it again replaces it, so that a notebook
        cell can be run twice.

    Examples
    --------
    >>> @register_loss("doubled_center")
    ... class DoubledCenterLoss(MetricLoss):
    ...     def formula(self, features, attention, labels, centers):
    ...         return (features - centers[labels]).square().sum() / features.shape[0]
    >>> build_loss("doubled_center")
    DoubledCenterLoss()
    """

    def decorate(loss_class: type[MetricLoss]) -> type[MetricLoss]:
        if not (isinstance(loss_class, type) and issubclass(loss_class, MetricLoss)):
            raise TypeError(f"register_loss({name!r}) decorates a subclass of MetricLoss, not {loss_class!r}")
        _REGISTRY[name] = loss_class
        return loss_class

    return decorate


def available_losses() -> tuple[str, ...]:
    """Return the registered names, sorted.

    Examples
    --------
    >>> "sparse_center" in available_losses()
    True
    """
    return tuple(sorted(_REGISTRY))


def build_loss(name: str, **parameters: Any) -> MetricLoss:
    """Build a loss from its registered name or from ``"package.module:ClassName"``.

    Parameters
    ----------
    name : str
        A name of :func:`available_losses`, or the import path of a :class:`MetricLoss`.
    **parameters
        Handed to the class.

    Raises
    ------
    UserError
        An unknown name (the nearest known one is said), a module or class that is not there, or a class that is
        no :class:`MetricLoss`.

    Examples
    --------
    >>> build_loss("sparse_center")
    SparseCenterLoss()
    >>> build_loss("dacl_edu.losses:CenterLoss")
    CenterLoss()
    """
    factory: Callable[..., MetricLoss]
    if ":" in name:
        factory = _import_loss(name)
    elif name in _REGISTRY:
        factory = _REGISTRY[name]
    else:
        near = difflib.get_close_matches(name, available_losses(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(available_losses())}"
        raise UserError(f"unknown loss {name!r}", mend=f"{hint} Your own: package.module:ClassName")
    try:
        return factory(**parameters)
    except TypeError as error:
        raise UserError(f"loss {name!r}: {error}", mend="see the parameters in its help") from error


def _import_loss(path: str) -> type[MetricLoss]:
    module_name, _, class_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UserError(
            f"loss {path!r}: cannot import {module_name!r} ({error})",
            mend="run from the folder that holds the module, or add it to PYTHONPATH",
        ) from error
    loss_class = getattr(module, class_name, None)
    if loss_class is None:
        raise UserError(f"loss {path!r}: {module_name} has no {class_name!r}", mend="write package.module:ClassName")
    if not (isinstance(loss_class, type) and issubclass(loss_class, MetricLoss)):
        raise UserError(f"loss {path!r} is no MetricLoss", mend="subclass dacl_edu.losses.MetricLoss")
    return loss_class

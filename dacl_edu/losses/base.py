"""``MetricLoss``: what a metric loss is, so that a new one is one method; and the registry that finds it by name."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dacl_edu.errors import UserError
from dacl_edu.losses.shapes import check_batch, computing_dtype


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
        dtype = computing_dtype(features, attention, centers)
        weights = attention.to(dtype) if self.uses_attention else torch.ones_like(features, dtype=dtype)
        loss = self.formula(features.to(dtype), weights, labels.long(), centers.to(dtype))
        if loss.shape != ():
            raise ValueError(f"{type(self).__name__}.formula must return a scalar, not the shape {tuple(loss.shape)}")
        return loss


PML_PREFIXES = ("pml:", "attentive_pml:")
"""How names begin that mean a loss of pytorch-metric-learning."""

OTHER_NAMES = "Your own: package.module:ClassName. Of pytorch-metric-learning: pml:ClassName"
"""What a message says of the names that no list holds."""

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

    Losses of pytorch-metric-learning are not among them: see :func:`dacl_edu.losses.available_pml_losses`.

    Examples
    --------
    >>> "sparse_center" in available_losses()
    True
    """
    return tuple(sorted(_REGISTRY))


def build_loss(name: str, **parameters: Any) -> MetricLoss:
    """Build a loss from its registered name, from ``"package.module:ClassName"`` or from ``"pml:ClassName"``.

    Parameters
    ----------
    name : str
        A name of :func:`available_losses`; the import path of a :class:`MetricLoss`; or a loss class of
        pytorch-metric-learning after ``pml:``, or after ``attentive_pml:`` for its attentive form
        (:class:`dacl_edu.losses.pml.PmlLoss`).
    **parameters
        Handed to the class.

    Raises
    ------
    UserError
        An unknown name (the nearest known one is said), a module or class that is not there, a class that is
        no :class:`MetricLoss`, or a parameter that the class refuses.

    Examples
    --------
    >>> build_loss("sparse_center")
    SparseCenterLoss()
    >>> build_loss("dacl_edu.losses:CenterLoss")
    CenterLoss()
    """
    factory: Callable[..., MetricLoss]
    if name.startswith(PML_PREFIXES):
        factory = _pml_loss(name)
    elif ":" in name:
        factory = _import_loss(name)
    elif name in _REGISTRY:
        factory = _REGISTRY[name]
    else:
        near = difflib.get_close_matches(name, available_losses(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(available_losses())}"
        raise UserError(f"unknown loss {name!r}", mend=f"{hint} {OTHER_NAMES}")
    try:
        return factory(**parameters)
    except (TypeError, ValueError) as error:
        named = [p.name for p in inspect.signature(factory).parameters.values() if p.kind is not p.VAR_POSITIONAL]
        takes = ", ".join(name for name in named if name != "kwargs") or "no parameters"
        raise UserError(f"loss {name!r}: {error}", mend=f"it takes {takes}") from error


def _pml_loss(name: str) -> Callable[..., MetricLoss]:
    from dacl_edu.losses.pml import AttentivePmlLoss, PmlLoss  # here, since it builds on this module

    prefix, _, class_name = name.partition(":")
    return functools.partial(PmlLoss if prefix == "pml" else AttentivePmlLoss, class_name)


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

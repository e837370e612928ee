"""Losses by name: the registry that ``--method`` asks, import paths of a user's own, and pytorch-metric-learning's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from dacl_edu.errors import UserError
from dacl_edu.losses.base import MetricLoss
from dacl_edu.losses.pml import AttentivePmlLoss, PmlLoss
from dacl_edu.own_module import own_module
from dacl_edu.text import nearest

PML_PREFIXES = ("pml:", "attentive_pml:")
"""How names begin that mean a loss of pytorch-metric-learning."""

OTHER_NAMES = "Your own: package.module:ClassName, or with --import MODULE. Of pytorch-metric-learning: pml:ClassName"
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


def registered(name: str) -> Callable[..., MetricLoss]:
    """Return the class of a registered name; one of :func:`available_losses`."""
    return _REGISTRY[name]


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
        raise UserError(f"unknown loss {name!r}", hint=f"{nearest(name, available_losses())} {OTHER_NAMES}")
    try:
        loss = factory(**parameters)
    except (TypeError, ValueError) as error:
        named = [p.name for p in inspect.signature(factory).parameters.values() if p.kind is not p.VAR_POSITIONAL]
        takes = ", ".join(name for name in named if name != "kwargs") or "no parameters"
        raise UserError(f"loss {name!r}: {error}", hint=f"it takes {takes}") from error
    if "_modules" not in vars(loss):
        raise UserError(
            f"loss {name!r}: {type(loss).__name__}.__init__ does not call super().__init__()", hint="call it first"
        )
    return loss


def _pml_loss(name: str) -> Callable[..., MetricLoss]:
    prefix, _, class_name = name.partition(":")
    return functools.partial(PmlLoss if prefix == "pml" else AttentivePmlLoss, class_name)


def _import_loss(path: str) -> type[MetricLoss]:
    module_name, _, class_name = path.partition(":")
    module = own_module(module_name, f"loss {path!r}")
    loss_class = getattr(module, class_name, None)
    if loss_class is None:
        raise UserError(f"loss {path!r}: {module_name} has no {class_name!r}", hint="write package.module:ClassName")
    if not (isinstance(loss_class, type) and issubclass(loss_class, MetricLoss)):
        raise UserError(f"loss {path!r} is no MetricLoss", hint="subclass dacl_edu.losses.MetricLoss")
    return loss_class

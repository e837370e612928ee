"""From a method's name to its loss and its attention."""

from __future__ import annotations

from dacl_edu.choices import AttentionMode
from dacl_edu.errors import UserError
from dacl_edu.losses import MetricLoss, available_losses, build_loss
from dacl_edu.losses.registry import OTHER_NAMES, registered
from dacl_edu.runs.config import TrainConfig
from dacl_edu.text import nearest

SOFTMAX = "softmax"
ALIASES = {"dacl": "sparse_center"}
"""Names of the paper's tables that differ from the name of the loss."""
SCRIPT = "__main__"
"""The module of what a notebook or script defines itself: no other process can import it."""


def available_methods() -> tuple[str, ...]:
    """Return what ``--method`` takes: softmax, dacl and every registered loss, plain and attentive.

    It also takes ``pml:ClassName``, ``attentive_pml:ClassName`` (:func:`dacl_edu.losses.available_pml_losses`) and
    ``package.module:ClassName``.

    Examples
    --------
    >>> available_methods()[:3]
    ('softmax', 'center', 'dacl')
    """
    others = [name for name in available_losses() if name != "center"]
    return (SOFTMAX, "center", "dacl", *others)


def require_method(method: str) -> str:
    """Return the name of a method's loss, or ``"softmax"``; a name with a colon is taken as it is.

    Raises
    ------
    UserError
        An unknown method; the nearest is said.

    Examples
    --------
    >>> require_method("dacl")
    'sparse_center'
    """
    name = ALIASES.get(method, method)
    if name != SOFTMAX and ":" not in name and name not in available_losses():
        raise UserError(f"unknown method {method!r}", hint=f"{nearest(name, available_methods())} {OTHER_NAMES}")
    return name


def build_method(config: TrainConfig) -> tuple[MetricLoss | None, AttentionMode]:
    """Return the metric loss (None for softmax alone) and the attention mode of a run.

    Raises
    ------
    UserError
        An unknown method, or an attention mode for a method that does not use attention.
    """
    name = require_method(config.method)
    metric_loss = None if name == SOFTMAX else build_loss(name, **config.loss_parameters)
    if metric_loss is not None and metric_loss.uses_attention:
        return metric_loss, config.attention or "learned"
    if config.attention not in (None, "ones"):
        raise UserError(
            f"method {config.method!r} does not use attention, so attention={config.attention!r} would do nothing",
            hint=f"leave attention out, or use --method {_attentive(config.method)}",
        )
    return metric_loss, "ones"


def unused_settings(config: TrainConfig) -> tuple[str, ...]:
    """Return the settings of loss, centers and attention that do nothing for a method: with any value it is one run.

    Examples
    --------
    >>> unused_settings(TrainConfig(method="center")), "lam" in unused_settings(TrainConfig(method="softmax"))
    (('attention', 'attention_widths'), True)
    """
    loss, _ = build_method(config.model_copy(update={"attention": None}))
    attention = () if loss is not None and loss.uses_attention else ("attention", "attention_widths")
    return attention if loss else (*attention, "lam", "alpha", "eps", "center_init", "loss_parameters")


def loss_module(config: TrainConfig) -> str:
    """Return the module that must be imported before a method is known: that of a registered loss of one's own.

    Empty where none must: for a loss of the project's, one named by its place, and one that is not known here.

    Examples
    --------
    >>> loss_module(TrainConfig(method="dacl")), loss_module(TrainConfig(method="my_losses:MyLoss"))
    ('', '')
    """
    try:
        name = require_method(config.method)
    except UserError:
        return ""
    module = "" if name == SOFTMAX or ":" in name else registered(name).__module__
    return "" if module.partition(".")[0] == "dacl_edu" else module


def _attentive(method: str) -> str:
    """Name the attentive form of a method."""
    name = f"attentive_{method}"
    return name if name in available_losses() or method.startswith("pml:") else "dacl"

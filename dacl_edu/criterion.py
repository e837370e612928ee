"""Eq. 8 and Eq. 11 as one object, for a training loop of one's own."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dacl_edu.centers import ClassCenters
from dacl_edu.choices import CenterInit
from dacl_edu.losses import LossTerms, Objective, build_loss
from dacl_edu.losses.shapes import check_number


class DACLLoss(nn.Module):
    r"""Softmax loss plus λ times the sparse center loss (Eq. 8), with the class centers that it needs (Eq. 11).

    Call it like a loss of PyTorch, and let it follow the optimizer: each ``optimizer.step()`` then moves the centers
    too. Without an optimizer to follow, call :meth:`step` yourself after each ``optimizer.step()``. Both move the
    centers by all samples that the loss has seen in training mode since the last move, so micro-batches count as the
    joined batch and several processes as one. In evaluation mode the centers stay.

    Parameters
    ----------
    num_classes : int
        K.
    feature_dim : int
        d, the size of a feature vector (pytorch-metric-learning calls it ``embedding_size``).
    lam : float, default 0.01
        λ of Eq. 8; the paper's value.
    alpha : float, default 0.5
        α, the rate of the centers, Algorithm 1, line 15; the paper's value.
    eps : float, default 1.0
        ε of Eq. 11.
    loss : str, default "sparse_center"
        The metric loss, a name of :func:`dacl_edu.losses.build_loss`. ``"sparse_center"`` without attention is the
        center loss, Eq. 3.
    loss_parameters : dict, optional
        Handed to that loss.
    accumulate : int, default 1
        Micro-batches before each step. It only says when :class:`DACLLoss` may warn that :meth:`step` was forgotten.
    center_init : {"fan_in_classes", "fan_in_features", "zeros"}, default "fan_in_classes"
        As in :class:`dacl_edu.centers.ClassCenters`.
    seed : int, default 0
        Of the initial centers, so that they are the same on every process.

    Attributes
    ----------
    centers : ClassCenters
        In ``state_dict()``, follows ``.to(device)``, never among ``parameters()``.
    terms : LossTerms or None
        The three numbers of Eq. 8 of the last call, detached, to be logged.

    Raises
    ------
    ValueError
        Shapes that do not fit, logits of another number of classes, a negative λ, α outside 0 .. 1.
    TypeError
        λ, α, ε or a size that is no number.
    IndexError
        A label outside 0 .. K-1 (on the CPU).
    UserError
        An unknown loss.

    Warns
    -----
    UserWarning
        Once, if batches are trained on and the centers were never moved, and once if attention is given to a loss that
        does not use it.

    See Also
    --------
    dacl_edu.model.attention.PooledAttention : Attention weights for a network that gives only features.
    dacl_edu.losses.Objective, dacl_edu.centers.ClassCenters : The two parts.

    References
    ----------
    A. H. Farzaneh, X. Qi: Facial Expression Recognition in the Wild via Deep Attentive Center Loss. WACV 2021.

    Examples
    --------
    >>> import torch
    >>> network, head = torch.nn.Linear(8, 4), torch.nn.Linear(4, 3)
    >>> optimizer = torch.optim.SGD([*network.parameters(), *head.parameters()], lr=0.1)
    >>> criterion = DACLLoss(num_classes=3, feature_dim=4, lam=0.01).follow(optimizer)
    >>> labels, before = torch.tensor([0, 2]), criterion.centers().clone()
    >>> features = network(torch.randn(2, 8))
    >>> loss = criterion(head(features), features, labels, attention=torch.rand(2, 4))
    >>> loss.backward()
    >>> optimizer.step()
    >>> (criterion.centers() != before).any(dim=1).tolist()  # class 1 is not in the batch
    [True, False, True]
    """

    def __init__(
        self,
        num_classes: int,
        feature_dim: int,
        lam: float = 0.01,
        alpha: float = 0.5,
        eps: float = 1.0,
        loss: str = "sparse_center",
        loss_parameters: dict[str, Any] | None = None,
        accumulate: int = 1,
        center_init: CenterInit = "fan_in_classes",
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_number("accumulate", accumulate)
        if accumulate < 1:
            raise ValueError(f"accumulate must be at least 1, but is {accumulate}")
        generator = torch.Generator().manual_seed(seed)
        self.centers = ClassCenters(num_classes, feature_dim, alpha, eps, center_init, generator)
        self.objective = Objective(build_loss(loss, **(loss_parameters or {})), lam)
        self.accumulate = accumulate
        self.terms: LossTerms | None = None
        self._waiting = 0  # batches since the last step
        self._moved = False
        self._told = False  # that attention is not used

    def forward(self, logits: Tensor, features: Tensor, labels: Tensor, attention: Tensor | None = None) -> Tensor:
        """Return L of Eq. 8, a scalar; in training mode remember the batch for the next step of the centers.

        Parameters
        ----------
        logits : Tensor, shape (m, K)
        features : Tensor, shape (m, d)
        labels : Tensor, shape (m,)
        attention : Tensor, shape (m, d), optional
            None means ones.
        """
        classes = len(self.centers())
        if logits.dim() != 2 or logits.shape[1] != classes:
            raise ValueError(
                f"logits must have shape (m, {classes}) for num_classes={classes}, not {tuple(logits.shape)}"
            )
        if attention is not None and not self._metric_loss.uses_attention:
            self._warn_of_attention()
        weights = features.new_ones(()).expand_as(features) if attention is None else attention
        terms = self.objective(logits, features, weights, labels, self.centers())
        self.terms = LossTerms(*(term.detach() for term in terms))
        if self.training and torch.is_grad_enabled():
            self._warn_if_forgotten()
            self._waiting += 1
            self.centers.accumulate(features, weights if self._metric_loss.uses_attention else None, labels)
        return terms.total

    def step(self) -> None:
        """Move the centers by Eq. 11 and forget the batches; call it once for each ``optimizer.step()``.

        Not needed after :meth:`follow`. Over several processes it is a collective operation: each must call it.
        """
        self.centers.step(self.objective.center_push(self.centers()))
        self._waiting, self._moved = 0, True

    def follow(self, optimizer: Optimizer) -> DACLLoss:
        """Let each ``optimizer.step()`` call :meth:`step`; returns the object itself.

        A step that a ``GradScaler`` skips leaves the batch to the next one; :meth:`discard` forgets it.
        """
        optimizer.register_step_post_hook(lambda *_: self.step())
        return self

    def discard(self) -> None:
        """Forget the batches since the last step, e.g. where an optimizer's step is left out."""
        self.centers.discard()
        self._waiting = 0

    @property
    def _metric_loss(self) -> Any:
        return self.objective.metric_loss

    def _warn_of_attention(self) -> None:
        if not self._told:
            name = type(self._metric_loss).__name__
            warnings.warn(f"{name} does not use attention: what was given as attention=… has no effect", stacklevel=5)
        self._told = True

    def _warn_if_forgotten(self) -> None:
        if self._waiting == self.accumulate and not self._moved:
            warnings.warn(
                f"{self._waiting + 1} batches were trained on and the centers have never moved: call criterion.step() "
                "after optimizer.step(), or once criterion.follow(optimizer); for micro-batches say accumulate=…",
                stacklevel=5,
            )

    def extra_repr(self) -> str:
        """Show what a step waits for."""
        return f"accumulate={self.accumulate}"

"""Eq. 11: the class centers, and the only place where they change."""

from __future__ import annotations

import math

import torch
import torch.distributed as dist
from torch import Tensor, nn

from dacl_edu.choices import CenterInit
from dacl_edu.losses.shapes import center_rows, check_batch, check_number, computing_dtype


def _add_sums(
    sums: Tensor, counts: Tensor, features: Tensor, attention: Tensor | None, labels: Tensor, centers: Tensor
) -> None:
    """Add numerator ``sum a_i (c_k - x_i)`` and count ``n_k`` of Eq. 11 of one batch to ``sums`` and ``counts``.

    Both are sums over samples, so those of several micro-batches, or of several processes, add up to those of
    the joined batch; quotients would not. Samples are added one by one in the order of the batch, so on a CPU
    4 x 32 samples give the very bits of 1 x 128.
    """
    check_batch(features, labels, centers, attention)
    labels = labels.long()
    difference = center_rows(centers, labels).to(sums.dtype) - features.to(sums.dtype)  # (m, d)
    weighted = difference if attention is None else attention.to(sums.dtype) * difference
    sums.index_add_(0, labels, weighted)  # (K, d)
    counts.index_add_(0, labels, torch.ones_like(labels, dtype=counts.dtype))  # (K,)


def _quotient(sums: Tensor, counts: Tensor, eps: float) -> Tensor:
    # The floor matters only for eps = 0: an absent class is then 0 / tiny = 0 and not 0 / 0.
    return sums / (eps + counts).clamp_min(torch.finfo(sums.dtype).tiny)[:, None]


@torch.no_grad()
def center_delta(
    features: Tensor, attention: Tensor | None, labels: Tensor, centers: Tensor, eps: float = 1.0
) -> Tensor:
    r"""Eq. 11: the step of each class center that one batch asks for.

    .. math:: \Delta_{c_k} = \frac{\sum_{i: y_i = k} a_i \odot (c_k - x_i)}{\epsilon + n_k}

    It is a rule, not a gradient: for a class with :math:`n_k` samples in the batch the autograd gradient of Eq. 4
    with respect to :math:`c_k` is :math:`\Delta_{c_k} (\epsilon + n_k) / m`.

    Parameters
    ----------
    features : Tensor, shape (m, d)
    attention : Tensor, shape (m, d), or None
        None means ones, the plain center loss.
    labels : Tensor, shape (m,)
    centers : Tensor, shape (K, d)
    eps : float, default 1.0
        ε. The paper gives no value; the authors' released code has 1, which also damps classes with few samples.

    Returns
    -------
    Tensor, shape (K, d)
        Rows of classes that are absent from the batch are zero. The center moves to ``c_k - alpha * delta_k``.

    Raises
    ------
    ValueError
        Shapes that do not fit.
    IndexError
        A label outside 0 .. K-1.

    Examples
    --------
    Two samples of class 0, none of class 1: ((0-1) + (0-3)) / (1 + 2).

    >>> import torch
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> center_delta(x, None, torch.tensor([0, 0]), torch.zeros(2, 1)).tolist()
    [[-1.3333...], [0.0]]
    """
    dtype = computing_dtype(features, centers)
    sums = torch.zeros_like(centers, dtype=dtype)
    counts = torch.zeros_like(sums[:, 0])
    _add_sums(sums, counts, features, attention, labels, centers)
    return _quotient(sums, counts, eps)


class ClassCenters(nn.Module):
    """The K class centers of Eq. 3 and 4, moved by Eq. 11 and by nothing else, unless a loss adds a push of its own.

    The centers are a buffer, not a parameter: no optimizer, weight decay, momentum, clipping, loss scaling,
    learning-rate schedule or λ can reach them. Call :meth:`accumulate` for each micro-batch and :meth:`step` once
    a step; the result is that of the joined batch. With an initialised process group :meth:`step` sums over all
    processes first.

    A step touches the rows of the classes that occur in it and no others, so it costs O(m d) however large K is. (Over
    several processes, and with a push, it is O(K d).)

    Parameters
    ----------
    num_classes : int
        K.
    feature_dim : int
        d.
    alpha : float, default 0.5
        α of Algorithm 1, line 15; the paper's value.
    eps : float, default 1.0
        ε of Eq. 11; the released code's value.
    init : {"fan_in_classes", "fan_in_features", "zeros"}, default "fan_in_classes"
        He initialisation with fan-in K (the released code; std sqrt(2/K) = 0.5345 for 7 classes) or with fan-in d
        (std sqrt(2/d) = 0.0625 for 512 dimensions). The paper only says "He". Zeros are for lessons.
    generator : torch.Generator, optional
        Source of the initial values; the global one by default.

    Attributes
    ----------
    centers : Tensor, shape (K, d)
        Float32, unless moved to float64 (``.double()``). Write to it only through :meth:`step`.

    Examples
    --------
    >>> import torch
    >>> centers = ClassCenters(num_classes=2, feature_dim=1, alpha=0.5, init="zeros")
    >>> centers.accumulate(torch.tensor([[1.0]]), None, torch.tensor([0]))  # one micro-batch
    >>> centers.accumulate(torch.tensor([[3.0]]), None, torch.tensor([0]))  # another
    >>> centers.step()                                                      # -0.5 * ((0-1) + (0-3)) / (1 + 2)
    >>> centers.centers[0].item()
    0.6666...
    """

    centers: Tensor
    _sums: Tensor
    _counts: Tensor

    def __init__(
        self,
        num_classes: int,
        feature_dim: int,
        alpha: float = 0.5,
        eps: float = 1.0,
        init: CenterInit = "fan_in_classes",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        given = {"num_classes": num_classes, "feature_dim": feature_dim, "alpha": alpha, "eps": eps}
        for name, value in given.items():
            check_number(name, value)
        if not (num_classes >= 1 and feature_dim >= 1):
            raise ValueError(f"num_classes and feature_dim must be 1 or more, but are {num_classes} and {feature_dim}")
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must lie in 0 .. 1, but is {alpha}: beyond 1 a center overshoots its class")
        if not 0 <= eps < math.inf:
            raise ValueError(f"eps must not be negative or infinite, but is {eps}")
        std = {
            "fan_in_classes": math.sqrt(2 / num_classes),
            "fan_in_features": math.sqrt(2 / feature_dim),
            "zeros": 0.0,
        }
        if init not in std:
            raise ValueError(f"unknown init {init!r}: use one of {', '.join(std)}")
        self.alpha = alpha
        self.eps = eps
        self.register_buffer("centers", std[init] * torch.randn(num_classes, feature_dim, generator=generator))
        self.register_buffer("_sums", torch.zeros(num_classes, feature_dim), persistent=False)
        self.register_buffer("_counts", torch.zeros(num_classes), persistent=False)
        self._labels: list[Tensor] = []  # of the micro-batches since the last step: the rows that it touches

    def forward(self) -> Tensor:
        """Return the centers, (K, d)."""
        return self.centers

    @torch.no_grad()
    def accumulate(self, features: Tensor, attention: Tensor | None, labels: Tensor) -> None:
        """Add one micro-batch to the sums of Eq. 11; the centers do not move yet.

        Parameters
        ----------
        features : Tensor, shape (m, d)
        attention : Tensor, shape (m, d), or None
            None means ones.
        labels : Tensor, shape (m,)

        Raises
        ------
        ValueError, IndexError
            As :func:`center_delta`.
        """
        _add_sums(self._sums, self._counts, features, attention, labels, self.centers)
        self._labels.append(labels.detach())

    @torch.no_grad()
    def step(self, push: Tensor | None = None) -> None:
        """Algorithm 1, line 15: ``c_k <- c_k - alpha * delta_k`` for the samples accumulated since the last step.

        Parameters
        ----------
        push : Tensor, shape (K, d), optional
            What a loss says about the centers alone (:meth:`.MetricLoss.center_push`); no loss of the paper does. The
            step is then ``c_k <- c_k - alpha * (delta_k + push_k)``, for absent classes too.

        Raises
        ------
        ValueError
            A push of another shape than the centers.
        """
        if push is not None and push.shape != self.centers.shape:
            raise ValueError(
                f"push must have the shape of the centers, {tuple(self.centers.shape)}, not {tuple(push.shape)}"
            )
        shared = dist.is_available() and dist.is_initialized()
        if shared:
            # The one place where centers meet other processes.
            dist.all_reduce(self._sums)
            dist.all_reduce(self._counts)
        rows = slice(None) if shared or push is not None else self._rows()
        delta = _quotient(self._sums[rows], self._counts[rows], self.eps)
        if push is not None:
            delta = delta + push.to(delta.dtype)
        # A class with several samples is written as often, each time the same value.
        self.centers[rows] -= self.alpha * delta
        self._forget(rows)

    @torch.no_grad()
    def discard(self) -> None:
        """Forget what was accumulated since the last step, e.g. when a step is skipped."""
        self._forget(self._rows())

    def _rows(self) -> slice | Tensor:
        """Classes of the samples since the last step, repeated as they come: to make them unique a GPU would wait."""
        samples = sum(map(len, self._labels))
        if samples == 0 or samples >= len(self.centers):
            return slice(None)  # few classes: all of them are fewer rows
        return torch.cat(self._labels).long().to(self.centers.device)

    def _forget(self, rows: slice | Tensor) -> None:
        self._sums[rows] = 0
        self._counts[rows] = 0
        self._labels.clear()

    def extra_repr(self) -> str:
        """Show sizes and constants."""
        num_classes, feature_dim = self.centers.shape
        return f"num_classes={num_classes}, feature_dim={feature_dim}, alpha={self.alpha}, eps={self.eps}"

"""The attention network: context encoder (Eq. 5), inclusion/exclusion heads (Eq. 6, 7), and its controls."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dacl_edu.choices import ATTENTION_MODES, AttentionMode
from dacl_edu.errors import UserError

PAPER_WIDTHS = (3584, 512, 64)
"""Widths of the three linear layers of Eq. 5 in the paper, Sec. 4.2."""

MOST_WEIGHTS = 2**31
"""Weights of a context encoder at most, 8 GiB: more is a slip of the hand, and takes a machine down."""


class ContextEncoder(nn.Module):
    r"""Eq. 5: from the last convolutional feature map to a small latent vector.

    .. math:: e = \tanh(BN(W_3^T relu(BN(W_2^T relu(BN(W_1^T flat(x^*) + b_1)) + b_2)) + b_3))

    Parameters
    ----------
    feature_map_shape : tuple of int
        ``(N_C, N_H, N_W)``.
    widths : sequence of int, default (3584, 512, 64)
        Output widths of the linear layers; the last is d', the size of the latent vector. The paper's values.

    Raises
    ------
    UserError
        More weights than :data:`MOST_WEIGHTS`; nothing is allocated.

    Notes
    -----
    Linear weights are He-initialised, biases zero (Sec. 3.3). The map is flattened and not pooled, so that *where*
    something is seen is kept; that is why the first layer holds nearly all parameters (89.9 of 91.9 million).

    Examples
    --------
    >>> import torch
    >>> encoder = ContextEncoder((512, 7, 7), widths=(64, 16))
    >>> encoder(torch.randn(4, 512, 7, 7)).shape
    torch.Size([4, 16])
    """

    def __init__(self, feature_map_shape: tuple[int, int, int], widths: Sequence[int] = PAPER_WIDTHS) -> None:
        super().__init__()
        if not widths or min(widths) < 1:
            raise ValueError(f"widths must name at least one positive width, not {tuple(widths)}")
        self.feature_map_shape = tuple(feature_map_shape)
        self.widths = tuple(widths)
        sizes = [math.prod(feature_map_shape), *widths]
        numbers = sum(fan_in * fan_out for fan_in, fan_out in itertools.pairwise(sizes))
        if numbers > MOST_WEIGHTS:
            said = ", ".join(f"{size:,}" for size in sizes)
            raise UserError(
                f"a context encoder of sizes {said} has {numbers:,} weights, more than {MOST_WEIGHTS:,}",
                hint="lower --image-size or --attention-widths",
            )
        layers: list[nn.Module] = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            linear = nn.Linear(fan_in, fan_out)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
            layers += [linear, nn.BatchNorm1d(fan_out), nn.ReLU()]
        layers[-1] = nn.Tanh()  # keeps both signs, Sec. 3.3
        self.layers = nn.Sequential(*layers)

    def forward(self, feature_map: Tensor) -> Tensor:
        """Return the latent vectors e, (m, d'), of feature maps (m, N_C, N_H, N_W)."""
        if feature_map.shape[1:] != self.feature_map_shape:
            raise ValueError(
                f"feature_map must have shape (m, {', '.join(map(str, self.feature_map_shape))}), "
                f"not {tuple(feature_map.shape)}: was the model built for another image_size?"
            )
        return self.layers(feature_map.flatten(1))  # (m, N_C*N_H*N_W) -> (m, d')


class InclusionHeads(nn.Module):
    r"""Eq. 6, 7: for each feature dimension one classifier of two classes, "exclude" and "include".

    .. math:: a_j = \frac{\exp p_{j,in}}{\exp p_{j,in} + \exp p_{j,ex}} = \sigma(p_{j,in} - p_{j,ex})

    Parameters
    ----------
    latent_dim : int
        d', size of the latent vector.
    feature_dim : int
        d, number of heads.

    Notes
    -----
    All heads are one linear layer of 2d rows. Head j owns row 2j (exclusion) and row 2j+1 (inclusion), the order
    in the authors' released code. The softmax of two scores is the sigmoid of their difference, and that form
    does not overflow; in exact arithmetic a lies in the open interval (0, 1), in floating point it may reach an end.

    Examples
    --------
    >>> import torch
    >>> heads = InclusionHeads(latent_dim=16, feature_dim=512)
    >>> heads(torch.zeros(4, 16)).unique().tolist()  # no evidence: one half
    [0.5]
    """

    def __init__(self, latent_dim: int, feature_dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(latent_dim, 2 * feature_dim)
        nn.init.kaiming_normal_(self.linear.weight, nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)

    def scores(self, latent: Tensor) -> Tensor:
        """Eq. 6: return the raw scores (m, d, 2) of latent vectors (m, d'); index 0 excludes, 1 includes."""
        return self.linear(latent).unflatten(1, (-1, 2))

    def forward(self, latent: Tensor) -> Tensor:
        """Eq. 7: return the attention weights (m, d) of latent vectors (m, d')."""
        exclude, include = self.scores(latent).unbind(-1)
        return torch.sigmoid(include - exclude)


class AttentionNetwork(nn.Module):
    """Feature map in, attention weights out: Eq. 5-7, or a control that isolates one of its properties.

    Parameters
    ----------
    feature_map_shape : tuple of int
        ``(N_C, N_H, N_W)``.
    feature_dim : int
        d.
    widths : sequence of int, default (3584, 512, 64)
        See :class:`ContextEncoder`.
    mode : {"learned", "ones", "mean", "permuted", "frozen", "normalized"}, default "learned"
        What the weights are.

        - ``learned``: the paper.
        - ``ones``: all 1, the plain center loss; no network is built.
        - ``mean``: each sample's weights replaced by their mean over the dimensions: a smaller λ, no selection.
        - ``permuted``: each sample's weights shuffled over the dimensions, anew each time: the same values on the
          wrong dimensions. Only in training mode.
        - ``frozen``: the network keeps its random initial weights and is never trained.
        - ``normalized``: divided by each sample's mean, so that the mean is 1 and attention cannot just shrink;
          single weights may exceed 1, which the paper's condition forbids.

    Notes
    -----
    Eq. 10 is never negative, so a free weight could only fall, and the softmax loss sends attention no gradient. The
    weights here are not free: a step on the sparse center loss lowers their mean weighted by D² and raises about half
    of them (:mod:`dacl_edu.evaluation.attention_step`). Without the controls nobody can say what attention did beyond
    lowering λ.

    Examples
    --------
    >>> import torch
    >>> attend = AttentionNetwork((8, 7, 7), feature_dim=8, widths=(16, 4), mode="normalized")
    >>> attend(torch.randn(5, 8, 7, 7)).mean(dim=1).round(decimals=4).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        feature_map_shape: tuple[int, int, int],
        feature_dim: int,
        widths: Sequence[int] = PAPER_WIDTHS,
        mode: AttentionMode = "learned",
    ) -> None:
        super().__init__()
        if mode not in ATTENTION_MODES:
            raise ValueError(f"unknown attention mode {mode!r}: use one of {', '.join(ATTENTION_MODES)}")
        self.mode = mode
        self.feature_dim = feature_dim
        self.encoder: ContextEncoder | None = None
        self.heads: InclusionHeads | None = None
        if mode != "ones":
            self.encoder = ContextEncoder(feature_map_shape, widths)
            self.heads = InclusionHeads(widths[-1], feature_dim)
        if mode == "frozen":
            self.requires_grad_(False)

    def forward(self, feature_map: Tensor) -> Tensor:
        """Return the attention weights a, (m, d), of feature maps (m, N_C, N_H, N_W)."""
        if self.encoder is None or self.heads is None:
            return feature_map.new_ones(len(feature_map), self.feature_dim)
        attention = self.heads(self.encoder(feature_map))  # (m, d)
        if self.mode == "mean":
            return attention.mean(dim=1, keepdim=True).expand_as(attention)
        if self.mode == "permuted" and self.training:
            return attention.gather(1, torch.rand_like(attention, dtype=torch.float32).argsort(dim=1))
        if self.mode == "frozen":
            return attention.detach()
        if self.mode == "normalized":
            return attention / attention.mean(dim=1, keepdim=True)
        return attention

    def extra_repr(self) -> str:
        """Show the mode."""
        return f"mode={self.mode!r}"


class PooledAttention(nn.Module):
    """Attention weights from the features alone, for a network whose feature map is not at hand: Eq. 5-7 with x* = x.

    The paper looks at the feature map before pooling, so that *where* something is seen counts; here that is lost. Each
    dimension of each sample is still weighed in the light of all the others, with 250 times fewer parameters for d =
    512. Where there is a feature map, take :class:`AttentionNetwork`.

    Parameters
    ----------
    feature_dim : int
        d.
    widths : sequence of int, optional
        As in :class:`ContextEncoder`; by default ``(d, d/8)``, the last two of the paper's three for d = 512.
    mode : str, default "learned"
        As in :class:`AttentionNetwork`.

    Raises
    ------
    ValueError
        An unknown mode, or features of another size.

    Examples
    --------
    >>> import torch
    >>> attend = PooledAttention(feature_dim=512)
    >>> attend(torch.randn(4, 512)).shape
    torch.Size([4, 512])
    """

    def __init__(self, feature_dim: int, widths: Sequence[int] | None = None, mode: AttentionMode = "learned") -> None:
        super().__init__()
        widths = widths or (feature_dim, max(feature_dim // 8, 1))
        self.network = AttentionNetwork((feature_dim, 1, 1), feature_dim, widths, mode)

    def forward(self, features: Tensor) -> Tensor:
        """Return the attention weights a, (m, d), of features (m, d)."""
        weights: Tensor = self.network(features[:, :, None, None])
        return weights

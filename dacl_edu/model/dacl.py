"""DACL, Fig. 1 and 2: backbone, pooling, classifier (Eq. 1) and attention network (Eq. 5-7)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dacl_edu.choices import AttentionMode
from dacl_edu.expressions import EXPRESSIONS
from dacl_edu.model.attention import AttentionNetwork
from dacl_edu.model.backbones import build_backbone


class DACLOutput(NamedTuple):
    """What one forward pass yields.

    Attributes
    ----------
    logits : Tensor, shape (m, K)
        Raw scores z, Eq. 1.
    features : Tensor, shape (m, d)
        Deep features x.
    attention : Tensor, shape (m, d)
        Attention weights a, Eq. 7.
    feature_map : Tensor, shape (m, N_C, N_H, N_W)
        The context x*.
    """

    logits: Tensor
    features: Tensor
    attention: Tensor
    feature_map: Tensor


class DACL(nn.Module):
    """The network of the paper on any backbone, at any image size.

    Parameters
    ----------
    backbone : str, default "resnet18"
        See :func:`dacl_edu.model.backbones.build_backbone`. The paper's is ResNet-18.
    num_classes : int, default: that of the paper's expressions, 7
        K.
    image_size : int, default 224
        Side of the square input images, in pixels; the shape of the feature map is derived from it.
    attention : str, default "learned"
        Mode of :class:`dacl_edu.model.attention.AttentionNetwork`.
    attention_widths : sequence of int, optional
        Widths of the context encoder; by default ``(7 N_C, N_C, N_C/8)``, which for ResNet-18 (d = N_C = 512) are the
        paper's (3584, 512, 64).
    feature_dim : int, optional
        d, where it is not to be N_C: a linear layer of so many outputs follows the pooling. With 2, features can be
        drawn as they are.

    Attributes
    ----------
    feature_map_shape : tuple of int
        ``(N_C, N_H, N_W)``.
    feature_dim : int
        d, equal to N_C since the pooling layer is an average, unless another was asked for.

    Raises
    ------
    UserError
        An unknown backbone, or one without a convolutional feature map.

    Examples
    --------
    >>> import torch
    >>> model = DACL("small_resnet", image_size=56)
    >>> output = model(torch.zeros(4, 3, 56, 56))
    >>> output.logits.shape, output.features.shape, output.attention.shape, output.feature_map.shape
    (torch.Size([4, 7]), torch.Size([4, 128]), torch.Size([4, 128]), torch.Size([4, 128, 7, 7]))
    >>> DACL("small_resnet", num_classes=10, image_size=32, feature_dim=2)(torch.zeros(4, 3, 32, 32)).features.shape
    torch.Size([4, 2])
    """

    def __init__(
        self,
        backbone: str = "resnet18",
        num_classes: int = len(EXPRESSIONS),
        image_size: int = 224,
        attention: AttentionMode = "learned",
        attention_widths: Sequence[int] | None = None,
        feature_dim: int | None = None,
    ) -> None:
        super().__init__()
        self.backbone_name = backbone
        self.image_size = image_size
        self.backbone = build_backbone(backbone, image_size)
        self.feature_map_shape = _feature_map_shape(self.backbone, image_size)
        self.feature_dim = d = feature_dim or self.feature_map_shape[0]
        self.pool: nn.Module = nn.AdaptiveAvgPool2d(1)
        if feature_dim:
            projection = nn.Linear(self.feature_map_shape[0], d)
            self.pool = nn.Sequential(self.pool, nn.Flatten(), projection)
        self.classifier = nn.Linear(d, num_classes)
        wide = self.feature_map_shape[0]
        widths = attention_widths or (7 * wide, wide, max(wide // 8, 1))
        self.attention = AttentionNetwork(self.feature_map_shape, d, widths, attention)

    def forward(self, images: Tensor) -> DACLOutput:
        """Return :class:`DACLOutput` of normalised images (m, 3, H, W); its logits are Eq. 1."""
        feature_map = self.backbone(images)  # x*: (m, N_C, N_H, N_W)
        features = self.pool(feature_map).flatten(1)  # x: (m, d)
        attention = self.attention(feature_map)  # a: (m, d)
        logits = self.classifier(features)  # z: (m, K), Eq. 1
        return DACLOutput(logits, features, attention, feature_map)

    def inference_model(self) -> InferenceModel:
        """Return a copy that keeps only what prediction needs: no attention network, no centers, the same logits.

        Attention steers the sparse center loss during training; the scores never pass through it.

        Examples
        --------
        >>> import torch
        >>> model = DACL("small_resnet", image_size=56).eval()
        >>> images = torch.randn(2, 3, 56, 56)
        >>> torch.equal(model.inference_model()(images), model(images).logits)
        True
        """
        return InferenceModel(copy.deepcopy(self.backbone), copy.deepcopy(self.pool), copy.deepcopy(self.classifier))


class InferenceModel(nn.Module):
    """Backbone, pooling and classifier in evaluation mode: images (m, 3, H, W) to logits (m, K)."""

    def __init__(self, backbone: nn.Module, pool: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.pool = pool
        self.classifier = classifier
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return the raw scores z of Eq. 1, (m, K)."""
        return self.classifier(self.pool(self.backbone(images)).flatten(1))


def _feature_map_shape(backbone: nn.Module, image_size: int) -> tuple[int, int, int]:
    was_training = backbone.training
    backbone.eval()  # a batch of one would stop BatchNorm in training mode, and must not touch its statistics
    with torch.no_grad():
        channels, height, width = backbone(torch.zeros(1, 3, image_size, image_size)).shape[1:]
    backbone.train(was_training)
    return channels, height, width

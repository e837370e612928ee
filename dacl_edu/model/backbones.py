"""Backbones: any torchvision or timm classifier cut at its last convolutional feature map, and a small one for CPUs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dacl_edu.errors import UserError
from dacl_edu.text import nearest

SMALL_RESNET = "small_resnet"

# Nodes that come after the last convolutional map: pooling, dropout and the classifier.
_HEAD = re.compile(r"^(avgpool|adaptive_avg_pool2d.*|classifier|fc|head|heads|dropout.*)(\.|$)")
_TAIL = 16  # a classifier's head has fewer nodes than this


class SmallResNet(nn.Module):
    """A residual network for 40 to 64 pixels and two CPU cores: 3x3 stem, total stride 8, 56 pixels to 7x7.

    Parameters
    ----------
    widths : sequence of int, default (16, 32, 64, 128)
        Channels of the stages; the first keeps the resolution, each other halves it.
    blocks : int, default 1
        Residual blocks a stage.

    Notes
    -----
    The blocks are torchvision's :class:`~torchvision.models.resnet.BasicBlock`. 0.31 million parameters.

    Examples
    --------
    >>> import torch
    >>> SmallResNet()(torch.zeros(2, 3, 56, 56)).shape
    torch.Size([2, 128, 7, 7])
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 64, 128), blocks: int = 1) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        stages: list[nn.Module] = []
        channels = widths[0]
        for index, width in enumerate(widths):
            stride = 1 if index == 0 else 2
            stages.append(_stage(channels, width, stride, blocks))
            channels = width
        self.stages = nn.Sequential(*stages)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> Tensor:
        """Return the feature map (m, widths[-1], H/8, W/8) of images (m, 3, H, W)."""
        return self.stages(self.stem(images))


def _stage(channels: int, width: int, stride: int, blocks: int) -> nn.Sequential:
    from torchvision.models.resnet import BasicBlock

    shortcut = None
    if stride != 1 or channels != width:
        shortcut = nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))
    return nn.Sequential(
        BasicBlock(channels, width, stride, shortcut), *(BasicBlock(width, width) for _ in range(blocks - 1))
    )


def build_backbone(name: str, image_size: int) -> nn.Module:
    """Build an untrained backbone that maps images (m, 3, H, W) to a feature map (m, N_C, N_H, N_W).

    Parameters
    ----------
    name : str
        ``"small_resnet"``, a torchvision classifier such as ``"resnet18"``, or, with the extra ``timm``,
        ``"timm:<name>"``.
    image_size : int
        Side of the square images it will see, in pixels.

    Raises
    ------
    UserError
        An unknown name, or a network without a convolutional feature map (a plain vision transformer).

    Examples
    --------
    >>> import torch
    >>> build_backbone("resnet18", 224)(torch.zeros(1, 3, 224, 224)).shape
    torch.Size([1, 512, 7, 7])
    """
    if name == SMALL_RESNET:
        return SmallResNet()
    if name.startswith("timm:"):
        return _TimmBackbone(name.removeprefix("timm:"), image_size)
    return _torchvision_backbone(name, image_size)


def available_backbones() -> tuple[str, ...]:
    """Return ``small_resnet`` and the names of torchvision's classifiers (any ``timm:`` name may be added)."""
    import torchvision

    return (SMALL_RESNET, *torchvision.models.list_models(module=torchvision.models))


def _torchvision_backbone(name: str, image_size: int) -> nn.Module:
    import torchvision
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    names = available_backbones()
    if name not in names:
        others = "there are small_resnet, torchvision's classifiers, and timm:<name>"
        raise UserError(f"unknown backbone {name!r}", hint=nearest(name, names, others))
    if name.startswith("vit_"):
        raise _no_feature_map(name)
    try:
        network = torchvision.models.get_model(name, weights=None, **_options(name, image_size))
        tail = [node for node in get_graph_node_names(network)[1][-_TAIL:] if not _HEAD.match(node)]
        with torch.no_grad():
            outputs = create_feature_extractor(network, tail).eval()(torch.zeros(2, 3, image_size, image_size))
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"backbone {name!r} cannot take images of {image_size} pixels", hint="try a larger image_size, e.g. 224"
        ) from error
    maps = [node for node in tail if isinstance(outputs[node], Tensor) and outputs[node].dim() == 4]
    if not maps:
        raise _no_feature_map(name)
    # The cut keeps torchvision's parameter names, so published weights load as they are.
    return _SingleOutput(create_feature_extractor(network, {maps[-1]: "feature_map"}).train())


def _options(name: str, image_size: int) -> dict[str, object]:
    if name in ("googlenet", "inception_v3"):  # their auxiliary classifiers would change what forward returns
        # ... and their published weights expect inputs that they scale themselves
        return {"aux_logits": False, "init_weights": True, "transform_input": True}
    if name == "maxvit_t":  # its windows depend on the size
        return {"input_size": (image_size, image_size)}
    return {}


class _SingleOutput(nn.Module):
    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.network = extractor

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images)["feature_map"]


class _TimmBackbone(nn.Module):
    def __init__(self, name: str, image_size: int) -> None:
        super().__init__()
        try:
            import timm
        except ImportError as error:
            raise UserError(f"backbone 'timm:{name}' needs timm", hint="pip install 'dacl-edu[timm]'") from error
        if not timm.is_model(name):
            known = (f"timm:{model}" for model in timm.list_models())
            raise UserError(f"timm has no model {name!r}", hint=nearest(f"timm:{name}", known, "see timm.list_models"))
        self.network: Any = timm_network(name, image_size)
        self.channels_last = getattr(self.network, "output_fmt", "NCHW") == "NHWC"
        with torch.no_grad():
            probe = self.network.eval().forward_features(torch.zeros(1, 3, image_size, image_size))
        self.network.train()
        if probe.dim() != 4:
            raise _no_feature_map(f"timm:{name}")

    def forward(self, images: Tensor) -> Tensor:
        feature_map = self.network.forward_features(images)
        return feature_map.permute(0, 3, 1, 2) if self.channels_last else feature_map


def timm_network(name: str, image_size: int, pretrained: bool = False) -> Any:
    """Return a network of timm without its classifier; position tables are resized to the images, where it has some."""
    import timm

    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, img_size=image_size)
    except TypeError:  # most convolutional networks take any size and no such argument
        return timm.create_model(name, pretrained=pretrained, num_classes=0)


def _no_feature_map(name: str) -> UserError:
    return UserError(
        f"backbone {name!r} has no convolutional feature map x* (a vision transformer yields tokens)",
        hint="use a convolutional or hierarchical network, e.g. resnet18, convnext_tiny or swin_t",
    )

"""Backbones yield the last convolutional map, whatever the family; what has none is refused in words."""

from __future__ import annotations

import math
import sys

import pytest
import torch
import torchvision
from torch import Tensor, nn

from dacl_edu.errors import UserError
from dacl_edu.model.backbones import SmallResNet, available_backbones, build_backbone

# name, image size, the last convolutional map (N_C, N_H, N_W)
FAMILIES = [
    ("small_resnet", 40, (128, 5, 5)),
    ("resnet18", 64, (512, 2, 2)),
    ("vgg11", 64, (512, 2, 2)),
    ("alexnet", 96, (256, 2, 2)),
    ("densenet121", 48, (1024, 1, 1)),
    ("squeezenet1_1", 64, (512, 3, 3)),
    ("googlenet", 64, (1024, 2, 2)),
    ("shufflenet_v2_x0_5", 64, (1024, 2, 2)),
    ("mnasnet0_5", 64, (1280, 2, 2)),
    ("mobilenet_v2", 64, (1280, 2, 2)),
    ("mobilenet_v3_small", 64, (576, 2, 2)),
    ("efficientnet_b0", 64, (1280, 2, 2)),
    ("regnet_y_400mf", 64, (440, 2, 2)),
    ("convnext_tiny", 64, (768, 2, 2)),
    ("swin_t", 64, (768, 2, 2)),
]


def images(m: int, size: int, seed: int = 0) -> Tensor:
    return torch.randn(m, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("name", "size", "shape"), FAMILIES, ids=[family[0] for family in FAMILIES])
def test_family(name: str, size: int, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    backbone = build_backbone(name, size)
    assert backbone.training

    # The network was traced with a batch of its own: another size must work, and samples must not mix.
    backbone.eval()
    batch = images(3, size)
    with torch.no_grad():
        feature_map, alone = backbone(batch), backbone(batch[1:2])
    assert feature_map.shape == (3, *shape)
    assert alone.shape == (1, *shape)
    scale = feature_map.abs().max().item()  # untrained, some families' maps are as small as 1e-13
    torch.testing.assert_close(alone, feature_map[1:2], rtol=0, atol=1e-4 * scale)
    assert (feature_map[0] - feature_map[1]).abs().max() > 1e-2 * scale

    backbone.train()
    leaf = images(4, size).requires_grad_()
    output = backbone(leaf)
    (output * torch.randn_like(output)).sum().backward()
    assert leaf.grad is not None and leaf.grad.any()
    for parameter_name, parameter in backbone.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
    assert next(backbone.parameters()).grad.any()  # down to the first layer


def test_small_resnet_maps_56_pixels_to_7x7_with_a_third_of_a_million_parameters() -> None:
    backbone = build_backbone("small_resnet", 56)
    assert isinstance(backbone, SmallResNet)
    assert backbone(images(2, 56)).shape == (2, 128, 7, 7)
    assert round(sum(parameter.numel() for parameter in backbone.parameters()) / 1e6, 2) == 0.31


def test_small_resnet_takes_other_widths_and_depths() -> None:
    wide = SmallResNet(widths=(8, 24), blocks=2)
    assert wide(images(2, 16)).shape == (2, 24, 8, 8)
    assert [len(stage) for stage in wide.stages] == [2, 2]  # type: ignore[arg-type]
    # The first stage keeps width and resolution, so that it needs no projection.
    assert wide.stages[0][0].downsample is None and wide.stages[1][0].downsample is not None  # type: ignore[index]


def test_small_resnet_convolutions_are_he_initialised() -> None:
    torch.manual_seed(0)
    last = [module for module in SmallResNet().modules() if isinstance(module, nn.Conv2d)][-2]
    assert last.weight.shape == (128, 128, 3, 3)
    assert last.weight.std().item() == pytest.approx(math.sqrt(2 / (128 * 9)), rel=0.01)


@pytest.mark.parametrize(
    ("name", "size", "side"),
    [("small_resnet", size, side) for size, side in ((16, 2), (48, 6), (56, 7), (57, 8), (64, 8))]
    + [("resnet18", size, side) for size, side in ((32, 1), (96, 3), (112, 4), (224, 7))]
    + [("convnext_tiny", size, side) for size, side in ((48, 1), (72, 2))],
)
def test_the_side_of_the_map_follows_from_that_of_the_image(name: str, size: int, side: int) -> None:
    with torch.no_grad():
        assert build_backbone(name, size).eval()(images(1, size)).shape[2:] == (side, side)


def test_the_map_is_the_last_before_the_pooling_of_torchvisions_classifier() -> None:
    # Pooling and torchvision's own classifier on top of the cut give torchvision's scores: nothing is missing.
    torch.manual_seed(0)
    for name in ("resnet18", "shufflenet_v2_x0_5"):
        whole = torchvision.models.get_model(name).eval()
        cut = build_backbone(name, 64).eval()
        cut.network.load_state_dict({k: v for k, v in whole.state_dict().items() if not k.startswith("fc.")})
        with torch.no_grad():
            logits = whole.fc(cut(images(2, 64)).mean(dim=(2, 3)))
            expected = whole(images(2, 64))
        assert logits.shape == expected.shape == (2, 1000)
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "head"), [("mobilenet_v3_small", "classifier."), ("squeezenet1_1", "classifier.")])
def test_torchvisions_parameter_names_are_kept_and_the_head_is_gone(name: str, head: str) -> None:
    whole = torchvision.models.get_model(name).state_dict()
    cut = build_backbone(name, 64).network.state_dict()
    assert cut.keys() == {key for key in whole if not key.startswith(head)}


def test_building_leaves_batch_statistics_untouched() -> None:
    for name in ("small_resnet", "resnet18"):
        norms = [module for module in build_backbone(name, 64).modules() if isinstance(module, nn.BatchNorm2d)]
        assert norms
        for norm in norms:
            assert not norm.running_mean.any() and (norm.running_var == 1).all() and norm.num_batches_tracked == 0


def test_available_backbones_are_classifiers_of_torchvision_and_the_small_one() -> None:
    names = available_backbones()
    assert names[0] == "small_resnet"
    assert {"resnet18", "vgg16_bn", "swin_t"} <= set(names)
    assert not any("/" in name or name.startswith(("fcos", "raft")) for name in names)


@pytest.mark.parametrize("name", ["vit_b_16", "vit_h_14"])
def test_a_vision_transformer_is_refused_in_words(name: str) -> None:
    with pytest.raises(UserError, match=rf"'{name}' has no convolutional feature map.*tokens.*resnet18"):
        build_backbone(name, 224)


@pytest.mark.parametrize(
    ("wrong", "near"), [("resnet_18", "resnet18"), ("ResNet18", "resnet18"), ("smallresnet", "small_resnet")]
)
def test_an_unknown_name_suggests_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(UserError, match=f"unknown backbone '{wrong}'.*did you mean '{near}'"):
        build_backbone(wrong, 64)


def test_a_name_near_nothing_still_says_what_to_use() -> None:
    with pytest.raises(
        UserError, match="unknown backbone 'xyz' — there are small_resnet, torchvision's classifiers, and timm:"
    ):
        build_backbone("xyz", 64)


@pytest.mark.parametrize(("name", "size"), [("alexnet", 32), ("maxvit_t", 64)])
def test_a_size_that_the_network_cannot_take_is_refused_in_words(name: str, size: int) -> None:
    with pytest.raises(UserError, match=f"'{name}' cannot take images of {size} pixels.*larger image_size"):
        build_backbone(name, size)


def test_timm_network() -> None:
    pytest.importorskip("timm")
    torch.manual_seed(0)
    backbone = build_backbone("timm:resnet18", 64)
    assert backbone.training
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms and not any(norm.running_mean.any() for norm in norms)
    leaf = images(3, 64).requires_grad_()
    output = backbone(leaf)
    assert output.shape == (3, 512, 2, 2)
    (output * torch.randn_like(output)).sum().backward()
    assert leaf.grad is not None and leaf.grad.any()
    assert all(parameter.grad is not None for parameter in backbone.parameters())


def test_timm_network_with_channels_last_is_turned() -> None:
    pytest.importorskip("timm")
    backbone = build_backbone("timm:swin_tiny_patch4_window7_224", 96).eval()
    with torch.no_grad():
        feature_map = backbone(images(2, 96))
        channels_last = backbone.network.forward_features(images(2, 96))
    assert channels_last.shape == (2, 3, 3, 768)
    assert feature_map.shape == (2, 768, 3, 3)
    assert torch.equal(feature_map[1, 5], channels_last[1, :, :, 5])  # turned, not reshaped


def test_timm_vision_transformer_is_refused_in_words() -> None:
    pytest.importorskip("timm")
    with pytest.raises(UserError, match=r"'timm:vit_tiny_patch16_224' has no convolutional feature map"):
        build_backbone("timm:vit_tiny_patch16_224", 32)


def test_unknown_timm_name_suggests_the_nearest() -> None:
    pytest.importorskip("timm")
    with pytest.raises(UserError, match=r"no model 'resnet_18'.*did you mean 'timm:\w+"):
        build_backbone("timm:resnet_18", 64)


def test_without_timm_its_backbones_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"'timm:resnet18' needs timm.*pip install 'dacl-edu\[timm\]'"):
        build_backbone("timm:resnet18", 64)

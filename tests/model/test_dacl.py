"""The assembled network: the paper's sizes, what depends on what, and a step against a second implementation."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dacl_edu.centers import ClassCenters
from dacl_edu.errors import UserError
from dacl_edu.losses import Objective, build_loss, softmax_loss
from dacl_edu.model import DACL, InferenceModel
from dacl_edu.model.attention import ATTENTION_MODES, AttentionNetwork


def images(m: int = 4, size: int = 24, seed: int = 0) -> Tensor:
    return torch.randn(m, 3, size, size, generator=torch.Generator().manual_seed(seed))


def small(seed: int = 0, **options: object) -> DACL:
    torch.manual_seed(seed)
    return DACL("small_resnet", image_size=24, **{"attention_widths": (16, 8), **options})  # type: ignore[arg-type]


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_papers_network_has_the_papers_sizes() -> None:
    with torch.device("meta"):  # shapes without the 400 MB
        model = DACL("resnet18", num_classes=7, image_size=224)
    assert model.feature_map_shape == (512, 7, 7)
    assert model.feature_dim == 512
    assert model.attention.encoder.widths == (3584, 512, 64)  # type: ignore[union-attr]
    assert count(model.attention) == 91_862_208
    assert count(model.backbone) == 11_176_512
    assert count(model.classifier) == 512 * 7 + 7
    assert count(model) == 91_862_208 + 11_176_512 + 512 * 7 + 7
    assert model(torch.zeros(2, 3, 224, 224, device="meta")).attention.shape == (2, 512)


def test_default_widths_are_7d_d_and_an_eighth_of_d() -> None:
    model = DACL("small_resnet", image_size=16)
    assert model.feature_dim == 128
    assert model.attention.encoder.widths == (896, 128, 16)  # type: ignore[union-attr]
    assert small(attention_widths=(9, 3)).attention.encoder.widths == (9, 3)  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [16, 24, 57])
def test_shapes_follow_from_image_size_and_classes(size: int) -> None:
    model = DACL("small_resnet", num_classes=5, image_size=size, attention_widths=(16, 8))
    side = math.ceil(size / 8)
    assert model.feature_map_shape == (128, side, side)
    output = model(images(3, size))
    assert output._fields == ("logits", "features", "attention", "feature_map")
    assert [tuple(value.shape) for value in output] == [(3, 5), (3, 128), (3, 128), (3, 128, side, side)]


@pytest.mark.parametrize("mode", ATTENTION_MODES)
def test_every_attention_mode_runs(mode: str) -> None:
    output = small(attention=mode)(images())
    assert output.attention.shape == output.features.shape == (4, 128)
    assert torch.isfinite(output.attention).all()


def test_features_are_the_average_of_the_map_and_logits_eq_1_of_them() -> None:
    model = small().double()
    output = model(images().double())
    features = output.feature_map.mean(dim=(2, 3))
    assert output.features.shape == features.shape
    torch.testing.assert_close(output.features, features, rtol=1e-12, atol=1e-14)
    logits = torch.stack(
        [torch.stack([model.classifier.weight[k] @ x + model.classifier.bias[k] for k in range(7)]) for x in features]
    )
    assert output.logits.shape == logits.shape
    torch.testing.assert_close(output.logits, logits, rtol=1e-12, atol=1e-14)


def test_building_leaves_training_mode_and_batch_statistics_as_they_are() -> None:
    model = small()
    assert all(module.training for module in model.modules())
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    for norm in norms:
        assert not norm.running_mean.any() and norm.num_batches_tracked == 0


def test_logits_do_not_depend_on_the_attention() -> None:
    model = small().eval()
    before = model(images())
    with torch.no_grad():
        for parameter in model.attention.parameters():
            parameter.normal_()
    after = model(images())
    assert not torch.equal(after.attention, before.attention)
    assert torch.equal(after.logits, before.logits)
    assert torch.equal(after.features, before.features)


def test_the_softmax_loss_sends_attention_no_gradient() -> None:
    model = small()
    softmax_loss(model(images()).logits, torch.tensor([0, 1, 2, 3])).backward()
    assert all(parameter.grad is None for parameter in model.attention.parameters())
    assert all(parameter.grad is not None for parameter in model.backbone.parameters())


def test_inference_model_gives_the_same_bits_without_attention() -> None:
    model = small()
    for seed in range(3):
        model(images(8, seed=seed))  # running statistics other than the initial ones
    model.eval()
    inference = model.inference_model()
    assert isinstance(inference, InferenceModel) and not inference.training
    with torch.no_grad():
        logits, expected = inference(images(5)), model(images(5)).logits
    assert logits.shape == expected.shape == (5, 7)
    assert torch.equal(logits, expected)
    assert count(inference) == count(model.backbone) + count(model.classifier)
    assert not [name for name in inference.state_dict() if "attention" in name or "center" in name]


def test_inference_model_is_a_copy_and_leaves_training_mode_alone() -> None:
    model = small().train()
    inference = model.inference_model()
    assert model.training and model.backbone.training and not inference.backbone.training
    with torch.no_grad():
        before = inference(images())
        for parameter in model.parameters():
            parameter.normal_()
        assert torch.equal(inference(images()), before)


def test_inference_model_can_be_exported_for_any_batch() -> None:
    inference = small().inference_model()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(inference, (images(2),), dynamic_shapes=({0: batch},)).module()
    for m in (1, 2, 5):
        with torch.no_grad():
            logits, expected = exported(images(m)), inference(images(m))
        assert logits.shape == expected.shape == (m, 7)
        assert torch.equal(logits, expected)


def test_inference_model_of_a_torchvision_backbone_can_be_exported() -> None:
    model = DACL("resnet18", image_size=32, attention_widths=(8, 4)).eval()
    inference = model.inference_model()
    exported = torch.export.export(inference, (images(2, 32),)).module()
    with torch.no_grad():
        logits = exported(images(2, 32))
        assert logits.shape == (2, 7)
        assert torch.equal(logits, inference(images(2, 32)))
        assert torch.equal(logits, model(images(2, 32)).logits)


def test_a_batch_of_one_is_an_error_in_training_and_none_in_evaluation() -> None:
    model = small()
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        model(images(1))
    assert model.eval()(images(1)).attention.shape == (1, 128)


def test_an_image_of_another_size_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="image_size"):
        small()(images(2, 32))


def test_an_unknown_backbone_or_mode_is_an_error() -> None:
    with pytest.raises(UserError, match="unknown backbone 'resnet-18'"):
        DACL("resnet-18")
    with pytest.raises(ValueError, match="unknown attention mode 'none'"):
        small(attention="none")


# -- A second implementation of attention, loss and centers, after the description of the released code ---------------


class Reference:
    """Eq. 4-8 and 11 with plain loops and autograd: scores in rows 2j, 2j+1, softmax, inclusion at 1, epsilon 1."""

    def __init__(self, latent: nn.Sequential, rows: Tensor, bias: Tensor, centers: Tensor) -> None:
        self.latent, self.rows, self.bias, self.centers = latent, rows, bias, centers

    def attention(self, context: Tensor) -> Tensor:
        e = self.latent(context.reshape(len(context), -1))
        columns = []
        for j in range(len(self.rows) // 2):
            pair = e @ self.rows[2 * j : 2 * j + 2].T + self.bias[2 * j : 2 * j + 2]  # (m, 2)
            columns.append((pair.exp() / pair.exp().sum(dim=1, keepdim=True))[:, 1])
        return torch.stack(columns, dim=1)

    def loss(self, z: Tensor, x: Tensor, a: Tensor, y: Tensor, lam: float) -> Tensor:
        total = torch.zeros((), dtype=x.dtype)
        for i, k in enumerate(y.tolist()):
            total = total + (a[i] * (x[i] - self.centers[k]).pow(2)).sum()
        return F.cross_entropy(z, y) + lam * total / 2 / len(y)

    def move_centers(self, x: Tensor, a: Tensor, y: Tensor, alpha: float) -> None:
        moved = self.centers.clone()
        for k in range(len(self.centers)):
            own = [i for i, label in enumerate(y.tolist()) if label == k]
            delta = sum((a[i] * (self.centers[k] - x[i]) for i in own), torch.zeros_like(moved[k])) / (1 + len(own))
            moved[k] = self.centers[k] - alpha * delta
        self.centers = moved


def test_three_steps_equal_a_second_implementation_of_the_released_code() -> None:
    torch.manual_seed(0)
    shape, d, m, lam, alpha, lr = (6, 3, 2), 6, 10, 0.01, 0.5, 0.1
    attend = AttentionNetwork(shape, d, widths=(12, 9, 4)).double()
    classifier = nn.Linear(d, 7).double()
    centers = ClassCenters(7, d, alpha=alpha).double()  # epsilon 1 by default
    objective = Objective(build_loss("sparse_center"), lam=lam)

    latent = nn.Sequential(
        nn.Linear(36, 12), nn.BatchNorm1d(12), nn.ReLU(),
        nn.Linear(12, 9), nn.BatchNorm1d(9), nn.ReLU(),
        nn.Linear(9, 4), nn.BatchNorm1d(4), nn.Tanh(),
    ).double()  # fmt: skip
    latent.load_state_dict(attend.encoder.layers.state_dict())  # type: ignore[union-attr]
    rows = attend.heads.linear.weight.detach().clone().requires_grad_()  # type: ignore[union-attr]
    bias = attend.heads.linear.bias.detach().clone().requires_grad_()  # type: ignore[union-attr]
    reference = Reference(latent, rows, bias, centers.centers.clone())

    ours = [*attend.parameters()]
    theirs = [*latent.parameters(), rows, bias]
    assert [p.shape for p in ours] == [p.shape for p in theirs]
    for _ in range(3):
        y = torch.randint(0, 5, (m,))  # classes 5 and 6 are absent
        context = torch.randn(m, *shape, dtype=torch.float64, requires_grad=True)
        features = context.mean(dim=(2, 3))
        attention = attend(context)
        loss = objective(classifier(features), features, attention, y, centers()).total
        gradients = torch.autograd.grad(loss, [context, *ours])
        centers.accumulate(features.detach(), attention.detach(), y)
        centers.step()

        a = reference.attention(context)
        x = context.sum(dim=(2, 3)) / 6
        expected_loss = reference.loss(classifier(x), x, a, y, lam)
        expected_gradients = torch.autograd.grad(expected_loss, [context, *theirs])
        reference.move_centers(x.detach(), a.detach(), y, alpha)

        assert attention.shape == a.shape == (m, d)
        torch.testing.assert_close(attention, a, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(loss, expected_loss, rtol=1e-10, atol=1e-12)
        for gradient, expected in zip(gradients, expected_gradients, strict=True):
            assert gradient.shape == expected.shape
            torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-12)
        assert centers.centers.shape == reference.centers.shape == (7, d)
        torch.testing.assert_close(centers.centers, reference.centers, rtol=1e-10, atol=1e-12)
        with torch.no_grad():  # a step of each, so that the next round starts from other weights
            for parameter, gradient in zip([*ours, *theirs], [*gradients[1:], *expected_gradients[1:]], strict=True):
                parameter -= lr * gradient


def test_centers_start_with_the_released_codes_spread() -> None:
    centers = ClassCenters(7, 50_000, generator=torch.Generator().manual_seed(0)).centers
    assert centers.std().item() == pytest.approx(0.5345, abs=0.002)
    assert abs(centers.mean().item()) < 0.005

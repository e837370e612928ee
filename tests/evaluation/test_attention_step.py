"""A step on L_SC lowers free weights, and those of the heads; those of the whole network it redistributes."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from dacl_edu.centers import ClassCenters
from dacl_edu.data import AugmentParameters, BatchAugment, load_dataset
from dacl_edu.evaluation.attention_step import (
    AttentionStep,
    attention_descent,
    attention_step,
    weighted_mean,
    without_batch_norm,
)
from dacl_edu.evaluation.deep_features import balanced_rows
from dacl_edu.losses import sparse_center_loss
from dacl_edu.model import DACL
from dacl_edu.model.attention import AttentionNetwork

SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def faces() -> tuple[Tensor, Tensor]:
    """56 bundled training faces, 8 a class, as float64 input of a network."""
    train = load_dataset("bundled", "train", image_size=64)
    images, labels = train.gather(balanced_rows(train.labels, 8).tolist())
    return BatchAugment(AugmentParameters(56, "none")).evaluate(images).double(), labels


@pytest.fixture(scope="module", params=SEEDS)
def start(request: pytest.FixtureRequest, faces: tuple[Tensor, Tensor]) -> tuple[AttentionNetwork, Tensor, Tensor]:
    """The attention network of an untrained model, its feature maps, and Eq. 10."""
    torch.manual_seed(request.param)
    images, labels = faces
    model = DACL("small_resnet", len(labels.unique()), 56).double()
    centers = ClassCenters(len(labels.unique()), model.feature_dim)().double()
    with torch.no_grad():
        output = model(images)
    return model.attention, output.feature_map, (output.features - centers[labels]).square() / (2 * len(labels))


def with_fixed_statistics(network: AttentionNetwork, maps: Tensor) -> AttentionNetwork:
    """A copy in evaluation mode that normalises by the statistics of this batch, as constants."""
    network = copy.deepcopy(network)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.momentum = None  # the plain average over batches, here over one
            part.reset_running_stats()
    with torch.no_grad():
        network(maps)
    return network.eval()


def test_the_change_is_what_a_small_true_step_does(start: tuple[AttentionNetwork, Tensor, Tensor]) -> None:
    network, maps, slope = start
    step, moved, mu = attention_step(network, maps, slope), copy.deepcopy(network), 1e-9
    before = moved(maps)
    gradients = torch.autograd.grad((slope * before).sum(), list(moved.parameters()))
    with torch.no_grad():
        for weight, gradient in zip(moved.parameters(), gradients, strict=True):
            weight -= mu * gradient
        measured = (moved(maps) - before) / mu
    assert step.change.shape == measured.shape == slope.shape
    assert (step.change - measured).abs().max() < 1e-4 * measured.abs().max()


def test_the_slope_is_that_of_the_sparse_center_loss() -> None:
    x, c = torch.randn(5, 3).double(), torch.randn(2, 3).double()
    y, a = torch.tensor([0, 1, 1, 0, 1]), torch.rand(5, 3).double().requires_grad_()
    (slope,) = torch.autograd.grad(sparse_center_loss(x, a, y, c), a)
    assert torch.allclose(slope, (x - c[y]).square() / 10)


@pytest.mark.parametrize("moving", ["", "encoder", "heads"])
def test_only_the_weighted_mean_must_fall(start: tuple[AttentionNetwork, Tensor, Tensor], moving: str) -> None:
    network, maps, slope = start
    step = attention_step(network, maps, slope, moving)
    assert step.weighted_mean < 0
    assert float((step.slope * step.change).sum()) == pytest.approx(-step.squared_gradient, rel=1e-9)


def test_half_of_all_weights_rise_and_the_heads_alone_lower_nearly_all(
    start: tuple[AttentionNetwork, Tensor, Tensor],
) -> None:
    network, maps, slope = start
    assert (slope >= 0).all(), "Eq. 10: free weights can only fall"
    assert 0.45 < attention_step(network, maps, slope).rising < 0.53
    assert 0.45 < attention_step(network, maps, slope, "encoder").rising < 0.53
    assert attention_step(network, maps, slope, "heads").rising < 0.01
    assert attention_step(network, maps, slope, "heads.linear.bias").rising == 0


def test_the_shared_latent_vector_is_one_reason_and_batch_norm_the_other(
    start: tuple[AttentionNetwork, Tensor, Tensor],
) -> None:
    network, maps, slope = start
    step, plain = attention_step(network, maps, slope), attention_step(without_batch_norm(network), maps, slope)
    evaluating = attention_step(with_fixed_statistics(network, maps), maps, slope)
    for fixed in (plain, evaluating):  # no batch norm that couples samples: fewer rise, but by far not none
        assert 0.3 < fixed.rising < 0.44
        assert fixed.mean < 10 * step.mean < 0, "batch norm takes away what all samples have in common"
    torch.manual_seed(0)
    wide = AttentionNetwork((128, 7, 7), 128, (896, 128, 2048)).double()
    assert attention_step(without_batch_norm(wide), maps, slope).rising < plain.rising - 0.1, "less is shared"
    assert attention_step(wide, maps, slope).rising > 0.45, "with batch norm width does not help"


def test_one_latent_number_is_a_seesaw() -> None:
    network = without_batch_norm(AttentionNetwork((1, 1, 1), 2, (1,)).double())
    assert network.heads is not None
    with torch.no_grad():  # the score is e for one weight, -e for the other
        network.heads.linear.weight.copy_(torch.tensor([[0.0], [1.0], [0.0], [-1.0]]))
    step = attention_step(network, torch.ones(1, 1, 1, 1).double(), torch.tensor([[0.9, 0.1]]).double(), "encoder")
    assert step.change[0, 0] < 0 < step.change[0, 1]


def test_the_network_stays_as_it_is(start: tuple[AttentionNetwork, Tensor, Tensor]) -> None:
    network, maps, slope = start
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    attention_step(network, maps, slope)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_what_cannot_be_asked() -> None:
    network, maps = AttentionNetwork((2, 3, 3), 4, (8, 2)), torch.randn(5, 2, 3, 3)
    with pytest.raises(ValueError, match="begins with 'head_s'"):
        attention_step(network, maps, torch.rand(5, 4), "head_s")
    with pytest.raises(ValueError, match=r"\(5, 3\), but attention \(5, 4\)"):
        attention_step(network, maps, torch.rand(5, 3))
    with pytest.raises(ValueError, match="no encoder"):
        without_batch_norm(AttentionNetwork((2, 3, 3), 4, mode="ones"))
    assert not any(isinstance(part, nn.BatchNorm1d) for part in without_batch_norm(network).modules())


def test_weighted_mean_and_a_step_by_hand() -> None:
    step = AttentionStep(torch.tensor([[3.0, 1.0]]), torch.tensor([[-1.0, 2.0]]), 1.0)
    assert step.rising == 0.5 and step.mean == 0.5 and step.weighted_mean == -0.25
    assert weighted_mean(torch.tensor([[0.5, 1.0]]), torch.tensor([[1.0, 0.0]])) == 0.5


@pytest.mark.parametrize("moving", ["", "heads", "encoder"])
def test_a_real_step_is_the_infinitely_short_one_times_its_rate(
    start: tuple[AttentionNetwork, Tensor, Tensor], moving: str
) -> None:
    network, maps, slope = start
    before = copy.deepcopy(network.state_dict())
    (change,) = attention_descent(network, maps, lambda a: (slope * a).sum(), (1,), rate=1e-7, moving=moving)
    wanted = 1e-7 * attention_step(network, maps, slope, moving).change
    assert (change - wanted).norm() < 1e-3 * wanted.norm()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items()), "a copy moved"


def test_after_32_steps_the_heads_alone_lower_all_and_the_network_half(
    start: tuple[AttentionNetwork, Tensor, Tensor],
) -> None:
    network, maps, slope = start
    shares = {
        moving: (attention_descent(network, maps, lambda a: (slope * a).sum(), moving=moving)[-1] <= 0).double().mean()
        for moving in ("heads", "")
    }
    assert shares["heads"] > 0.99 and 0.45 < shares[""] < 0.6

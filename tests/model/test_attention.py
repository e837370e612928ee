"""Eq. 5-7 recomputed by hand, and what each control mode must and must not do."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from dacl_edu.errors import UserError
from dacl_edu.model.attention import ATTENTION_MODES, PAPER_WIDTHS, AttentionNetwork, ContextEncoder, InclusionHeads

MAP = (3, 2, 4)  # N_C, N_H, N_W: all different, so that a transposition shows
WIDTHS = (7, 5, 4)
D = 6


def feature_map(m: int = 9, seed: int = 0) -> Tensor:
    return torch.randn(m, *MAP, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def randomise(module: nn.Module, seed: int = 1) -> nn.Module:
    """Give every parameter and statistic a value of its own: biases of 0 and scales of 1 would hide mistakes."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, dtype=torch.float64, generator=generator)
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(torch.randn(buffer.shape, generator=generator))
        elif name.endswith("running_var"):
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return module


def network(mode: str = "learned", seed: int = 1) -> AttentionNetwork:
    return randomise(AttentionNetwork(MAP, D, WIDTHS, mode).double(), seed)  # type: ignore[arg-type]


def eq5_by_hand(encoder: ContextEncoder, x: Tensor, training: bool) -> Tensor:
    """e = tanh(BN(W3^T relu(BN(W2^T relu(BN(W1^T flat(x*) + b1)) + b2)) + b3))."""
    state = encoder.state_dict()
    value = x.reshape(x.shape[0], -1)
    for index, activation in ((0, lambda z: z.clamp(min=0)), (3, lambda z: z.clamp(min=0)), (6, torch.tanh)):
        value = value @ state[f"layers.{index}.weight"].T + state[f"layers.{index}.bias"]
        norm = f"layers.{index + 1}"
        if training:
            mean = value.mean(dim=0)
            variance = ((value - mean) ** 2).mean(dim=0)
        else:
            mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        value = (value - mean) / torch.sqrt(variance + 1e-5) * state[f"{norm}.weight"] + state[f"{norm}.bias"]
        value = activation(value)
    return value


@pytest.mark.parametrize("training", [True, False])
def test_eq5_equals_the_matrix_products_written_out(training: bool) -> None:
    encoder = randomise(ContextEncoder(MAP, WIDTHS).double()).train(training)
    x = feature_map()
    expected = eq5_by_hand(encoder, x, training)
    latent = encoder(x)
    assert latent.shape == expected.shape == (9, WIDTHS[-1])
    torch.testing.assert_close(latent, expected, rtol=1e-10, atol=1e-12)
    assert (latent < 0).any() and (latent > 0).any()  # tanh keeps both signs
    assert latent.abs().max() <= 1


def test_running_statistics_move_in_training_and_rest_in_evaluation() -> None:
    encoder = ContextEncoder(MAP, WIDTHS).double()
    x = feature_map()
    before = encoder.state_dict()["layers.1.running_mean"].clone()
    encoder.eval()(x)
    assert torch.equal(encoder.state_dict()["layers.1.running_mean"], before)
    encoder.train()(x)
    z = x.flatten(1) @ encoder.state_dict()["layers.0.weight"].T
    torch.testing.assert_close(encoder.state_dict()["layers.1.running_mean"], 0.9 * before + 0.1 * z.mean(dim=0))


@pytest.mark.parametrize("widths", [(8,), (8, 4), (8, 4, 2, 2)])
def test_any_number_of_layers_ends_in_tanh(widths: tuple[int, ...]) -> None:
    encoder = ContextEncoder(MAP, widths)
    kinds = [type(layer) for layer in encoder.layers]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.ReLU] * (len(widths) - 1) + [nn.Linear, nn.BatchNorm1d, nn.Tanh]
    assert encoder(feature_map().float()).shape == (9, widths[-1])


def test_weights_are_he_initialised_and_biases_zero() -> None:
    torch.manual_seed(0)
    encoder, heads = ContextEncoder((64, 7, 7), widths=(512, 128, 64)), InclusionHeads(64, 512)
    linears = [layer for layer in encoder.layers if isinstance(layer, nn.Linear)] + [heads.linear]
    assert [layer.in_features for layer in linears] == [64 * 7 * 7, 512, 128, 64]
    for layer in linears:
        weight = layer.weight.detach()
        he = math.sqrt(2 / layer.in_features)
        tolerance = 5 / math.sqrt(2 * weight.numel())  # five standard errors of a standard deviation
        assert weight.std().item() == pytest.approx(he, rel=tolerance)
        assert abs(weight.mean().item()) < 5 * he / math.sqrt(weight.numel())
        assert (weight.abs() > 3 * he).any()  # a normal distribution; a uniform one ends at 1.73
        assert not layer.bias.any()


def test_eq6_head_j_owns_rows_2j_and_2j_plus_1_and_includes_at_index_1() -> None:
    heads = InclusionHeads(latent_dim=4, feature_dim=D).double()
    nn.init.zeros_(heads.linear.weight)
    j, latent = 2, torch.ones(3, 4, dtype=torch.float64)
    with torch.no_grad():
        heads.linear.weight[2 * j + 1] = 1.0  # inclusion of dimension 2: its score is 4
    scores = heads.scores(latent)
    expected = torch.zeros(3, D, 2, dtype=torch.float64)
    expected[:, j, 1] = 4
    assert scores.shape == expected.shape
    assert torch.equal(scores, expected)
    attention = heads(latent)
    assert attention.shape == (3, D)
    assert attention[0, j].item() == pytest.approx(math.exp(4) / (math.exp(4) + 1))
    assert (attention[:, [k for k in range(D) if k != j]] == 0.5).all()
    with torch.no_grad():
        heads.linear.weight[2 * j] = 2.0  # exclusion of the same dimension: 8
    assert heads(latent)[0, j].item() == pytest.approx(math.exp(4) / (math.exp(4) + math.exp(8)))


def test_eq6_and_7_equal_the_explicit_softmax_of_one_classifier_a_dimension() -> None:
    heads = randomise(InclusionHeads(latent_dim=4, feature_dim=D).double())
    latent = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    expected = torch.empty(5, D, dtype=torch.float64)
    for i in range(5):
        for j in range(D):
            p_ex = heads.linear.weight[2 * j] @ latent[i] + heads.linear.bias[2 * j]
            p_in = heads.linear.weight[2 * j + 1] @ latent[i] + heads.linear.bias[2 * j + 1]
            expected[i, j] = torch.softmax(torch.stack([p_ex, p_in]), dim=0)[1]
    attention = heads(latent)
    assert attention.shape == expected.shape
    torch.testing.assert_close(attention, expected.detach(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
def test_extreme_scores_give_no_nan_and_finite_gradients(size: float, dtype: torch.dtype) -> None:
    heads = InclusionHeads(latent_dim=1, feature_dim=4).to(dtype)
    with torch.no_grad():  # dimension 0 included, 1 excluded, 2 both, 3 neither
        heads.linear.weight.copy_(torch.tensor([-1, 1, 1, -1, 1, 1, -1, -1])[:, None] * size)
    latent = torch.ones(2, 1, dtype=dtype, requires_grad=True)
    attention = heads(latent)
    assert attention.tolist() == [[1.0, 0.0, 0.5, 0.5]] * 2
    attention.sum().backward()
    for gradient in (latent.grad, heads.linear.weight.grad, heads.linear.bias.grad):
        assert gradient is not None and torch.isfinite(gradient).all()


def test_learned_weights_lie_in_the_unit_interval_and_train_everything() -> None:
    attend = network()
    x = feature_map().requires_grad_()
    attention = attend(x)
    assert attend.encoder is not None and attend.heads is not None
    expected = attend.heads(attend.encoder(x))
    assert attention.shape == expected.shape == (9, D)
    torch.testing.assert_close(attention, expected)
    assert ((attention > 0) & (attention < 1)).all()
    (attention * torch.randn_like(attention)).sum().backward()
    assert x.grad is not None and x.grad.any()
    for name, parameter in attend.named_parameters():
        assert parameter.grad is not None, name
        # A bias before BatchNorm is subtracted with the mean: its gradient is zero up to rounding.
        if not (name.startswith("encoder.layers") and name.endswith("bias") and name.split(".")[2] in "036"):
            assert parameter.grad.abs().max() > 1e-6, name


def test_learned_weight_j_comes_from_head_j_alone() -> None:
    assert heads_that_train_one_dimension("learned", dimension=2) == {2}


def heads_that_train_one_dimension(mode: str, dimension: int, seed: int = 0) -> set[int]:
    """Return the heads whose scores get a gradient from one dimension of one sample's weights."""
    torch.manual_seed(seed)
    attend = network(mode)
    attend(feature_map())[0, dimension].backward()
    assert attend.heads is not None and attend.heads.linear.bias.grad is not None
    return set(attend.heads.linear.bias.grad.view(D, 2).any(dim=1).nonzero().flatten().tolist())


@pytest.mark.parametrize("training", [True, False])
def test_ones(training: bool) -> None:
    attend = network("ones").train(training)
    x = feature_map().requires_grad_()
    attention = attend(x)
    assert attention.shape == (9, D) and attention.dtype == x.dtype
    assert (attention == 1).all()
    assert not attention.requires_grad
    assert list(attend.parameters()) == [] and list(attend.buffers()) == []


@pytest.mark.parametrize("training", [True, False])
def test_mean(training: bool) -> None:
    attend, learned = network("mean").train(training), network().train(training)
    attention, expected = attend(feature_map()), learned(feature_map()).mean(dim=1, keepdim=True).expand(9, D)
    assert attention.shape == expected.shape
    torch.testing.assert_close(attention, expected)
    assert attention[:, 0].unique().numel() == 9  # one value a sample, not one a batch
    if training:
        assert heads_that_train_one_dimension("mean", dimension=2) == set(range(D))


def test_permuted_shuffles_each_sample_anew_in_training() -> None:
    torch.manual_seed(0)
    attend, expected = network("permuted"), network()(feature_map())
    first, second = attend(feature_map()), attend(feature_map())
    assert first.shape == expected.shape
    assert torch.equal(first.sort(dim=1).values, expected.sort(dim=1).values)  # the same values of each sample
    assert not torch.equal(first, expected) and not torch.equal(first, second)
    orders = {tuple((expected[i][None] == first[i][:, None]).nonzero()[:, 1].tolist()) for i in range(9)}
    assert len(orders) > 5  # an order for each sample, not one for the batch


def test_permuted_trains_the_head_whose_value_was_used() -> None:
    trained = [heads_that_train_one_dimension("permuted", dimension=2, seed=seed) for seed in range(8)]
    assert all(len(heads) == 1 for heads in trained)
    assert len(set.union(*trained)) > 1


def test_permuted_is_learned_in_evaluation() -> None:
    assert torch.equal(network("permuted").eval()(feature_map()), network().eval()(feature_map()))


@pytest.mark.parametrize("training", [True, False])
def test_frozen(training: bool) -> None:
    attend, learned = network("frozen").train(training), network().train(training)
    x = feature_map().requires_grad_()
    attention = attend(x)
    assert attention.shape == (9, D)
    assert torch.equal(attention, learned(x).detach())
    assert not attention.requires_grad  # neither its parameters nor the backbone learn from it
    assert len(list(attend.parameters())) > 0
    assert not any(parameter.requires_grad for parameter in attend.parameters())


@pytest.mark.parametrize("training", [True, False])
def test_normalized(training: bool) -> None:
    attend, learned = network("normalized").train(training), network().train(training)(feature_map())
    attention = attend(feature_map())
    assert attention.shape == learned.shape
    torch.testing.assert_close(attention.mean(dim=1), torch.ones(9, dtype=torch.float64))
    torch.testing.assert_close(attention / attention[:, :1], learned / learned[:, :1])  # the proportions are kept
    assert (attention > 1).any()


def test_normalized_cannot_just_shrink() -> None:
    attend = network("normalized")
    attend(feature_map()).sum().backward()  # the sum is d whatever the weights: nothing to gain
    assert attend.heads is not None and attend.heads.linear.weight.grad is not None
    assert attend.heads.linear.weight.grad.abs().max() < 1e-12
    attend(feature_map())[:, 0].sum().backward()  # one dimension against the others is learned
    assert attend.heads.linear.weight.grad.abs().max() > 1e-3


@pytest.mark.parametrize("mode", ATTENTION_MODES)
def test_modes_say_what_they_are_and_start_from_the_same_weights(mode: str) -> None:
    torch.manual_seed(0)
    attend = AttentionNetwork(MAP, D, WIDTHS, mode)  # type: ignore[arg-type]
    assert f"mode={mode!r}" in repr(attend)
    if mode != "ones":
        torch.manual_seed(0)
        learned = AttentionNetwork(MAP, D, WIDTHS).state_dict()
        assert attend.state_dict().keys() == learned.keys()
        assert all(torch.equal(value, learned[name]) for name, value in attend.state_dict().items())


def test_paper_widths_are_those_of_section_4_2() -> None:
    assert PAPER_WIDTHS == (3584, 512, 64)
    assert AttentionNetwork((2, 1, 1), 2).encoder.widths == PAPER_WIDTHS  # type: ignore[union-attr]


def test_a_map_of_another_size_is_an_error_that_names_both() -> None:
    # (4, 3, 2) flattens to as many numbers as (3, 2, 4): without the check it would pass silently.
    with pytest.raises(ValueError, match=r"\(m, 3, 2, 4\).*\(9, 4, 3, 2\).*image_size"):
        ContextEncoder(MAP, WIDTHS)(torch.zeros(9, 4, 3, 2))


@pytest.mark.parametrize("widths", [(), (4, 0)])
def test_impossible_widths_are_an_error(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="widths"):
        ContextEncoder(MAP, widths)


def test_an_unknown_mode_is_an_error_that_lists_the_modes() -> None:
    with pytest.raises(ValueError, match=r"'uniform'.*learned, ones, mean"):
        AttentionNetwork(MAP, D, WIDTHS, "uniform")  # type: ignore[arg-type]


def test_an_encoder_that_no_memory_holds_is_refused_before_it_is_made() -> None:
    with pytest.raises(UserError, match="weights, more than 2,147,483,648"):
        ContextEncoder(MAP, (10**6, 10**6))

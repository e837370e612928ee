"""Lines 10 to 12 of Algorithm 1 as printed, and as meant: on a network so small that each Jacobian is at hand."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.autograd.functional import jacobian

from dacl_edu.losses import softmax_loss, sparse_center_loss
from dacl_edu.model import DACL

LAM, M = 0.1, 4


class Net(NamedTuple):
    """Input of one step: images (m, 6), labels, centers (K, d), and the parameters of the four layers."""

    images: Tensor
    y: Tensor
    c: Tensor
    cnn: Tensor  # θ_C: (6, d * places)
    pool: Tensor  # θ_P: (places,), a weighted average, so that line 10 has something to move
    attend: Tensor  # θ_A: (d * places, d)
    classify: Tensor  # θ_S: (d, K)


def made() -> Net:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    y = torch.tensor([0, 1, 1, 2])
    return Net(draw(M, 6), y, draw(3, 2), draw(6, 6), draw(3), draw(6, 2), draw(2, 3))


def to_map(cnn: Tensor, net: Net) -> Tensor:
    return torch.tanh(net.images @ cnn)  # x*: (m, d * places)


def to_features(x_star: Tensor, pool: Tensor) -> Tensor:
    return x_star.unflatten(1, (2, 3)) @ pool  # x: (m, d)


def to_attention(x_star: Tensor, attend: Tensor) -> Tensor:
    return torch.sigmoid(x_star @ attend)  # a: (m, d)


@pytest.fixture
def net() -> Net:
    return made()


@pytest.fixture
def by_autograd(net: Net) -> dict[str, Tensor]:
    """The gradients of Eq. 8."""
    leaves = {name: getattr(net, name).clone().requires_grad_() for name in ("cnn", "pool", "attend", "classify")}
    x_star = to_map(leaves["cnn"], net)
    x, a = to_features(x_star, leaves["pool"]), to_attention(x_star, leaves["attend"])
    loss = softmax_loss(x @ leaves["classify"], net.y) + LAM * sparse_center_loss(x, a, net.y, net.c)
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def slopes(net: Net) -> tuple[Tensor, Tensor, Tensor]:
    """∂L_S/∂x, ∂L_SC/∂x (Eq. 9) and ∂L_SC/∂a (Eq. 10): (m, d) each."""
    x_star = to_map(net.cnn, net)
    x, a = to_features(x_star, net.pool).requires_grad_(), to_attention(x_star, net.attend).requires_grad_()
    (of_softmax,) = torch.autograd.grad(softmax_loss(x @ net.classify, net.y), x)
    return of_softmax, *torch.autograd.grad(sparse_center_loss(x, a, net.y, net.c), (x, a))


def attention_by_parameters(net: Net) -> Tensor:
    """∂a/∂θ_A: (m, d, d * places, d)."""
    return jacobian(lambda attend: to_attention(to_map(net.cnn, net), attend), net.attend)


def test_line_9_is_right_as_printed(net: Net, by_autograd: dict[str, Tensor]) -> None:
    x = to_features(to_map(net.cnn, net), net.pool)
    classify = net.classify.clone().requires_grad_()
    (printed,) = torch.autograd.grad(softmax_loss(x @ classify, net.y), classify)
    torch.testing.assert_close(printed, by_autograd["classify"], rtol=1e-12, atol=1e-14)


def test_line_10_needs_parentheses(net: Net, by_autograd: dict[str, Tensor]) -> None:
    of_softmax, of_metric, _ = slopes(net)
    by_pool = jacobian(lambda pool: to_features(to_map(net.cnn, net), pool), net.pool)  # (m, d, places)
    first = torch.einsum("mdp,md->p", by_pool, of_softmax)
    assert first.shape == net.pool.shape != of_metric[0].shape, "the two printed summands do not fit together"
    meant = torch.einsum("mdp,md->p", by_pool, of_softmax + LAM * of_metric)
    torch.testing.assert_close(meant, by_autograd["pool"], rtol=1e-12, atol=1e-14)


def test_average_pooling_has_no_parameters() -> None:
    assert list(DACL("small_resnet", image_size=56).pool.parameters()) == []


def test_line_11_lacks_lambda(net: Net, by_autograd: dict[str, Tensor]) -> None:
    printed = torch.einsum("mdij,md->ij", attention_by_parameters(net), slopes(net)[2]) / M
    ratio = by_autograd["attend"] / printed
    torch.testing.assert_close(ratio, torch.full_like(ratio, LAM * M), rtol=1e-12, atol=0)


def test_a_second_one_over_m_is_one_too_many(net: Net, by_autograd: dict[str, Tensor]) -> None:
    without = LAM * torch.einsum("mdij,md->ij", attention_by_parameters(net), slopes(net)[2])
    torch.testing.assert_close(without, by_autograd["attend"], rtol=1e-12, atol=1e-14)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(without / M, by_autograd["attend"], rtol=1e-12, atol=1e-14)


def test_line_12_needs_the_gradients_of_the_loss(net: Net, by_autograd: dict[str, Tensor]) -> None:
    of_softmax, of_metric, of_attention = slopes(net)
    x_star = to_map(net.cnn, net)
    by_cnn = jacobian(lambda cnn: to_map(cnn, net), net.cnn)  # ∂x*/∂θ_C: (m, s, 6, 6)
    x_by_map = jacobian(lambda one: to_features(one, net.pool).sum(dim=0), x_star)  # ∂P/∂x*: (d, m, s)
    a_by_map = jacobian(lambda one: to_attention(one, net.attend).sum(dim=0), x_star)  # ∂A/∂x*: (d, m, s)
    by_map = torch.einsum("dms,md->ms", x_by_map, of_softmax + LAM * of_metric)
    by_map = by_map + LAM * torch.einsum("dms,md->ms", a_by_map, of_attention)  # ∂L/∂x*
    meant = torch.einsum("msij,ms->ij", by_cnn, by_map)
    torch.testing.assert_close(meant, by_autograd["cnn"], rtol=1e-12, atol=1e-14)
    printed = torch.einsum("msij,dms->ij", by_cnn, x_by_map + a_by_map) / M  # whatever the loss and the labels say
    angle = torch.nn.functional.cosine_similarity(printed.flatten(), meant.flatten(), dim=0)
    assert abs(angle) < 0.9, "not even the same direction"

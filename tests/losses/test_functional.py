"""Eq. 2, 3, 4 against long-hand loops; Eq. 9 and 10 against loops, autograd and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from fresh_arrays import FreshArrays
from references import loop_eq4, loop_eq9, loop_eq10, random_batch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from dacl_edu.losses import Objective, SparseCenterLoss, center_loss, softmax_loss, sparse_center_loss
from dacl_edu.losses.functional import SparseCenterLossFunction

M, D, K = 6, 4, 3
LABELS = torch.tensor([0, 1, 1, 0, 1, 0])  # class 2 is absent


@pytest.fixture
def batch(generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return random_batch(generator, LABELS, D, K)


def assert_same(actual: Tensor, expected: Tensor, atol: float = 1e-12) -> None:
    assert actual.shape == expected.shape
    torch.testing.assert_close(actual, expected, rtol=0, atol=atol)


# -- independent references: Eq. 2 here, the others in dacl_edu.reference


def loop_eq2(logits: Tensor, labels: Tensor) -> float:
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        total += -math.log(math.exp(row[label]) / sum(math.exp(z) for z in row))
    return total / len(logits)


# -- forward


def test_softmax_loss_is_eq_2(generator: torch.Generator) -> None:
    logits = torch.randn(M, K, generator=generator, dtype=torch.float64)
    loss = softmax_loss(logits, LABELS)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(loop_eq2(logits, LABELS), abs=1e-12)


def test_sparse_center_loss_is_eq_4(batch: tuple[Tensor, ...]) -> None:
    loss = sparse_center_loss(*batch)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(loop_eq4(*batch), abs=1e-12)


def test_center_loss_is_eq_3_and_eq_4_with_ones(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = batch
    loss = center_loss(x, y, c)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(loop_eq4(x, torch.ones_like(a), y, c), abs=1e-12)
    assert sparse_center_loss(x, torch.ones_like(a), y, c).item() == loss.item()


def test_equal_attention_gives_a_multiple_of_center_loss_not_center_loss(batch: tuple[Tensor, ...]) -> None:
    """The paper's sentence below Eq. 4 holds up to a factor: docs/errata.md."""
    x, a, y, c = batch
    quarter = sparse_center_loss(x, torch.full_like(a, 0.25), y, c)
    assert quarter.item() == pytest.approx(0.25 * center_loss(x, y, c).item(), rel=1e-14)


# -- gradients


def test_backward_is_eq_9_and_eq_10(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = batch
    x, a = x.clone().requires_grad_(), a.clone().requires_grad_()
    sparse_center_loss(x, a, y, c).backward()
    assert_same(x.grad, loop_eq9(x.detach(), a.detach(), y, c))
    assert_same(a.grad, loop_eq10(x.detach(), a.detach(), y, c))


@pytest.mark.parametrize("lam", [0.0, 0.01, -3.0])
def test_backward_carries_the_incoming_gradient(batch: tuple[Tensor, ...], lam: float) -> None:
    x, a, y, c = batch
    x, a = x.clone().requires_grad_(), a.clone().requires_grad_()
    (lam * sparse_center_loss(x, a, y, c)).backward()
    assert_same(x.grad, lam * loop_eq9(x.detach(), a.detach(), y, c))
    assert_same(a.grad, lam * loop_eq10(x.detach(), a.detach(), y, c))


def test_eq_10_is_never_negative_so_a_free_weight_can_only_fall(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = batch
    a = a.clone().requires_grad_()
    sparse_center_loss(x, a, y, c).backward()
    assert a.grad.shape == a.shape
    assert (a.grad >= 0).all()
    assert (a.grad > 0).any()


def test_gradcheck_of_every_loss_for_every_differentiable_input(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = (t.clone().requires_grad_() if t.is_floating_point() else t for t in batch)
    assert gradcheck(sparse_center_loss, (x, a, y, c))
    assert gradcheck(lambda x, c: center_loss(x, y, c), (x, c))
    assert gradcheck(lambda z: softmax_loss(z, y), (x,))


def test_second_derivative_is_exact(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = (t.clone().requires_grad_() if t.is_floating_point() else t for t in batch)
    assert gradgradcheck(sparse_center_loss, (x, a, y, c))


BROKEN = {
    "sign": (lambda a, diff, m, g: -g * a * diff / m, lambda a, diff, m, g: -g * diff**2 / (2 * m)),
    "missing 1/2": (None, lambda a, diff, m, g: g * diff**2 / m),
    "missing 1/m": (lambda a, diff, m, g: g * a * diff, lambda a, diff, m, g: g * diff**2 / 2),
    "norm in place of elementwise": (
        None,
        lambda a, diff, m, g: g * (diff**2).sum(1, keepdim=True).expand_as(a) / (2 * m),
    ),
    "ignored incoming gradient": (lambda a, diff, m, g: a * diff / m, lambda a, diff, m, g: diff**2 / (2 * m)),
    "forgotten attention": (lambda a, diff, m, g: g * diff / m, None),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_gradcheck_catches_a_broken_backward(
    batch: tuple[Tensor, ...], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong_x, wrong_a = BROKEN[fault]
    right = SparseCenterLossFunction.backward

    def broken(ctx, g, *_):  # type: ignore[no-untyped-def]
        d_x, d_a, none, d_c = right(ctx, g, *_)
        x, a, y, c, *_ = ctx.saved_tensors
        diff, m = x - c[y], len(x)
        return wrong_x(a, diff, m, g) if wrong_x else d_x, wrong_a(a, diff, m, g) if wrong_a else d_a, none, d_c

    monkeypatch.setattr(SparseCenterLossFunction, "backward", staticmethod(broken))
    x, a, y, c = (t.clone().requires_grad_() if t.is_floating_point() else t for t in batch)
    assert not gradcheck(lambda x, a: 0.5 * sparse_center_loss(x, a, y, c.detach()), (x, a), raise_exception=False)


# -- invariances


def test_order_of_the_batch_does_not_matter(batch: tuple[Tensor, ...], generator: torch.Generator) -> None:
    x, a, y, c = batch
    order = torch.randperm(M, generator=generator)
    assert_same(sparse_center_loss(x[order], a[order], y[order], c), sparse_center_loss(x, a, y, c))


def test_a_batch_twice_has_the_same_mean_loss(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = batch
    assert_same(sparse_center_loss(x.repeat(2, 1), a.repeat(2, 1), y.repeat(2), c), sparse_center_loss(x, a, y, c))


def test_moving_features_and_centers_together_changes_nothing(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = batch
    assert_same(sparse_center_loss(x + 7, a, y, c + 7), sparse_center_loss(x, a, y, c), atol=1e-10)


# -- precision, devices, compilers


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("autocast", [False, True])
def test_every_precision_computes_in_float32_or_better(
    batch: tuple[Tensor, ...], dtype: torch.dtype, autocast: bool
) -> None:
    x, a, y, c = batch
    x, a, c = x.to(dtype).requires_grad_(), a.to(dtype).requires_grad_(), c.to(dtype)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss = sparse_center_loss(x, a, y, c)
    assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    # The same rounded inputs, summed in float64: only the summation in float32 may differ.
    assert loss.item() == pytest.approx(loop_eq4(x.double(), a.double(), y, c.double()), rel=1e-6)
    loss.backward()
    assert x.grad.dtype == dtype and a.grad.dtype == dtype
    expected = loop_eq9(x.detach().double(), a.detach().double(), y, c.double())
    assert_same(x.grad.double(), expected, atol=float(torch.finfo(dtype).eps) * expected.abs().max().item())


def test_a_feature_near_its_center_keeps_its_digits_in_float32() -> None:
    """A feature one part in 100,000 from its center: the expanded form gives garbage in float32, ours does not."""
    c = torch.full((1, 512), 100.0)
    x = c + 0.001
    y = torch.tensor([0])
    ours = center_loss(x, y, c)
    exact = ((x.double() - c.double()) ** 2).sum() / 2
    expanded = (x.square().sum() + c.square().sum() - 2 * (x * c).sum()) / 2
    assert ours.item() == pytest.approx(exact.item(), rel=1e-5)
    assert abs(expanded.item() - exact.item()) > 10 * exact.item()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_feature_one_bit_from_its_center_keeps_its_digits_in_half_precision(dtype: torch.dtype) -> None:
    """Next to 1 by the last bit of its type, so that both are exact: the expanded form in that type gives 0."""
    step = torch.finfo(dtype).eps
    c = torch.ones(1, 512, dtype=dtype)
    x = c + step
    expanded = (x.square().sum() + c.square().sum() - 2 * (x * c).sum()) / 2
    assert center_loss(x, torch.tensor([0]), c).item() == 512 * step**2 / 2
    assert expanded.item() == 0


def test_compiles_whole(batch: tuple[Tensor, ...]) -> None:
    def step(x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> Tensor:
        return 0.01 * sparse_center_loss(x, a, y, c) + center_loss(x, y, c) + softmax_loss(x, y)

    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")  # the graph is the point, not a C++ compiler
    x, a, y, c = batch
    grads = []
    for function in (step, compiled):
        leaf_x, leaf_a = x.clone().requires_grad_(), a.clone().requires_grad_()
        loss = function(leaf_x, leaf_a, y, c)
        loss.backward()
        grads.append((loss.detach(), leaf_x.grad, leaf_a.grad))
    for eager, graph in zip(*grads, strict=True):
        assert_same(graph, eager)


def test_works_under_functional_transforms(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = batch
    assert_same(torch.func.grad(sparse_center_loss)(x, a, y, c), loop_eq9(x, a, y, c))


@pytest.mark.gpu
def test_gpu_agrees_with_cpu(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = batch
    assert_same(sparse_center_loss(*(t.cuda() for t in batch)).cpu(), sparse_center_loss(x, a, y, c))


# -- what it costs


def plain_eq_4(x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> Tensor:
    return (a * (x - c[y]).pow(2)).sum() / (2 * len(x))


def test_the_hand_written_backward_makes_five_arrays_where_autograd_makes_more(batch: tuple[Tensor, ...]) -> None:
    x, a, y, c = (t.clone().requires_grad_() if t.is_floating_point() else t for t in batch)
    made = {}
    for function in (sparse_center_loss, plain_eq_4):
        with FreshArrays() as fresh:
            function(x, a, y, c.detach()).backward()
        made[function] = sum(size == M * D for size in fresh.sizes)
        x.grad = a.grad = None
    assert made[sparse_center_loss] == 5  # D, aD, aD² for the sum, and the two gradients
    assert made[plain_eq_4] >= 8


def test_backward_can_be_called_twice(batch: tuple[Tensor, ...]) -> None:
    """What the forward kept is not written over."""
    x, a, y, c = (t.clone().requires_grad_() if t.is_floating_point() else t for t in batch)
    loss = sparse_center_loss(x, a, y, c)
    first = torch.autograd.grad(loss, (x, a, c), retain_graph=True)
    for once, again in zip(first, torch.autograd.grad(loss, (x, a, c)), strict=True):
        assert_same(again, once, atol=0)


def test_no_number_is_read_off_a_device() -> None:
    """The meta device has shapes and no numbers, so whatever would make a GPU wait raises there."""
    x, a = (torch.randn(M, D, device="meta", requires_grad=True) for _ in range(2))
    y, c = LABELS.to("meta"), torch.randn(K, D, device="meta")
    terms = Objective(SparseCenterLoss())(torch.randn(M, K, device="meta"), x, a, y, c)
    (terms.total + center_loss(x, y, c) + sparse_center_loss(x, a, y, c)).backward()
    assert x.grad is not None and x.grad.shape == (M, D)
    with pytest.raises(RuntimeError, match="meta"):
        terms.total.item()


# -- wrong inputs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": torch.zeros(M, D, 1)}, r"features must have shape \(m, d\)"),
        ({"features": torch.zeros(0, D), "labels": torch.zeros(0, dtype=torch.long)}, "batch is empty"),
        ({"attention": torch.ones(M, 1)}, r"attention must have the shape of features, \(6, 4\), not \(6, 1\)"),
        ({"attention": torch.ones(D)}, "attention must have the shape"),
        ({"centers": torch.zeros(K, D + 1)}, r"centers must have shape \(K, 4\)"),
        ({"centers": torch.zeros(D)}, "centers must have shape"),
        ({"labels": torch.zeros(M, 1, dtype=torch.long)}, r"labels must have shape \(6,\)"),
        ({"labels": torch.zeros(M)}, "labels must be integers"),
    ],
)
def test_wrong_shapes_are_refused_in_words(batch: tuple[Tensor, ...], change: dict[str, Tensor], message: str) -> None:
    inputs = dict(zip(("features", "attention", "labels", "centers"), batch, strict=True)) | change
    with pytest.raises(ValueError, match=message):
        sparse_center_loss(**inputs)


@pytest.mark.parametrize("wrong", [-1, K, 255])
def test_labels_out_of_range_are_refused_by_row(batch: tuple[Tensor, ...], wrong: int) -> None:
    x, a, y, c = batch
    y = y.clone()
    y[2] = wrong
    with pytest.raises(IndexError, match=rf"label {wrong} in row 2 is outside 0 \.\. 2"):
        sparse_center_loss(x, a, y, c)
    with pytest.raises(IndexError, match="row 2"):
        center_loss(x, y, c)
    with pytest.raises(IndexError, match="row 2"):
        softmax_loss(x[:, :K], y)

"""The family of losses: each against a loop over single numbers, in both forms, and the slips of public code."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from references import Batch, random_batch
from torch import Tensor
from torch.autograd import gradcheck

from dacl_edu.errors import UserError
from dacl_edu.losses import (
    CenterLoss,
    IslandLoss,
    LocalityPreservingLoss,
    MetricLoss,
    RangeCenterLoss,
    available_losses,
    build_loss,
    center_loss,
    sparse_center_loss,
)
from dacl_edu.reference import island
from dacl_edu.reference.sparse_center_loss import sparse_center_loss as sparse_center_loss_loop

M, D, K = 9, 4, 5
LABELS = torch.tensor([0, 1, 1, 0, 1, 0, 2, 1, 0])  # class 2 is alone, classes 3 and 4 are absent

Array = Any


@pytest.fixture
def batch(generator: torch.Generator) -> Batch:
    return random_batch(generator, LABELS, D, K)


# -- independent references: loops over single numbers, from the equations of docs/losses.md


def squared(x: Array, z: Array, a: Array) -> float:
    return sum(float(a[j]) * (float(x[j]) - float(z[j])) ** 2 for j in range(len(x)))


def cosine(x: Array, z: Array, a: Array) -> float:
    dot = sum(a[j] * x[j] * z[j] for j in range(len(x)))
    lengths = [math.sqrt(sum(a[j] * v[j] ** 2 for j in range(len(x)))) for v in (x, z)]
    return dot / (lengths[0] * lengths[1])


def loop_separate(x: Array, a: Array, y: Array, c: Array, intra: float, inter: float) -> float:
    ones, classes = np.ones(c.shape[1]), len(c)
    inside = [1 - cosine(x[i], c[y[i]], a[i]) for i in range(len(x))]
    between = [1 + cosine(c[j], c[k], ones) for j in range(classes) for k in range(j)]  # each pair once: a mean
    return intra * sum(inside) / len(x) + inter * sum(between) / len(between)


def loop_dda(x: Array, a: Array, y: Array, c: Array, gamma: float) -> float:
    total = 0.0
    for i in range(len(x)):
        near = [math.exp(-squared(x[i], c[k], a[i])) for k in range(len(c))]
        total += -math.log(near[y[i]] / sum(near))
    return sparse_center_loss_loop(x, a, y, c) + gamma * total / len(x)


def loop_locality(x: Array, a: Array, y: Array, c: Array, k: int) -> float:
    total = 0.0
    for i in range(len(x)):
        others = [n for n in range(len(x)) if n != i and y[n] == y[i]]
        others.sort(key=lambda n: squared(x[i], x[n], a[i]))
        if others[:k]:
            total += squared(x[i], np.mean([x[n] for n in others[:k]], axis=0), a[i])
    return total / (2 * len(x))


def loop_range(x: Array, a: Array, y: Array, c: Array, margin: float) -> float:
    beyond = [max(0.0, math.sqrt(squared(x[i], c[y[i]], a[i])) - margin) for i in range(len(x))]
    return sum(b**2 for b in beyond) / (2 * len(x))


FAMILY: dict[str, tuple[Callable[..., float], dict[str, Any]]] = {
    "island": (island.attentive_island, {"lam1": 0.7}),
    "separate": (loop_separate, {"intra": 0.8, "inter": 0.3}),
    "dda": (loop_dda, {"gamma": 0.6}),
    "locality_preserving": (loop_locality, {"k": 2}),
    "range_center": (loop_range, {"margin": 1.2}),
}
BOTH_FORMS = [form + name for name in FAMILY for form in ("", "attentive_")]
AVERAGES = [name for name in BOTH_FORMS if "locality" not in name]  # a doubled batch has other neighbours


def build(name: str) -> MetricLoss:
    return build_loss(name, **FAMILY[name.removeprefix("attentive_")][1])


def reference(name: str, x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> float:
    loop, parameters = FAMILY[name.removeprefix("attentive_")]
    weights = a if name.startswith("attentive_") else torch.ones_like(a)
    return loop(x.numpy(), weights.numpy(), y.numpy(), c.numpy(), **parameters)


def rotation(generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(D, D, generator=generator, dtype=torch.float64)).Q


# -- value


@pytest.mark.parametrize("name", BOTH_FORMS)
def test_each_form_is_its_equation(name: str, batch: Batch) -> None:
    loss = build(name)(*batch)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(reference(name, *batch), abs=1e-12)


@pytest.mark.parametrize("name", FAMILY)
def test_the_attentive_form_with_ones_is_the_plain_form(name: str, batch: Batch) -> None:
    x, a, y, c = batch
    attentive, plain = build(f"attentive_{name}"), build(name)
    assert attentive(x, torch.ones_like(a), y, c).item() == plain(x, a, y, c).item()
    assert attentive(x, a, y, c).item() != pytest.approx(plain(x, a, y, c).item(), rel=1e-3)
    assert attentive.uses_attention and not plain.uses_attention


@pytest.mark.parametrize("name", FAMILY)
def test_each_is_a_known_name_in_both_forms_and_in_the_table(name: str) -> None:
    assert {name, f"attentive_{name}"} <= set(available_losses())
    table = (Path(__file__).parents[2] / "docs" / "losses.md").read_text(encoding="utf-8")
    assert f"`{name}`" in table and f"`attentive_{name}`" in table
    for parameter, default in build_loss(name).__dict__.items():
        if parameter in FAMILY[name][1]:
            assert f"`{parameter}` = {default:g}" in table


# -- gradient


@pytest.mark.parametrize("name", BOTH_FORMS)
def test_gradcheck_in_float64(name: str, batch: Batch) -> None:
    x, a, y, c = batch
    loss = build(name)
    x, a = x.clone().requires_grad_(), a.clone().requires_grad_()
    assert gradcheck(lambda x: loss(x, a.detach(), y, c), (x,))
    if loss.uses_attention:
        assert gradcheck(lambda x, a: loss(x, a, y, c), (x, a))


@pytest.mark.parametrize("name", BOTH_FORMS)
def test_gradients_are_finite_where_every_feature_is_its_center(name: str, batch: Batch) -> None:
    _, a, y, c = batch
    x, a = c[y].clone().requires_grad_(), a.clone().requires_grad_()
    build(name)(x, a, y, c).backward()
    assert x.grad is not None and x.grad.shape == x.shape and x.grad.isfinite().all()
    assert (a.grad is not None) == name.startswith("attentive_")
    assert a.grad is None or a.grad.isfinite().all()


@pytest.mark.parametrize("name", BOTH_FORMS)
def test_a_network_that_gives_zeros_breaks_nothing(name: str) -> None:
    x, a = torch.zeros(4, 3).requires_grad_(), torch.zeros(4, 3).requires_grad_()
    loss = build(name)(x, a, torch.tensor([0, 0, 1, 1]), torch.zeros(3, 3))
    loss.backward()
    assert loss.isfinite() and x.grad is not None and x.grad.isfinite().all()
    assert a.grad is None or a.grad.isfinite().all()


def test_island_sends_features_the_gradient_of_center_loss_and_attention_that_of_eq_10(batch: Batch) -> None:
    x, a, y, c = (t.clone().requires_grad_() if t.is_floating_point() else t for t in batch)
    plain = torch.autograd.grad(build("island")(x, a, y, c), x)
    torch.testing.assert_close(plain, torch.autograd.grad(center_loss(x, y, c), x))
    attentive = torch.autograd.grad(build("attentive_island")(x, a, y, c), (x, a))
    torch.testing.assert_close(attentive, torch.autograd.grad(sparse_center_loss(x, a, y, c), (x, a)))


# -- invariances


@pytest.mark.parametrize("name", BOTH_FORMS)
def test_order_of_the_batch_does_not_matter(name: str, batch: Batch, generator: torch.Generator) -> None:
    x, a, y, c = batch
    order = torch.randperm(M, generator=generator)
    assert build(name)(x[order], a[order], y[order], c).item() == pytest.approx(build(name)(*batch).item(), abs=1e-12)


@pytest.mark.parametrize("name", AVERAGES)
def test_a_batch_twice_has_the_same_loss(name: str, batch: Batch) -> None:
    """The slip: a mean over the batch that is divided by m once more, as in the released code of DDA loss."""
    x, a, y, c = batch
    twice = build(name)(x.repeat(2, 1), a.repeat(2, 1), y.repeat(2), c)
    assert twice.item() == pytest.approx(build(name)(*batch).item(), abs=1e-12)


@pytest.mark.parametrize("name", BOTH_FORMS)
def test_renaming_the_classes_changes_nothing(name: str, batch: Batch, generator: torch.Generator) -> None:
    x, a, y, c = batch
    to = torch.randperm(K, generator=generator)
    renamed = torch.empty_like(c)
    renamed[to] = c
    assert build(name)(x, a, to[y], renamed).item() == pytest.approx(build(name)(*batch).item(), abs=1e-12)


@pytest.mark.parametrize("name", FAMILY)
def test_turning_the_space_changes_no_plain_form(name: str, batch: Batch, generator: torch.Generator) -> None:
    x, a, y, c = batch
    turn = rotation(generator)
    assert build(name)(x @ turn, a, y, c @ turn).item() == pytest.approx(build(name)(*batch).item(), abs=1e-12)


@pytest.mark.parametrize("name", ["dda", "range_center", "locality_preserving"])
def test_moving_features_and_centers_together_changes_no_distance(name: str, batch: Batch) -> None:
    x, a, y, c = batch
    for form in (name, f"attentive_{name}"):
        assert build(form)(x + 7, a, y, c + 7).item() == pytest.approx(build(form)(*batch).item(), abs=1e-10)


@pytest.mark.parametrize("name", ["separate", "attentive_separate"])
def test_separate_loss_sees_angles_only(name: str, batch: Batch) -> None:
    x, a, y, c = batch
    scaled = build(name)(x * 3, 0.1 * a, y, c * torch.rand(K, 1, dtype=torch.float64).add(0.5))
    assert scaled.item() == pytest.approx(build(name)(*batch).item(), abs=1e-12)


@pytest.mark.parametrize("name", [n for n in BOTH_FORMS if "range" in n])
def test_centers_of_absent_classes_count_for_nothing_in_a_distance_to_the_own_center(name: str, batch: Batch) -> None:
    x, a, y, c = batch
    elsewhere = c.clone()
    elsewhere[3:] += 100
    assert build(name)(x, a, y, elsewhere).item() == build(name)(x, a, y, c).item()


def test_dda_compares_with_the_centers_of_absent_classes_too(batch: Batch) -> None:
    x, a, y, c = batch
    nearer = c.clone()
    nearer[4] = x[0]
    assert build("dda")(x, a, y, nearer).item() > build("dda")(x, a, y, c).item()


# -- the pairwise term


@pytest.mark.parametrize(("angle", "each"), [(math.pi, 0.0), (math.pi / 2, 1.0), (0.0, 2.0)])
def test_the_pairwise_term_has_no_constant_and_counts_ordered_pairs(angle: float, each: float) -> None:
    """The slips: a diagonal that is zeroed before 1 is added leaves K; unordered pairs give half."""
    c = torch.tensor([[2.0, 0.0], [3 * math.cos(angle), 3 * math.sin(angle)]], dtype=torch.float64)
    at_center = (c[:1], torch.ones(1, 2), torch.tensor([0]), c)
    assert IslandLoss(lam1=1.0)(*at_center).item() == pytest.approx(2 * each, abs=1e-12)
    assert build_loss("separate")(*at_center).item() == pytest.approx(each, abs=1e-12)


def test_one_class_alone_has_no_pairs() -> None:
    x, c = torch.ones(2, 3), torch.ones(1, 3)
    y = torch.zeros(2, dtype=torch.long)
    for name in ("island", "separate"):
        assert build_loss(name)(x, x, y, c).item() == 0
        assert build_loss(name).center_push(c).tolist() == [[0, 0, 0]]


# -- precision


NEAR = [
    ("dda", "attentive_dda"),
    ("range_center", "attentive_range_center"),
    ("locality_preserving", "attentive_locality_preserving"),
    ("separate", "attentive_separate"),
    ("island", "attentive_island"),
]


@pytest.mark.parametrize(("plain", "attentive"), NEAR)
def test_digits_survive_near_a_center_far_from_the_origin(
    plain: str, attentive: str, generator: torch.Generator
) -> None:
    """float32 at 100 has steps of 8e-6; squares by |x|^2 + |c|^2 - 2 x.c would be off by 1, and 1 - cos by 1e-7."""
    m, d = 40, 64  # above 25 rows torch.cdist takes the expanded form
    c = 100 + torch.randn(d, generator=generator) + 0.01 * torch.randn(2, d, generator=generator)
    y = torch.arange(m) % 2
    x = c[y] + 0.001 * torch.randn(m, d, generator=generator)
    a = torch.rand(m, d, generator=generator)
    parameters = {"lam1": 0.0} if plain == "island" else {"inter": 0.0} if plain == "separate" else {}
    parameters |= {"margin": 0.001} if plain == "range_center" else {"k": 3} if "locality" in plain else {}
    for name in (plain, attentive):
        loss = build_loss(name, **parameters)
        exact = loss(x.double(), a.double(), y, c.double())
        assert loss(x, a, y, c).dtype == torch.float32
        assert loss(x, a, y, c).item() == pytest.approx(exact.item(), rel=1e-3)


@pytest.mark.parametrize("name", BOTH_FORMS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_first_whatever_autocast_does(name: str, dtype: torch.dtype, batch: Batch) -> None:
    x, a, y, c = (t.to(dtype) if t.is_floating_point() else t for t in batch)
    x = x.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        loss = build(name)(x, a, y, c.float())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(reference(name, x.detach().double(), a.double(), y, c.double()), rel=1e-5)
    loss.backward()
    assert x.grad is not None and x.grad.dtype == dtype


@pytest.mark.parametrize("name", [n for n in BOTH_FORMS if n.startswith("attentive_")])
def test_compiles_whole(name: str, batch: Batch) -> None:
    loss = build(name)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")  # the graph is the point
    torch.testing.assert_close(compiled(*batch), loss(*batch))


@pytest.mark.gpu
@pytest.mark.parametrize("name", BOTH_FORMS)
def test_gpu_agrees_with_cpu(name: str, batch: Batch) -> None:
    torch.testing.assert_close(build(name)(*(t.cuda() for t in batch)).cpu(), build(name)(*batch))


# -- each loss by itself


def test_locality_neighbours_are_of_the_class_near_and_never_oneself() -> None:
    x = torch.tensor([[0.0], [0.0], [1.0], [5.0], [0.1], [9.0]])
    y = torch.tensor([0, 0, 0, 0, 1, 2])
    found = LocalityPreservingLoss(k=1).neighbours(x, torch.ones_like(x), y)
    assert found.shape == (6, 6)
    assert found[:4].nonzero()[:, 1].tolist()[:2] == [1, 0]  # twins find each other
    assert found.sum(dim=1).tolist() == [1, 1, 1, 1, 0, 0]  # the last two are alone of their class
    assert LocalityPreservingLoss(k=20).neighbours(x, torch.ones_like(x), y).sum(dim=1).tolist() == [3, 3, 3, 3, 0, 0]


@pytest.mark.parametrize("k", [1, 3, 20])
def test_locality_takes_the_mean_over_as_many_neighbours_as_there_are(k: int, batch: Batch) -> None:
    x, a, y, c = (t.numpy() for t in batch)
    assert LocalityPreservingLoss(k)(*batch).item() == pytest.approx(loop_locality(x, np.ones_like(a), y, c, k))


def test_locality_with_every_neighbour_draws_a_class_together(batch: Batch) -> None:
    x, a, y, c = batch
    x = x.clone().requires_grad_()
    loss = LocalityPreservingLoss(k=20)(x, a, y, c)
    loss.backward()
    assert x.grad is not None
    assert not x.grad[6].any()  # the sample that is alone
    assert LocalityPreservingLoss(k=20)(x.detach() - 0.1 * x.grad, a, y, c) < loss


def test_a_range_of_zero_is_center_loss(batch: Batch) -> None:
    x, a, y, c = batch
    assert RangeCenterLoss(margin=0.0)(x, a, y, c).item() == pytest.approx(CenterLoss()(x, a, y, c).item(), abs=1e-12)
    attentive = build_loss("attentive_range_center", margin=0.0)(x, a, y, c)
    assert attentive.item() == pytest.approx(sparse_center_loss(x, a, y, c).item(), abs=1e-12)


def test_within_the_range_there_is_neither_loss_nor_gradient() -> None:
    x = torch.tensor([[0.3, 0.4], [0.0, 0.0]], requires_grad=True)
    a = torch.ones(2, 2, requires_grad=True)
    loss = build_loss("attentive_range_center", margin=0.6)(x, a, torch.tensor([0, 0]), torch.zeros(2, 2))
    loss.backward()
    assert loss.item() == 0
    assert x.grad is not None and not x.grad.any()
    assert a.grad is not None and not a.grad.any()


def test_attention_can_rise_in_dda_and_cannot_in_eq_10(batch: Batch) -> None:
    x, a, y, c = batch
    a = a.clone().requires_grad_()
    (eq_10,) = torch.autograd.grad(sparse_center_loss(x, a, y, c), a)
    (dda,) = torch.autograd.grad(build_loss("attentive_dda")(x, a, y, c), a)
    assert (eq_10 >= 0).all()
    assert (dda < 0).any()


# -- wrong parameters


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("island", {"lam1": -1.0}, "loss 'island': lam1 must not be negative or infinite, but is -1.0 — it takes lam1"),
        ("attentive_island", {"lambda": 1.0}, "unexpected keyword argument 'lambda' — it takes lam1"),
        ("separate", {"inter": -1.0}, "intra and inter must not be negative"),
        ("separate", {"inter": "much"}, "it takes intra, inter"),
        ("dda", {"gamma": float("nan")}, "gamma must not be negative or infinite, but is nan"),
        ("locality_preserving", {"k": 0}, "k must be a whole number from 1, but is 0"),
        ("locality_preserving", {"k": 2.5}, "k must be a whole number from 1, but is 2.5"),
        ("range_center", {"margin": -0.1}, "margin must not be negative"),
        ("range_center", {"margin": float("inf")}, "margin must not be negative or infinite"),
        ("separate", {"intra": float("inf")}, "must not be negative or infinite"),
        ("center", {"margin": 0.1}, "it takes no parameters"),
        ("islnd", {}, "unknown loss 'islnd' — did you mean 'island'?"),
    ],
)
def test_wrong_parameters_are_refused_in_one_line(name: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)) as caught:
        build_loss(name, **parameters)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FAMILY)
def test_parameters_show_in_the_name_that_a_notebook_prints(name: str) -> None:
    assert repr(build(name)).endswith(f"({', '.join(f'{k}={v}' for k, v in FAMILY[name][1].items())})")

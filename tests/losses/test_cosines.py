"""The term that drives the centers apart, and the step it adds to theirs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from references import Batch, random_batch
from torch import Tensor

from dacl_edu.centers import ClassCenters, center_delta
from dacl_edu.losses import IslandLoss, Objective, build_loss, center_loss
from dacl_edu.losses.cosines import pairwise_cosines, pairwise_push
from dacl_edu.reference.island import island_push

M, D, K = 9, 4, 5
LABELS = torch.tensor([0, 1, 1, 0, 1, 0, 2, 1, 0])  # classes 3 and 4 are absent

Array = Any


@pytest.fixture
def batch(generator: torch.Generator) -> Batch:
    return random_batch(generator, LABELS, D, K)


def rotation(generator: torch.Generator) -> Tensor:
    return torch.linalg.qr(torch.randn(D, D, generator=generator, dtype=torch.float64)).Q


def test_pairwise_cosines_are_those_of_scikit_learn(batch: Batch) -> None:
    from sklearn.metrics.pairwise import cosine_similarity

    ours = pairwise_cosines(batch[3])
    theirs = cosine_similarity(batch[3].numpy())
    np.fill_diagonal(theirs, 0)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)


def test_the_pairwise_term_and_its_push_turn_with_the_centers(batch: Batch, generator: torch.Generator) -> None:
    c, turn = batch[3], rotation(generator)
    torch.testing.assert_close(pairwise_cosines(c @ turn), pairwise_cosines(c))
    torch.testing.assert_close(pairwise_push(c @ turn), pairwise_push(c) @ turn)


# -- the centers' step


def test_the_push_is_the_published_step(batch: Batch) -> None:
    c = batch[3]
    ours = pairwise_push(c)
    assert ours.shape == c.shape
    np.testing.assert_allclose(ours.numpy(), island_push(c.numpy()), atol=1e-12)
    for name, parameters, weight in (("island", {"lam1": 0.7}, 0.7), ("separate", {"intra": 9.0, "inter": 0.3}, 0.3)):
        for form in (name, f"attentive_{name}"):
            torch.testing.assert_close(build_loss(form, **parameters).center_push(c), weight * ours)


def test_the_push_is_the_gradient_up_to_a_factor(batch: Batch) -> None:
    """A rule and not a gradient, like Eq. 11: the sum over ordered pairs has 2 (K - 1) times this one."""
    x, a, y, c = batch
    c = c.clone().requires_grad_()
    pairs = IslandLoss(lam1=0.7)(x, a, y, c) - center_loss(x, y, c)
    (gradient,) = torch.autograd.grad(pairs, c)
    torch.testing.assert_close(IslandLoss(lam1=0.7).center_push(c.detach()) * 2 * (K - 1), gradient)


def test_a_push_turns_the_centers_apart_and_does_not_lengthen_them(batch: Batch) -> None:
    c = batch[3]
    push = pairwise_push(c)
    torch.testing.assert_close((push * c).sum(dim=1), torch.zeros(K, dtype=torch.float64), atol=1e-12, rtol=0)
    assert pairwise_cosines(c - 0.01 * push).sum() < pairwise_cosines(c).sum()


def test_a_center_without_length_is_not_pushed() -> None:
    c = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    push = pairwise_push(c)
    assert push.isfinite().all()
    assert push[0].tolist() == [0, 0]
    assert not pairwise_push(torch.zeros(3, 2)).any()


@pytest.mark.parametrize("name", ["center", "sparse_center", "dda", "range_center", "locality_preserving"])
def test_the_other_losses_leave_the_centers_to_eq_11(name: str, batch: Batch) -> None:
    assert Objective(build_loss(name)).center_push(batch[3]) is None
    assert Objective(None).center_push(batch[3]) is None


def test_centers_move_by_eq_11_and_the_push_and_lambda_touches_neither(batch: Batch) -> None:
    x, _, y, _ = (t.float() if t.is_floating_point() else t for t in batch)
    centers = ClassCenters(K, D, alpha=0.5, generator=torch.Generator().manual_seed(0))
    before = centers.centers.clone()
    push = Objective(IslandLoss(lam1=3.0), lam=1e-6).center_push(centers())
    centers.accumulate(x, None, y)
    centers.step(push)
    expected = before - 0.5 * (center_delta(x, None, y, before) + 3.0 * pairwise_push(before))
    torch.testing.assert_close(centers.centers, expected)
    assert (centers.centers[3:] != before[3:]).any()  # absent classes turn away too
    moved = centers.centers.clone()
    centers.step()  # a push is for one step
    assert torch.equal(centers.centers, moved)
    assert push is not None
    with pytest.raises(ValueError, match=r"push must have the shape of the centers, \(5, 4\), not \(4,\)"):
        centers.step(push[0])

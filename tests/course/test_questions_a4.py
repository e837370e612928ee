"""Assignment 4: its reference values, messages, attention while it learns. Who wins and loses: test_solutions.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from course.solutions import a4
from course.solutions.usual import graded, visible

from dacl_edu.losses import sparse_center_loss
from dacl_edu_course.questions import a4_attention_term as questions
from dacl_edu_course.questions import hidden_seeds
from dacl_edu_course.questions.a4_attention_term import COLLAPSED, FLOOR, SPREAD, attention_learns
from dacl_edu_course.questions.batches import made_batch
from dacl_edu_course.reference import attention_terms as reference


@pytest.mark.parametrize("name", list(a4.my_term_gradient.PAIRS))
def test_each_term_is_compared_with_its_own_gradient(name: str) -> None:
    term, gradient = a4.my_term_gradient.PAIRS[name]
    assert graded(lambda answer, seed: questions.my_term_gradient((term, answer), seed), gradient) == ""


def test_a_constant_term_has_no_gradient_to_derive() -> None:
    message = visible(
        lambda answer, seed: questions.my_term_gradient((a4.my_term.Terms.constant, answer), seed), torch.zeros_like
    )
    assert "there is no gradient to derive" in message


@pytest.mark.parametrize(
    ("name", "mistake", "said"),
    [
        ("entropy_term", "nan_at_a_zero", "where a weight is 0"),
        ("entropy_term", "logarithm_to_base_2", "is the logarithm the natural one"),
        ("entropy_gradient", "by_the_shares", "making all weights of a sample larger changes no share"),
        ("my_term", "entropy_of_shares_sees_no_mean", "attention still falls"),
        ("my_term", "pins_every_weight_at_one", "within a sample all weights end up alike"),
        ("my_term", "sum_over_samples", "changes when every sample comes twice"),
        ("my_term_gradient", "right_around_one_half_only", "a around 0.05"),
    ],
)
def test_the_message_points_to_the_place(name: str, mistake: str, said: str) -> None:
    answer = next(answer for answer in a4.WRONG[name] if answer.__name__ == mistake)
    assert said in visible(a4.ASKED[name], answer)


# ------------------------------------------------------------------------------------ attention while it learns


@pytest.mark.parametrize("seed", [0, 1, 2, *hidden_seeds()])
def test_without_a_term_attention_collapses_far_below_the_floor(seed: int) -> None:
    end = attention_learns(None, seed)
    assert end.mean < COLLAPSED < FLOOR and end.spread < SPREAD


def test_the_slope_that_attention_follows_is_that_of_the_package() -> None:
    batch = made_batch(0)
    a = batch["a"].requires_grad_()
    (slope,) = torch.autograd.grad(sparse_center_loss(batch["x"], a, batch["y"], batch["c"]), a)
    eq_10 = (batch["x"] - batch["c"][batch["y"]]).square() / (2 * len(a))
    assert slope.shape == eq_10.shape and (slope - eq_10).abs().max() < 1e-12


# ------------------------------------------------------------------------------------ the reference values


@pytest.mark.parametrize("seed", range(4))
def test_reference_terms_and_gradients_are_those_of_torch(seed: int) -> None:
    a = made_batch(seed)["a"].requires_grad_()
    array = a.detach().numpy()
    cases: list[tuple[Any, float, np.ndarray]] = [
        (a4.budget_term.right_budget(a, 0.3), reference.budget_term(array, 0.3), reference.budget_gradient(array, 0.3)),
        (
            -torch.distributions.Categorical(probs=a).entropy().mean(),
            reference.entropy_term(array),
            reference.entropy_gradient(array),
        ),
    ]
    for value, expected, gradient in cases:
        (slope,) = torch.autograd.grad(value, a)
        assert slope.shape == gradient.shape
        assert abs(value - expected) < 1e-12 and np.abs(slope.numpy() - gradient).max() < 1e-12


def test_the_reference_of_a_weight_of_zero_is_the_limit() -> None:
    near, at = np.array([[0.5, 1e-12, 0.5]]), np.array([[0.5, 0.0, 0.5]])
    assert abs(reference.entropy_term(near) - reference.entropy_term(at)) < 1e-10

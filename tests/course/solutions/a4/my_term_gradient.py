"""Question 6: the gradient of an own term, here of the right answer to question 5."""

from __future__ import annotations

from typing import Any

import torch
from course.solutions.a4.budget_gradient import right_budget_gradient
from course.solutions.a4.my_term import RightTerms, right_term
from course.solutions.usual import members, overwrites_attention, usual

from dacl_edu_course.questions import a4_attention_term as questions


def right_term_gradient(a):
    return (2 * (a.mean(dim=1, keepdim=True) - 0.5) / a.numel()).expand_as(a)


class TermGradients:
    """Wrong answers to question 6, for ``right_term``."""

    def forgot_the_two(a):
        return right_term_gradient(a) / 2

    def forgot_1_over_m(a):
        return right_term_gradient(a) * len(a)

    def forgot_1_over_d(a):
        return right_term_gradient(a) * a.shape[1]

    def wrong_sign(a):
        return -right_term_gradient(a)

    def one_for_each_sample(a):
        return right_term_gradient(a)[:, 0]

    def gradient_of_another_term(a):
        return right_budget_gradient(a, 0.5)

    def each_weight_by_itself(a):
        return 2 * (a - 0.5) / a.numel()

    def mean_over_the_wrong_axis(a):
        return (2 * (a.mean(dim=0, keepdim=True) - 0.5) / a.numel()).expand_as(a)

    def transposed(a):
        return right_term_gradient(a).T

    def zero_everywhere(a):
        return torch.zeros_like(a)

    def right_around_one_half_only(a):
        return right_term_gradient(a) if a.mean() > 0.2 else torch.zeros_like(a)

    def never_negative(a):
        return right_term_gradient(a).abs()

    def uses_autograd(a):
        leaf = a.clone().requires_grad_()
        return torch.autograd.grad(right_term(leaf), leaf)[0]

    def uses_autograd_in_a_helper(a):
        return differentiated(a)

    def calls_the_package(a):
        from dacl_edu.check.gradients import gradient_table

        assert gradient_table([])
        return right_term_gradient(a)


def differentiated(a):  # stands here, since only helpers beside an answer are read as the student's own
    leaf = a.clone().requires_grad_()
    right_term(leaf).backward()
    return leaf.grad


class RightTermGradients:
    def loop(a):
        slope = torch.zeros_like(a)
        for i in range(a.shape[0]):
            slope[i] = 2 / (a.shape[0] * a.shape[1]) * (a[i].sum() / a.shape[1] - 0.5)
        return slope

    def einsum(a):
        m, d = a.shape
        means = torch.einsum("ij->i", a) / d
        return torch.einsum("i,j->ij", 2 * means - 1, torch.ones(d, dtype=a.dtype)) / (m * d)

    def in_float32(a):
        return right_term_gradient(a.float())


PAIRS = {
    "log_barrier": (RightTerms.log_barrier, lambda a: -1 / (a * a.numel())),
    "entropy": (RightTerms.entropy_of_include_and_exclude, lambda a: torch.logit(a) / a.numel()),
    "one_sided": (
        RightTerms.one_sided_budget,
        lambda a: torch.full_like(a, -2 * (0.4 - a.mean()).clamp_min(0) / a.numel()),
    ),
    "reciprocal": (RightTerms.reciprocal, lambda a: -1 / (a + 0.1) ** 2 / a.numel()),
    "strong": (lambda a: 300 * (a.mean() - 0.5) ** 2, lambda a: 300 * right_budget_gradient(a, 0.5)),
}
"""Quite different terms with their gradients."""


def gradient_of_right_term(gradient: Any, seed: int = 0) -> None:
    """Question 6 for a fixed term, so that it takes one answer like all others."""
    questions.my_term_gradient((right_term, gradient), seed)


WRONG = members(TermGradients) + usual(right_term_gradient, gradient_of_right_term, [overwrites_attention])
RIGHT = [right_term_gradient, *members(RightTermGradients)]

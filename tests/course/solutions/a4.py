"""Assignment 4: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

import math
from typing import Any

import torch
from course.solutions.usual import (
    Function,
    computes_in_float16,
    goes_on_from_the_previous_call,
    hard_codes_the_public_answers,
    members,
    returns_its_first_answer_for_ever,
    returns_lists,
    returns_nothing,
    returns_numpy,
)

from dacl_edu.course.questions import a4_attention_term as questions


def overwrites_attention(right: Function) -> Function:
    def overwrites_attention(**inputs: Any) -> Any:
        result = right(**inputs)
        with torch.no_grad():
            inputs["a"].mul_(0.5)
        return result

    return overwrites_attention


def usual(right: Function, question: Any) -> list[Function]:
    """The mistakes of any question, made from a right answer."""
    return [
        hard_codes_the_public_answers(right, question),
        *(
            spoil(right)
            for spoil in (
                returns_its_first_answer_for_ever,
                goes_on_from_the_previous_call,
                computes_in_float16,
                returns_numpy,
                returns_lists,
                returns_nothing,
                overwrites_attention,
            )
        ),
    ]


# ------------------------------------------------------------------------------------------------ 1: budget term


def right_budget(a, budget):
    return (a.mean() - budget) ** 2


class Budgets:
    """Wrong answers to question 1."""

    def forgot_the_square(a, budget):
        return a.mean() - budget

    def absolute_value(a, budget):
        return (a.mean() - budget).abs()

    def squares_each_weight(a, budget):
        return ((a - budget) ** 2).mean()

    def budget_for_each_sample(a, budget):
        return ((a.mean(dim=1) - budget) ** 2).mean()

    def budget_for_each_dimension(a, budget):
        return ((a.mean(dim=0) - budget) ** 2).mean()

    def sum_in_place_of_the_mean(a, budget):
        return (a.sum() - budget) ** 2

    def mean_over_samples_only(a, budget):
        return (a.sum() / len(a) - budget) ** 2

    def wrong_sign(a, budget):
        return -((a.mean() - budget) ** 2)

    def half_of_it(a, budget):
        return (a.mean() - budget) ** 2 / 2

    def adds_the_budget(a, budget):
        return (a.mean() + budget) ** 2

    def ignores_the_budget(a, budget):
        return (a.mean() - 0.5) ** 2

    def only_below_the_budget(a, budget):
        return (budget - a.mean()).clamp_min(0) ** 2

    def detached(a, budget):
        return (a.detach().mean() - budget) ** 2

    def one_factor_detached(a, budget):
        return (a.mean() - budget) * (a.mean() - budget).detach()

    def python_number(a, budget):
        return (a.mean().item() - budget) ** 2

    def keeps_a_dimension(a, budget):
        return (a.mean().reshape(1) - budget) ** 2

    def calls_the_reference(a, budget):
        from dacl_edu.course.reference.attention_terms import budget_term

        value = budget_term(a.detach().numpy(), budget)
        return value + right_budget(a, budget) - right_budget(a, budget).detach()


class RightBudgets:
    def loop(a, budget):
        total = torch.zeros((), dtype=a.dtype)
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                total = total + a[i, j]
        return (total / (a.shape[0] * a.shape[1]) - budget) ** 2

    def einsum(a, budget):
        mean = torch.einsum("ij->", a) / a.numel()
        return mean * mean - 2 * budget * mean + budget**2

    def widened_first(a, budget):
        return torch.nn.functional.mse_loss(a.double().mean(), torch.tensor(budget, dtype=torch.float64))


# ------------------------------------------------------------------------------------------------ 2: its gradient


def right_budget_gradient(a, budget):
    return torch.full_like(a, 2 * (a.mean() - budget) / a.numel())


class BudgetGradients:
    """Wrong answers to question 2."""

    def forgot_the_two(a, budget):
        return torch.full_like(a, (a.mean() - budget) / a.numel())

    def forgot_the_inner_derivative(a, budget):
        return torch.full_like(a, 2 * (a.mean() - budget))

    def forgot_1_over_m(a, budget):
        return torch.full_like(a, 2 * (a.mean() - budget) / a.shape[1])

    def forgot_1_over_d(a, budget):
        return torch.full_like(a, 2 * (a.mean() - budget) / a.shape[0])

    def wrong_sign(a, budget):
        return torch.full_like(a, 2 * (budget - a.mean()) / a.numel())

    def each_weight_by_itself(a, budget):
        return 2 * (a - budget) / a.numel()

    def mean_of_each_sample(a, budget):
        return (2 * (a.mean(dim=1, keepdim=True) - budget) / a.numel()).expand_as(a)

    def always_positive(a, budget):
        return torch.full_like(a, 2 * (a.mean() - budget).abs() / a.numel())

    def one_number(a, budget):
        return 2 * (a.mean() - budget) / a.numel()

    def multiplied_by_a(a, budget):
        return 2 * (a.mean() - budget) * a / a.numel()

    def uses_autograd(a, budget):
        leaf = a.clone().requires_grad_()
        return torch.autograd.grad((leaf.mean() - budget) ** 2, leaf)[0]

    def calls_the_reference(a, budget):
        from dacl_edu.course.reference.attention_terms import budget_gradient

        return torch.from_numpy(budget_gradient(a.numpy(), budget))

    def uses_torch_func(a, budget):
        return torch.func.grad(lambda w: (w.mean() - budget) ** 2)(a)

    def uses_autograd_in_a_helper(a, budget):
        return differentiated(lambda w: (w.mean() - budget) ** 2, a)


def differentiated(function, a):
    leaf = a.clone().requires_grad_()
    function(leaf).backward()
    return leaf.grad


class RightBudgetGradients:
    def loop(a, budget):
        slope = torch.zeros_like(a)
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                slope[i, j] = 2 * (a.sum() / a.numel() - budget) / a.numel()
        return slope

    def expanded(a, budget):
        return ((a.mean() - budget) * 2 / a.numel()).expand(a.shape)

    def outer_product(a, budget):
        m, d = a.shape
        return 2 * (a.mean() - budget) * torch.outer(torch.full((m,), 1 / m), torch.full((d,), 1 / d)).to(a.dtype)


# ------------------------------------------------------------------------------------------------ 3: entropy term


def right_entropy(a):
    p = a / a.sum(dim=1, keepdim=True)
    return torch.xlogy(p, p).sum() / len(a)


class Entropies:
    """Wrong answers to question 3."""

    def wrong_sign(a):
        return -right_entropy(a)

    def forgot_1_over_m(a):
        return right_entropy(a) * len(a)

    def mean_over_everything(a):
        return right_entropy(a) / a.shape[1]

    def shares_of_a_column(a):
        p = a / a.sum(dim=0, keepdim=True)
        return torch.xlogy(p, p).sum() / len(a)

    def shares_of_everything(a):
        p = a / a.sum()
        return torch.xlogy(p, p).sum() / len(a)

    def no_shares(a):
        return torch.xlogy(a, a).sum() / len(a)

    def softmax_for_shares(a):
        p = a.softmax(dim=1)
        return torch.xlogy(p, p).sum() / len(a)

    def logarithm_to_base_2(a):
        return right_entropy(a) / math.log(2)

    def nan_at_a_zero(a):
        p = a / a.sum(dim=1, keepdim=True)
        return (p * p.log()).sum() / len(a)

    def counts_a_zero_as_one(a):
        p = a / a.sum(dim=1, keepdim=True)
        return torch.where(p > 0, p * p.clamp_min(1e-30).log(), torch.ones_like(p)).sum() / len(a)

    def something_tiny_too_large(a):
        p = a / a.sum(dim=1, keepdim=True)
        return (p * (p + 1e-3).log()).sum() / len(a)

    def forgot_the_weight(a):
        p = a / a.sum(dim=1, keepdim=True)
        return p.clamp_min(1e-9).log().sum() / len(a)

    def entropy_of_the_mean_shares(a):
        p = (a / a.sum(dim=1, keepdim=True)).mean(dim=0)
        return torch.xlogy(p, p).sum()

    def shares_detached(a):
        p = a / a.sum(dim=1, keepdim=True).detach()
        return torch.xlogy(p, p).sum() / len(a)

    def one_for_each_sample(a):
        p = a / a.sum(dim=1, keepdim=True)
        return torch.xlogy(p, p).sum(dim=1)

    def calls_the_reference(a):
        from dacl_edu.course.reference.attention_terms import entropy_term

        return entropy_term(a.detach().numpy()) + right_entropy(a) - right_entropy(a).detach()


class RightEntropies:
    def logarithms_apart(a):
        total = a.sum(dim=1)
        return (torch.xlogy(a, a).sum(dim=1) / total - total.log()).mean()

    def special_function(a):
        return -torch.special.entr(a / a.sum(dim=1, keepdim=True)).sum(dim=1).mean()

    def logarithm_detached(a):
        """The slope of ln p adds the ones, which cancel: value and gradient are right."""
        p = a / a.sum(dim=1, keepdim=True)
        return torch.xlogy(p, p.detach()).sum() / len(a)

    def loop(a):
        total = torch.zeros((), dtype=a.dtype)
        for row in a:
            for value in row[row > 0]:
                total = total + value / row.sum() * (value / row.sum()).log()
        return total / len(a)

    def einsum_with_a_floor(a):
        p = a / a.sum(dim=1, keepdim=True)
        return torch.einsum("ij,ij->", p, p.clamp_min(1e-30).log()) / len(a)


# ------------------------------------------------------------------------------------------------ 4: its gradient


def right_entropy_gradient(a):
    total = a.sum(dim=1, keepdim=True)
    p = a / total
    return (p.log() - (p * p.log()).sum(dim=1, keepdim=True)) / (len(a) * total)


class EntropyGradients:
    """Wrong answers to question 4."""

    def shares_as_if_fixed_sums(a):
        total = a.sum(dim=1, keepdim=True)
        return ((a / total).log() + 1) / (len(a) * total)

    def by_the_shares(a):
        p = a / a.sum(dim=1, keepdim=True)
        return (p.log() + 1) / len(a)

    def forgot_1_over_m(a):
        return right_entropy_gradient(a) * len(a)

    def forgot_the_row_sum(a):
        return right_entropy_gradient(a) * a.sum(dim=1, keepdim=True)

    def divides_by_the_weight(a):
        return right_entropy_gradient(a) * a.sum(dim=1, keepdim=True) / a

    def wrong_sign(a):
        return -right_entropy_gradient(a)

    def unweighted_mean_of_the_logarithms(a):
        total = a.sum(dim=1, keepdim=True)
        logs = (a / total).log()
        return (logs - logs.mean(dim=1, keepdim=True)) / (len(a) * total)

    def sums_over_the_wrong_axis(a):
        total = a.sum(dim=0, keepdim=True)
        p = a / total
        return (p.log() - (p * p.log()).sum(dim=0, keepdim=True)) / (len(a) * total)

    def mean_over_everything(a):
        return right_entropy_gradient(a) / a.shape[1]

    def transposed(a):
        return right_entropy_gradient(a).T

    def one_for_each_sample(a):
        return right_entropy_gradient(a).sum(dim=1)

    def logarithm_to_base_2(a):
        return right_entropy_gradient(a) / math.log(2)

    def zero_everywhere(a):
        return torch.zeros_like(a)

    def gradient_of_the_budget(a):
        return right_budget_gradient(a, 0.5)

    def uses_autograd(a):
        leaf = a.clone().requires_grad_()
        right_entropy(leaf).backward()
        return leaf.grad

    def calls_the_reference(a):
        from dacl_edu.course.reference import attention_terms

        return torch.from_numpy(attention_terms.entropy_gradient(a.numpy()))

    def uses_a_jacobian(a):
        return torch.autograd.functional.jacobian(right_entropy, a)


class RightEntropyGradients:
    def loop_over_samples(a):
        rows = []
        for row in a:
            p = row / row.sum()
            rows.append((p.log() - p.dot(p.log())) / row.sum() / len(a))
        return torch.stack(rows)

    def by_the_table_of_derivatives(a):
        total = a.sum(dim=1)
        p = a / total[:, None]
        table = (torch.eye(a.shape[1], dtype=a.dtype)[None] - p[:, :, None]) / total[:, None, None]  # ∂p_l/∂a_j
        return torch.einsum("ilj,il->ij", table, p.log() + 1) / len(a)

    def without_shares(a):
        total = a.sum(dim=1, keepdim=True)
        return (a.log() - (a * a.log()).sum(dim=1, keepdim=True) / total) / (len(a) * total)


# ------------------------------------------------------------------------------------------------ 5: an own term


def right_term(a):
    return ((a.mean(dim=1) - 0.5) ** 2).mean()


class Terms:
    """Wrong answers to question 5."""

    def constant(a):
        return (0 * a).sum() + 1.0

    def ignores_a(a):
        return torch.rand(3, dtype=a.dtype).mean()

    def detached(a):
        return ((a.detach().mean(dim=1) - 0.5) ** 2).mean()

    def one_factor_detached(a):
        return -(a.detach() * a).mean()

    def wrong_sign(a):
        return -((a.mean(dim=1) - 0.5) ** 2).mean()

    def pushes_down(a):
        return a.mean()

    def entropy_of_shares_sees_no_mean(a):
        return right_entropy(a)

    def sum_over_samples(a):
        return ((a.mean(dim=1) - 0.5) ** 2).sum()

    def one_for_each_sample(a):
        return (a.mean(dim=1) - 0.5) ** 2

    def keeps_a_dimension(a):
        return ((a.mean(dim=1, keepdim=True) - 0.5) ** 2).mean(dim=0)

    def looks_at_the_first_sample(a):
        return (a[0].mean() - 0.5) ** 2

    def treats_the_first_sample_apart(a):
        return (a.mean() - 0.5) ** 2 + 0.01 * a[0].mean()

    def weighs_samples_by_their_place(a):
        place = torch.arange(1, len(a) + 1, dtype=a.dtype)
        return (place * (a.mean(dim=1) - 0.5) ** 2).sum() / place.sum()

    def pins_every_weight_at_one(a):
        return 1e6 * ((1 - a) ** 2).mean()

    def pins_every_weight_at_one_half(a):
        return 1e6 * ((a - 0.5) ** 2).mean()

    def levels_each_sample(a):
        return (a.mean() - 0.5) ** 2 + 100 * a.var(dim=1, correction=0).mean()

    def nan_where_attention_is_one(a):
        return (a * a.log() + (1 - a) * (1 - a).log()).mean()

    def infinite_where_attention_is_one(a):
        return -(a * (1 - a)).log().mean()

    def infinite_where_attention_is_small(a):
        return torch.exp(1 / a).mean() - a.mean()

    def nan_for_a_single_sample(a):
        return (a.mean() - 0.5) ** 2 + 0.0 * a.std(dim=0).mean()

    def gradient_is_nan_where_weights_are_equal(a):
        return (a.mean() - 0.5) ** 2 - 0.01 * a.var(dim=1, correction=0).sqrt().mean()

    def only_the_largest_weight(a):
        return -a.max(dim=1).values.mean()

    def too_weak(a):
        return 1e-6 * right_term(a)

    def computes_in_float32(a):
        return right_term(a.float())

    def rounds_on_the_way(a):
        return right_term(a.float()).double()

    def python_number(a):
        return right_term(a).item()

    def package(a):
        from dacl_edu.losses import center_loss

        return center_loss(a, torch.zeros(len(a), dtype=torch.int64), torch.ones_like(a[:1]))

    def rests_below_one_tenth(a):
        return torch.where(a > 0.1, (a - 0.5) ** 2, torch.full_like(a, 0.16)).mean()


class RightTerms:
    def budget(a):
        return (a.mean() - 0.5) ** 2

    def log_barrier(a):
        return -a.log().mean()

    def entropy_of_include_and_exclude(a):
        return (torch.xlogy(a, a) + torch.xlogy(1 - a, 1 - a)).mean()

    def price_for_what_is_missing_to_one(a):
        return ((1 - a) ** 2).mean()

    def reward(a):
        return -3.0 * a.mean()

    def one_sided_budget(a):
        return (0.4 - a.mean()).clamp_min(0) ** 2

    def reciprocal(a):
        return (1 / (a + 0.1)).mean()

    def normalised_by_loops(a):
        total = torch.zeros((), dtype=a.dtype)
        for row in a:
            total = total + (torch.einsum("j->", row) / len(row) - 0.6) ** 2 / len(a)
        return total

    def upper_half_of_each_sample(a):
        best = a.topk(a.shape[1] // 2 + 1, dim=1).values
        return ((1 - best) ** 2).mean()

    def widened_first(a):
        return torch.logsumexp(-5 * a.double(), dim=1).mean()

    def rewards_a_spread(a):
        return (a.mean() - 0.5) ** 2 - 0.01 * a.std(dim=1, correction=0).mean()

    def strong(a):
        return 300 * (a.mean() - 0.5) ** 2


# ------------------------------------------------------------------------------------------------ 6: its gradient


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
        return differentiated(right_term, a)

    def calls_the_package(a):
        from dacl_edu.gradients import compare_gradients

        assert compare_gradients
        return right_term_gradient(a)


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
    "strong": (RightTerms.strong, lambda a: 300 * right_budget_gradient(a, 0.5)),
}
"""Quite different terms with their gradients."""


def gradient_of_right_term(gradient: Any, seed: int = 0) -> None:
    """Question 6 for a fixed term, so that it takes one answer like all others."""
    questions.my_term_gradient((right_term, gradient), seed)


ASKED = {
    "budget_term": questions.budget_term,
    "budget_gradient": questions.budget_gradient,
    "entropy_term": questions.entropy_term,
    "entropy_gradient": questions.entropy_gradient,
    "my_term": questions.my_term,
    "my_term_gradient": gradient_of_right_term,
}
WRONG = {
    "budget_term": members(Budgets) + usual(right_budget, questions.budget_term),
    "budget_gradient": members(BudgetGradients) + usual(right_budget_gradient, questions.budget_gradient),
    "entropy_term": members(Entropies) + usual(right_entropy, questions.entropy_term),
    "entropy_gradient": members(EntropyGradients) + usual(right_entropy_gradient, questions.entropy_gradient),
    "my_term": members(Terms) + usual(right_term, questions.my_term),
    "my_term_gradient": members(TermGradients) + usual(right_term_gradient, gradient_of_right_term),
}
RIGHT = {
    "budget_term": [right_budget, *members(RightBudgets)],
    "budget_gradient": [right_budget_gradient, *members(RightBudgetGradients)],
    "entropy_term": [right_entropy, *members(RightEntropies)],
    "entropy_gradient": [right_entropy_gradient, *members(RightEntropyGradients)],
    "my_term": [right_term, *members(RightTerms)],
    "my_term_gradient": [right_term_gradient, *members(RightTermGradients)],
}

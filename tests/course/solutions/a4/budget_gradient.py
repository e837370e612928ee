"""Question 2: the gradient of the budget term."""

from __future__ import annotations

import torch
from course.solutions.usual import members, overwrites_attention, usual

from dacl_edu_course.questions import a4_attention_term as questions


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
        from dacl_edu_course.reference.attention_terms import budget_gradient

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


WRONG = members(BudgetGradients) + usual(right_budget_gradient, questions.budget_gradient, [overwrites_attention])
RIGHT = [right_budget_gradient, *members(RightBudgetGradients)]

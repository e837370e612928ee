"""Question 1: the budget term."""

from __future__ import annotations

import torch
from course.solutions.usual import members, overwrites_attention, usual

from dacl_edu_course.questions import a4_attention_term as questions


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
        from dacl_edu_course.reference.attention_terms import budget_term

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


WRONG = members(Budgets) + usual(right_budget, questions.budget_term, [overwrites_attention])
RIGHT = [right_budget, *members(RightBudgets)]

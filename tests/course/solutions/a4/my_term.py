"""Question 5: a term of the student's own."""

from __future__ import annotations

import torch
from course.solutions.a4.entropy_term import right_entropy
from course.solutions.usual import members, overwrites_attention, usual

from dacl_edu_course.questions import a4_attention_term as questions


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

    def budget_again(a):
        return (a.mean() - 0.5) ** 2

    def strong_budget_again(a):
        return 300 * (a.mean() - 0.5) ** 2

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


WRONG = members(Terms) + usual(right_term, questions.my_term, [overwrites_attention])
RIGHT = [right_term, *members(RightTerms)]

"""Question 3: the entropy term."""

from __future__ import annotations

import math

import torch
from course.solutions.usual import members, overwrites_attention, usual

from dacl_edu_course.questions import a4_attention_term as questions


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
        from dacl_edu_course.reference.attention_terms import entropy_term

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


WRONG = members(Entropies) + usual(right_entropy, questions.entropy_term, [overwrites_attention])
RIGHT = [right_entropy, *members(RightEntropies)]

"""Question 4: the gradient of the entropy term."""

from __future__ import annotations

import math

import torch
from course.solutions.a4.budget_gradient import right_budget_gradient
from course.solutions.a4.entropy_term import right_entropy
from course.solutions.usual import members, overwrites_attention, usual

from dacl_edu_course.questions import a4_attention_term as questions


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
        from dacl_edu_course.reference import attention_terms

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


WRONG = members(EntropyGradients) + usual(right_entropy_gradient, questions.entropy_gradient, [overwrites_attention])
RIGHT = [right_entropy_gradient, *members(RightEntropyGradients)]

"""Question 2: the whole attentive island loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a5.island_term import RightIslandTerms, right_term
from course.solutions.usual import members, overwrites_an_input, usual

from dacl_edu_course.questions import a5_island as questions


def right_loss(x, a, y, c, lam1):
    return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c)


class Losses:
    """Wrong answers to question 2."""

    def forgot_the_half(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / len(x) + lam1 * right_term(c)

    def forgot_the_mean(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / 2 + lam1 * right_term(c)

    def mean_over_everything(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).mean() / 2 + lam1 * right_term(c)

    def divides_both_by_2m(x, a, y, c, lam1):
        return ((a * (x - c[y]) ** 2).sum() + lam1 * right_term(c)) / (2 * len(x))

    def forgot_attention(x, a, y, c, lam1):
        return ((x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c)

    def attention_squared(x, a, y, c, lam1):
        return ((a * (x - c[y])) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c)

    def attention_detached(x, a, y, c, lam1):
        return right_loss(x, a.detach(), y, c, lam1)

    def features_detached(x, a, y, c, lam1):
        return right_loss(x.detach(), a, y, c, lam1)

    def forgot_lam1(x, a, y, c, lam1):
        return right_loss(x, a, y, c, 1.0)

    def lam1_is_always_ten(x, a, y, c, lam1):
        return right_loss(x, a, y, c, 10.0)

    def lam1_before_both(x, a, y, c, lam1):
        return lam1 * right_loss(x, a, y, c, 1.0)

    def lam1_squared(x, a, y, c, lam1):
        return right_loss(x, a, y, c, lam1**2)

    def subtracts_the_term(x, a, y, c, lam1):
        return right_loss(x, a, y, c, -lam1)

    def without_the_term(x, a, y, c, lam1):
        return right_loss(x, a, y, c, 0.0)

    def centers_of_the_batch_only(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c[y.unique()])

    def a_center_for_each_sample(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c[y])

    def attention_in_the_term(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * a.mean() * right_term(c)

    def constant_k_left(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * (right_term(c) + len(c))

    def centers_in_the_order_of_the_rows(x, a, y, c, lam1):
        return (a * (x - c[torch.arange(len(x)) % len(c)]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c)

    def ignores_the_incoming_gradient(x, a, y, c, lam1):
        return IgnoresIncoming.apply(x, a, y, c, lam1)

    def package(x, a, y, c, lam1):
        from dacl_edu.losses import AttentiveIslandLoss

        return AttentiveIslandLoss(lam1)(x, a, y, c)


class IgnoresIncoming(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, a, y, c, lam1):
        ctx.save_for_backward(x, a, y, c)
        return right_loss(x, a, y, c, lam1)

    @staticmethod
    def backward(ctx, incoming):
        x, a, y, c = ctx.saved_tensors
        return a * (x - c[y]) / len(x), (x - c[y]) ** 2 / (2 * len(x)), None, None, None


class RightLosses:
    def loop(x, a, y, c, lam1):
        total = torch.zeros((), dtype=x.dtype)
        for i in range(len(x)):
            for j in range(x.shape[1]):
                total = total + a[i, j] * (x[i, j] - c[y[i], j]) ** 2
        return total / (2 * len(x)) + lam1 * RightIslandTerms.loop(c)

    def einsum(x, a, y, c, lam1):
        apart = x - c[y]
        pull = torch.einsum("ij,ij,ij->", a, apart, apart) / (2 * len(x))
        return pull + lam1 * RightIslandTerms.einsum(c)

    def one_hot_with_fixed_centers(x, a, y, c, lam1):
        own = F.one_hot(y, len(c)).to(c.dtype) @ c
        return 0.5 * (a * (x - own).square()).sum(dim=1).mean() + lam1 * right_term(c.detach())


WRONG = members(Losses) + usual(right_loss, questions.attentive_island, [overwrites_an_input])
RIGHT = [right_loss, *members(RightLosses)]

"""Question 1: the tempered sparse center loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a2_sparse_center_loss as questions


def squares(x, a, y, c):
    return (a * (x - c[y]).square()).sum(dim=1)  # (m,)


def roots(x, a, y, c):
    return (1 + squares(x, a, y, c)).sqrt()  # (m,)


def right_loss(x, a, y, c):
    return (roots(x, a, y, c) - 1).mean()


class Losses:
    """Wrong answers to question 1."""

    def eq_4(x, a, y, c):
        return (a * (x - c[y]).square()).sum() / (2 * len(x))

    def forgot_the_mean(x, a, y, c):
        return len(x) * right_loss(x, a, y, c)

    def keeps_the_half_of_eq_4(x, a, y, c):
        return right_loss(x, a, y, c) / 2

    def half_below_the_root(x, a, y, c):
        return ((1 + squares(x, a, y, c) / 2).sqrt() - 1).mean()

    def forgot_to_take_off_the_one(x, a, y, c):
        return roots(x, a, y, c).mean()

    def takes_off_the_one_after_the_mean_of_sums(x, a, y, c):
        return roots(x, a, y, c).sum() / len(x) - 1 / len(x)

    def forgot_the_one_below_the_root(x, a, y, c):
        return (squares(x, a, y, c) + 1e-12).sqrt().mean()

    def a_small_eps_in_place_of_the_one(x, a, y, c):
        return ((1e-2 + squares(x, a, y, c)).sqrt() - 0.1).mean()

    def root_of_each_number(x, a, y, c):
        return ((1 + a * (x - c[y]).square()).sqrt() - 1).sum() / len(x)

    def one_in_each_dimension(x, a, y, c):
        return ((1 + a * (x - c[y]).square()).sum(dim=1).sqrt() - x.shape[1] ** 0.5).mean()

    def one_root_for_the_batch(x, a, y, c):
        return ((1 + squares(x, a, y, c).sum()).sqrt() - 1) / len(x)

    def root_of_the_mean(x, a, y, c):
        return (1 + squares(x, a, y, c).mean()).sqrt() - 1

    def sums_over_the_samples_first(x, a, y, c):
        return ((1 + (a * (x - c[y]).square()).sum(dim=0)).sqrt() - 1).mean()

    def logarithm(x, a, y, c):
        return torch.log1p(squares(x, a, y, c)).mean() / 2

    def capped(x, a, y, c):
        return squares(x, a, y, c).clamp(max=1).mean() / 2

    def absolute_differences(x, a, y, c):
        return (a * (x - c[y]).abs()).sum() / len(x)

    def divides_by_the_classes(x, a, y, c):
        return right_loss(x, a, y, c) * len(x) / len(c)

    def wrong_sign(x, a, y, c):
        return -right_loss(x, a, y, c)

    def without_attention(x, a, y, c):
        return right_loss(x, torch.ones_like(a), y, c)

    def attention_inside_the_square(x, a, y, c):
        return right_loss(x, a.square(), y, c)

    def attention_outside_the_root(x, a, y, c):
        return (a.mean(dim=1) * (roots(x, torch.ones_like(a), y, c) - 1)).mean()

    def one_weight_a_sample(x, a, y, c):
        return right_loss(x, a.mean(dim=1, keepdim=True).expand_as(a), y, c)

    def one_weight_a_dimension(x, a, y, c):
        return right_loss(x, a.mean(dim=0).expand_as(a), y, c)

    def normalised_attention(x, a, y, c):
        return right_loss(x, a / a.sum(dim=1, keepdim=True), y, c)

    def first_rows_of_c(x, a, y, c):
        return ((1 + (a * (x - c[torch.arange(len(x)) % len(c)]).square()).sum(1)).sqrt() - 1).mean()

    def plus_where_minus_stands(x, a, y, c):
        return right_loss(x, a, y, -c)

    def detached_attention(x, a, y, c):
        return right_loss(x, a.detach(), y, c)

    def detached_features(x, a, y, c):
        return right_loss(x.detach(), a, y, c)

    def detached_roots(x, a, y, c):
        far = roots(x, a, y, c).detach()
        return (squares(x, a, y, c) / (far + 1)).mean()

    def plain_numbers(x, a, y, c):
        return torch.tensor(right_loss(x, a, y, c).item(), dtype=torch.float64)

    def squeezes_a_batch_of_one(x, a, y, c):
        terms = (a * (x - c[y]).square()).squeeze()
        return ((1 + terms.sum(dim=-1)).sqrt() - 1).sum() / len(terms)

    def package(x, a, y, c):
        from dacl_edu.losses.functional import sparse_center_loss

        return right_loss(x, a, y, c) + 0 * sparse_center_loss(x, a, y, c)

    def multiplies_in_place(x, a, y, c):
        return ((1 + a.mul_((x - c[y]).square()).sum(dim=1)).sqrt() - 1).mean()

    def pulls_the_centers_together_too(x, a, y, c):
        return right_loss(x, a, y, c) + (a.detach() * (c[y] - c[y].mean(dim=0)).square()).sum(dim=1).mean()


class RightLosses:
    def einsum(x, a, y, c):
        return ((1 + torch.einsum("ij,ij,ij->i", a, x - c[y], x - c[y])).sqrt() - 1).sum() / len(x)

    def loop_over_numbers(x, a, y, c):
        total = torch.zeros((), dtype=x.dtype)
        for i in range(len(x)):
            below = torch.ones((), dtype=x.dtype)
            for j in range(x.shape[1]):
                below = below + a[i, j] * (x[i, j] - c[y[i], j]) ** 2
            total = total + below.sqrt() - 1
        return total / len(x)

    def without_cancellation(x, a, y, c):
        far = squares(x, a, y, c)
        return (far / ((1 + far).sqrt() + 1)).mean()

    def vmap(x, a, y, c):
        return torch.func.vmap(lambda x, a, own: (1 + torch.dot(a, (x - own) ** 2)).sqrt() - 1)(x, a, c[y]).mean()

    def one_hot_matmul(x, a, y, c):
        apart = x - F.one_hot(y, len(c)).to(c) @ c
        return (1 + (a @ apart.square().T).diagonal()).sqrt().sub(1).mean()

    def in_float64(x, a, y, c):
        return right_loss(x.double(), a.double(), y, c.double())

    a_lambda = lambda x, a, y, c: ((a * (c[y] - x) ** 2).sum(1) + 1).pow(0.5).mean() - 1  # noqa: E731


WRONG = members(Losses) + usual(right_loss, questions.sparse_center_loss)
RIGHT = [right_loss, *members(RightLosses)]

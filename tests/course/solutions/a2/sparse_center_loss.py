"""Question 1: sparse center loss, Eq. 4."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a2_sparse_center_loss as questions


def right_loss(x, a, y, c):
    return (a * (x - c[y]).square()).sum() / (2 * len(x))


class Losses:
    """Wrong answers to question 1."""

    def forgot_the_half(x, a, y, c):
        return 2 * right_loss(x, a, y, c)

    def forgot_the_mean(x, a, y, c):
        return len(x) * right_loss(x, a, y, c)

    def divides_by_the_classes(x, a, y, c):
        return right_loss(x, a, y, c) * len(x) / len(c)

    def mean_over_everything(x, a, y, c):
        return (a * (x - c[y]).square()).mean() / 2

    def divides_by_the_sum_of_attention(x, a, y, c):
        return (a * (x - c[y]).square()).sum() / (2 * a.sum())

    def sums_samples_only(x, a, y, c):
        return (a * (x - c[y]).square()).sum(dim=0) / (2 * len(x))

    def sums_dimensions_only(x, a, y, c):
        return (a * (x - c[y]).square()).sum(dim=1) / 2

    def wrong_sign(x, a, y, c):
        return -right_loss(x, a, y, c)

    def without_attention(x, a, y, c):
        return (x - c[y]).square().sum() / (2 * len(x))

    def attention_inside_the_square(x, a, y, c):
        return (a * (x - c[y])).square().sum() / (2 * len(x))

    def root_of_attention(x, a, y, c):
        return right_loss(x, a.sqrt(), y, c)

    def one_weight_a_sample(x, a, y, c):
        return right_loss(x, a.mean(dim=1, keepdim=True), y, c)

    def one_weight_a_dimension(x, a, y, c):
        return right_loss(x, a.mean(dim=0), y, c)

    def normalised_attention(x, a, y, c):
        return right_loss(x, a / a.sum(dim=1, keepdim=True), y, c)

    def one_minus_attention(x, a, y, c):
        return right_loss(x, 1 - a, y, c)

    def norm_of_each_sample(x, a, y, c):
        return (a * (x - c[y]).norm(dim=1, keepdim=True).square()).sum() / (2 * len(x))

    def attends_to_the_features(x, a, y, c):
        return (a * x - c[y]).square().sum() / (2 * len(x))

    def first_rows_of_c(x, a, y, c):
        return (a * (x - c[torch.arange(len(x)) % len(c)]).square()).sum() / (2 * len(x))

    def broadcasts_c_without_y(x, a, y, c):
        return (a * (x - c).square()).sum() / (2 * len(x))

    def plus_where_minus_stands(x, a, y, c):
        return (a * (x + c[y]).square()).sum() / (2 * len(x))

    def detached_attention(x, a, y, c):
        return right_loss(x, a.detach(), y, c)

    def detached_features(x, a, y, c):
        return right_loss(x.detach(), a, y, c)

    def attention_without_graph(x, a, y, c):
        with torch.no_grad():
            weights = a * 1
        return right_loss(x, weights, y, c)

    def plain_numbers(x, a, y, c):
        return torch.tensor(right_loss(x, a, y, c).item(), dtype=torch.float64)

    def clamps_the_centers_away(x, a, y, c):
        return right_loss(x, a, y, c.clamp(min=0))

    def squeezes_a_batch_of_one(x, a, y, c):
        terms = (a * (x - c[y]).square()).squeeze()
        return terms.sum() / (2 * len(terms))

    def package(x, a, y, c):
        from dacl_edu.losses.functional import sparse_center_loss

        return sparse_center_loss(x, a, y, c)

    def multiplies_in_place(x, a, y, c):
        return a.mul_((x - c[y]).square()).sum() / (2 * len(x))

    def pulls_the_centers_together_too(x, a, y, c):
        return right_loss(x, a, y, c) + (a.detach() * (c[y] - c[y].mean(dim=0)).square()).sum(dim=1).mean()

    def nan_for_absent_classes(x, a, y, c):
        parts = [(a[y == k] * (x[y == k] - c[k]).square()).sum(1).mean() * (y == k).sum() for k in range(len(c))]
        return torch.stack(parts).sum() / (2 * len(x))


class RightLosses:
    def einsum(x, a, y, c):
        return torch.einsum("ij,ij,ij->", a, x - c[y], x - c[y]) / (2 * len(x))

    def loop_over_numbers(x, a, y, c):
        total = torch.zeros((), dtype=x.dtype)
        for i in range(len(x)):
            for j in range(x.shape[1]):
                total = total + a[i, j] * (x[i, j] - c[y[i], j]) ** 2
        return total / 2 / len(x)

    def roots_of_both(x, a, y, c):
        return (a.sqrt() * (x - c[y])).norm() ** 2 / (2 * len(x))

    def vmap(x, a, y, c):
        return torch.func.vmap(lambda x, a, own: torch.dot(a, (x - own) ** 2) / 2)(x, a, c[y]).mean()

    def one_hot_matmul(x, a, y, c):
        apart = x - F.one_hot(y, len(c)).to(c) @ c
        return torch.trace(a @ apart.square().T) / (2 * len(x))

    def in_float32(x, a, y, c):
        return right_loss(x.float(), a.float(), y, c.float())

    a_lambda = lambda x, a, y, c: (a * (c[y] - x) ** 2).sum(1).mean() / 2  # noqa: E731


WRONG = members(Losses) + usual(right_loss, questions.sparse_center_loss)
RIGHT = [right_loss, *members(RightLosses)]

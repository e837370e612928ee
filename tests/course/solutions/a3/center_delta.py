"""Question 1: the step of the centers, Eq. 11, and mistakes in it that the other questions repeat."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a3_center_update as questions


def sums_and_counts(x, a, y, c):
    sums = torch.zeros_like(c).index_add(0, y, a * (c[y] - x))
    return sums, torch.bincount(y, minlength=len(c))[:, None]


def right_delta(x, a, y, c, eps):
    sums, counts = sums_and_counts(x, a, y, c)
    return torch.where(counts > 0, sums / (eps + counts.clamp(min=1)), torch.zeros_like(sums))


def eps_only_without_samples(x, a, y, c, eps):
    sums, counts = sums_and_counts(x, a, y, c)
    return sums / torch.where(counts > 0, counts, max(eps, 1e-6))


def divides_by_the_batch(x, a, y, c, eps):
    return sums_and_counts(x, a, y, c)[0] / (eps + len(x))


def gradient_of_eq_4(x, a, y, c, eps):
    return sums_and_counts(x, a, y, c)[0] / len(x)


def nan_for_absent_classes(x, a, y, c, eps):
    sums, counts = sums_and_counts(x, a, y, c)
    return sums / (eps + counts)


def pulls_absent_centers_to_the_origin(x, a, y, c, eps):
    absent = torch.bincount(y, minlength=len(c))[:, None] == 0
    return right_delta(x, a, y, c, eps) + absent * c / (eps + 1)


def guard_in_the_numerator(x, a, y, c, eps):
    sums, counts = sums_and_counts(x, a, y, c)
    return (sums + 1e-8) / (eps + counts.clamp(min=1))


class Deltas:
    """Wrong answers to question 1."""

    def wrong_sign(x, a, y, c, eps):
        return -right_delta(x, a, y, c, eps)

    def forgot_to_divide(x, a, y, c, eps):
        return sums_and_counts(x, a, y, c)[0]

    def divides_by_the_classes(x, a, y, c, eps):
        return sums_and_counts(x, a, y, c)[0] / (eps + len(c))

    def divides_by_the_sum_of_attention(x, a, y, c, eps):
        weights = torch.zeros_like(c).index_add(0, y, a)
        sums, counts = sums_and_counts(x, a, y, c)
        return torch.where(counts > 0, sums / (eps + weights.clamp(min=1e-12)), 0 * sums)

    def ignores_eps(x, a, y, c, eps):
        return right_delta(x, a, y, c, 0.0)

    def eps_is_always_1(x, a, y, c, eps):
        return right_delta(x, a, y, c, 1.0)

    def eps_in_the_numerator(x, a, y, c, eps):
        sums, counts = sums_and_counts(x, a, y, c)
        return (sums + eps) / counts.clamp(min=1)

    def eps_after_the_division(x, a, y, c, eps):
        sums, counts = sums_and_counts(x, a, y, c)
        return sums / counts.clamp(min=1) + eps

    def eps_as_a_floor(x, a, y, c, eps):
        sums, counts = sums_and_counts(x, a, y, c)
        return sums / counts.clamp(min=max(eps, 1e-12))

    def eps_times_the_count(x, a, y, c, eps):
        sums, counts = sums_and_counts(x, a, y, c)
        return torch.where(counts > 0, sums / ((1 + eps) * counts).clamp(min=1e-12), 0 * sums)

    def eps_for_each_sample(x, a, y, c, eps):
        return right_delta(x, a, y, c, 0.0) / (1 + eps)

    def multiplies_with_eps_plus_count(x, a, y, c, eps):
        sums, counts = sums_and_counts(x, a, y, c)
        return sums * (eps + counts)

    def nan_for_absent_classes_by_a_mean(x, a, y, c, eps):
        rows = [(a[y == k] * (c[k] - x[y == k])).mean(dim=0) * len(x[y == k]) for k in range(len(c))]
        return torch.stack(rows) / (eps + torch.bincount(y, minlength=len(c))[:, None])

    def counts_absent_classes_as_one_sample(x, a, y, c, eps):
        sums, counts = sums_and_counts(x, a, y, c)
        return sums / (eps + counts + 1)

    def rows_only_of_present_classes(x, a, y, c, eps):
        return right_delta(x, a, y, c, eps)[y.unique()]

    def as_many_rows_as_the_largest_label(x, a, y, c, eps):
        return right_delta(x, a, y, c, eps)[: int(y.max()) + 1]

    def takes_eps_0_for_missing(x, a, y, c, eps):
        return right_delta(x, a, y, c, eps or 1.0)

    def a_row_for_each_sample(x, a, y, c, eps):
        return a * (c[y] - x) / (eps + torch.bincount(y)[y])[:, None]

    def without_attention(x, a, y, c, eps):
        return right_delta(x, torch.ones_like(a), y, c, eps)

    def attention_squared(x, a, y, c, eps):
        return right_delta(x, a**2, y, c, eps)

    def mean_attention(x, a, y, c, eps):
        return right_delta(x, a.mean(dim=1, keepdim=True).expand_as(a), y, c, eps)

    def last_sample_of_each_class(x, a, y, c, eps):
        sums = torch.zeros_like(c)
        sums[y] = a * (c[y] - x)
        return sums / (max(eps, 1e-12) + torch.bincount(y, minlength=len(c))[:, None])

    def adds_with_repeated_indices(x, a, y, c, eps):
        sums = torch.zeros_like(c)
        sums[y] += a * (c[y] - x)
        return sums / (max(eps, 1e-12) + torch.bincount(y, minlength=len(c))[:, None])

    def sums_all_samples_for_each_class(x, a, y, c, eps):
        counts = torch.bincount(y, minlength=len(c))[:, None]
        sums = torch.stack([(a * (c[k] - x)).sum(dim=0) for k in range(len(c))])
        return torch.where(counts > 0, sums / (eps + counts.clamp(min=1)), 0 * sums)

    def wrong_center(x, a, y, c, eps):
        return right_delta(x, a, y, c.roll(1, dims=0), eps)

    def autograd(x, a, y, c, eps):
        c = c.clone().requires_grad_()
        loss = (a * (x - c[y]).square()).sum() / 2
        return torch.autograd.grad(loss, c)[0] / (max(eps, 1e-12) + torch.bincount(y, minlength=len(c))[:, None])

    def package(x, a, y, c, eps):
        from dacl_edu.centers import center_delta

        return center_delta(x, a, y, c, eps)

    def adds_up_in_the_centers(x, a, y, c, eps):
        result = right_delta(x, a, y, c, eps)
        return c.zero_().add_(result)


SHARED = [
    eps_only_without_samples,
    divides_by_the_batch,
    gradient_of_eq_4,
    nan_for_absent_classes,
    pulls_absent_centers_to_the_origin,
    guard_in_the_numerator,
]


class RightDeltas:
    def loop_over_numbers(x, a, y, c, eps):
        delta = torch.zeros_like(c)
        for k in range(len(c)):
            rows = [i for i in range(len(x)) if int(y[i]) == k]
            for j in range(c.shape[1]):
                if rows:
                    delta[k, j] = sum(a[i, j] * (c[k, j] - x[i, j]) for i in rows) / (eps + len(rows))
        return delta

    def one_hot_matmul(x, a, y, c, eps):
        member = F.one_hot(y, len(c)).to(x.dtype)
        n = member.sum(dim=0)[:, None]
        return member.T @ (a * (c[y] - x)) / (eps + n).clamp_min(1e-30)

    def einsum(x, a, y, c, eps):
        member = (y[:, None] == torch.arange(len(c))).to(x.dtype)
        sums = torch.einsum("ik,ij,ij->kj", member, a, c[y] - x)
        return (sums / (eps + member.sum(0))[:, None]).nan_to_num(nan=0.0)

    def counts_of_at_least_one(x, a, y, c, eps):
        sums, counts = sums_and_counts(x, a, y, c)
        return sums / (eps + counts.clamp(min=1))

    def weights_first(x, a, y, c, eps):
        n = torch.bincount(y, minlength=len(c))[y][:, None]
        return torch.zeros_like(c).index_add(0, y, a * (c[y] - x) / (eps + n))

    def scatter_in_float32(x, a, y, c, eps):
        where = y[:, None].expand_as(x)
        sums = torch.zeros_like(c, dtype=torch.float32).scatter_add(0, where, (a * (c[y] - x)).float())
        return sums / (eps + torch.bincount(y, minlength=len(c)).clamp(min=1))[:, None]

    def only_present_rows(x, a, y, c, eps):
        delta = c.new_zeros(c.shape)
        for k in y.unique():
            delta[k] = (a * (c[k] - x))[y == k].sum(dim=0) / (eps + (y == k).sum())
        return delta


WRONG = members(Deltas) + SHARED + usual(right_delta, questions.center_delta)
RIGHT = [right_delta, *members(RightDeltas)]

"""Assignment 3: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.usual import members, usual

from dacl_edu.course.questions import a3_center_update as questions

# --------------------------------------------------------------------------------------------- 1: Eq. 11


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


# --------------------------------------------------------------------------------- 2: Algorithm 1, line 15


def right_centers(x, a, y, c, alpha, eps):
    return (c - alpha * right_delta(x, a, y, c, eps)).detach()


class Centers:
    """Wrong answers to question 2."""

    def adds_the_step(x, a, y, c, alpha, eps):
        return (c + alpha * right_delta(x, a, y, c, eps)).detach()

    def forgot_alpha(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, c, 1.0, eps)

    def alpha_of_the_paper_always(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, c, 0.5, eps)

    def one_minus_alpha(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, c, 1 - alpha, eps)

    def alpha_squared(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, c, alpha**2, eps)

    def shrinks_the_centers(x, a, y, c, alpha, eps):
        return ((1 - alpha) * c - alpha * right_delta(x, a, y, c, eps)).detach()

    def returns_the_step(x, a, y, c, alpha, eps):
        return (alpha * right_delta(x, a, y, c, eps)).detach()

    def returns_the_old_centers(x, a, y, c, alpha, eps):
        right_delta(x, a, y, c, eps)
        return c.detach().clone()

    def ignores_eps(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, c, alpha, 0.0)

    def eps_only_without_samples(x, a, y, c, alpha, eps):
        return (c - alpha * eps_only_without_samples(x, a, y, c, eps)).detach()

    def divides_by_the_batch(x, a, y, c, alpha, eps):
        return (c - alpha * divides_by_the_batch(x, a, y, c, eps)).detach()

    def gradient_of_eq_4(x, a, y, c, alpha, eps):
        return (c - alpha * gradient_of_eq_4(x, a, y, c, eps)).detach()

    def replaces_centers_by_class_means(x, a, y, c, alpha, eps):
        return torch.stack([x[y == k].mean(dim=0) if k in y else c[k] for k in range(len(c))]).detach()

    def without_attention(x, a, y, c, alpha, eps):
        return right_centers(x, torch.ones_like(a), y, c, alpha, eps)

    def nan_for_absent_classes(x, a, y, c, alpha, eps):
        return (c - alpha * nan_for_absent_classes(x, a, y, c, eps)).detach()

    def pulls_absent_centers_to_the_origin(x, a, y, c, alpha, eps):
        return (c - alpha * pulls_absent_centers_to_the_origin(x, a, y, c, eps)).detach()

    def absent_centers_through_a_quotient(x, a, y, c, alpha, eps):
        sums, counts = sums_and_counts(x, a, y, c)
        below = eps + counts.clamp(min=1)  # equal on paper, not in the last digit
        return ((c * below - alpha * sums) / below).detach()

    def decays_absent_centers_a_little(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, c, alpha, eps) * (1 - 1e-9)

    def decays_absent_centers_by_a_trace_of_alpha(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, c, alpha, eps) * (1 - 1e-9 * alpha)

    def takes_alpha_0_for_missing(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, c, alpha or 0.5, eps)

    def right_factor_through_autograd(x, a, y, c, alpha, eps):
        leaf = c.detach().clone().requires_grad_()
        slope = torch.autograd.grad((a * (x - leaf[y]).square()).sum() / 2, leaf)[0]
        return (c - alpha * slope / (eps + torch.bincount(y, minlength=len(c)).clamp(min=1))[:, None]).detach()

    def moves_the_given_centers(x, a, y, c, alpha, eps):
        with torch.no_grad():
            c -= alpha * right_delta(x, a, y, c, eps)
        return c

    def moves_the_data_of_the_given_centers(x, a, y, c, alpha, eps):
        c.data.sub_(alpha * right_delta(x, a, y, c, eps).detach())
        return c

    def lets_the_gradient_through(x, a, y, c, alpha, eps):
        return c - alpha * right_delta(x, a, y, c, eps)

    def detaches_the_step_only(x, a, y, c, alpha, eps):
        return c - alpha * right_delta(x, a, y, c, eps).detach()

    def detaches_the_centers_only(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, c, 0.0, eps) - alpha * right_delta(x, a, y, c.detach(), eps)

    def keeps_attention_attached(x, a, y, c, alpha, eps):
        return c.detach() - alpha * right_delta(x.detach(), a, y, c.detach(), eps)

    def through_autograd(x, a, y, c, alpha, eps):
        leaf = c.detach().clone().requires_grad_()
        loss = (a * (x - leaf[y]).square()).sum() / (2 * len(x))
        loss.backward()
        return (leaf - alpha * leaf.grad).detach()

    def through_an_optimizer(x, a, y, c, alpha, eps):
        leaf = torch.nn.Parameter(c.detach().clone())
        optimizer = torch.optim.SGD([leaf], lr=alpha)
        ((a * (x - leaf[y]).square()).sum() / (2 * len(x))).backward()
        optimizer.step()
        return leaf.detach()

    def package(x, a, y, c, alpha, eps):
        from dacl_edu.centers import center_delta

        return (c - alpha * center_delta(x, a, y, c, eps)).detach()

    def two_steps(x, a, y, c, alpha, eps):
        return right_centers(x, a, y, right_centers(x, a, y, c, alpha, eps), alpha, eps)

    def one_sample_after_the_other(x, a, y, c, alpha, eps):
        for i in range(len(x)):
            c = right_centers(x[i : i + 1], a[i : i + 1], y[i : i + 1], c, alpha, eps)
        return c


class RightCenters:
    @torch.no_grad()
    def under_no_grad(x, a, y, c, alpha, eps):
        return c - alpha * right_delta(x, a, y, c, eps)

    def in_place_on_a_copy(x, a, y, c, alpha, eps):
        moved = c.detach().clone()
        for k in y.unique().tolist():
            own = y == k
            moved[k] -= alpha * (a[own] * (c[k] - x[own])).sum(dim=0).detach() / (eps + own.sum())
        return moved

    def add_with_a_factor(x, a, y, c, alpha, eps):
        return torch.add(c, right_delta(x, a, y, c, eps), alpha=-alpha).detach()

    def in_inference_mode(x, a, y, c, alpha, eps):
        with torch.inference_mode():
            moved = c - alpha * RightDeltas.einsum(x, a, y, c, eps)
        return moved.clone()

    def addcdiv(x, a, y, c, alpha, eps):
        sums, counts = sums_and_counts(x.detach(), a.detach(), y, c.detach())
        return torch.addcdiv(c.detach(), sums, (eps + counts.clamp(min=1)).to(c.dtype).expand_as(c), value=-alpha)

    def all_in_float32(x, a, y, c, alpha, eps):
        return right_centers(x.float(), a.float(), y, c.float(), alpha, eps)

    def steps_in_float32(x, a, y, c, alpha, eps):
        return (c - alpha * RightDeltas.scatter_in_float32(x, a, y, c, eps)).detach()


# ----------------------------------------------------------------------------------------- 3: micro-batches


def joined(parts):
    return tuple(torch.cat(tensors) for tensors in zip(*parts, strict=True))


def right_of_parts(parts, c, eps):
    sums, counts = torch.zeros_like(c), torch.zeros(len(c), 1, dtype=c.dtype)
    for x, a, y in parts:
        more, n = sums_and_counts(x, a, y, c)
        sums, counts = sums + more, counts + n
    return sums / (eps + counts).clamp_min(1e-30)


class Parts:
    """Wrong answers to question 3."""

    def adds_the_steps(parts, c, eps):
        return sum(right_delta(*part, c, eps) for part in parts)

    def mean_of_the_steps(parts, c, eps):
        return torch.stack([right_delta(*part, c, eps) for part in parts]).mean(dim=0)

    def mean_of_the_steps_by_size(parts, c, eps):
        m = sum(len(part[0]) for part in parts)
        return sum(right_delta(*part, c, eps) * len(part[0]) / m for part in parts)

    def mean_of_the_steps_by_count(parts, c, eps):
        counts = [torch.bincount(y, minlength=len(c))[:, None] for _, _, y in parts]
        steps = [right_delta(*part, c, eps) * n for part, n in zip(parts, counts, strict=True)]
        return sum(steps) / sum(counts).clamp(min=1)

    def last_part(parts, c, eps):
        return right_delta(*parts[-1], c, eps)

    def first_part(parts, c, eps):
        return right_delta(*parts[0], c, eps)

    def first_two_parts(parts, c, eps):
        return right_delta(*joined(parts[:2]), c, eps)

    def counts_of_the_last_part(parts, c, eps):
        x, a, y = joined(parts)
        n = torch.bincount(parts[-1][2], minlength=len(c)).clamp(min=1)[:, None]
        return sums_and_counts(x, a, y, c)[0] / (eps + n)

    def eps_for_each_part(parts, c, eps):
        return right_delta(*joined(parts), c, eps * len(parts))

    def eps_divided_among_parts(parts, c, eps):
        return right_delta(*joined(parts), c, eps / len(parts))

    def ignores_eps(parts, c, eps):
        return right_delta(*joined(parts), c, 0.0)

    def moves_centers_between_parts(parts, c, eps):
        now = c
        for part in parts:
            now = now - right_delta(*part, now, eps)
        return c - now

    def wrong_sign(parts, c, eps):
        return -right_of_parts(parts, c, eps)

    def forgets_equal_parts(parts, c, eps):
        different = {float(part[0].sum()): part for part in parts}
        return right_of_parts(list(different.values()), c, eps)

    def batch_size_for_counts(parts, c, eps):
        x, a, y = joined(parts)
        return sums_and_counts(x, a, y, c)[0] / (eps + len(x))

    def nan_for_absent_classes(parts, c, eps):
        return nan_for_absent_classes(*joined(parts), c, eps)

    def guard_in_the_numerator(parts, c, eps):
        return guard_in_the_numerator(*joined(parts), c, eps)

    def without_attention(parts, c, eps):
        x, a, y = joined(parts)
        return right_delta(x, torch.ones_like(a), y, c, eps)

    def autograd(parts, c, eps):
        x, a, y = joined(parts)
        leaf = c.detach().clone().requires_grad_()
        slope = torch.autograd.grad((a * (x - leaf[y]).square()).sum() / 2, leaf)[0]
        return slope / (eps + torch.bincount(y, minlength=len(c)).clamp(min=1))[:, None]

    def a_list_of_steps(parts, c, eps):
        return [right_delta(*part, c, eps) for part in parts]

    def a_stack_of_steps(parts, c, eps):
        return torch.stack([right_delta(*part, c, eps) for part in parts])

    def only_two_equal_parts(parts, c, eps):
        sizes = {len(part[0]) for part in parts}
        if len(sizes) == 1:
            return right_of_parts(parts, c, eps)
        return torch.stack([right_delta(*part, c, eps) for part in parts]).mean(dim=0)

    def package(parts, c, eps):
        from dacl_edu.centers import ClassCenters

        keeper = ClassCenters(*c.shape, alpha=1.0, eps=eps)
        keeper.double().centers.copy_(c)
        for x, a, y in parts:
            keeper.accumulate(x, a, y)
        keeper.step()
        return c - keeper.centers

    def adds_up_in_the_first_part(parts, c, eps):
        x, _, y = parts[0]
        result = right_of_parts(parts, c, eps)
        x.sub_(c[y])
        return result


class RightParts:
    def joins_first(parts, c, eps):
        return right_delta(*joined(parts), c, eps)

    def loop_over_samples(parts, c, eps):
        sums, n = [0 * row for row in c], [0] * len(c)
        for part in parts:
            for features, weights, label in zip(*part, strict=True):
                k = int(label)
                sums[k] = sums[k] + weights * (c[k] - features)
                n[k] += 1
        return torch.stack([row / (eps + count) if count else row for row, count in zip(sums, n, strict=True)])

    def undoes_the_division(parts, c, eps):
        counts = [torch.bincount(y, minlength=len(c))[:, None] for _, _, y in parts]
        sums = sum(right_delta(*part, c, eps) * (eps + n) for part, n in zip(parts, counts, strict=True))
        return sums / (eps + sum(counts).clamp(min=1))

    def one_hot_matmul_in_float32(parts, c, eps):
        members_ = [F.one_hot(y, len(c)).float() for _, _, y in parts]
        sums = sum(m.T @ (a * (c[y] - x)).float() for m, (x, a, y) in zip(members_, parts, strict=True))
        return sums / (eps + sum(m.sum(dim=0) for m in members_)).clamp_min(1e-30)[:, None]


WRONG = {
    "center_delta": members(Deltas) + SHARED + usual(right_delta, questions.center_delta),
    "updated_centers": members(Centers) + usual(right_centers, questions.updated_centers),
    "delta_of_parts": members(Parts) + usual(right_of_parts, questions.delta_of_parts),
}
RIGHT = {
    "center_delta": [right_delta, *members(RightDeltas)],
    "updated_centers": [right_centers, *members(RightCenters)],
    "delta_of_parts": [right_of_parts, *members(RightParts)],
}

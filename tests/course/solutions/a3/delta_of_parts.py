"""Question 3: one step from several micro-batches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a3.center_delta import (
    guard_in_the_numerator,
    nan_for_absent_classes,
    right_delta,
    sums_and_counts,
)
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a3_center_update as questions


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


WRONG = members(Parts) + usual(right_of_parts, questions.delta_of_parts)
RIGHT = [right_of_parts, *members(RightParts)]

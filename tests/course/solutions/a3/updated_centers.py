"""Question 2: the moved centers, line 15 of Algorithm 1."""

from __future__ import annotations

import torch
from course.solutions.a3.center_delta import (
    RightDeltas,
    divides_by_the_batch,
    eps_only_without_samples,
    gradient_of_eq_4,
    nan_for_absent_classes,
    pulls_absent_centers_to_the_origin,
    right_delta,
    sums_and_counts,
)
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a3_center_update as questions


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
    def absent_centers_through_a_quotient(x, a, y, c, alpha, eps):
        sums, counts = sums_and_counts(x, a, y, c)
        below = eps + counts.clamp(min=1)  # equal on paper, not in the last digit
        return ((c * below - alpha * sums) / below).detach()

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


WRONG = members(Centers) + usual(right_centers, questions.updated_centers)
RIGHT = [right_centers, *members(RightCenters)]

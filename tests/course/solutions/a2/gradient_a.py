"""Question 3: the gradient of attention, Eq. 10."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a2.gradient_x import right_x
from course.solutions.a2.sparse_center_loss import right_loss
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a2_sparse_center_loss as questions


def right_a(x, a, y, c):
    return (x - c[y]).square() / (2 * len(x))


class OfA:
    """Wrong answers to question 3."""

    def forgot_the_half(x, a, y, c):
        return (x - c[y]).square() / len(x)

    def forgot_the_mean(x, a, y, c):
        return (x - c[y]).square() / 2

    def wrong_sign(x, a, y, c):
        return -(x - c[y]).square() / (2 * len(x))

    def as_printed(x, a, y, c):
        return (x - c[y]).norm(dim=1).square() / (2 * len(x))

    def as_printed_with_a_dimension(x, a, y, c):
        return (x - c[y]).norm(dim=1, keepdim=True).square() / (2 * len(x))

    def as_printed_and_expanded(x, a, y, c):
        return (x - c[y]).norm(dim=1, keepdim=True).square().expand_as(a) / (2 * len(x))

    def as_printed_and_shared(x, a, y, c):
        return (x - c[y]).norm(dim=1, keepdim=True).square().expand_as(a) / (2 * len(x) * x.shape[1])

    def without_the_square(x, a, y, c):
        return (x - c[y]) / (2 * len(x))

    def absolute_difference(x, a, y, c):
        return (x - c[y]).abs() / (2 * len(x))

    def keeps_attention(x, a, y, c):
        return a * (x - c[y]).square() / (2 * len(x))

    def two_times_attention(x, a, y, c):
        return 2 * a * (x - c[y]).square() / (2 * len(x))

    def divides_by_the_dimensions(x, a, y, c):
        return (x - c[y]).square() / (2 * x.shape[1])

    def divides_by_all_numbers(x, a, y, c):
        return (x - c[y]).square() / (2 * x.numel())

    def sums_the_samples(x, a, y, c):
        return (x - c[y]).square().sum(dim=0) / (2 * len(x))

    def one_center_for_all(x, a, y, c):
        return (x - c[y[0]]).square() / (2 * len(x))

    def broadcasts_c_without_y(x, a, y, c):
        return (x - c).square() / (2 * len(x))

    def is_eq_9(x, a, y, c):
        return right_x(x, a, y, c)

    def loss_of_each_sample(x, a, y, c):
        return (a * (x - c[y]).square()).sum(1, keepdim=True).expand_as(a) / (2 * len(x))

    def zero(x, a, y, c):
        return torch.zeros_like(a)

    def autograd(x, a, y, c):
        a = a.clone().requires_grad_()
        return torch.autograd.grad(right_loss(x, a, y, c), a)[0]

    def functional_jacobian(x, a, y, c):
        return torch.func.jacfwd(right_loss, argnums=1)(x, a, y, c)

    def package(x, a, y, c):
        from dacl_edu.losses import sparse_center_loss

        return right_a(x, a, y, c) + 0 * sparse_center_loss(x, a, y, c)


class RightOfA:
    def loop_over_samples(x, a, y, c):
        return torch.stack([(f - c[k]) * (f - c[k]) for f, k in zip(x, y, strict=True)]) / (2 * len(x))

    def one_hot_matmul(x, a, y, c):
        return (x - F.one_hot(y, len(c)).to(c.dtype) @ c).pow(2).div(2 * len(x))

    def from_eq_9_with_attention_1(x, a, y, c):
        return right_x(x, torch.ones_like(a), y, c) * (x - c[y]) / 2

    def expanded_in_float64(x, a, y, c):
        own = c[y].double()
        return (x.double() ** 2 - 2 * x.double() * own + own**2) / (2 * len(x))

    def einsum_in_float32(x, a, y, c):
        apart = (x - c[y]).float()
        return torch.einsum("ij,ij->ij", apart, apart) / (2 * len(apart))


WRONG = members(OfA) + usual(right_a, questions.gradient_a)
RIGHT = [right_a, *members(RightOfA)]

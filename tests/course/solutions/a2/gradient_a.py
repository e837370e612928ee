"""Question 3: the gradient of attention."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a2.gradient_x import right_x
from course.solutions.a2.sparse_center_loss import right_loss, roots, squares
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a2_sparse_center_loss as questions


def right_a(x, a, y, c):
    return (x - c[y]).square() / (2 * len(x) * roots(x, a, y, c)[:, None])


class OfA:
    """Wrong answers to question 3."""

    def eq_10(x, a, y, c):
        return (x - c[y]).square() / (2 * len(x))

    def forgot_the_half(x, a, y, c):
        return 2 * right_a(x, a, y, c)

    def forgot_the_mean(x, a, y, c):
        return len(x) * right_a(x, a, y, c)

    def wrong_sign(x, a, y, c):
        return -right_a(x, a, y, c)

    def the_squared_norm(x, a, y, c):
        return right_a(x, a, y, c).sum(dim=1)

    def the_squared_norm_expanded(x, a, y, c):
        return right_a(x, a, y, c).sum(dim=1, keepdim=True).expand_as(a)

    def shared_by_the_dimensions(x, a, y, c):
        return right_a(x, a, y, c).mean(dim=1, keepdim=True).expand_as(a)

    def without_the_square(x, a, y, c):
        return (x - c[y]) / (2 * len(x) * roots(x, a, y, c)[:, None])

    def absolute_difference(x, a, y, c):
        return (x - c[y]).abs() / (2 * len(x) * roots(x, a, y, c)[:, None])

    def keeps_attention(x, a, y, c):
        return a * right_a(x, a, y, c)

    def multiplies_by_the_root(x, a, y, c):
        return (x - c[y]).square() * roots(x, a, y, c)[:, None] / (2 * len(x))

    def divides_by_what_stands_below_the_root(x, a, y, c):
        return (x - c[y]).square() / (2 * len(x) * (1 + squares(x, a, y, c))[:, None])

    def the_root_minus_one(x, a, y, c):
        return (roots(x, a, y, c) - 1)[:, None].expand_as(a) / len(x)

    def root_without_attention(x, a, y, c):
        return right_x(x, torch.ones_like(a), y, c) * (x - c[y]) / 2

    def forgot_the_one(x, a, y, c):
        return (x - c[y]).square() / (2 * len(x) * (squares(x, a, y, c) + 1e-12).sqrt()[:, None])

    def root_of_each_number(x, a, y, c):
        return (x - c[y]).square() / (2 * len(x) * (1 + a * (x - c[y]).square()).sqrt())

    def one_root_for_the_batch(x, a, y, c):
        return (x - c[y]).square() / (2 * len(x) * (1 + squares(x, a, y, c).sum()).sqrt())

    def one_center_for_all(x, a, y, c):
        return right_a(x, a, y[:1].expand_as(y), c)

    def is_the_gradient_of_x(x, a, y, c):
        return right_x(x, a, y, c)

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
        rows = [(f - c[k]) ** 2 / (1 + w @ (f - c[k]) ** 2).sqrt() for f, w, k in zip(x, a, y, strict=True)]
        return torch.stack(rows) / (2 * len(x))

    def one_hot_matmul(x, a, y, c):
        far = (x - F.one_hot(y, len(c)).to(c.dtype) @ c).pow(2)
        return far.div(2 * len(x)).div((a * far).sum(1).add(1).sqrt()[:, None])

    def from_the_gradient_of_x(x, a, y, c):
        return right_x(x, a, y, c) * (x - c[y]) / (2 * a)

    def expanded_in_float64(x, a, y, c):
        own, far = c[y].double(), roots(x.double(), a.double(), y, c.double())
        return (x.double() ** 2 - 2 * x.double() * own + own**2) / (2 * len(x) * far[:, None])

    def inverse_root(x, a, y, c):
        apart = x - c[y]
        return torch.einsum("ij,ij,i->ij", apart, apart, (1 + squares(x, a, y, c)).rsqrt()) / (2 * len(apart))


WRONG = members(OfA) + usual(right_a, questions.gradient_a)
RIGHT = [right_a, *members(RightOfA)]

"""Question 2: the gradient of the features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a2.sparse_center_loss import right_loss, roots, squares
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a2_sparse_center_loss as questions


def right_x(x, a, y, c):
    return a * (x - c[y]) / (len(x) * roots(x, a, y, c)[:, None])


class OfX:
    """Wrong answers to question 2."""

    def eq_9(x, a, y, c):
        return a * (x - c[y]) / len(x)

    def forgot_the_mean(x, a, y, c):
        return len(x) * right_x(x, a, y, c)

    def keeps_a_half(x, a, y, c):
        return right_x(x, a, y, c) / 2

    def keeps_a_two(x, a, y, c):
        return 2 * right_x(x, a, y, c)

    def wrong_sign(x, a, y, c):
        return -right_x(x, a, y, c)

    def multiplies_by_the_root(x, a, y, c):
        return a * (x - c[y]) * roots(x, a, y, c)[:, None] / len(x)

    def divides_by_what_stands_below_the_root(x, a, y, c):
        return a * (x - c[y]) / (len(x) * (1 + squares(x, a, y, c))[:, None])

    def divides_by_the_loss(x, a, y, c):
        return a * (x - c[y]) / (len(x) * (roots(x, a, y, c) - 1 + 1e-9)[:, None])

    def forgot_the_one(x, a, y, c):
        return a * (x - c[y]) / (len(x) * (squares(x, a, y, c) + 1e-12).sqrt()[:, None])

    def root_without_attention(x, a, y, c):
        return a * (x - c[y]) / (len(x) * roots(x, torch.ones_like(a), y, c)[:, None])

    def root_of_each_number(x, a, y, c):
        return a * (x - c[y]) / (len(x) * (1 + a * (x - c[y]).square()).sqrt())

    def one_root_for_the_batch(x, a, y, c):
        return a * (x - c[y]) / (len(x) * (1 + squares(x, a, y, c).sum()).sqrt())

    def mean_of_the_roots(x, a, y, c):
        return a * (x - c[y]) / (len(x) * roots(x, a, y, c).mean())

    def without_attention(x, a, y, c):
        return (x - c[y]) / (len(x) * roots(x, a, y, c)[:, None])

    def distance_squared(x, a, y, c):
        return a * (x - c[y]) ** 2 / (len(x) * roots(x, a, y, c)[:, None])

    def sums_the_dimensions(x, a, y, c):
        return right_x(x, a, y, c).sum(dim=1)

    def one_center_for_all(x, a, y, c):
        return right_x(x, a, y[:1].expand_as(y), c)

    def sorts_labels_without_samples(x, a, y, c):
        return right_x(x, a, y.sort().values, c)

    def unit_vectors(x, a, y, c):
        return F.normalize(a * (x - c[y])) / len(x)

    def clipped(x, a, y, c):
        return (a * (x - c[y])).clamp(-1, 1) / len(x)

    def autograd(x, a, y, c):
        x = x.clone().requires_grad_()
        return torch.autograd.grad(right_loss(x, a, y, c), x)[0]

    def functional_grad(x, a, y, c):
        return torch.func.grad(right_loss)(x, a, y, c)

    def autograd_in_a_helper(x, a, y, c):
        return helper_with_backward(x, a, y, c)

    def package(x, a, y, c):
        from dacl_edu.losses import sparse_center_loss  # only its value: still not by hand

        return right_x(x, a, y, c) + 0 * sparse_center_loss(x, a, y, c)


def helper_with_backward(x, a, y, c):
    x = x.detach().clone()
    x.requires_grad = True
    right_loss(x, a, y, c).backward()
    return x.grad


class RightOfX:
    def loop_over_numbers(x, a, y, c):
        slopes = torch.empty_like(x)
        for i, k in enumerate(y.tolist()):
            root = (1 + sum(a[i, j] * (x[i, j] - c[k, j]) ** 2 for j in range(x.shape[1]))) ** 0.5
            for j in range(x.shape[1]):
                slopes[i, j] = a[i, j] * (x[i, j] - c[k, j]) / (root * len(x))
        return slopes

    def one_hot_matmul(x, a, y, c):
        apart = x - F.one_hot(y, len(c)).to(c.dtype) @ c
        return torch.mul(a, apart).div(x.shape[0] * (1 + (a * apart**2).sum(1, keepdim=True)).sqrt())

    def stacked_rows(x, a, y, c):
        rows = [w * (f - c[k]) / (1 + w @ (f - c[k]) ** 2).sqrt() for f, w, k in zip(x, a, y, strict=True)]
        return torch.stack(rows) / len(x)

    def inverse_root(x, a, y, c):
        return torch.einsum("ij,ij,i->ij", a, x - c[y], (1 + squares(x, a, y, c)).rsqrt()) / len(x)

    def root_in_float32(x, a, y, c):
        return a * (x - c[y]) / (len(x) * roots(x.float(), a.float(), y, c.float())[:, None])


WRONG = members(OfX) + usual(right_x, questions.gradient_x)
RIGHT = [right_x, *members(RightOfX)]

"""Question 2: the gradient of the features, Eq. 9."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a2.sparse_center_loss import right_loss
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a2_sparse_center_loss as questions


def right_x(x, a, y, c):
    return a * (x - c[y]) / len(x)


class OfX:
    """Wrong answers to question 2."""

    def forgot_the_mean(x, a, y, c):
        return a * (x - c[y])

    def keeps_the_half(x, a, y, c):
        return a * (x - c[y]) / (2 * len(x))

    def keeps_the_two(x, a, y, c):
        return 2 * a * (x - c[y]) / len(x)

    def wrong_sign(x, a, y, c):
        return a * (c[y] - x) / len(x)

    def divides_by_the_classes(x, a, y, c):
        return a * (x - c[y]) / len(c)

    def divides_by_the_dimensions(x, a, y, c):
        return a * (x - c[y]) / x.shape[1]

    def without_attention(x, a, y, c):
        return (x - c[y]) / len(x)

    def attention_squared(x, a, y, c):
        return a**2 * (x - c[y]) / len(x)

    def distance_squared(x, a, y, c):
        return a * (x - c[y]) ** 2 / len(x)

    def sums_the_dimensions(x, a, y, c):
        return (a * (x - c[y])).sum(dim=1) / len(x)

    def sums_the_samples(x, a, y, c):
        return (a * (x - c[y])).sum(dim=0) / len(x)

    def mean_attention(x, a, y, c):
        return a.mean(dim=1, keepdim=True) * (x - c[y]) / len(x)

    def broadcasts_c_without_y(x, a, y, c):
        return a * (x - c) / len(x)

    def one_center_for_all(x, a, y, c):
        return a * (x - c[y[0]]) / len(x)

    def sorts_labels_without_samples(x, a, y, c):
        return a * (x - c[y.sort().values]) / len(x)

    def sign_only(x, a, y, c):
        return a * (x - c[y]).sign() / len(x)

    def unit_vectors(x, a, y, c):
        return a * F.normalize(x - c[y]) / len(x)

    def divides_by_the_class_count(x, a, y, c):
        return a * (x - c[y]) / torch.bincount(y)[y][:, None]

    def transposed(x, a, y, c):
        return (a * (x - c[y]) / len(x)).T

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
            for j in range(x.shape[1]):
                slopes[i, j] = a[i, j] * (x[i, j] - c[k, j]) / len(x)
        return slopes

    def one_hot_matmul(x, a, y, c):
        return torch.mul(a, x - F.one_hot(y, len(c)).to(c.dtype) @ c).div(x.shape[0])

    def stacked_rows_in_float32(x, a, y, c):
        return torch.stack([w.float() * (f.float() - c[k].float()) for f, w, k in zip(x, a, y, strict=True)]) / len(x)

    def einsum(x, a, y, c):
        return torch.einsum("ij,ij->ij", a, x - c[y]) / len(x)

    def helper(x, a, y, c):
        return right_x(x, a, y, c)


WRONG = members(OfX) + usual(right_x, questions.gradient_x)
RIGHT = [right_x, *members(RightOfX)]

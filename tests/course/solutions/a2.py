"""Assignment 2: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from course.solutions.usual import Function, members, named, usual
from torch import Tensor

from dacl_edu.course.questions import a2_sparse_center_loss as questions

# ------------------------------------------------------------------------------------- 1: sparse center loss


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


# --------------------------------------------------------------------------------------------- 2: Eq. 9


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


# -------------------------------------------------------------------------------------------- 3: Eq. 10


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


# ------------------------------------------------------------------------------ 4: an autograd function


def function(forward: Function, backward: Function) -> Function:
    """An answer to question 4 from its two halves: ``forward(x, a, y, c)`` and ``backward(x, a, y, c, incoming)``."""

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> Tensor:
            ctx.save_for_backward(x, a, y, c)
            return forward(x, a, y, c)

        @staticmethod
        def backward(ctx: Any, incoming: Tensor) -> Any:
            return backward(*ctx.saved_tensors, incoming)

    def through_own_function(x, a, y, c):
        return Own.apply(x, a, y, c)

    return through_own_function


def right_backward(x, a, y, c, incoming):
    return incoming * right_x(x, a, y, c), incoming * right_a(x, a, y, c), None, None


right_by_hand = function(right_loss, right_backward)


class Backwards:
    """Wrong second halves of question 4."""

    def ignores_the_incoming_gradient(x, a, y, c, g):
        return right_backward(x, a, y, c, 1.0)

    def ignores_it_for_attention(x, a, y, c, g):
        return g * right_x(x, a, y, c), right_a(x, a, y, c), None, None

    def ignores_it_for_features(x, a, y, c, g):
        return right_x(x, a, y, c), g * right_a(x, a, y, c), None, None

    def incoming_gradient_squared(x, a, y, c, g):
        return right_backward(x, a, y, c, g * g)

    def divides_by_the_incoming_gradient(x, a, y, c, g):
        return right_backward(x, a, y, c, 1 / g)

    def adds_the_incoming_gradient(x, a, y, c, g):
        return right_x(x, a, y, c) + g - 1, right_a(x, a, y, c) + g - 1, None, None

    def no_gradient_for_attention(x, a, y, c, g):
        return g * right_x(x, a, y, c), None, None, None

    def zero_gradient_for_attention(x, a, y, c, g):
        return g * right_x(x, a, y, c), torch.zeros_like(a), None, None

    def swapped(x, a, y, c, g):
        return g * right_a(x, a, y, c), g * right_x(x, a, y, c), None, None

    def shifted_by_one(x, a, y, c, g):
        return g * right_x(x, a, y, c), None, g * right_a(x, a, y, c), None

    def eq_10_as_printed(x, a, y, c, g):
        return g * right_x(x, a, y, c), g * right_a(x, a, y, c).sum(1, keepdim=True).expand_as(a), None, None

    def forgot_the_mean(x, a, y, c, g):
        return right_backward(x, a, y, c, g * len(x))

    def half_in_eq_9(x, a, y, c, g):
        return g * right_x(x, a, y, c) / 2, g * right_a(x, a, y, c), None, None

    def no_half_in_eq_10(x, a, y, c, g):
        return g * right_x(x, a, y, c), g * right_a(x, a, y, c) * 2, None, None

    def wrong_sign(x, a, y, c, g):
        return right_backward(x, a, y, c, -g)

    def too_few_gradients(x, a, y, c, g):
        return right_backward(x, a, y, c, g)[:2]

    def wrong_shape(x, a, y, c, g):
        return g * right_x(x, a, y, c).sum(1), g * right_a(x, a, y, c), None, None


def leaves_it_to_autograd(x, a, y, c):
    return right_loss(x, a, y, c)


def detached_attention(x, a, y, c):
    return right_by_hand(x, a.detach(), y, c)


def differentiates_inside_backward(x, a, y, c, g):
    with torch.enable_grad():
        x, a = x.detach().requires_grad_(), a.detach().requires_grad_()
        of_x, of_a = torch.autograd.grad(g * right_loss(x, a, y, c), (x, a))
    return of_x, of_a, None, None


def package_inside_forward(x, a, y, c):
    from dacl_edu.losses import sparse_center_loss

    return sparse_center_loss(x, a, y, c)


class RightBackwards:
    def keeps_the_differences():
        class Keeps(torch.autograd.Function):
            @staticmethod
            def forward(x, a, y, c):
                return right_loss(x, a, y, c)

            @staticmethod
            def setup_context(ctx, inputs, output):
                x, a, y, c = inputs
                ctx.save_for_backward(x - c[y], a)

            @staticmethod
            def backward(ctx, g):
                apart, a = ctx.saved_tensors
                share = g * apart / len(apart)
                return share * a, share * apart / 2, None, None

        def sparse_center_loss_by_hand(x, a, y, c):
            return Keeps.apply(x, a, y, c)

        return sparse_center_loss_by_hand

    def gradient_of_the_centers_too():
        def backward(x, a, y, c, g):
            of_x = g * right_x(x, a, y, c)
            return of_x, g * right_a(x, a, y, c), None, torch.zeros_like(c).index_add(0, y, -of_x)

        return function(RightLosses.einsum, backward)

    def loops():
        def backward(x, a, y, c, g):
            of_x, of_a = torch.zeros_like(x), torch.zeros_like(a)
            for i in range(len(x)):
                for j in range(x.shape[1]):
                    apart = x[i, j] - c[y[i], j]
                    of_x[i, j], of_a[i, j] = g * a[i, j] * apart / len(x), g * apart**2 / (2 * len(x))
            return of_x, of_a, None, None

        return function(RightLosses.loop_over_numbers, backward)

    def kept_on_ctx():
        class Own(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, a, y, c):
                ctx.slopes = right_x(x, a, y, c), right_a(x, a, y, c)
                return right_loss(x, a, y, c)

            @staticmethod
            def backward(ctx, g):
                return (*(g * slope for slope in ctx.slopes), None, None)

        return lambda x, a, y, c: Own.apply(x, a, y, c)


def _wrong_functions() -> list[Function]:
    answers: list[Function] = [leaves_it_to_autograd, detached_attention]
    for backward in [*members(Backwards), differentiates_inside_backward]:
        answers.append(named(backward.__name__, function(right_loss, backward)))
    for forward in (Losses.forgot_the_half, Losses.attention_inside_the_square, package_inside_forward):
        answers.append(named(forward.__name__, function(forward, right_backward)))
    return answers


WRONG = {
    "sparse_center_loss": members(Losses) + usual(right_loss, questions.sparse_center_loss),
    "gradient_x": members(OfX) + usual(right_x, questions.gradient_x),
    "gradient_a": members(OfA) + usual(right_a, questions.gradient_a),
    "sparse_center_loss_by_hand": _wrong_functions() + usual(right_by_hand, questions.sparse_center_loss_by_hand),
}
RIGHT = {
    "sparse_center_loss": [right_loss, *members(RightLosses)],
    "gradient_x": [right_x, *members(RightOfX)],
    "gradient_a": [right_a, *members(RightOfA)],
    "sparse_center_loss_by_hand": [right_by_hand, *(make() for make in members(RightBackwards))],
}

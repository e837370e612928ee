"""Question 4: the tempered sparse center loss as an autograd function."""

from __future__ import annotations

import torch
from course.solutions.a2.gradient_a import right_a
from course.solutions.a2.gradient_x import right_x
from course.solutions.a2.sparse_center_loss import Losses, RightLosses, right_loss, roots
from course.solutions.own_function import own_function
from course.solutions.usual import Function, members, named, usual

from dacl_edu_course.questions import a2_sparse_center_loss as questions


def right_backward(x, a, y, c, incoming):
    return incoming * right_x(x, a, y, c), incoming * right_a(x, a, y, c), None, None


right_by_hand = own_function(right_loss, right_backward)


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

    def gradients_of_eq_4(x, a, y, c, g):
        return g * a * (x - c[y]) / len(x), g * (x - c[y]).square() / (2 * len(x)), None, None

    def one_number_a_sample_for_attention(x, a, y, c, g):
        return g * right_x(x, a, y, c), g * right_a(x, a, y, c).sum(1, keepdim=True).expand_as(a), None, None

    def forgot_the_mean(x, a, y, c, g):
        return right_backward(x, a, y, c, g * len(x))

    def half_for_features(x, a, y, c, g):
        return g * right_x(x, a, y, c) / 2, g * right_a(x, a, y, c), None, None

    def no_half_for_attention(x, a, y, c, g):
        return g * right_x(x, a, y, c), g * right_a(x, a, y, c) * 2, None, None

    def wrong_sign(x, a, y, c, g):
        return right_backward(x, a, y, c, -g)

    def too_few_gradients(x, a, y, c, g):
        return right_backward(x, a, y, c, g)[:2]

    def wrong_shape(x, a, y, c, g):
        return g * right_x(x, a, y, c).sum(1), g * right_a(x, a, y, c), None, None


def leaves_it_to_autograd(x, a, y, c):
    return right_loss(x, a, y, c)


def detached_attention(by_hand: Function) -> Function:
    def detached_attention(x, a, y, c):
        return by_hand(x, a.detach(), y, c)

    return detached_attention


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
                ctx.save_for_backward(x - c[y], a, roots(x, a, y, c)[:, None])

            @staticmethod
            def backward(ctx, g):
                apart, a, far = ctx.saved_tensors
                share = g * apart / (len(apart) * far)
                return share * a, share * apart / 2, None, None

        def sparse_center_loss_by_hand(x, a, y, c):
            return Keeps.apply(x, a, y, c)

        return sparse_center_loss_by_hand

    def gradient_of_the_centers_too():
        def backward(x, a, y, c, g):
            of_x = g * right_x(x, a, y, c)
            return of_x, g * right_a(x, a, y, c), None, torch.zeros_like(c).index_add(0, y, -of_x)

        return own_function(RightLosses.einsum, backward)

    def loops():
        def backward(x, a, y, c, g):
            of_x, of_a = torch.zeros_like(x), torch.zeros_like(a)
            for i in range(len(x)):
                share = g / len(x) / (1 + sum(a[i, j] * (x[i, j] - c[y[i], j]) ** 2 for j in range(x.shape[1]))).sqrt()
                for j in range(x.shape[1]):
                    apart = x[i, j] - c[y[i], j]
                    of_x[i, j], of_a[i, j] = share * a[i, j] * apart, share * apart**2 / 2
            return of_x, of_a, None, None

        return own_function(RightLosses.loop_over_numbers, backward)

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
    answers: list[Function] = [leaves_it_to_autograd, detached_attention(right_by_hand)]
    for backward in [*members(Backwards), differentiates_inside_backward]:
        answers.append(named(backward.__name__, own_function(right_loss, backward)))
    for forward in (Losses.eq_4, Losses.attention_inside_the_square, package_inside_forward):
        answers.append(named(forward.__name__, own_function(forward, right_backward)))
    return answers


WRONG = _wrong_functions() + usual(right_by_hand, questions.sparse_center_loss_by_hand)
RIGHT = [right_by_hand, *(make() for make in members(RightBackwards))]

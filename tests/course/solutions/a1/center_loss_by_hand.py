"""Question 3: center loss as an autograd function."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a1.center_loss import Losses, RightLosses, right_loss
from course.solutions.a1.center_loss_gradients import right_gradients
from course.solutions.own_function import own_function
from course.solutions.usual import Function, members, named, usual

from dacl_edu_course.questions import a1_center_loss as questions


def right_backward(x, y, c, incoming):
    pull = incoming * (x - c[y]) / len(x)
    return pull, None, torch.zeros_like(c).index_add(0, y, -pull)


right_by_hand = own_function(right_loss, right_backward)


class Backwards:
    """Wrong second halves of question 3."""

    def ignores_the_incoming_gradient(x, y, c, incoming):
        return right_backward(x, y, c, 1.0)

    def ignores_the_incoming_gradient_for_centers(x, y, c, incoming):
        return right_backward(x, y, c, incoming)[0], None, right_backward(x, y, c, 1.0)[2]

    def incoming_gradient_twice(x, y, c, incoming):
        return right_backward(x, y, c, incoming**2)

    def divides_by_the_incoming_gradient(x, y, c, incoming):
        return right_backward(x, y, c, 1 / incoming)

    def adds_the_incoming_gradient(x, y, c, incoming):
        return tuple(None if slope is None else slope + incoming - 1 for slope in right_backward(x, y, c, 1.0))

    def forgot_the_mean(x, y, c, incoming):
        return right_backward(x, y, c, incoming * len(x))

    def keeps_the_two(x, y, c, incoming):
        return right_backward(x, y, c, incoming * 2)

    def wrong_sign(x, y, c, incoming):
        return right_backward(x, y, c, -incoming)

    def no_gradient_for_centers(x, y, c, incoming):
        return right_backward(x, y, c, incoming)[0], None, None

    def zero_gradient_for_centers(x, y, c, incoming):
        return right_backward(x, y, c, incoming)[0], None, torch.zeros_like(c)

    def too_few_gradients(x, y, c, incoming):
        return right_backward(x, y, c, incoming)[::2]

    def centers_in_the_place_of_labels(x, y, c, incoming):
        of_x, _, of_c = right_backward(x, y, c, incoming)
        return of_x, of_c, None

    def last_sample_of_each_class(x, y, c, incoming):
        of_c = torch.zeros_like(c)
        of_c[y] = -incoming * (x - c[y]) / len(x)
        return right_backward(x, y, c, incoming)[0], None, of_c

    def wrong_shape(x, y, c, incoming):
        return incoming * (x - c[y]).sum(dim=1) / len(x), None, right_backward(x, y, c, incoming)[2]

    def detached_incoming_sum(x, y, c, incoming):
        return right_backward(x, y, c, incoming.sign())


def leaves_it_to_autograd(x, y, c):
    return right_loss(x, y, c)


def differentiates_inside_backward(x, y, c, incoming):
    with torch.enable_grad():
        x, c = x.detach().requires_grad_(), c.detach().requires_grad_()
        of_x, of_c = torch.autograd.grad(incoming * right_loss(x, y, c), (x, c))
    return of_x, None, of_c


def package_inside_forward(x, y, c):
    from dacl_edu.losses import center_loss

    return center_loss(x, y, c)


class RightBackwards:
    def needs_input_grad():
        class Careful(torch.autograd.Function):
            @staticmethod
            def forward(x, y, c):
                return (x - c[y]).square().sum() / (2 * len(x))

            @staticmethod
            def setup_context(ctx, inputs, output):
                x, y, c = inputs
                ctx.save_for_backward(x - c[y], y)
                ctx.classes = len(c)

            @staticmethod
            def backward(ctx, incoming):
                apart, y = ctx.saved_tensors
                of_x = of_c = None
                if ctx.needs_input_grad[0]:
                    of_x = incoming * apart / len(apart)
                if ctx.needs_input_grad[2]:
                    of_c = -incoming * F.one_hot(y, ctx.classes).to(apart.dtype).T @ apart / len(apart)
                return of_x, None, of_c

        def center_loss_by_hand(x, y, c):
            return Careful.apply(x, y, c)

        return center_loss_by_hand

    def loops():
        def backward(x, y, c, g):
            of_x, of_c = torch.zeros_like(x), torch.zeros_like(c)
            for i in range(len(x)):
                of_x[i] = g * (x[i] - c[y[i]]) / len(x)
                of_c[y[i]] -= of_x[i]
            return of_x, None, of_c

        return own_function(RightLosses.loop_over_samples, backward)

    def gradients_of_question_2():
        def backward(x, y, c, g):
            both = right_gradients(x, y, c)
            return g * both["x"], None, g * both["c"]

        return own_function(RightLosses.einsum, backward)

    def an_alias_of_apply():
        class Own(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, y, c):
                ctx.inputs = (x, y, c)
                return right_loss(x, y, c)

            @staticmethod
            def backward(ctx, g):
                return right_backward(*ctx.inputs, g)

        return lambda x, y, c: Own.apply(x, y, c)


def _wrong_functions() -> list[Function]:
    answers = [leaves_it_to_autograd]
    halves = [(right_loss, backward) for backward in members(Backwards)]
    halves += [(right_loss, differentiates_inside_backward), (package_inside_forward, right_backward)]
    halves += [(Losses.forgot_the_half, right_backward), (Losses.keeps_a_dimension, right_backward)]
    for forward, backward in halves:
        name = forward.__name__ if backward is right_backward else backward.__name__
        answers.append(named(name, own_function(forward, backward)))
    return answers


WRONG = _wrong_functions() + usual(right_by_hand, questions.center_loss_by_hand)
RIGHT = [right_by_hand, *(make() for make in members(RightBackwards))]

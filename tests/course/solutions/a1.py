"""Assignment 1: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from course.solutions.usual import Function, members, named, usual
from torch import Tensor

from dacl_edu.course.questions import a1_center_loss as questions

# ------------------------------------------------------------------------------------------------ 1: center loss


def right_loss(x, y, c):
    return (x - c[y]).square().sum() / (2 * len(x))


class Losses:
    """Wrong answers to question 1."""

    def forgot_the_half(x, y, c):
        return (x - c[y]).square().sum() / len(x)

    def forgot_the_mean(x, y, c):
        return (x - c[y]).square().sum() / 2

    def divides_by_the_classes(x, y, c):
        return (x - c[y]).square().sum() / (2 * len(c))

    def divides_by_the_dimensions(x, y, c):
        return (x - c[y]).square().sum() / (2 * x.shape[1])

    def mean_over_everything(x, y, c):
        return (x - c[y]).square().mean() / 2

    def divides_by_m_twice(x, y, c):
        return (x - c[y]).square().sum(dim=1).mean() / (2 * len(x))

    def sums_samples_only(x, y, c):
        return (x - c[y]).square().sum(dim=0) / (2 * len(x))

    def sums_dimensions_only(x, y, c):
        return (x - c[y]).square().sum(dim=1) / 2

    def keeps_a_dimension(x, y, c):
        return (x - c[y]).square().sum().reshape(1) / (2 * len(x))

    def wrong_sign(x, y, c):
        return -(x - c[y]).square().sum() / (2 * len(x))

    def centers_in_the_order_of_the_rows(x, y, c):
        return (x - c[torch.arange(len(x)) % len(c)]).square().sum() / (2 * len(x))

    def all_centers_for_each_sample(x, y, c):
        return (x[:, None] - c[None]).square().sum() / (2 * len(x))

    def broadcasts_c_without_y(x, y, c):
        return (x - c).square().sum() / (2 * len(x))

    def only_the_first_class(x, y, c):
        return (x - c[0]).square().sum() / (2 * len(x))

    def sorts_labels_without_samples(x, y, c):
        return (x - c[y.sort().values]).square().sum() / (2 * len(x))

    def distance_without_the_square(x, y, c):
        return (x - c[y]).norm(dim=1).sum() / (2 * len(x))

    def absolute_differences(x, y, c):
        return (x - c[y]).abs().sum() / (2 * len(x))

    def square_of_the_sum(x, y, c):
        return (x - c[y]).sum(dim=1).square().sum() / (2 * len(x))

    def plus_where_minus_stands(x, y, c):
        return (x + c[y]).square().sum() / (2 * len(x))

    def detached_features(x, y, c):
        return (x.detach() - c[y]).square().sum() / (2 * len(x))

    def detached_result(x, y, c):
        return right_loss(x, y, c).detach()

    def loop_over_floats(x, y, c):
        total = 0.0
        for i in range(len(x)):
            for j in range(x.shape[1]):
                total += (x[i, j].item() - c[y[i], j].item()) ** 2
        return torch.tensor(total / (2 * len(x)), dtype=torch.float64)

    def squeezes_a_batch_of_one(x, y, c):
        distance = (x - c[y]).squeeze()
        return distance.square().sum() / (2 * len(distance))

    def unbiased_mean(x, y, c):
        return (x - c[y]).square().sum() / (2 * max(len(x) - 1, 1))

    def size_of_the_first_batch(x, y, c):
        return (x - c[y]).square().sum() / (2 * 8)

    def package(x, y, c):
        from dacl_edu.losses import center_loss

        return center_loss(x, y, c)

    def nan_for_a_class_without_samples(x, y, c):
        return torch.stack([(x[y == k] - c[k]).square().sum(1).mean() for k in range(len(c))]).sum() / 2

    def mean_of_class_means(x, y, c):
        return torch.stack([(x[y == k] - c[k]).square().sum(1).mean() for k in y.unique()]).mean() / 2

    def pulls_the_centers_together_too(x, y, c):
        return right_loss(x, y, c) + (c[y] - c[y].mean(dim=0)).square().mean()

    def subtracts_in_place(x, y, c):
        return x.sub_(c[y]).square().sum() / (2 * len(x))


class RightLosses:
    def einsum(x, y, c):
        return torch.einsum("ij,ij->", x - c[y], x - c[y]) / (2 * x.size(0))

    def loop_over_samples(x, y, c):
        total = x.new_zeros(())
        for features, label in zip(x, y, strict=True):
            total = total + torch.dot(features - c[label], features - c[label])
        return total / (2 * len(y))

    def one_hot_matmul(x, y, c):
        return (x - F.one_hot(y, len(c)).to(c.dtype) @ c).pow(2).sum() / (2 * len(x))

    def mse(x, y, c):
        return F.mse_loss(x, c.index_select(0, y), reduction="sum") / len(x) / 2

    def vmap(x, y, c):
        return torch.func.vmap(lambda features, own: (features - own).square().sum())(x, c[y]).mean() / 2

    def helper(x, y, c):
        return right_loss(x, y, c)

    def in_float32(x, y, c):
        return right_loss(x.float(), y, c.float())

    def class_by_class(x, y, c):
        return sum((x[y == k] - c[k]).square().sum() for k in y.unique().tolist()) / (2 * len(x))

    def expanded_in_float64(x, y, c):
        x, c = x.double(), c.double()
        return (x.square().sum() + c[y].square().sum() - 2 * (x * c[y]).sum()) / (2 * len(x))

    a_lambda = lambda x, y, c: ((x - c[y]) ** 2).sum() / (2 * len(x))  # noqa: E731


# ---------------------------------------------------------------------------------------- 2: gradients by hand


def right_gradients(x, y, c):
    pull = (x - c[y]) / len(x)
    return {"x": pull, "c": torch.zeros_like(c).index_add(0, y, -pull)}


class Gradients:
    """Wrong answers to question 2."""

    def forgot_the_mean(x, y, c):
        return {name: slope * len(x) for name, slope in right_gradients(x, y, c).items()}

    def keeps_the_two(x, y, c):
        return {name: 2 * slope for name, slope in right_gradients(x, y, c).items()}

    def keeps_the_half(x, y, c):
        return {name: slope / 2 for name, slope in right_gradients(x, y, c).items()}

    def both_with_the_wrong_sign(x, y, c):
        return {name: -slope for name, slope in right_gradients(x, y, c).items()}

    def same_sign_for_centers(x, y, c):
        return {**right_gradients(x, y, c), "c": -right_gradients(x, y, c)["c"]}

    def swapped(x, y, c):
        both = right_gradients(x, y, c)
        return {"x": both["c"], "c": both["x"]}

    def last_sample_of_each_class(x, y, c):
        pull, of_c = (x - c[y]) / len(x), torch.zeros_like(c)
        of_c[y] = -pull
        return {"x": pull, "c": of_c}

    def adds_with_repeated_indices(x, y, c):
        pull, of_c = (x - c[y]) / len(x), torch.zeros_like(c)
        of_c[y] -= pull
        return {"x": pull, "c": of_c}

    def divides_by_the_class_count(x, y, c):
        n = torch.bincount(y, minlength=len(c)).clamp(min=1)[:, None]
        return {**right_gradients(x, y, c), "c": right_gradients(x, y, c)["c"] * len(x) / n}

    def nan_for_absent_classes(x, y, c):
        n = torch.bincount(y, minlength=len(c))[:, None]
        return {**right_gradients(x, y, c), "c": right_gradients(x, y, c)["c"] / n * n}

    def pulls_absent_centers(x, y, c):
        of_c = [(c[k] - x[y == k].mean(0)) if k in y else c[k] / len(x) for k in range(len(c))]
        n = torch.bincount(y, minlength=len(c)).clamp(min=1)[:, None]
        return {**right_gradients(x, y, c), "c": torch.stack(of_c) * n / len(x)}

    def gradient_of_all_centers_at_once(x, y, c):
        return {**right_gradients(x, y, c), "c": -(x - c[y]).sum(dim=0) / len(x)}

    def a_row_for_each_sample(x, y, c):
        return {"x": (x - c[y]) / len(x), "c": -(x - c[y]) / len(x)}

    def no_centers(x, y, c):
        return {"x": right_gradients(x, y, c)["x"]}

    def zero_centers(x, y, c):
        return {**right_gradients(x, y, c), "c": torch.zeros_like(c)}

    def a_tuple(x, y, c):
        return tuple(right_gradients(x, y, c).values())

    def capital_names(x, y, c):
        return {name.upper(): slope for name, slope in right_gradients(x, y, c).items()}

    def one_sample_only_needs_no_mean(x, y, c):
        m = len(x) if len(x) > 1 else 2
        return {name: slope * len(x) / m for name, slope in right_gradients(x, y, c).items()}

    def autograd(x, y, c):
        x, c = x.clone().requires_grad_(), c.clone().requires_grad_()
        slopes = torch.autograd.grad(right_loss(x, y, c), (x, c))
        return dict(zip(("x", "c"), slopes, strict=True))

    def backward(x, y, c):
        x, c = x.detach().clone(), c.detach().clone()
        x.requires_grad, c.requires_grad = True, True
        right_loss(x, y, c).backward()
        return {"x": x.grad, "c": c.grad}

    def jacobian_in_a_helper(x, y, c):
        return {**right_gradients(x, y, c), "x": helper_with_jacrev(x, y, c)}

    def package(x, y, c):
        from dacl_edu.losses import center_loss  # its values only: still not by hand

        return {name: slope + 0 * center_loss(x, y, c) for name, slope in right_gradients(x, y, c).items()}


def helper_with_jacrev(x, y, c):
    return torch.func.jacrev(right_loss)(x, y, c)


class RightGradients:
    def loop_over_numbers(x, y, c):
        of_x, of_c = torch.zeros_like(x), torch.zeros_like(c)
        for i, k in enumerate(y.tolist()):
            for j in range(x.shape[1]):
                of_x[i, j] = (x[i, j] - c[k, j]) / len(x)
                of_c[k, j] -= of_x[i, j]
        return {"x": of_x, "c": of_c}

    def one_hot_matmul(x, y, c):
        member = F.one_hot(y, len(c)).to(x.dtype)
        return {"c": (member.sum(0)[:, None] * c - member.T @ x) / len(x), "x": (x - member @ c) / len(x)}

    def class_by_class(x, y, c):
        of_c = torch.stack([(c[k] - x[y == k]).sum(dim=0) for k in range(len(c))])
        return dict(x=torch.sub(x, c[y]).div(len(x)), c=of_c.div(len(x)))

    def einsum_in_float32(x, y, c):
        member = (y[:, None] == torch.arange(len(c))).float()
        apart = x.float() - torch.einsum("ik,kj->ij", member, c.float())
        return {"x": apart / len(x), "c": -torch.einsum("ik,ij->kj", member, apart) / len(x)}

    def accumulating_put(x, y, c):
        pull = (x - c[y]) / len(x)
        return {"x": pull, "c": torch.zeros_like(c).index_put((y,), -pull, accumulate=True)}


# -------------------------------------------------------------------------------------- 3: an autograd function


def function(forward: Function, backward: Function) -> Function:
    """An answer to question 3 from its two halves: ``forward(x, y, c)`` and ``backward(x, y, c, incoming)``."""

    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, y: Tensor, c: Tensor) -> Tensor:
            ctx.save_for_backward(x, y, c)
            return forward(x, y, c)

        @staticmethod
        def backward(ctx: Any, incoming: Tensor) -> Any:
            return backward(*ctx.saved_tensors, incoming)

    def through_own_function(x, y, c):
        return Own.apply(x, y, c)

    return through_own_function


def right_backward(x, y, c, incoming):
    pull = incoming * (x - c[y]) / len(x)
    return pull, None, torch.zeros_like(c).index_add(0, y, -pull)


right_by_hand = function(right_loss, right_backward)


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

        return function(RightLosses.loop_over_samples, backward)

    def gradients_of_question_2():
        def backward(x, y, c, g):
            both = right_gradients(x, y, c)
            return g * both["x"], None, g * both["c"]

        return function(RightLosses.einsum, backward)

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


# --------------------------------------------------------------------------------------------------- 4: few digits


def right_careful(x, y, c):
    return right_loss(x.float(), y, c.float())


class Careless:
    """Wrong answers to question 4."""

    def expanded_form(x, y, c):
        x, own = x.float(), c.float()[y]
        return (x.square().sum() + own.square().sum() - 2 * (x * own).sum()) / (2 * len(x))

    def expanded_form_row_by_row(x, y, c):
        x, own = x.float(), c.float()[y]
        return (x.square().sum(1) + own.square().sum(1) - 2 * (x * own).sum(1)).sum() / (2 * len(x))

    def matrix_of_all_distances(x, y, c):
        x, c = x.float(), c.float()
        squares = x.square().sum(1)[:, None] + c.square().sum(1) - 2 * x @ c.T
        return squares.gather(1, y[:, None]).sum() / (2 * len(x))

    def answer_of_question_1(x, y, c):
        return right_loss(x, y, c)

    def widens_the_result(x, y, c):
        return right_loss(x, y, c).float()

    def widens_after_the_square(x, y, c):
        return (x - c[y]).square().float().sum() / (2 * len(x))

    def widens_after_the_difference(x, y, c):
        return (x - c[y]).float().square().sum() / (2 * len(x))

    def narrows_the_result(x, y, c):
        return right_careful(x, y, c).to(x.dtype)

    def divides_early_in_half(x, y, c):
        return ((x - c[y]) / 100).square().sum().float() * 10_000 / (2 * len(x))

    def scales_everything_to_half(x, y, c):
        return right_loss((x / 8).half().float(), y, (c / 8).half().float()) * 64

    def clamps_at_the_end_of_half(x, y, c):
        return (x - c[y]).square().clamp(max=65_504).float().sum() / (2 * len(x))

    def forgot_the_half(x, y, c):
        return 2 * right_careful(x, y, c)

    def forgot_the_mean(x, y, c):
        return len(x) * right_careful(x, y, c)

    def detached(x, y, c):
        return right_careful(x.detach(), y, c)

    def subtracts_the_mean_of_the_batch_in_half(x, y, c):
        middle = x.mean(dim=0)
        return right_loss((x - middle).float(), y, (c - middle).float())

    def package(x, y, c):
        from dacl_edu import losses

        return losses.center_loss(x, y, c)


class RightCareful:
    def in_float64(x, y, c):
        return right_loss(x.double(), y, c.double())

    def expanded_in_float64(x, y, c):
        return RightLosses.expanded_in_float64(x, y, c)

    def mse(x, y, c):
        return F.mse_loss(x.float(), c.float()[y], reduction="sum") / (2 * len(x))

    def loop_over_samples(x, y, c):
        return RightLosses.loop_over_samples(x.to(torch.float32), y, c.to(torch.float32))

    def widens_only_what_is_narrow(x, y, c):
        dtype = torch.promote_types(torch.promote_types(x.dtype, c.dtype), torch.float32)
        return (x.to(dtype) - c.to(dtype)[y]).norm() ** 2 / (2 * len(x))


def _wrong_functions() -> list[Function]:
    answers = [leaves_it_to_autograd]
    halves = [(right_loss, backward) for backward in members(Backwards)]
    halves += [(right_loss, differentiates_inside_backward), (package_inside_forward, right_backward)]
    halves += [(Losses.forgot_the_half, right_backward), (Losses.keeps_a_dimension, right_backward)]
    for forward, backward in halves:
        name = forward.__name__ if backward is right_backward else backward.__name__
        answers.append(named(name, function(forward, backward)))
    return answers


WRONG = {
    "center_loss": members(Losses) + usual(right_loss, questions.center_loss),
    "center_loss_gradients": members(Gradients) + usual(right_gradients, questions.center_loss_gradients),
    "center_loss_by_hand": _wrong_functions() + usual(right_by_hand, questions.center_loss_by_hand),
    "careful_center_loss": members(Careless) + usual(right_careful, questions.careful_center_loss),
}
RIGHT = {
    "center_loss": [right_loss, *members(RightLosses)],
    "center_loss_gradients": [right_gradients, *members(RightGradients)],
    "center_loss_by_hand": [right_by_hand, *(make() for make in members(RightBackwards))],
    "careful_center_loss": [right_careful, *members(RightCareful)],
}

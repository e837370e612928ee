"""Assignment 5: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

import math
import statistics
from typing import Any

import torch
import torch.nn.functional as F
from course.solutions.usual import (
    Function,
    computes_in_float16,
    goes_on_from_the_previous_call,
    hard_codes_the_public_answers,
    members,
    returns_its_first_answer_for_ever,
    returns_lists,
    returns_nothing,
    returns_numpy,
)
from torch import Tensor

from dacl_edu.course.questions import a5_island as questions


def overwrites_an_input(right: Function) -> Function:
    def overwrites_an_input(**inputs: Any) -> Any:
        result = right(**inputs)
        with torch.no_grad():
            next(value for value in reversed(inputs.values()) if isinstance(value, Tensor)).mul_(0.5)
        return result

    return overwrites_an_input


def usual(right: Function, question: Any) -> list[Function]:
    """The mistakes of any question, made from a right answer."""
    spoilers = (
        returns_its_first_answer_for_ever,
        goes_on_from_the_previous_call,
        computes_in_float16,
        returns_numpy,
        returns_lists,
        returns_nothing,
        overwrites_an_input,
    )
    return [hard_codes_the_public_answers(right, question), *(spoil(right) for spoil in spoilers)]


# ------------------------------------------------------------------------------------------------ 1: island term


def units(c):
    return c / c.norm(dim=1, keepdim=True).clamp_min(1e-12)


def others(c):
    return 1 - torch.eye(len(c), dtype=c.dtype)


def right_term(c):
    return ((units(c) @ units(c).T + 1) * others(c)).sum()


class IslandTerms:
    """Wrong answers to question 1."""

    def constant_k_left(c):
        return (units(c) @ units(c).T * others(c) + 1).sum()

    def diagonal_included(c):
        return (units(c) @ units(c).T + 1).sum()

    def pairs_once(c):
        return right_term(c) / 2

    def pairs_once_with_triu(c):
        return (units(c) @ units(c).T + 1).triu(diagonal=1).sum()

    def mean_over_pairs(c):
        return right_term(c) / (len(c) * (len(c) - 1))

    def mean_over_centers(c):
        return right_term(c) / len(c)

    def forgot_the_one(c):
        return (units(c) @ units(c).T * others(c)).sum()

    def one_minus_cosine(c):
        return ((1 - units(c) @ units(c).T) * others(c)).sum()

    def wrong_sign(c):
        return -right_term(c)

    def products_without_lengths(c):
        return ((c @ c.T + 1) * others(c)).sum()

    def only_one_length(c):
        return ((units(c) @ c.T + 1) * others(c)).sum()

    def cosines_of_dimensions(c):
        return right_term(c.T)

    def neighbours_only(c):
        return 2 * (F.cosine_similarity(c, c.roll(1, dims=0), dim=1) + 1).sum()

    def squared_cosines(c):
        return (((units(c) @ units(c).T) ** 2 + 1) * others(c)).sum()

    def nan_for_a_center_of_length_0(c):
        u = c / c.norm(dim=1, keepdim=True)
        return ((u @ u.T + 1) * others(c)).sum()

    def leaves_out_a_center_of_length_0(c):
        return right_term(c[c.norm(dim=1) > 0])

    def adds_to_the_length(c):
        u = c / (c.norm(dim=1, keepdim=True) + 1e-3)
        return ((u @ u.T + 1) * others(c)).sum()

    def detached(c):
        return right_term(c.detach())

    def one_factor_detached(c):
        return ((units(c) @ units(c.detach()).T + 1) * others(c)).sum()

    def lengths_detached(c):
        u = c / c.norm(dim=1, keepdim=True).clamp_min(1e-12).detach()
        return ((u @ u.T + 1) * others(c)).sum()

    def one_for_each_center(c):
        return ((units(c) @ units(c).T + 1) * others(c)).sum(dim=1)

    def python_number(c):
        return right_term(c).item()

    def package(c):
        from dacl_edu.losses import build_loss

        zero = torch.zeros(1, c.shape[1], dtype=c.dtype)
        return build_loss("island", lam1=1.0)(zero, zero, torch.tensor([0]), c) - c[0].square().sum() / 2


class RightIslandTerms:
    def loop(c):
        total = torch.zeros((), dtype=c.dtype)
        for j in range(len(c)):
            for k in range(len(c)):
                if j != k:
                    total = total + F.cosine_similarity(c[j], c[k], dim=0, eps=1e-12) + 1
        return total

    def square_of_the_sum(c):
        u = units(c)
        return u.sum(dim=0).square().sum() - u.square().sum() + len(c) * (len(c) - 1)

    def einsum(c):
        table = torch.einsum("ji,ki->jk", units(c), units(c))
        return table.sum() - table.diagonal().sum() + len(c) ** 2 - len(c)

    def pairs_by_index(c):
        j, k = torch.combinations(torch.arange(len(c))).T
        return 2 * (1 + (F.normalize(c.double())[j] * F.normalize(c.double())[k]).sum(dim=1)).sum()

    def triangle_twice(c):
        return 2 * (units(c) @ units(c).T + 1).triu(diagonal=1).sum()


# ------------------------------------------------------------------------------------------------ 2: whole loss


def right_loss(x, a, y, c, lam1):
    return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c)


class Losses:
    """Wrong answers to question 2."""

    def forgot_the_half(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / len(x) + lam1 * right_term(c)

    def forgot_the_mean(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / 2 + lam1 * right_term(c)

    def mean_over_everything(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).mean() / 2 + lam1 * right_term(c)

    def divides_both_by_2m(x, a, y, c, lam1):
        return ((a * (x - c[y]) ** 2).sum() + lam1 * right_term(c)) / (2 * len(x))

    def forgot_attention(x, a, y, c, lam1):
        return ((x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c)

    def attention_squared(x, a, y, c, lam1):
        return ((a * (x - c[y])) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c)

    def attention_detached(x, a, y, c, lam1):
        return right_loss(x, a.detach(), y, c, lam1)

    def features_detached(x, a, y, c, lam1):
        return right_loss(x.detach(), a, y, c, lam1)

    def forgot_lam1(x, a, y, c, lam1):
        return right_loss(x, a, y, c, 1.0)

    def lam1_is_always_ten(x, a, y, c, lam1):
        return right_loss(x, a, y, c, 10.0)

    def lam1_before_both(x, a, y, c, lam1):
        return lam1 * right_loss(x, a, y, c, 1.0)

    def lam1_squared(x, a, y, c, lam1):
        return right_loss(x, a, y, c, lam1**2)

    def subtracts_the_term(x, a, y, c, lam1):
        return right_loss(x, a, y, c, -lam1)

    def without_the_term(x, a, y, c, lam1):
        return right_loss(x, a, y, c, 0.0)

    def centers_of_the_batch_only(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c[y.unique()])

    def a_center_for_each_sample(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c[y])

    def attention_in_the_term(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * a.mean() * right_term(c)

    def constant_k_left(x, a, y, c, lam1):
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x)) + lam1 * (right_term(c) + len(c))

    def centers_in_the_order_of_the_rows(x, a, y, c, lam1):
        return (a * (x - c[torch.arange(len(x)) % len(c)]) ** 2).sum() / (2 * len(x)) + lam1 * right_term(c)

    def ignores_the_incoming_gradient(x, a, y, c, lam1):
        return IgnoresIncoming.apply(x, a, y, c, lam1)

    def package(x, a, y, c, lam1):
        from dacl_edu.losses import AttentiveIslandLoss

        return AttentiveIslandLoss(lam1)(x, a, y, c)


class IgnoresIncoming(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, a, y, c, lam1):
        ctx.save_for_backward(x, a, y, c)
        return right_loss(x, a, y, c, lam1)

    @staticmethod
    def backward(ctx, incoming):
        x, a, y, c = ctx.saved_tensors
        return a * (x - c[y]) / len(x), (x - c[y]) ** 2 / (2 * len(x)), None, None, None


class RightLosses:
    def loop(x, a, y, c, lam1):
        total = torch.zeros((), dtype=x.dtype)
        for i in range(len(x)):
            for j in range(x.shape[1]):
                total = total + a[i, j] * (x[i, j] - c[y[i], j]) ** 2
        return total / (2 * len(x)) + lam1 * RightIslandTerms.loop(c)

    def einsum(x, a, y, c, lam1):
        apart = x - c[y]
        pull = torch.einsum("ij,ij,ij->", a, apart, apart) / (2 * len(x))
        return pull + lam1 * RightIslandTerms.einsum(c)

    def one_hot_with_fixed_centers(x, a, y, c, lam1):
        own = F.one_hot(y, len(c)).to(c.dtype) @ c
        return 0.5 * (a * (x - own).square()).sum(dim=1).mean() + lam1 * right_term(c.detach())


# ------------------------------------------------------------------------------------------------ 3: push


def right_push(c):
    length = c.norm(dim=1, keepdim=True)
    safe = length.clamp_min(1e-12)
    u = c / safe
    rest = u.sum(dim=0) - u
    across = rest - (rest * u).sum(dim=1, keepdim=True) * u
    return torch.where(length > 0, across / safe, torch.zeros_like(c)) / (len(c) - 1)


class Pushes:
    """Wrong answers to question 3."""

    def wrong_sign(c):
        return -right_push(c)

    def forgot_the_mean(c):
        return right_push(c) * (len(c) - 1)

    def divides_by_k(c):
        return right_push(c) * (len(c) - 1) / len(c)

    def gradient_of_ordered_pairs(c):
        return 2 * (len(c) - 1) * right_push(c)

    def first_part_only(c):
        u = units(c)
        return (u.sum(dim=0) - u) / c.norm(dim=1, keepdim=True).clamp_min(1e-12) / (len(c) - 1)

    def second_part_with_the_other_sign(c):
        u = units(c)
        rest = u.sum(dim=0) - u
        return (rest + (rest * u).sum(dim=1, keepdim=True) * u) / c.norm(dim=1, keepdim=True) / (len(c) - 1)

    def forgot_the_own_length(c):
        return right_push(c) * c.norm(dim=1, keepdim=True)

    def divides_by_the_own_length_twice(c):
        return right_push(c) / c.norm(dim=1, keepdim=True).clamp_min(1e-12)

    def second_power_in_place_of_the_third(c):
        length = c.norm(dim=1, keepdim=True).clamp_min(1e-12)
        u = c / length
        rest = u.sum(dim=0) - u
        return (rest / length - (rest * c).sum(dim=1, keepdim=True) / length**2 * c) / (len(c) - 1)

    def lengths_of_the_others_forgotten(c):
        length = c.norm(dim=1, keepdim=True).clamp_min(1e-12)
        u, rest = c / length, c.sum(dim=0) - c
        return (rest - (rest * u).sum(dim=1, keepdim=True) * u) / length / (len(c) - 1)

    def own_length_of_the_first_center(c):
        return right_push(c) * c.norm(dim=1, keepdim=True) / c[0].norm()

    def nan_for_a_center_of_length_0(c):
        length = c.norm(dim=1, keepdim=True)
        u = c / length
        rest = u.sum(dim=0) - u
        return (rest - (rest * u).sum(dim=1, keepdim=True) * u) / length / (len(c) - 1)

    def huge_for_a_center_of_length_0(c):
        length = c.norm(dim=1, keepdim=True).clamp_min(1e-12)
        u = c / length
        rest = u.sum(dim=0) - u
        return (rest - (rest * u).sum(dim=1, keepdim=True) * u) / length / (len(c) - 1)

    def counts_only_centers_with_a_length(c):
        long = int((c.norm(dim=1) > 0).sum())
        return right_push(c) * (len(c) - 1) / (long - 1)

    def moved_centers(c):
        return c - right_push(c)

    def one_direction_for_all(c):
        return right_push(c).mean(dim=0, keepdim=True).expand_as(c)

    def one_number_for_each_center(c):
        return right_push(c).norm(dim=1)

    def zero_everywhere(c):
        return torch.zeros_like(c)

    def uses_autograd(c):
        leaf = c.clone().requires_grad_()
        return torch.autograd.grad(right_term(leaf), leaf)[0] / (2 * (len(c) - 1))

    def uses_a_jacobian(c):
        return torch.func.jacrev(right_term)(c) / (2 * (len(c) - 1))

    def calls_the_reference(c):
        from dacl_edu.course.reference import island

        return torch.from_numpy(island.island_push(c.numpy()))

    def package(c):
        from dacl_edu.losses.cosines import pairwise_push

        return pairwise_push(c)


class RightPushes:
    def loops_as_printed(c):
        push = torch.zeros_like(c)
        for j in range(len(c)):
            for k in range(len(c)):
                mine, theirs = c[j].norm(), c[k].norm()
                if j != k and mine > 0 and theirs > 0:
                    push[j] += c[k] / (theirs * mine) - (c[k] @ c[j]) / (theirs * mine**3) * c[j]
        return push / (len(c) - 1)

    def einsum_over_all_pairs(c):
        u = F.normalize(c.double())
        cosines = torch.einsum("ji,ki->jk", u, u) * others(u)
        across = torch.einsum("jk,ki->ji", others(u), u) - cosines.sum(dim=1)[:, None] * u
        length = c.double().norm(dim=1)
        inverse = torch.where(length > 0, 1 / length.clamp_min(1e-30), torch.zeros_like(length))
        return inverse[:, None] * across / (len(c) - 1)

    def projector(c):
        rows = []
        for j, row in enumerate(c):
            u, rest = units(row[None])[0], units(torch.cat([c[:j], c[j + 1 :]])).sum(dim=0)
            flat = torch.eye(c.shape[1], dtype=c.dtype) - torch.outer(u, u)
            rows.append(flat @ rest / row.norm() / (len(c) - 1) if row.norm() > 0 else torch.zeros_like(row))
        return torch.stack(rows)


# ------------------------------------------------------------------------------------------------ 4: comparison


def right_compare(first, second):
    d = first - second
    error = d.std() / len(d) ** 0.5 if len(d) > 1 else torch.tensor(math.nan)
    return {"difference": d.mean(), "standard_error": error}


def _error(first, second, error):
    return {"difference": (first - second).mean(), "standard_error": error}


class Comparisons:
    """Wrong answers to question 4."""

    def second_minus_first(first, second):
        return right_compare(second, first)

    def absolute_difference(first, second):
        d = (first - second).abs()
        return right_compare(d, torch.zeros_like(d))

    def n_in_place_of_n_minus_1(first, second):
        d = first - second
        return _error(first, second, d.std(correction=0) / len(d) ** 0.5 if len(d) > 1 else math.nan)

    def not_paired(first, second):
        return _error(first, second, ((first.var() + second.var()) / len(first)) ** 0.5)

    def difference_of_the_deviations(first, second):
        return _error(first, second, (first.std() - second.std()).abs() / len(first) ** 0.5)

    def standard_deviation(first, second):
        return _error(first, second, (first - second).std())

    def variance(first, second):
        return _error(first, second, (first - second).var() / len(first))

    def divides_by_n(first, second):
        return _error(first, second, (first - second).std() / len(first))

    def divides_by_the_root_of_n_minus_1(first, second):
        return _error(first, second, (first - second).std() / (len(first) - 1) ** 0.5 if len(first) > 1 else math.nan)

    def half_of_an_interval(first, second):
        return _error(first, second, 1.96 * right_compare(first, second)["standard_error"])

    def sorted_first(first, second):
        return right_compare(first.sort().values, second.sort().values)

    def zero_for_a_single_seed(first, second):
        return _error(first, second, (first - second).std() / len(first) ** 0.5 if len(first) > 1 else 0.0)

    def fails_for_a_single_seed(first, second):
        d = first - second
        variance = sum((float(v) - float(d.mean())) ** 2 for v in d) / (len(d) - 1)
        return _error(first, second, (variance / len(d)) ** 0.5)

    def best_seed(first, second):
        return {**right_compare(first, second), "difference": first.max() - second.max()}

    def medians(first, second):
        return {**right_compare(first, second), "difference": (first - second).median()}

    def in_percent(first, second):
        return right_compare(100 * first, 100 * second)

    def forgot_the_error(first, second):
        return {"difference": (first - second).mean()}

    def pair_of_numbers(first, second):
        return tuple(right_compare(first, second).values())

    def error_of_each_seed(first, second):
        return _error(first, second, (first - second - (first - second).mean()).abs())

    def package(first, second):
        from dacl_edu.evaluation.significance import seeds_interval

        low, middle, _ = seeds_interval(first - second, 0.682689)
        return {"difference": middle, "standard_error": middle - low}


class RightComparisons:
    def loops_and_floats(first, second):
        d = [float(p) - float(q) for p, q in zip(first, second, strict=True)]
        if len(d) == 1:
            return {"difference": d[0], "standard_error": float("nan")}
        return {"difference": statistics.fmean(d), "standard_error": statistics.stdev(d) / math.sqrt(len(d))}

    def by_squares(first, second):
        d = first.double() - second.double()
        n, middle = len(d), d.mean()
        squares = torch.einsum("s,s->", d - middle, d - middle)
        return {"difference": middle, "standard_error": (squares / (n * (n - 1))).sqrt()}  # 0/0 is nan for one seed

    def with_more_entries(first, second):
        return {**right_compare(first, second), "seeds": len(first), "differences": first - second}


ASKED = {
    "island_term": questions.island_term,
    "attentive_island": questions.attentive_island,
    "island_push": questions.island_push,
    "compare": questions.compare,
}
WRONG = {
    "island_term": members(IslandTerms) + usual(right_term, questions.island_term),
    "attentive_island": members(Losses) + usual(right_loss, questions.attentive_island),
    "island_push": members(Pushes) + usual(right_push, questions.island_push),
    "compare": members(Comparisons)
    + [f for f in usual(right_compare, questions.compare) if f.__name__ != "returns_lists"],
}
RIGHT = {
    "island_term": [right_term, *members(RightIslandTerms)],
    "attentive_island": [right_loss, *members(RightLosses)],
    "island_push": [right_push, *members(RightPushes)],
    "compare": [right_compare, *members(RightComparisons)],
}

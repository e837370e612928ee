"""Question 1: the island term."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.usual import members, overwrites_an_input, usual

from dacl_edu_course.questions import a5_island as questions


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


WRONG = members(IslandTerms) + usual(right_term, questions.island_term, [overwrites_an_input])
RIGHT = [right_term, *members(RightIslandTerms)]

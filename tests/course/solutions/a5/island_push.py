"""Question 3: the push that centers give each other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a5.island_term import others, right_term, units
from course.solutions.usual import members, overwrites_an_input, usual

from dacl_edu_course.questions import a5_island as questions


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

    def uses_autograd_and_guards_a_center_of_length_0(c):
        leaf = c.clone().requires_grad_()
        (slope,) = torch.autograd.grad(right_term(leaf), leaf)
        return torch.where(c.norm(dim=1, keepdim=True) > 0, slope, torch.zeros_like(c)) / (2 * (len(c) - 1))

    def uses_a_jacobian(c):
        return torch.func.jacrev(right_term)(c) / (2 * (len(c) - 1))

    def calls_the_reference(c):
        from dacl_edu.reference import island

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


WRONG = members(Pushes) + usual(right_push, questions.island_push, [overwrites_an_input])
RIGHT = [right_push, *members(RightPushes)]

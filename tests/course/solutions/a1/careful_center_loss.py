"""Question 4: center loss with few digits."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a1.center_loss import RightLosses, right_loss
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a1_center_loss as questions


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

    def takes_centers_as_they_lie_in_memory(x, y, c):
        return right_careful(x, y, c if c.is_contiguous() else c.t().contiguous().view(c.shape))

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


WRONG = members(Careless) + usual(right_careful, questions.careful_center_loss)
RIGHT = [right_careful, *members(RightCareful)]

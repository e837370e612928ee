"""Question 2: the gradients of center loss by hand."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.a1.center_loss import right_loss
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a1_center_loss as questions


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


WRONG = members(Gradients) + usual(right_gradients, questions.center_loss_gradients)
RIGHT = [right_gradients, *members(RightGradients)]

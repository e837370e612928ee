"""Question 1: center loss, Eq. 3."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from course.solutions.usual import members, usual

from dacl_edu_course.questions import a1_center_loss as questions


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


WRONG = members(Losses) + usual(right_loss, questions.center_loss)
RIGHT = [right_loss, *members(RightLosses)]

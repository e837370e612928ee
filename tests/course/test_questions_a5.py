"""Assignment 5: its reference values and what messages say. Which answers win and lose: test_solutions.py."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from course.solutions import a5
from course.solutions.usual import visible
from scipy import stats

from dacl_edu.evaluation.significance import seeds_interval
from dacl_edu.losses import AttentiveIslandLoss, SeparateLoss
from dacl_edu.losses.cosines import pairwise_cosines, pairwise_push
from dacl_edu.reference import island
from dacl_edu_course.questions.batches import made_batch
from dacl_edu_course.reference import comparison


@pytest.mark.parametrize(
    ("name", "mistake", "said"),
    [
        ("island_term", "constant_k_left", "What does a center with itself add"),
        ("island_term", "pairs_once", "0.5 times what it must be"),
        ("island_term", "nan_for_a_center_of_length_0", "where a center has length 0"),
        ("attentive_island", "subtracts_the_term", "what is added to Eq. 4 has the wrong sign"),
        ("attentive_island", "forgot_the_half", "with λ₁ = 0, Eq. 4 alone, is 2 times"),
        ("island_push", "first_part_only", "right angle"),
        ("island_push", "package", "calls the package dacl_edu"),
        ("compare", "not_paired", "two results of one seed belong together"),
        ("compare", "zero_for_a_single_seed", "must be nan"),
    ],
)
def test_the_message_points_to_the_place(name: str, mistake: str, said: str) -> None:
    answer = next(answer for answer in a5.WRONG[name] if answer.__name__ == mistake)
    assert said in visible(a5.ASKED[name], answer)


# ------------------------------------------------------------------------------------ the reference values


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("short", [False, True])
def test_reference_and_package_agree(seed: int, short: bool) -> None:
    batch = made_batch(seed)
    if short:
        batch["c"][1] = 0.0
    arrays = {name: tensor.numpy() for name, tensor in batch.items()}
    c, classes = batch["c"], len(batch["c"])
    term = pairwise_cosines(c).sum() + classes * (classes - 1)
    assert abs(term - island.island_term(arrays["c"])) < 1e-12
    separate = SeparateLoss(intra=0.0)(batch["x"], batch["a"], batch["y"], c) * classes * (classes - 1)
    assert abs(separate - island.island_term(arrays["c"])) < 1e-12
    loss = AttentiveIslandLoss(0.7)(batch["x"], batch["a"], batch["y"], c)
    assert abs(loss - island.attentive_island(**arrays, lam1=0.7)) < 1e-12
    push = pairwise_push(c)
    assert push.shape == c.shape and np.abs(push.numpy() - island.island_push(arrays["c"])).max() < 1e-12


@pytest.mark.parametrize("n", [2, 3, 7])
def test_the_reference_comparison_gives_the_interval_of_the_package(n: int) -> None:
    rng = np.random.default_rng(n)
    first, second = rng.uniform(0.6, 0.9, size=n), rng.uniform(0.6, 0.9, size=n)
    found, interval = comparison.compare(first, second), seeds_interval(first - second)
    assert abs(found["difference"] - interval.middle) < 1e-12
    assert abs(found["standard_error"] * stats.t.ppf(0.975, n - 1) - (interval.high - interval.middle)) < 1e-12
    assert abs(found["standard_error"] - stats.sem(first - second)) < 1e-12


def test_the_students_functions_train_like_the_loss_of_the_package() -> None:
    batch = made_batch(3)
    inputs = batch["x"], batch["a"], batch["y"], batch["c"]
    package = AttentiveIslandLoss(2.0)
    assert torch.allclose(package(*inputs), a5.attentive_island.right_loss(*inputs, 2.0), atol=1e-12)
    assert torch.allclose(package.center_push(batch["c"]), 2.0 * a5.island_push.right_push(batch["c"]), atol=1e-12)

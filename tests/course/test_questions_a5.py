"""Assignment 5: every usual mistake loses its point, unusual right answers earn it, no message gives the answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from course.solutions import a5
from course.solutions.grading import expected_numbers, numbers_in
from course.solutions.usual import Function, graded, visible
from scipy import stats

from dacl_edu.course.questions.batches import made_batch
from dacl_edu.course.reference import comparison, island
from dacl_edu.evaluation.significance import seeds_interval
from dacl_edu.losses import AttentiveIslandLoss, SeparateLoss
from dacl_edu.losses.cosines import pairwise_cosines, pairwise_push

ONLY_HIDDEN = {"hard_codes_the_public_answers"}
WRONG = [pytest.param(name, f, id=f"{name}-{f.__name__}") for name, answers in a5.WRONG.items() for f in answers]
RIGHT = [pytest.param(name, f, id=f"{name}-{f.__name__}") for name, answers in a5.RIGHT.items() for f in answers]


@pytest.mark.parametrize(("name", "answer"), WRONG)
@pytest.mark.filterwarnings("ignore:(std|var)")
def test_a_wrong_answer_loses_the_point(name: str, answer: Function) -> None:
    question = a5.ASKED[name]
    message = visible(question, answer)
    assert bool(message) == (answer.__name__ not in ONLY_HIDDEN)
    message = message or graded(question, answer)
    assert message, "the mistake earns the point"
    assert "Where to look" in message


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_an_unusual_right_answer_earns_it(name: str, answer: Function) -> None:
    assert graded(a5.ASKED[name], answer) == ""


@pytest.mark.parametrize("name", list(a5.WRONG))
def test_there_are_enough_of_both(name: str) -> None:
    assert len({answer.__name__ for answer in a5.WRONG[name]}) == len(a5.WRONG[name]) >= 8 + 7
    assert len(a5.RIGHT[name]) >= 1 + 2


@pytest.mark.parametrize("name", list(a5.WRONG))
@pytest.mark.filterwarnings("ignore:(std|var)")
def test_no_message_holds_a_number_of_the_answer(name: str) -> None:
    question = a5.ASKED[name]
    secret = expected_numbers(question, a5.RIGHT[name][0])
    told = {answer.__name__: numbers_in(visible(question, answer)) & secret for answer in a5.WRONG[name]}
    assert not {mistake: numbers for mistake, numbers in told.items() if numbers}


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

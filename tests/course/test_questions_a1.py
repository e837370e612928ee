"""Assignment 1: every usual mistake loses its point, unusual right answers earn it, no message gives the answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from course.solutions import a1
from course.solutions.grading import expected_numbers, numbers_in
from course.solutions.usual import Function, graded, visible

from dacl_edu.course.questions import a1_center_loss as questions
from dacl_edu.course.questions.a1_center_loss import far_batch, half_batch
from dacl_edu.course.questions.batches import by_reference, made_batch
from dacl_edu.course.reference import center_loss as reference
from dacl_edu.losses.functional import center_loss

LESSONS = Path(__file__).parents[2] / "notebooks"

# What only the grader's own numbers show; all else a student reads in the notebook.
ONLY_HIDDEN = {(name, "hard_codes_the_public_answers") for name in a1.WRONG}

WRONG = [pytest.param(name, f, id=f"{name}-{f.__name__}") for name, answers in a1.WRONG.items() for f in answers]
RIGHT = [pytest.param(name, f, id=f"{name}-{f.__name__}") for name, answers in a1.RIGHT.items() for f in answers]


@pytest.mark.parametrize(("name", "answer"), WRONG)
def test_a_wrong_answer_loses_the_point(name: str, answer: Function) -> None:
    question = getattr(questions, name)
    message = visible(question, answer)
    assert bool(message) == ((name, answer.__name__) not in ONLY_HIDDEN)
    message = message or graded(question, answer)
    assert message, "the mistake earns the point"
    assert "Where to look" in message


@pytest.mark.parametrize(("name", "answer"), RIGHT)
def test_an_unusual_right_answer_earns_it(name: str, answer: Function) -> None:
    assert graded(getattr(questions, name), answer) == ""


@pytest.mark.parametrize("name", list(a1.WRONG))
def test_there_are_enough_of_both(name: str) -> None:
    assert len({answer.__name__ for answer in a1.WRONG[name]}) == len(a1.WRONG[name]) >= 8 + 9
    assert len(a1.RIGHT[name]) >= 1 + 2


@pytest.mark.parametrize("name", list(a1.WRONG))
def test_no_message_holds_a_number_of_the_answer(name: str) -> None:
    question = getattr(questions, name)
    secret = expected_numbers(question, a1.RIGHT[name][0])
    told = {answer.__name__: numbers_in(visible(question, answer)) & secret for answer in a1.WRONG[name]}
    assert not {mistake: numbers for mistake, numbers in told.items() if numbers}


@pytest.mark.parametrize("name", list(a1.WRONG))
def test_the_lesson_has_the_section_to_look_at(name: str) -> None:
    lesson, section = re.findall(r"lesson (\w+), section '(.+)'$", getattr(questions, name).look)[0]
    assert re.search(rf"^# #+ {re.escape(section)}$", (LESSONS / f"{lesson}.py").read_text("utf-8"), re.MULTILINE)


def test_an_unwritten_answer_is_called_unwritten() -> None:
    def stub(**inputs: Any) -> Any:
        raise NotImplementedError()

    assert all("is not written yet" in visible(getattr(questions, name), stub) for name in a1.WRONG)


# ------------------------------------------------------------------------------------ the reference values


def batch(seed: int) -> dict[str, Any]:
    made = made_batch(seed, absent=seed % 2 == 0)
    return {name: made[name] for name in ("x", "y", "c")}


@pytest.mark.parametrize("seed", range(6))
def test_reference_and_package_agree(seed: int) -> None:
    inputs = batch(seed)
    ours = center_loss(inputs["x"], inputs["y"], inputs["c"])
    assert ours.shape == () and abs(ours - by_reference(reference.center_loss, **inputs)) < 1e-12


@pytest.mark.parametrize("seed", range(6))
def test_reference_gradients_are_those_of_the_package(seed: int) -> None:
    inputs = batch(seed)
    x, c = inputs["x"].requires_grad_(), inputs["c"].requires_grad_()
    slopes = torch.autograd.grad(center_loss(x, inputs["y"], c), (x, c))
    expected = by_reference(reference.center_loss_gradients, **inputs)
    for name, slope in zip(("x", "c"), slopes, strict=True):
        assert expected[name].shape == slope.shape
        assert (expected[name] - slope).abs().max() < 1e-12


def test_reference_values_are_those_of_the_paper_by_hand() -> None:
    x, y, c = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([0, 1]), np.array([[0.0, 0.0], [3.0, 4.0]])
    assert reference.center_loss(x, y, c) == (1 + 4 + 0 + 16) / 4
    slopes = reference.center_loss_gradients(x, y, c)
    assert slopes["x"].tolist() == [[0.5, 1.0], [0.0, -2.0]] and slopes["c"].tolist() == [[-0.5, -1.0], [0.0, 2.0]]


@pytest.mark.parametrize("seed", [0, 7, 123_456_789])
def test_the_batches_of_question_4_are_what_they_say(seed: int) -> None:
    far, half = far_batch(seed), half_batch(seed)
    assert far["x"].dtype == torch.float32 and far["x"].abs().min() > 3000
    assert (far["x"] - far["c"][far["y"]]).abs().max() < 6
    apart = (half["x"].float() - half["c"].float()[half["y"]]).abs()
    assert half["x"].dtype == torch.float16 and apart.max() < 65_504 < apart.max() ** 2

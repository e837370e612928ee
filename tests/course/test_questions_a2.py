"""Assignment 2: every usual mistake loses its point, unusual right answers earn it, no message gives the answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from course.solutions import a2
from course.solutions.grading import expected_numbers, numbers_in
from course.solutions.usual import Function, graded, visible

from dacl_edu.course.questions import a2_sparse_center_loss as questions
from dacl_edu.course.questions.batches import by_reference, made_batch
from dacl_edu.course.reference import sparse_center_loss as reference
from dacl_edu.losses.functional import center_loss, sparse_center_loss

LESSONS = Path(__file__).parents[2] / "notebooks"

# What only the grader's own numbers show; all else a student reads in the notebook.
ONLY_HIDDEN = {(name, "hard_codes_the_public_answers") for name in a2.WRONG}

WRONG = [pytest.param(name, f, id=f"{name}-{f.__name__}") for name, answers in a2.WRONG.items() for f in answers]
RIGHT = [pytest.param(name, f, id=f"{name}-{f.__name__}") for name, answers in a2.RIGHT.items() for f in answers]


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


@pytest.mark.parametrize("name", list(a2.WRONG))
def test_there_are_enough_of_both(name: str) -> None:
    assert len({answer.__name__ for answer in a2.WRONG[name]}) == len(a2.WRONG[name]) >= 8 + 9
    assert len(a2.RIGHT[name]) >= 1 + 2


@pytest.mark.parametrize("name", list(a2.WRONG))
def test_no_message_holds_a_number_of_the_answer(name: str) -> None:
    question = getattr(questions, name)
    secret = expected_numbers(question, a2.RIGHT[name][0])
    told = {answer.__name__: numbers_in(visible(question, answer)) & secret for answer in a2.WRONG[name]}
    assert not {mistake: numbers for mistake, numbers in told.items() if numbers}


@pytest.mark.parametrize("name", list(a2.WRONG))
def test_the_lesson_has_the_section_to_look_at(name: str) -> None:
    lesson, section = re.findall(r"lesson (\w+), section '(.+)'$", getattr(questions, name).look)[0]
    assert re.search(rf"^# #+ {re.escape(section)}$", (LESSONS / f"{lesson}.py").read_text("utf-8"), re.MULTILINE)


def test_an_unwritten_answer_is_called_unwritten() -> None:
    def stub(**inputs: Any) -> Any:
        raise NotImplementedError()

    assert all("is not written yet" in visible(getattr(questions, name), stub) for name in a2.WRONG)


# ------------------------------------------------------------------------------------ the reference values


def batch(seed: int) -> dict[str, Any]:
    return made_batch(seed, absent=seed % 2 == 0)


def of_package(inputs: dict[str, Any]) -> Any:
    return sparse_center_loss(inputs["x"], inputs["a"], inputs["y"], inputs["c"])


@pytest.mark.parametrize("seed", range(6))
def test_reference_and_package_agree(seed: int) -> None:
    inputs = batch(seed)
    ours = of_package(inputs)
    assert ours.shape == () and abs(ours - by_reference(reference.sparse_center_loss, **inputs)) < 1e-12


@pytest.mark.parametrize("seed", range(6))
def test_reference_gradients_are_those_of_the_package(seed: int) -> None:
    inputs = batch(seed)
    x, a = inputs["x"].requires_grad_(), inputs["a"].requires_grad_()
    of_x, of_a = torch.autograd.grad(of_package(inputs), (x, a))
    expected_x = by_reference(reference.gradient_x, **inputs)
    expected_a = by_reference(reference.gradient_a, x=x, y=inputs["y"], c=inputs["c"])
    assert expected_x.shape == of_x.shape == expected_a.shape == of_a.shape
    assert (expected_x - of_x).abs().max() < 1e-12 and (expected_a - of_a).abs().max() < 1e-12


def test_reference_values_are_those_of_the_paper_by_hand() -> None:
    x, a = np.array([[1.0, 2.0], [3.0, 0.0]]), np.array([[1.0, 0.5], [1.0, 0.25]])
    y, c = np.array([0, 1]), np.array([[0.0, 0.0], [3.0, 4.0]])
    assert reference.sparse_center_loss(x, a, y, c) == (1 + 2 + 0 + 4) / 4
    assert reference.gradient_x(x, a, y, c).tolist() == [[0.5, 0.5], [0.0, -0.5]]
    assert reference.gradient_a(x, y, c).tolist() == [[0.25, 1.0], [0.0, 4.0]]


def test_attention_1_is_center_loss() -> None:
    inputs = batch(0)
    expected = center_loss(inputs["x"], inputs["y"], inputs["c"])
    inputs["a"] = torch.ones_like(inputs["a"])
    assert abs(by_reference(reference.sparse_center_loss, **inputs) - expected) < 1e-12

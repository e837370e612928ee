"""Assignment 3: every usual mistake loses its point, unusual right answers earn it, no message gives the answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from course.solutions import a3
from course.solutions.grading import expected_numbers, numbers_in
from course.solutions.usual import Function, graded, visible

from dacl_edu.centers import ClassCenters, center_delta
from dacl_edu.course.questions import a3_center_update as questions
from dacl_edu.course.questions.batches import by_reference, made_batch
from dacl_edu.course.reference import center_update as reference

LESSONS = Path(__file__).parents[2] / "notebooks"

# What only the grader's own numbers show; all else a student reads in the notebook.
ONLY_HIDDEN = {(name, "hard_codes_the_public_answers") for name in a3.WRONG}

WRONG = [pytest.param(name, f, id=f"{name}-{f.__name__}") for name, answers in a3.WRONG.items() for f in answers]
RIGHT = [pytest.param(name, f, id=f"{name}-{f.__name__}") for name, answers in a3.RIGHT.items() for f in answers]


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


@pytest.mark.parametrize("name", list(a3.WRONG))
def test_there_are_enough_of_both(name: str) -> None:
    assert len({answer.__name__ for answer in a3.WRONG[name]}) == len(a3.WRONG[name]) >= 8 + 9
    assert len(a3.RIGHT[name]) >= 1 + 2


@pytest.mark.parametrize("name", list(a3.WRONG))
def test_no_message_holds_a_number_of_the_answer(name: str) -> None:
    question = getattr(questions, name)
    secret = expected_numbers(question, a3.RIGHT[name][0])
    told = {answer.__name__: numbers_in(visible(question, answer)) & secret for answer in a3.WRONG[name]}
    assert not {mistake: numbers for mistake, numbers in told.items() if numbers}


@pytest.mark.parametrize("name", list(a3.WRONG))
def test_the_lesson_has_the_section_to_look_at(name: str) -> None:
    lesson, section = re.findall(r"lesson (\w+), section '(.+)'$", getattr(questions, name).look)[0]
    assert re.search(rf"^# #+ {re.escape(section)}$", (LESSONS / f"{lesson}.py").read_text("utf-8"), re.MULTILINE)


def test_an_unwritten_answer_is_called_unwritten() -> None:
    def stub(**inputs: Any) -> Any:
        raise NotImplementedError()

    assert all("is not written yet" in visible(getattr(questions, name), stub) for name in a3.WRONG)


# ------------------------------------------------------------------------------------ the reference values


def batch(seed: int) -> dict[str, Any]:
    return made_batch(seed, absent=seed % 2 == 0)


@pytest.mark.parametrize("eps", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("seed", range(4))
def test_reference_and_package_agree(seed: int, eps: float) -> None:
    inputs = batch(seed)
    ours = center_delta(inputs["x"], inputs["a"], inputs["y"], inputs["c"], eps)
    expected = by_reference(reference.center_delta, **inputs, eps=eps)
    assert ours.shape == expected.shape and (ours - expected).abs().max() < 1e-12


@pytest.mark.parametrize("seed", range(4))
def test_reference_step_and_parts_are_those_of_the_package(seed: int) -> None:
    inputs = batch(seed)
    keeper = ClassCenters(*inputs["c"].shape, alpha=0.5, eps=0.3).double()
    keeper.centers.copy_(inputs["c"])
    parts = list(zip(*(inputs[name].split(3) for name in ("x", "a", "y")), strict=True))
    for part in parts:
        keeper.accumulate(*part)
    keeper.step()
    moved = by_reference(reference.updated_centers, **inputs, alpha=0.5, eps=0.3)
    delta = by_reference(reference.delta_of_parts, parts=parts, c=inputs["c"], eps=0.3)
    assert moved.shape == delta.shape == keeper.centers.shape
    assert (moved - keeper.centers).abs().max() < 1e-12
    assert (inputs["c"] - 0.5 * delta - keeper.centers).abs().max() < 1e-12


def test_reference_values_are_those_of_the_paper_by_hand() -> None:
    x, a = np.array([[-1.0, 2.0], [-2.0, 3.0]]), np.array([[0.5, 1.0], [0.5, 1.0]])
    y, c = np.array([1, 1]), np.array([[5.0, 5.0], [0.0, 1.0]])
    assert reference.center_delta(x, a, y, c, eps=1.0).tolist() == [[0.0, 0.0], [0.5, -1.0]]
    assert reference.updated_centers(x, a, y, c, alpha=0.5, eps=1.0).tolist() == [[5.0, 5.0], [-0.25, 1.5]]
    parts = [(x[:1], a[:1], y[:1]), (x[1:], a[1:], y[1:])]
    assert reference.delta_of_parts(parts, c, eps=1.0).tolist() == [[0.0, 0.0], [0.5, -1.0]]

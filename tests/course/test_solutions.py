"""The grader tested like students: usual mistakes lose their point, unusual right answers earn it, and no message helps
beyond what it says: for every question that is graded without a person.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from course.solutions import a1, a2, a3, a4, a5
from course.solutions.grading import expected_numbers, numbers_in
from course.solutions.usual import Function, graded
from course.solutions.usual import visible as visible_anew

from dacl_edu_course.questions import a1_center_loss, a2_sparse_center_loss, a3_center_update

visible = cache(visible_anew)  # two tests read the same message
LESSONS = Path(__file__).parents[2] / "notebooks"
ASKED = {
    **{("a1", name): (a1, getattr(a1_center_loss, name)) for name in a1.WRONG},
    **{("a2", name): (a2, getattr(a2_sparse_center_loss, name)) for name in a2.WRONG},
    **{("a3", name): (a3, getattr(a3_center_update, name)) for name in a3.WRONG},
    **{("a4", name): (a4, a4.ASKED[name]) for name in a4.WRONG},
    **{("a5", name): (a5, a5.ASKED[name]) for name in a5.WRONG},
}
ONLY_HIDDEN = {"hard_codes_the_public_answers"}
"""What only the grader's own numbers show; all else a student reads in the notebook."""

pytestmark = pytest.mark.filterwarnings("ignore:(std|var)")  # wrong answers take a deviation of one number
every_question = pytest.mark.parametrize("key", list(ASKED), ids="-".join)


def listed(which: str) -> list[Any]:
    """Each answer with the question that it is for."""
    return [
        pytest.param(key, answer, id=f"{key[0]}-{key[1]}-{answer.__name__}")
        for key, (solutions, _) in ASKED.items()
        for answer in getattr(solutions, which)[key[1]]
    ]


@pytest.mark.parametrize(("key", "answer"), listed("WRONG"))
def test_a_wrong_answer_loses_the_point(key: tuple[str, str], answer: Function) -> None:
    _, question = ASKED[key]
    message = visible(question, answer)
    assert bool(message) == (answer.__name__ not in ONLY_HIDDEN)
    message = message or graded(question, answer)
    assert message, "the mistake earns the point"
    assert "Where to look" in message


@pytest.mark.parametrize(("key", "answer"), listed("RIGHT"))
def test_an_unusual_right_answer_earns_it(key: tuple[str, str], answer: Function) -> None:
    assert graded(ASKED[key][1], answer) == ""


@every_question
def test_there_are_enough_of_both(key: tuple[str, str]) -> None:
    solutions, name = ASKED[key][0], key[1]
    wrong = [answer.__name__ for answer in solutions.WRONG[name]]
    assert len(set(wrong)) == len(wrong) >= 8 + 7  # eight of its own, and those that spoil any answer
    assert len(solutions.RIGHT[name]) >= 1 + 2


@every_question
def test_no_message_holds_a_number_of_the_answer(key: tuple[str, str]) -> None:
    (solutions, question), name = ASKED[key], key[1]
    secret = expected_numbers(question, solutions.RIGHT[name][0])
    told = {answer.__name__: numbers_in(visible(question, answer)) & secret for answer in solutions.WRONG[name]}
    assert not {mistake: numbers for mistake, numbers in told.items() if numbers}


@every_question
def test_the_lesson_has_the_section_to_look_at(key: tuple[str, str]) -> None:
    for lesson, section in re.findall(r"lesson (\w+), section '(.+)'$", getattr(ASKED[key][1], "look", "")):
        text = (LESSONS / f"{lesson}.py").read_text("utf-8")
        assert re.search(rf"^# #+ {re.escape(section)}$", text, re.MULTILINE)


@every_question
def test_an_unwritten_answer_is_called_unwritten(key: tuple[str, str]) -> None:
    def stub(*args: Any, **inputs: Any) -> Any:
        raise NotImplementedError()

    assert "is not written yet" in visible(ASKED[key][1], stub)

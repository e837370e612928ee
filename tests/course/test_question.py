"""What a student sees of a question: one green line, or what is wrong and where to look; and the grader's seeds."""

from __future__ import annotations

import pytest
import torch

from dacl_edu import check
from dacl_edu_course.grading.test_cell import names_wanted, run_test_cell
from dacl_edu_course.questions import WrongAnswer, hidden_seeds, question
from dacl_edu_course.questions.question import GRADING, seeded


@question("Question 7: twice", look="lesson 02, the loop")
def twice(answer: object, seed: int) -> None:
    x = torch.arange(3.0) + seed + 1
    check.value(check.call(answer, x), 2 * x, "twice(x)")


def test_a_right_answer_is_one_green_line(capsys: pytest.CaptureFixture[str]) -> None:
    twice(lambda x: x + x)
    assert capsys.readouterr().out == "\x1b[32m✔ Question 7: twice: right\x1b[0m\n"


def test_the_grader_prints_nothing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(GRADING, "1")
    twice(lambda x: x + x, seed=5)
    assert capsys.readouterr().out == ""


def test_a_wrong_answer_says_what_and_where() -> None:
    with pytest.raises(WrongAnswer) as error:
        twice(lambda x: -2 * x)
    assert str(error.value) == "twice(x) has the wrong sign everywhere. Where to look: lesson 02, the loop"
    shown = error.value._render_traceback_()
    assert "✘ Question 7: twice" in shown[0] and "wrong sign" in shown[1] and "lesson 02" in shown[2]


def test_a_result_of_another_kind_is_a_wrong_answer_too() -> None:
    @question("Question 8", look="lesson 02")
    def summed(answer: object, seed: int) -> None:
        assert sum(check.call(answer)["x"]) == 1

    with pytest.raises(WrongAnswer, match="not of the kind asked for") as error:
        summed(lambda: {"x": "no"})
    assert str(error.value).endswith("Where to look: lesson 02")


def test_an_error_of_their_own_points_to_their_line() -> None:
    code = compile("def own(x):\n    y = x\n    return y.nothing\n", "<ipython-input-4>", "exec")
    namespace: dict[str, object] = {}
    exec(code, namespace)
    with pytest.raises(WrongAnswer) as error:
        twice(namespace["own"])
    assert error.value._render_traceback_()[-1].startswith("In own, line 3 of its cell")


def test_the_hidden_seeds_come_from_the_secret_and_from_the_submission() -> None:
    drawn = []
    for secret, submission in ((b"1", "a"), (b"2", "a"), (b"1", "b"), (b"1", "a")):
        with seeded(secret, submission):
            drawn.append(hidden_seeds())
    assert drawn[0] == drawn[3] and len({seed for seeds in drawn[:3] for seed in seeds}) == 9
    assert all(2**100 < max(seeds) < 2**128 for seeds in drawn)
    assert hidden_seeds() not in drawn and 0 not in hidden_seeds()


CELL = """
from dacl_edu_course.questions import hidden_seeds
for seed in hidden_seeds():
    assert check_it(loss, seed) == [n for n in (1,)], "no"
"""


def test_the_names_of_a_cell_are_those_that_it_does_not_make() -> None:
    assert names_wanted(CELL) == ("check_it", "loss")


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("assert f == 1", ""),
        ("assert f == 2, 'f is not two'", "f is not two"),
        ("assert f == 2", "the check failed: assert f == 2"),
        (
            "f.nothing",
            "the answer could not be checked: AttributeError: 'int' object has no attribute 'nothing' (in f.nothing)",
        ),
    ],
)
def test_a_test_cell_gives_its_reason(cell: str, told: str) -> None:
    assert run_test_cell(cell, {"f": 1}.__getitem__) == told

"""A check judges the student's answer, or says that it judged the folded one; an error points at the student's cell."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
import torch

from dacl_edu import paths
from dacl_edu.check.exercise import attempt, is_stub, judged
from tools.notebook_pairs import execute

LESSONS = paths.lessons()
D, A = torch.ones(3, 2), torch.full((3, 2), 0.5)


def folded(D: torch.Tensor, a: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return a * D, D**2


def not_written(D: Any, a: Any) -> Any:
    """A docstring changes nothing."""
    raise NotImplementedError()  # your lines here


def test_an_answer_that_is_not_written_is_replaced_and_both_cells_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    answer = attempt(not_written, folded, returns=("dx", "da"))
    assert torch.equal(answer(D, A)[0], A * D)
    judged(answer, "right")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "not_written is not written yet: the page goes on with the folded answer", "folded answer, not yours: right",
    ]  # fmt: skip


def test_running_the_folded_cell_again_says_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    answer = attempt(attempt(not_written, folded), folded)
    judged(answer, "right")
    said = capsys.readouterr().out
    assert said.count("is not written yet") == 2 and "folded answer, not yours: right" in said


def test_an_own_answer_is_kept_wrong_or_right(capsys: pytest.CaptureFixture[str]) -> None:
    def mine(D: Any, a: Any) -> Any:
        return -a * D, D

    answer = attempt(mine, folded, returns=("dx", "da"))
    assert torch.equal(answer(D, A)[0], -A * D)
    assert attempt(answer, folded) is answer, "the folded cell ran twice"
    judged(answer, "right")
    judged(mine, "right, and the folded cell was left out")
    assert capsys.readouterr().out.splitlines() == [
        "yours: right", "yours: right, and the folded cell was left out",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mine", "said"),
    [
        (lambda D, a: None, "mine returns None: is its `return` missing?"),
        (lambda D, a: a * D, "mine returns one tensor of shape (3, 2), but must return 2 values: return dx, da"),
        (lambda D, a: (a, a, a), "mine returns 3 values, but must return 2 values: return dx, da"),
        (lambda D, a: {"dx": a}, "mine returns a dict, but must return 2 values: return dx, da"),
    ],
)
def test_a_forgotten_return_gets_a_sentence(mine: Callable[..., Any], said: str) -> None:
    with pytest.raises(AssertionError, match=re.escape(said)):
        attempt(mine, folded, returns=("dx", "da"), name="mine")(D, A)


def test_a_value_that_is_not_written_is_replaced_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    answer = torch.tensor([1.0])
    judged(attempt(None, answer, name="my_answer"), "right")
    judged(attempt(torch.tensor([1.0]), answer, name="my_answer"), "right")
    assert capsys.readouterr().out.splitlines() == [
        "my_answer is not written yet: the page goes on with the folded answer", "folded answer, not yours: right",
        "yours: right",
    ]  # fmt: skip


def test_a_function_that_cannot_return_is_not_written() -> None:
    def begun(x: Any) -> Any:
        _ = x + 1
        raise NotImplementedError()

    def without_brackets(x: Any) -> Any:
        raise NotImplementedError

    def left_the_line(x: Any) -> Any:
        return x / 2
        raise NotImplementedError()

    assert all(map(is_stub, (not_written, begun, without_brackets)))
    assert not any(map(is_stub, (left_the_line, folded, print, 3)))


EXERCISE = """def my_half(x):
    raise NotImplementedError()"""
FOLDED = """from dacl_edu.check.exercise import attempt, judged

def answer_half(x):
    return x / 2


my_half = attempt(my_half, answer_half)"""
CHECK = """import torch
from dacl_edu import check

check.value(my_half(torch.tensor([2.0])), torch.tensor([1.0]), "the half")
judged(my_half, "right")"""


def run(answer: str) -> tuple[Any, str]:
    """Run a page of three cells: the student's, the folded one, the check. Return the notebook and what it shows."""
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in (answer, FOLDED, CHECK)])
    page.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    execute(page, LESSONS)
    shown = [o.get("text", "\n".join(o.get("traceback", []))) for cell in page.cells for o in cell.outputs]
    return page, re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(shown))


def test_a_typo_points_at_the_students_cell_and_line() -> None:
    page, shown = run("def my_half(x):\n    half = x / 2\n    return hlaf")
    assert [len(cell.outputs) for cell in page.cells] == [0, 0, 1], "it is raised where the answer is used"
    assert page.cells[2].outputs[0].ename == "NameError"
    last = shown.split("Cell In[")[-1]
    assert last.startswith("1]") and re.search(r"-+> 3 +return hlaf", last), shown
    assert "exercise.py" not in shown, "nothing of the package stands between the check and the student"


def test_a_forgotten_return_turns_the_check_red() -> None:
    page, shown = run("def my_half(x):\n    half = x / 2")
    assert shown.splitlines()[-1] == "✘ my_half returns None: is its `return` missing?", "no page of frames"
    assert "right" not in shown and page.cells[2].outputs[0].ename == "AnswerError"


def test_doing_nothing_is_said_under_the_check() -> None:
    _, shown = run(EXERCISE)
    assert "my_half is not written yet" in shown and "folded answer, not yours: right" in shown


def first_exercise(lesson: str) -> tuple[list[str], int]:
    """The code of a lesson up to its first check, and which of the cells is the student's."""
    page = nbformat.read(LESSONS / f"{lesson}.ipynb", as_version=4)
    code = [cell.source for cell in page.cells if cell.cell_type == "code"]
    last = next(place for place, source in enumerate(code) if "judged(my_" in source)
    mine = next(place for place, source in enumerate(code) if "raise NotImplementedError()" in source)
    return code[: last + 1], mine


@pytest.mark.parametrize("lesson", ["01_softmax_loss", "02_center_loss", "03_sparse_center_loss"])
@pytest.mark.parametrize("change", ["nothing", "no return"])
def test_the_lessons_do_not_praise_what_was_not_done(
    lesson: str, change: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dacl_edu.lessons.display.show", lambda *_, **__: None)
    code, mine = first_exercise(lesson)
    if change == "no return":
        code[mine] = re.sub(r"raise NotImplementedError\(\).*", "forgotten = 1", code[mine])
        with pytest.raises(AssertionError, match="is its `return` missing"):
            run_cells(code)
        assert " right" not in capsys.readouterr().out
    else:
        run_cells(code)
        said = [line for line in capsys.readouterr().out.splitlines() if " right" in line]
        assert said and all(line.startswith("folded answer, not yours:") for line in said)


def run_cells(code: list[str]) -> None:
    names: dict[str, Any] = {"__name__": "lesson"}
    for source in code:
        exec(compile(source, "a cell", "exec"), names)

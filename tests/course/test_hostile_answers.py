"""Answers that try to get points, or to learn what is hidden: each attempt fails, and honest ones stay honest."""

from __future__ import annotations

import functools
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from course.made_assignment import answered, made_assignment

from dacl_edu.check.answers import AnswerError
from dacl_edu.check.properties import by_hand, own_work
from dacl_edu.losses import center_loss as package_loss
from dacl_edu_course.grading import grade
from dacl_edu_course.grading.test_cell import TestCell, run_test_cell
from dacl_edu_course.questions import a6_open_experiment as a6
from dacl_edu_course.questions.question import WrongAnswer, question
from dacl_edu_course.sandbox.limits import Limits
from dacl_edu_course.sandbox.session import Session

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install .[course]")

INPUTS = {"x": torch.ones(2, 3), "y": torch.tensor([0, 1]), "c": torch.zeros(2, 3)}
part, box, by_name = functools.partial(package_loss), [package_loss], {"loss": package_loss}


class Callable_:
    def __call__(self, x: Any, y: Any, c: Any) -> Any:
        return package_loss(x, y, c)


def by_default(x: Any, y: Any, c: Any, loss: Any = package_loss) -> Any:
    return loss(x, y, c)


def executes(x: Any, y: Any, c: Any) -> Any:
    names: dict[str, Any] = {}
    exec("from dacl_edu.losses import center_loss as f", names)
    return names["f"](x, y, c)


DISGUISED: dict[str, Callable[..., Any]] = {
    "a partial function beside": lambda x, y, c: part(x, y, c),
    "in a list": lambda x, y, c: box[0](x, y, c),
    "in a dictionary": lambda x, y, c: by_name["loss"](x, y, c),
    "an object that is called": Callable_(),
    "a default": by_default,
    "importlib": lambda x, y, c: importlib.import_module("dacl_edu.losses").center_loss(x, y, c),
    "sys.modules": lambda x, y, c: sys.modules["dacl_edu.losses"].center_loss(x, y, c),
    "__import__": lambda x, y, c: __import__("dacl" + "_edu.losses").losses.center_loss(x, y, c),
    "exec": executes,
}


@pytest.mark.parametrize("name", DISGUISED)
def test_the_package_in_disguise_is_refused(name: str) -> None:
    with pytest.raises(AssertionError, match="calls the package dacl_edu"):
        own_work(DISGUISED[name], INPUTS)


def jvp(x: Any) -> Any:
    return torch.func.jvp(torch.sum, (x,), (x,))[1]


@pytest.mark.parametrize("function", [jvp])
def test_forward_differentiation_is_not_by_hand(function: Callable[..., Any]) -> None:
    with pytest.raises(AssertionError, match="written by hand"):
        by_hand(function, {"x": torch.ones(2)})


def grad(x: Any) -> Any:
    return 2 * x


def documented(x: Any) -> Any:
    """As in dacl_edu, which this does not call; a helper may be called grad, and a message may name the package."""
    with torch.no_grad():
        if x.dim() > 7:
            raise ValueError("see dacl_edu.losses, autograd and backward")
        return grad(x) * SCALE


SCALE = torch.tensor(2.0)


@pytest.mark.parametrize("function", [documented, functools.partial(documented), torch.no_grad()(documented)])
def test_honest_functions_pass(function: Callable[..., Any]) -> None:
    assert own_work(function, {"x": torch.ones(2)}) is None  # what is refused is an AssertionError
    assert by_hand(function, {"x": torch.ones(2)}) is None


# ------------------------------------------------------------------------------------------- what hidden tests tell

LEAKS = """
import torch
seen = []
def by_error(x): seen.append(float(x)); raise ValueError(f"x was {float(x)!r}")
def by_kind(x): raise type("x" + str(float(x)).replace(".", "_"), (Exception,), {})()
def by_known_kind(x): raise KeyError(str(float(x)))
def by_shape(x): return torch.zeros(0, int(float(x) * 1000))
def by_ratio(x): return x * float(x)
def by_key(x): return {str(float(x)): x}
def by_worker(x):
    from dacl_edu.check.answers import AnswerError
    raise AnswerError(f"changes {float(x)} in place")
def by_next_question(x): raise ValueError(f"earlier I saw {seen}")
def honest(x): return 2 * x
def unwritten(x): raise NotImplementedError()
"""
SECRET = 0.71828


@question("Question 1: twice", look="Eq. 4, lesson 03")
def twice(answer: Any, seed: float) -> None:
    found = answer.call(torch.tensor(seed, dtype=torch.float64))
    if isinstance(found, dict):
        raise AssertionError(f"the dictionary has the entry {next(iter(found))!r}")
    assert tuple(found.shape) == (), f"it has the shape {tuple(found.shape)}, but must have ()"
    assert float(found) == 2 * seed, f"it is {float(found) / (2 * seed):.4g} times what it must be: see Eq. 4"


CELL = """
### BEGIN HIDDEN TESTS
twice({name}, seed)
### END HIDDEN TESTS
"""


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session([("leaks", LEAKS)], Limits(memory_mb=512)) as started:
        yield started


def hidden(session: Session, name: str) -> str:
    given = {"twice": twice, "seed": SECRET}
    session.discreet = True
    try:
        cell = TestCell(CELL.format(name=name), lambda wanted: given.get(wanted) or session.answer(wanted))
        assert cell.visible() == ""
        return cell.hidden()
    finally:
        session.discreet = False


@pytest.mark.parametrize(
    "name", ["by_error", "by_kind", "by_known_kind", "by_shape", "by_ratio", "by_key", "by_worker", "by_next_question"]
)
def test_no_number_of_a_hidden_input_is_told(session: Session, name: str) -> None:
    reason = hidden(session, name)
    assert reason.startswith("with other numbers than those in your notebook: "), reason
    assert "Where to look: Eq. 4, lesson 03" in reason, "where to look holds no secret"
    assert not any(digits in reason for digits in ("718", "0.7", "0_7", "718280", "0.3591"))


def test_the_kind_of_an_error_is_told(session: Session) -> None:
    assert "by_known_kind raised KeyError." in hidden(session, "by_known_kind")
    assert "by_kind could not be used" in hidden(session, "by_kind")
    assert "is not written yet" in hidden(session, "unwritten")
    assert hidden(session, "honest") == ""


def test_visible_inputs_are_told_in_full(session: Session) -> None:
    given = {"twice": twice, "seed": SECRET}
    reason = run_test_cell("twice(by_error, seed)", lambda wanted: given.get(wanted) or session.answer(wanted))
    assert "x was 0.71828" in reason


def test_visible_parts_end_where_the_hidden_ones_begin() -> None:
    ran: list[int] = []
    cell = "f(1)\n### BEGIN HIDDEN TESTS\nfor k in (2, 3):\n    f(k)\n### END HIDDEN TESTS\nf(4)"
    cell = TestCell(cell, {"f": ran.append}.__getitem__)
    assert (cell.visible(), ran) == ("", [1])
    assert (cell.hidden(), ran) == ("", [1, 2, 3, 4])


def test_every_visible_part_runs_before_any_hidden_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has seen a hidden batch could tell of it in the visible part of the next question."""
    order: list[str] = []
    monkeypatch.setattr(grade.TestCell, "visible", lambda self: order.append("visible") or "")
    monkeypatch.setattr(grade.TestCell, "hidden", lambda self: order.append("hidden") or "")
    (tmp_path / "x.ipynb").write_text(json.dumps(answered()))
    grade.grade_submission(made_assignment(tmp_path), "ada", tmp_path / "x.ipynb")
    assert order == ["visible", "visible", "hidden", "hidden"]


def test_a_reason_is_one_line_and_not_endless() -> None:
    def long(answer: Any, seed: int = 0) -> None:
        raise AssertionError("a\x1b[31m\n" + "b" * 10**6)

    check = question("Question", look="Eq. 4")(long)
    reason = run_test_cell("check(1)", {"check": check}.__getitem__)
    assert (
        len(reason) < 1100 and "\x1b" not in reason and "\n" not in reason and reason.endswith("Where to look: Eq. 4")
    )


# --------------------------------------------------------------------------------------------------------- stalling


def test_long_results_do_not_hold_up_the_grader() -> None:
    seeds = list(range(30_000))
    plan = {"seeds": seeds, "select_by": "last", "variants": {"a": {"method": "center"}, "b": {"method": "softmax"}}}
    rows = [(variant, seed, 0.5) for variant in ("a", "b") for seed in seeds]
    with pytest.raises(WrongAnswer, match="at most 100"):
        a6.my_results((lambda: plan, lambda: rows))
    small = {**plan, "seeds": [0, 1, 2]}
    with pytest.raises(WrongAnswer, match="60000 rows for 6 runs"):
        a6.my_results((lambda: small, lambda: rows))


def test_a_forged_error_that_claims_a_long_story_is_cut(session: Session) -> None:
    with pytest.raises(AnswerError) as error:
        session.answer("by_error").call(torch.tensor(1.0))
    assert len(str(error.value)) <= 300

"""A notebook that is graded: one bad cell costs its own question, and every message names its cause."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator

import psutil
import pytest
import torch

from dacl_edu import check
from dacl_edu.check.answers import Answer, AnswerError, as_answer
from dacl_edu.errors import UserError
from dacl_edu_course.sandbox.answer import RemoteAnswer
from dacl_edu_course.sandbox.limits import LAYERS, Limits
from dacl_edu_course.sandbox.process import Worker
from dacl_edu_course.sandbox.session import Session

LIMITS = Limits(cell_seconds=1.0, call_seconds=1.0, memory_mb=512)
CELLS = [
    ("imports", "import os, sys, time, torch\nfrom torch import Tensor"),
    ("square", "def square(x: Tensor) -> Tensor:\n    return (x**2).sum()"),
    ("endless", "while True: pass\ndef endless(x): return x"),
    ("halved", "def halved(x):\n    return x.mul_(0.5)"),
    ("broken", "factor = 1 / 0\ndef broken(x):\n    return factor * x"),
    ("leaves", "def leaves(): return 1\nsys.exit()"),
    ("shout", "print('x' * 2 * 2**20)"),
    ("unwritten", "def unwritten(x):\n    raise NotImplementedError()"),
    ("number", "number: int = 5"),
    (
        "imported",
        "def through_square(x):\n    y = x.clone().requires_grad_()\n    return torch.autograd.grad(square(y), y)[0]",
    ),
    ("stalls", "def stalls(x):\n    while x > 0: pass\n    return x"),
    ("dies", "def dies(x):\n    os._exit(0)"),
    ("late", "def late(x):\n    return square(2 * x)"),
]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(CELLS, LIMITS) as started:
        yield started


def test_a_stand_in_is_an_answer(session: Session) -> None:
    answer = session.answer("square")
    assert isinstance(answer, RemoteAnswer) and isinstance(answer, Answer) and as_answer(answer) is answer
    assert answer.name == "square"


def test_the_same_checks_run_as_in_the_notebook(session: Session) -> None:
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    got = check.call(session.answer("square"), x=x)
    check.value(got, torch.tensor(15.0), tolerance=1e-6)
    assert not got.requires_grad
    check.autograd_gradients(session.answer("square"), {"x": x}, {"x": 2 * x.detach()}, upstream=0.5)
    check.permutation(session.answer("late"), {"x": x.detach()}, ("x",))
    check.scaling(session.answer("late"), {"x": x.detach()}, ("x",), power=2)
    with pytest.raises(AssertionError, match="late changes when every sample comes twice"):
        check.duplicated(session.answer("late"), {"x": x.detach()}, ("x",))
    check.by_hand(session.answer("late"), {"x": x.detach()})
    with pytest.raises(AssertionError, match="through_square takes its numbers from autograd"):
        check.by_hand(session.answer("through_square"), {"x": x.detach()})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("halved", "halved changes its first argument in place: compute a new one instead"),
        ("unwritten", "unwritten is not written yet: put your lines in place of `raise NotImplementedError()`"),
        ("broken", "`broken` is not defined: its cell stopped with ZeroDivisionError: division by zero (line 1)"),
        ("nowhere", "`nowhere` is not defined: was its cell deleted, or the function renamed?"),
        ("number", "`number` is no function (any more) when the notebook has run from top to bottom"),
    ],
)
def test_what_cannot_be_called_says_why(session: Session, name: str, said: str) -> None:
    with pytest.raises(AnswerError) as error:
        session.answer(name).call(torch.ones(2))
    assert str(error.value) == said


def test_what_was_defined_before_a_stop_counts(session: Session) -> None:
    assert session.answer("leaves").call() == 1
    assert session.answer("endless").call(2) == 2, "the statement below one that took too long runs"


def test_errors_and_notes_name_the_cells(session: Session) -> None:
    assert session.errors == {
        "endless": "took longer than 1 s and was stopped",
        "broken": "ZeroDivisionError: division by zero (line 1)",
        "leaves": "the cell called sys.exit (line 2)",
    }
    assert session.notes[:3] == [
        "cell endless took longer than 1 s and was stopped",
        "cell broken: raised ZeroDivisionError: division by zero (line 1)",
        "cell leaves: the cell called sys.exit (line 2)",
    ]
    assert session.layers is not None and set(session.layers.active) <= set(LAYERS)


def test_a_function_that_stalls_or_dies_costs_itself_alone(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, reason in (
        ("stalls", "stalls took longer than 1 s and was stopped"),
        ("dies", "dies ended its own process (os._exit or a crash)"),
    ):
        with pytest.raises(AnswerError) as error:
            session.answer(name).call(torch.tensor(1.0))
        assert str(error.value) == reason and reason in session.notes
        assert session.answer("square").call(torch.tensor(3.0)).item() == 9
        with monkeypatch.context() as patch:
            patch.setattr(Worker, "ask", lambda *_, **__: pytest.fail("it is not waited for twice"))
            with pytest.raises(AnswerError, match=re.escape(reason)):
                session.answer(name).call(torch.tensor(-1.0))


def test_the_third_restart_is_the_last_and_output_is_counted() -> None:
    ends = [(f"ends {k}", f"import os\nos._exit({k})") for k in range(3)]
    with Session([("good", "def good(): return 1"), ("shout", "print('x' * 2**22)"), *ends], LIMITS, 1) as session:
        with pytest.raises(AnswerError) as error:
            session.answer("good").call()
        assert str(error.value) == "good could not be called: the notebook was stopped too often"
        assert session.layers is None
    assert session.notes == [
        "cell ends 0 ended its own process (os._exit or a crash)",
        "cell ends 1 ended its own process (os._exit or a crash)",
        "the notebook was stopped too often",
        "it printed more than 1 MB, of which 4 kB were kept",
    ]


def test_the_whole_notebook_has_a_limit_and_a_worker_started_ahead_is_used() -> None:
    cells = [("good", "import time\ndef good(): return 1"), *((f"naps {k}", "time.sleep(0.4)") for k in range(9))]
    limits = Limits(total_seconds=1)
    with Worker(limits) as ahead, Session(cells, limits, worker=ahead) as session:
        assert session.answer("good").call() == 1, "slow cells, however many, leave time for the questions"
        assert psutil.pid_exists(ahead.pid)
    assert set(session.errors) == {f"naps {k}" for k in range(9)}
    assert all("and was stopped" in note for note in session.notes)


def test_a_source_that_is_no_python_is_an_error_of_its_cell() -> None:
    cells = [
        ("deep", "deep = " + "-" * 20_000 + "1"),
        ("unfinished", "def unfinished(x):\n    return x x"),
        ("good", "def good(): return 1"),
    ]
    with Session(cells) as session:
        for name in ("deep", "unfinished"):
            with pytest.raises(AnswerError, match=f"`{name}` is not defined: its cell stopped with SyntaxError"):
                session.answer(name).call()
        assert session.answer("good").call() == 1
        assert session.errors["deep"] == "SyntaxError: nested too deep"


def test_messages_of_a_student_are_one_harmless_line() -> None:
    cells = [("bad", "raise ValueError('\\x1b[31m' + 'x' * 9999 + '\\nsecond line')")]
    with Session(cells, LIMITS) as session:
        assert session.errors["bad"].startswith("ValueError: [31mxxx") and len(session.errors["bad"]) < 340


def test_a_process_that_cannot_start_is_no_fault_of_the_student(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(UserError) as error:
        Session(CELLS, LIMITS)
    assert str(error.value).startswith("the process for the student's cells could not start")

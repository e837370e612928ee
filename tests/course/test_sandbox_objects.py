"""What a plain test of an instructor's does with an answer, it does with the answer's stand-in as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from dacl_edu_course.grading.test_cell import run_test_cell
from dacl_edu_course.sandbox.limits import Limits
from dacl_edu_course.sandbox.session import Session

ANSWERS = """
import torch

class Ring(torch.nn.Module):
    def __init__(self, radius):
        super().__init__()
        self.radius = torch.nn.Parameter(torch.tensor(float(radius)))

    def forward(self, x):
        return (x.norm(dim=1) - self.radius).square().mean() / 2

def ring(x, radius):
    return (x.norm(dim=1) - radius).square().mean() / 2

def squares(n):
    yield from (k * k for k in range(n))

class Bag:
    def __init__(self, *parts):
        self.parts = parts

    def __iter__(self):
        return iter(self.parts)

    def __mul__(self, factor):
        return Bag(*(factor * part for part in self.parts))

    __rmul__ = __mul__

def twice(x):
    return {"raised": "ValueError", "message": 2 * x}

class Liar:
    def __sub__(self, other): return 0.0
    def __rsub__(self, other): return 0.0
    def __abs__(self): return 0.0
    def __lt__(self, other): return True
    def __float__(self): return 4.0

def lie(x):
    return Liar()

class Meek:
    def __sub__(self, other): return self
    def __abs__(self): return self
    def __lt__(self, other): return True
    def __float__(self): return 0.0
    def item(self): return 0.0

def meek(x):
    return Meek()
"""


@pytest.fixture(scope="module")
def one_session() -> Iterator[Session]:
    with Session([("answers", ANSWERS)], Limits(call_seconds=10, memory_mb=1024)) as started:
        yield started


@pytest.fixture
def session(one_session: Session) -> Session:
    one_session.discreet = False
    return one_session


X = "import torch\nx = torch.tensor([[3.0, 4.0], [0.0, 1.0]], requires_grad=True)\n"


@pytest.mark.parametrize(
    "test",
    [
        "assert len(list(Ring(1).parameters())) == 1",
        "assert list(squares(3)) == [0, 1, 4] and sum(squares(4)) == 14",
        "assert 3 in Bag(1, 3) and 2 not in Bag(1, 3) and sorted(Bag(2, 1)) == [1, 2]",
        "assert list(2 * Bag(1, 2)) == [2, 4] == list(Bag(1, 2) * 2)",
        "try:\n    len(Bag())\n    raise AssertionError\nexcept TypeError:\n    pass",
        "try:\n    Bag(1) - 1\n    raise AssertionError\nexcept TypeError:\n    pass",
        "assert twice(2) == {'raised': 'ValueError', 'message': 4}",
        "assert list((Bag(1, 2) * 2).parts) == [2, 4] and abs(max(Bag(1, 2)) - 2) < 1e-6",
        X + "ring(x, 2.0).backward()\nassert torch.allclose(x.grad, torch.tensor([[0.9, 1.2], [0, -0.5]]))",
        X + "loss = 2 * ring(x, radius=2.0)\n(dx,) = torch.autograd.grad(loss, x)\nassert abs(dx[0, 0] - 1.8) < 1e-6",
        X + "r = Ring(2)\nr(x).backward()\nr(x).backward()\nassert r.radius.grad == -2 and x.grad[0, 0] > 1.7",
        X + "ring = Ring(2)\nring(x.detach()).backward()\nassert ring.radius.grad == -1 and x.grad is None",
        "import torch\nassert isinstance(Ring(1), torch.nn.Module) and not isinstance(Bag(), torch.nn.Module)",
        "ring = Ring(1)\nassert ring.float() is ring and Ring(1) is not ring and Bag(ring).parts[0] is ring",
        "assert isinstance(Ring(1), Ring) and not isinstance(Ring(1), (Bag, int))",
        "ring = Ring(2)\nassert ring.radius == 2 and ring.radius.requires_grad and ring.radius.grad is None",
    ],
)
def test_a_plain_test_of_a_right_answer_passes(session: Session, test: str) -> None:
    assert run_test_cell(test, session.answer) == ""
    session.discreet = True
    assert run_test_cell(test, session.answer) == "", "and where hidden numbers are sent"
    space: dict[str, object] = {}
    exec(ANSWERS + test, space)  # and so it does in the notebook


@pytest.mark.parametrize(
    "test",
    [
        "assert abs(lie(1) - 7.5) < 1e-6",
        "assert abs(7.5 - lie(1)) < 1e-6",
        "assert lie(1) < 3",
        "assert abs(meek(1) - 7.5) < 1e-6",
        "assert float(abs(meek(1) - 7.5)) < 1e-6",
        "assert (meek(1) - 7.5).item() < 1e-6",
        "assert float(lie(1)) == 7.5",
        "import numpy as np\nnp.testing.assert_allclose(lie(1), 7.5)",
        "import torch\ntorch.testing.assert_close(lie(1), torch.tensor(7.5))",
        "import pytest\nassert lie(1) == pytest.approx(7.5)",
    ],
)
def test_an_object_of_the_students_is_no_judge_of_itself(session: Session, test: str) -> None:
    assert run_test_cell(test, session.answer) != ""


def test_a_history_that_does_not_fit_is_no_gradient() -> None:
    cell = "import torch\nfrom dacl_edu_course.sandbox import objects\n"
    for lie in ("[torch.ones(3)]", "['number']", "[[]]", "[]", "[[torch.ones(9)]]"):
        forged = f"objects.Held.slopes_of = lambda *_: {lie}\ndef f(x): return x.sum()"
        with Session([("f", cell + forged)], Limits(memory_mb=1024)) as session:
            assert "could not be read" in run_test_cell(X + "f(x).backward()", session.answer), lie
    assert not torch.zeros(1).requires_grad


def test_a_variable_that_is_not_there_says_why() -> None:
    with Session([("best", "best = 1 / 0"), ("f", "def f(): return 1")], Limits(memory_mb=512)) as session:
        for test in ("assert abs(best - 5) < 1", "assert best == 5", "assert 2 * best > 5", "assert best"):
            assert "its cell stopped with ZeroDivisionError" in run_test_cell(test, session.answer), test
        assert "f is a function" in run_test_cell("assert f + 1 == 2", session.answer)


def test_a_hidden_test_of_numpys_tells_no_pattern() -> None:
    test = "### BEGIN HIDDEN TESTS\nimport numpy as np\nnp.testing.assert_allclose(f(), [np.nan, 0.25, np.nan])"
    with Session([("f", "import numpy as np\ndef f(): return np.ones(3)")], Limits(memory_mb=512)) as session:
        reason = run_test_cell(test, session.answer)
    assert reason == "with other numbers than those in your notebook: Not equal to tolerance rtol=…, atol=0"

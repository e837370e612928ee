"""What a red cell shows: one sentence and the student's own line; outside of a notebook a plain AssertionError."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from torch import Tensor

from dacl_edu import check
from dacl_edu.check.answers import AnswerError, LocalAnswer
from dacl_edu.check.exercise import attempt
from dacl_edu.losses import center_loss

X, Y, C = torch.randn(5, 3), torch.tensor([0, 1, 0, 2, 1]), torch.zeros(3, 3)


@pytest.fixture(scope="module")
def run() -> Callable[[str], list[str]]:
    """A notebook's shell: it runs a cell and returns the lines that a red cell shows."""
    shell = InteractiveShell()
    found: list[str] = []
    shell._showtraceback = lambda kind, value, lines: found.extend(lines)  # type: ignore[method-assign]

    def cell(source: str) -> list[str]:
        found.clear()
        shell.run_cell(source)
        return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(found)).splitlines()

    cell("import torch\nfrom dacl_edu import check\nx = torch.ones(2)\ninputs = {'x': x}")
    return cell


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("check.shape(x, (3,), 'dx')", "✘ dx has the shape (2,), but must have (3,)"),
        ("check.value(2 * x, x, 'dx')", "✘ dx is 2 times what it must be everywhere"),
        ("check.gradient(lambda x: x.sum(), lambda x: {'x': -x}, inputs, ('x',))", "✘ the gradient with respect to x"),
        ("check.scaling(lambda x: x.sum(), inputs, ('x',), power=2)", "✘ <lambda> is not multiplied by 9"),
        ("check.duplicated(lambda x: x.sum(), inputs, ('x',))", "✘ <lambda> changes when every sample comes twice"),
    ],
)
def test_a_failed_check_is_one_sentence(run: Callable[[str], list[str]], cell: str, said: str) -> None:
    lines = run(cell)
    assert len(lines) == 1 and lines[0].startswith(said), lines


def test_an_error_in_the_students_code_comes_with_its_line(run: Callable[[str], list[str]]) -> None:
    run("def mine(x):\n    half = x / 2\n    return hlaf")
    assert run("check.call(mine, x)") == [
        "✘ mine raised NameError: name 'hlaf' is not defined", "In mine, line 3 of its cell: return hlaf",
    ]  # fmt: skip


def test_an_assert_of_ones_own_keeps_its_frames(run: Callable[[str], list[str]]) -> None:
    assert len(run("assert x.sum() > 5, 'too small'")) > 2


def test_elsewhere_it_is_an_assertion_error_with_its_traceback() -> None:
    with pytest.raises(AssertionError) as error:
        check.value(2 * X, X, "dx")
    assert error.type is AssertionError
    assert "values.py" in "".join(traceback.format_exception(error.value))


def one_hot_float(x: Tensor, y: Tensor, c: Tensor) -> dict[str, Tensor]:
    D = (x - c[y]) / len(x)
    return {"x": D, "c": -torch.nn.functional.one_hot(y, len(c)).float().T @ D}


def made_float(x: Tensor, y: Tensor, c: Tensor) -> dict[str, Tensor]:
    D = (x - c[y]) / len(x)
    return {"x": D, "c": torch.zeros(c.shape).index_add(0, y, -D)}


def whole_numbers(x: Tensor, y: Tensor, c: Tensor) -> dict[str, Tensor]:
    D = (x - c[y]) / len(x)
    return {"x": D, "c": -torch.nn.functional.one_hot(y, len(c)).T @ D}


def right(x: Tensor, y: Tensor, c: Tensor) -> dict[str, Tensor]:
    D = (x - c[y]) / len(x)
    return {"x": D, "c": -torch.nn.functional.one_hot(y, len(c)).to(x.dtype).T @ D}


@pytest.mark.parametrize("mine", [one_hot_float, made_float, whole_numbers])
@pytest.mark.parametrize("through", [lambda mine: mine, lambda mine: attempt(mine, right)])
def test_types_that_do_not_mix_are_explained(mine: Any, through: Callable[[Any], Any]) -> None:
    with pytest.raises(AnswerError) as error:
        check.gradient(center_loss_of, through(mine), {"x": X, "y": Y, "c": C}, ("x", "c"))
    said = str(error.value)
    assert said.startswith(f"{mine.__name__} raised RuntimeError: ") and said.count("raised") == 1
    assert "float64" in said and ".to(x.dtype)" in said
    check.gradient(center_loss_of, through(right), {"x": X, "y": Y, "c": C}, ("x", "c"))


def center_loss_of(x: Tensor, y: Tensor, c: Tensor) -> Tensor:
    return center_loss(x, y, c)


@pytest.mark.parametrize(
    "mine",
    [
        lambda x: torch.ones(3, 3) @ x.T,
        lambda x: torch.einsum("ij,kj->ik", X, x),
        lambda x: torch.zeros(9, 3).scatter_add(0, torch.zeros(5, 3, dtype=torch.long), x),
        lambda x: torch.zeros(5, 3).index_put((Y,), x),
    ],
)
def test_whoever_calls_it(mine: Any) -> None:
    asks: list[Callable[[Tensor], Any]] = [
        lambda x: LocalAnswer(mine).call(x=x), lambda x: LocalAnswer(mine).autograd_gradients({"x": x}, ("x",)),
        attempt(mine, right), lambda x: attempt(mine, right)(x=x),
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(AnswerError, match=r"float64: take the type from it, as \.to\(x\.dtype\) does"):
            ask(X.double())


def test_other_errors_get_no_such_advice() -> None:
    wide = X.double()
    for mine in (lambda x: x @ x, lambda x: x[Y.double()], lambda x: torch.zeros(3, 3).index_add(0, Y.double(), X)):
        with pytest.raises(AnswerError) as error:
            LocalAnswer(mine).call(x=wide)
        assert "float64" not in str(error.value)
    with pytest.raises(AnswerError) as error:
        LocalAnswer(lambda x: X.double().T @ x).call(x=X)
    assert "take the type" not in str(error.value), "nothing that it is given is float64"

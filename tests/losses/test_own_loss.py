"""A loss of one's own that is not one: a sentence names it, and what it must take and return."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from dacl_edu.errors import UserError
from dacl_edu.losses import CenterLoss, MetricLoss, Objective, register_loss, registry
from dacl_edu.losses.registry import build_loss

TAKES = r"it takes \(self, features \(m, d\), attention \(m, d\), labels \(m,\), centers \(K, d\)\) and returns"


def of(method: str, function: Any) -> MetricLoss:
    return type("Mine", (MetricLoss,), {method: function})()


def called(loss: MetricLoss) -> float:
    x, centers = torch.ones(2, 3), torch.zeros(7, 3)
    return Objective(loss, 1.0)(torch.zeros(2, 7), x, x, torch.tensor([0, 1]), centers).metric.item()


@pytest.mark.parametrize("method", ["formula", "forward"])
@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda self, x, a, y, c: None, r"must return a scalar tensor, not None \(its return is missing\)"),
        (lambda self, x, a, y, c: 3.0, "must return a scalar tensor, not a float"),
        (lambda self, x, a, y, c: x, r"must return a scalar tensor, not the shape \(2, 3\)"),
        (lambda self, x, y, c: x.sum(), r"does not take what a loss is given \(too many"),
        (lambda self, x, a, y, c, margin: x.sum(), r"does not take what a loss is given \(missing.*margin"),
    ],
)
def test_what_a_loss_takes_and_returns_is_said(method: str, function: Any, said: str) -> None:
    function.__name__ = method
    with pytest.raises(UserError, match=rf"Mine\.{method} {said}.* — {TAKES}"):
        called(of(method, function))


def test_what_goes_wrong_inside_is_raised_as_it_is() -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        called(of("formula", lambda self, x, a, y, c: x.sum() + None))
    assert called(of("forward", lambda self, x, a, y, c: x.sum())) == 6


def test_an_init_that_forgets_its_parents_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))

    @register_loss("forgetful")
    class Forgetful(CenterLoss):
        def __init__(self, margin: float = 1) -> None:
            self.margin = margin

    with pytest.raises(UserError, match=r"Forgetful.*super\(\).__init__\(\)"):
        build_loss("forgetful")

"""Assignment 4: a term of the student's own against the collapse of attention, with its gradient by hand."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dacl_edu import check
from dacl_edu.check.answers import Answer, as_answer
from dacl_edu.check.properties import own_work
from dacl_edu_course.questions.batches import incoming, made_batch, unlike_batches
from dacl_edu_course.questions.explain import explained, without_amounts
from dacl_edu_course.questions.question import question
from dacl_edu_course.reference import attention_terms as reference

WEIGHTS = (1.0, 10.0, 0.1, 100.0, 1000.0)
"""β, the weights of a student's term that are tried: its strength is no part of the answer."""
FLOOR, COLLAPSED, SPREAD = 0.25, 0.05, 0.05
"""Mean attention must end above the first; without a term it ends below the second; its standard deviation within a
sample, averaged over the samples, must end above the third."""
STEPS, RATE = 150, 0.1
TIGHT = 1e-6
NARROW = 3e-5
"""For weights that come in float32."""


class Learnt(NamedTuple):
    """What :func:`attention_learns` returns: mean attention, and its spread within a sample."""

    mean: float
    spread: float


def attention_learns(term: Answer | None, seed: int, weight: float = 1.0) -> Learnt:
    r"""Let attention alone learn: features, labels and centers stand still.

    ``a = sigmoid(s)`` starts at ½ and goes down :math:`\mathcal{L}_{SC}(x, a, y, c) + \beta\,term(a)` by Adam.

    Parameters
    ----------
    term : Answer or None
        None: the loss of Eq. 4 alone.
    seed : int
        Of the batch.
    weight : float, default 1.0
        β.

    Raises
    ------
    AssertionError
        A gradient that is not there or not finite.

    Examples
    --------
    >>> attention_learns(None, seed=0).mean < COLLAPSED
    True
    >>> from dacl_edu.check.answers import LocalAnswer
    >>> attention_learns(LocalAnswer(lambda a: (a.mean() - 0.5) ** 2), seed=0, weight=100.0).mean > FLOOR
    True
    """
    batch = made_batch(seed)
    eq_10 = (batch["x"] - batch["c"][batch["y"]]).square() / (2 * len(batch["x"]))  # ∂L_SC/∂a, (m, d)
    s = torch.zeros_like(batch["x"], requires_grad=True)
    adam = torch.optim.Adam([s], lr=RATE)
    for _ in range(STEPS):
        a = torch.sigmoid(s.detach())
        slope = eq_10
        if term is not None:
            slope = eq_10 + weight * _own_slope(term, a)
        s.grad = slope * a * (1 - a)
        adam.step()
    a = torch.sigmoid(s.detach())
    return Learnt(float(a.mean()), float(a.std(dim=1, correction=0).mean()))


def _own_slope(term: Answer, a: Tensor) -> Tensor:
    slope = term.autograd_gradients({"a": a}, ("a",))["a"]
    assert slope is not None, f"{term.name} has no gradient: a was detached, or is not used"
    check.shape(slope, tuple(a.shape), f"the gradient of {term.name}")
    assert slope.isfinite().all(), (
        f"the gradient of {term.name} is not finite for some a between {float(a.min()):.2g} and {float(a.max()):.2g}"
    )
    return slope


@question(
    "Question 1: the budget term", look="the equation above; mean attention in lesson 03, 'A flaw, to be continued'"
)
@without_amounts
def budget_term(answer: Any, seed: int = 0) -> None:
    """``budget_term(a, budget)``: value, and that autograd reaches a."""
    for a, tolerance in _weights(seed):
        for budget in _budgets(seed):
            expected = torch.tensor(reference.budget_term(_array(a), budget), dtype=torch.float64)
            explained(
                partial(check.value, check.call(answer, a=a, budget=budget), expected, "the budget term", tolerance),
                partial(_nothing_at_the_budget, answer, a),
                partial(_a_parabola_of_the_budget, answer, a),
                also=False,
            )
            slope = torch.from_numpy(reference.budget_gradient(_array(a), budget))
            for upstream in incoming(seed, 2):
                check.autograd_gradients(answer, {"a": a, "budget": budget}, {"a": slope}, upstream, tolerance)
    own_work(answer, {"a": a, "budget": budget})


def _weights(seed: int) -> list[tuple[Tensor, float]]:
    """Attention of all batches, and the tolerance for each."""
    made = [batch["a"] for batch in unlike_batches(seed, "a")]
    return [(a, TIGHT if a.dtype == torch.float64 else NARROW) for a in made]


def _array(tensor: Tensor) -> Any:
    return tensor.double().numpy()


def _nothing_at_the_budget(answer: Any, a: Tensor) -> None:
    met = check.call(answer, a=a, budget=float(a.mean()))
    assert abs(float(met)) <= TIGHT, (
        "it is not 0 where the mean of all weights is the budget: one mean of the whole batch, and then the square?"
    )


def _a_parabola_of_the_budget(answer: Any, a: Tensor) -> None:
    steps = (-0.2, 0.2, 0.4)
    below, above, twice = (float(check.call(answer, a=a, budget=float(a.mean()) + step)) for step in steps)
    assert abs(below - above) <= TIGHT, "it is not the same for budgets equally far below and above the mean"
    assert abs(twice - 4 * above) <= TIGHT, "a mean twice as far from the budget does not cost four times as much"


@question(
    "Question 2: the gradient of the budget term",
    look="the chain rule: the square outside, the mean inside; lesson 05, 'Road 1: on paper'",
)
@without_amounts
def budget_gradient(answer: Any, seed: int = 0) -> None:
    """``budget_gradient(a, budget)``, by hand, for budgets on both sides of the mean."""
    title = "the gradient of the budget term"
    for a, tolerance in _weights(seed):
        for budget in _budgets(seed):
            expected = torch.from_numpy(reference.budget_gradient(_array(a), budget))
            check.value(check.call(answer, a=a, budget=budget), expected, title, tolerance)
    a = made_batch(seed)["a"]
    check.by_hand(answer, {"a": a, "budget": budget})
    far = 1e6 * budget  # a loss of size 10¹² has no digits left for a difference of losses
    expected = torch.from_numpy(reference.budget_gradient(a.numpy(), far))
    check.value(check.call(answer, a=a, budget=far), expected, f"{title}, for a budget far away,", TIGHT)


def _budgets(seed: int) -> tuple[float, float]:
    low, high = np.random.default_rng(seed).uniform((0.1, 0.7), (0.3, 0.9))
    return float(low), float(high)


@question("Question 3: the entropy term", look="the equation above: first the shares of each sample, then p ln p")
@without_amounts
def entropy_term(answer: Any, seed: int = 0) -> None:
    """``entropy_term(a)``: equal weights, a weight of 0, lengths, value, slopes."""
    a = made_batch(seed)["a"]
    title = "the entropy term"
    m, d = a.shape
    even = check.call(answer, a=torch.full((m, d), 0.5, dtype=torch.float64))
    check.shape(even, (), title)
    assert abs(float(even) + float(np.log(d))) <= TIGHT, (
        f"{title} is not −ln d where all weights are equal: sign as printed? Are the shares taken along each row, is "
        "the logarithm the natural one, and is it a mean over the m samples?"
    )
    check.scaling(answer, {"a": a}, ("a",), power=0, factor=0.5)
    with_zero = a.clone()
    with_zero[1, 2] = 0.0
    found = check.call(answer, a=with_zero)
    check.shape(found, (), title)
    assert bool(found.isfinite()), f"{title} is not finite where a weight is 0: 0 ln 0 counts as 0"
    for weights, tolerance in ((with_zero, TIGHT), *_weights(seed)):
        expected = torch.tensor(reference.entropy_term(_array(weights)), dtype=torch.float64)
        check.value(check.call(answer, a=weights), expected, title, tolerance)
    for weights, tolerance in _weights(seed):
        slope = torch.from_numpy(reference.entropy_gradient(_array(weights)))
        for upstream in incoming(seed, 2):
            check.autograd_gradients(answer, {"a": weights}, {"a": slope}, upstream, tolerance)
    own_work(answer, {"a": a})


@question(
    "Question 4: the gradient of the entropy term",
    look="each weight changes all shares of its sample: the quotient rule; the hints",
)
@without_amounts
def entropy_gradient(answer: Any, seed: int = 0) -> None:
    """``entropy_gradient(a)``, by hand: at a right angle to each sample's weights, then the value."""
    title = "the gradient of the entropy term"
    uneven = made_batch(seed)["a"]
    uneven[:, 0] *= 1e-9  # so little that a step for a difference of values leads below 0
    for a, tolerance in (*_weights(seed), (uneven, TIGHT)):
        found = check.call(answer, a=a)
        check.shape(found, tuple(a.shape), title)
        assert float((a * found).sum(dim=1).abs().max()) <= tolerance, (
            f"a times {title}, summed over a sample, is not 0: but making all weights of a sample larger changes no "
            "share. Does the weight also stand in the sum below the fraction?"
        )
        check.value(found, torch.from_numpy(reference.entropy_gradient(_array(a))), title, tolerance)
    check.by_hand(answer, {"a": made_batch(seed)["a"]})


@question("Question 5: your own term", look="the five requirements above; lesson 05, 'Does attention fall?'")
@without_amounts
def my_term(answer: Any, seed: int = 0) -> None:
    """``my_term(a)``: a number, a mean over samples, differentiable; and it keeps attention without levelling it."""
    a = made_batch(seed)["a"]
    for weights, _ in _weights(seed):
        _is_a_number(answer, weights)
    own_work(answer, {"a": a})
    check.permutation(answer, {"a": a}, ("a",))
    check.duplicated(answer, {"a": a}, ("a",))
    _follows_autograd(answer, a, seed)
    _is_another_term(answer, a)
    _keeps_attention(as_answer(answer), seed)


def _is_another_term(answer: Any, a: Tensor) -> None:
    """The budget term is a parabola of the mean of all weights, and knows nothing else of a batch."""
    share = torch.linspace(0.2, 1.0, len(a), dtype=a.dtype)[:, None]
    uneven = 0.4 * a * share / (a * share).mean()
    levels = [torch.full_like(a, level) for level in (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)]
    other, *values = (float(check.call(answer, a=weights)) for weights in (uneven, *levels))
    second = np.diff(values, 2)
    size = max(1.0, *map(abs, values))
    parabola = abs(second[0]) > TIGHT * size and float(np.abs(np.diff(second)).max()) <= TIGHT * size
    assert not (parabola and abs(other - values[2]) <= TIGHT * size), (
        "your term is a parabola of the mean of all weights: that is the budget term, and another one is asked"
    )


def _is_a_number(answer: Any, a: Tensor) -> None:
    cases = {
        "": a,
        " where all of a is 1": torch.ones_like(a),
        " where all of a is 0.000001": torch.full_like(a, 1e-6),
        " for a single sample": a[:1],
    }
    for where, weights in cases.items():
        found = check.call(answer, a=weights)
        check.shape(found, (), "your term")
        assert bool(found.isfinite()), f"your term is not finite{where}"
        assert found.dtype in (a.dtype, torch.float64), (
            f"your term answers in {str(found.dtype).removeprefix('torch.')} to an a in float64: keep the type of a"
        )


def _follows_autograd(answer: Any, a: Tensor, seed: int) -> None:
    """Autograd gives the slope that one measures: nothing is detached half-way, nothing rounded on the way."""
    handle, rng = as_answer(answer), np.random.default_rng(seed)
    steepest = 0.0
    for weights in (a, 0.1 * a):  # a term may rest while attention is high, and act when it is low
        slope = _own_slope(handle, weights)
        steepest = float(slope.abs().max())
        for _ in range(3):
            direction = weights * torch.from_numpy(rng.normal(size=tuple(a.shape)))
            measured = _measured_slope(answer, weights, direction)
            assert abs(measured - float((slope * direction).sum())) <= TIGHT * max(1.0, steepest), (
                "autograd's gradient of your term is not its slope: something on the way is detached or rounded"
            )
    assert steepest > 0, "your term does not change when a low a changes: it cannot hold attention up"


def _measured_slope(answer: Any, a: Tensor, direction: Tensor, h: float = 1e-6) -> float:
    up, down = check.call(answer, a=a + h * direction), check.call(answer, a=a - h * direction)
    return float(up - down) / (2 * h)


def _keeps_attention(term: Answer, seed: int) -> None:
    ends: list[Learnt] = []
    for weight in WEIGHTS:
        end = attention_learns(term, seed, weight)
        if end.mean > FLOOR and end.spread > SPREAD:
            return
        ends.append(end)
    highest = max(end.mean for end in ends)
    if highest <= FLOOR:
        tried = ", ".join(f"{weight:g}" for weight in sorted(WEIGHTS))
        raise AssertionError(
            f"attention still falls, from 0.5 to {highest:.2f} or lower, under L_SC + β·{term.name} with "
            f"β = {tried}: does your term grow when a falls, in whichever dimension?"
        )
    spread = max(end.spread for end in ends if end.mean > FLOOR)
    raise AssertionError(
        "attention is kept up, but within a sample all weights end up alike: their standard deviation is at most "
        f"{spread:.2f}. Your term must leave L_SC a choice between dimensions"
    )


@question("Question 6: the gradient of your own term", look="your derivation; lesson 05, 'Road 3: finite differences'")
@without_amounts
def my_term_gradient(answers: tuple[Any, Any], seed: int = 0) -> None:
    """``(my_term, my_term_gradient)``: the gradient by hand against finite differences of the student's own term."""
    term, gradient = answers
    check.call(gradient, a=made_batch(seed)["a"])
    check.by_hand(gradient, {"a": made_batch(seed)["a"]})
    steepest = 0.0
    for share in (1.0, 0.1):
        a = share * made_batch(seed)["a"]
        found = check.call(gradient, a=a)
        expected = _finite_differences(term, a)
        steepest = float(expected.abs().max())
        check.value(found, expected, f"the gradient of your term (a around {share / 2:g})", TIGHT * max(1.0, steepest))
    assert steepest > TIGHT, "your term hardly changes when a low a changes: there is no gradient to derive"


def _finite_differences(term: Any, a: Tensor) -> Tensor:
    slope = torch.empty_like(a)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            along = torch.zeros_like(a)
            along[i, j] = a[i, j]  # a step in proportion, so that no weight leaves (0, 1]
            slope[i, j] = _measured_slope(term, a, along) / float(a[i, j])
    return slope

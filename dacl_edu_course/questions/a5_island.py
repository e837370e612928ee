"""Assignment 5: island loss in its attentive form, the push of its centers, and a comparison over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dacl_edu import check
from dacl_edu.check.properties import own_work
from dacl_edu.reference import island
from dacl_edu_course.questions.batches import incoming, made_batch, sized_batch, unlike_batches
from dacl_edu_course.questions.explain import explained, without_amounts
from dacl_edu_course.questions.question import question
from dacl_edu_course.reference import comparison

TIGHT = 1e-6
NARROW = 3e-5
"""For numbers that come in float32."""


def _centers(seed: int) -> tuple[Tensor, Tensor]:
    """Centers of different lengths, (K, d); and the same with one of length 0."""
    c = made_batch(seed)["c"]
    c = c * torch.linspace(0.5, 3.0, len(c), dtype=c.dtype)[:, None]
    short = c.clone()
    short[1] = 0.0
    return c, short


def _many_centers(seed: int) -> list[tuple[Tensor, float]]:
    """Two centers, up to 40, transposed in memory, in float32, and the tolerance for each."""
    rng = np.random.default_rng(seed + 7)
    many = sized_batch(rng, 1, int(rng.integers(3, 9)), int(rng.integers(20, 41)))["c"]
    two = sized_batch(rng, 1, int(rng.integers(3, 9)), 2)["c"]
    return [(two, TIGHT), (many, TIGHT), (many.t().contiguous().t(), TIGHT), (many[:6].float(), NARROW)]


@question(
    "Question 1: the term of the centers",
    look="the equation above; docs/losses.md, 'What was checked against which source', the slips of public code",
)
@without_amounts
def island_term(answer: Any, seed: int = 0) -> None:
    """``island_term(c)``: two opposite centers, value, a center of length 0, slopes, lengths, order."""
    c, short = _centers(seed)
    title = "the term of the centers"
    opposite = check.call(answer, c=torch.stack([c[0], -2 * c[0]]))
    check.shape(opposite, (), title)
    assert opposite.isfinite(), f"{title} is not finite for two opposite centers"
    assert abs(float(opposite)) <= TIGHT, (
        f"{title} is not 0 for two opposite centers, whose cosine is −1: something is left over. What does a center "
        "with itself add, and what must it add?"
    )
    found = check.call(answer, c=short)
    check.shape(found, (), title)
    assert bool(found.isfinite()), f"{title} is not finite where a center has length 0"
    check.value(check.call(answer, c=c), _number(island.island_term(c.numpy())), title, TIGHT)
    expected = _number(island.island_term(short.numpy()))
    assert abs(float(found) - float(expected)) <= TIGHT, (
        f"{title} is wrong where one center has length 0: its cosines count as 0. What do its pairs add then?"
    )
    for centers, tolerance in ((c, TIGHT), *_many_centers(seed)):
        array = centers.double().numpy()
        check.value(check.call(answer, c=centers), _number(island.island_term(array)), title, tolerance)
        slope = torch.from_numpy(2 * (len(array) - 1) * island.island_push(array))  # ordered pairs: each cosine twice
        for upstream in incoming(seed, 2):
            check.autograd_gradients(answer, {"c": centers}, {"c": slope}, upstream, tolerance)
    own_work(answer, {"c": c})
    check.scaling(answer, {"c": c}, ("c",), power=0)
    check.permutation(answer, {"c": c}, ("c",))


@question(
    "Question 2: the attentive island loss", look="the equation above: Eq. 4 (lesson 03), then λ₁ times Question 1"
)
@without_amounts
def attentive_island(answer: Any, seed: int = 0) -> None:
    """``attentive_island(x, a, y, c, lam1)``: values for three λ₁, slopes in x and a, invariances."""
    batch, title = made_batch(seed), "the loss"
    arrays = {name: tensor.numpy() for name, tensor in batch.items()}
    lam1 = float(np.random.default_rng(seed).uniform(0.5, 5.0))
    alone = check.call(answer, **batch, lam1=0.0)
    check.shape(alone, (), title)
    assert bool(alone != 0), f"{title} with λ₁ = 0 is 0, but Eq. 4 must remain: what does λ₁ multiply?"
    check.value(
        alone, _number(island.attentive_island(**arrays, lam1=0.0)), f"{title} with λ₁ = 0, Eq. 4 alone,", TIGHT
    )
    for weight in (lam1, 2 * lam1):
        found = check.call(answer, **batch, lam1=weight)
        check.shape(found, (), title)
        expected = _number(weight * island.island_term(arrays["c"]))
        explained(
            partial(check.value, found - alone, expected, "what is added to Eq. 4", 10 * TIGHT),
            partial(_does_not_know_the_batch, answer, {**batch, "lam1": weight}),
            also=False,
        )
    for other, upstream in zip(unlike_batches(seed, "x", "a", "y", "c"), incoming(seed, 6), strict=True):
        tolerance = TIGHT if other["x"].dtype == torch.float64 else NARROW
        arrays = {n: (value.double() if value.is_floating_point() else value).numpy() for n, value in other.items()}
        expected = _number(island.attentive_island(**arrays, lam1=lam1))
        check.value(check.call(answer, **other, lam1=lam1), expected, title, tolerance)
        check.autograd_gradients(answer, {**other, "lam1": lam1}, _eq_9_and_10(**other), upstream, tolerance)
    own_work(answer, {**batch, "lam1": lam1})
    check.permutation(answer, {**batch, "lam1": lam1}, ("x", "a", "y"))
    check.duplicated(answer, {**batch, "lam1": lam1}, ("x", "a", "y"))


def _eq_9_and_10(x: Tensor, a: Tensor, y: Tensor, c: Tensor) -> dict[str, Tensor]:
    x, a, c, m = x.double(), a.double(), c.double()[y], len(x)
    return {"x": a * (x - c) / m, "a": (x - c).square() / (2 * m)}


def _does_not_know_the_batch(answer: Any, inputs: Mapping[str, Any]) -> None:
    """The other part alone, from a batch in which each sample stands on its center: another batch, the same number."""
    rows = [len(inputs["y"]), 1]
    still = [{**inputs, "y": inputs["y"][:m], "a": inputs["a"][:m], "x": inputs["c"][inputs["y"][:m]]} for m in rows]
    whole, one = (float(check.call(answer, **each)) for each in still)
    assert abs(whole - one) <= 10 * TIGHT, "it depends on the samples: the term runs over all K centers, once"


@question("Question 3: the push of the centers", look="docs/losses.md, 'How the centers move'; the hints")
@without_amounts
def island_push(answer: Any, seed: int = 0) -> None:
    """``island_push(c)``, by hand: a center of length 0, right angles, lengths, value."""
    c, short = _centers(seed)
    title = "the push"
    found = check.call(answer, c=c)
    check.shape(found, tuple(c.shape), title)
    assert float((found * c).sum(dim=1).abs().max()) <= TIGHT, (
        f"{title} does not stand at a right angle to each center: it must turn a center and not lengthen it. "
        "Look at the second part of the sum"
    )
    check.scaling(answer, {"c": c}, ("c",), power=-1)
    check.value(found, torch.from_numpy(island.island_push(c.numpy())), title, TIGHT)
    with_short = check.call(answer, c=short)
    check.shape(with_short, tuple(short.shape), title)
    assert bool(with_short.isfinite().all()), f"{title} is not finite where a center has length 0"
    assert not with_short[1].any(), f"{title} moves a center of length 0, but must not"
    expected = torch.from_numpy(island.island_push(short.numpy()))
    check.value(with_short, expected, f"{title}, with one center of length 0,", TIGHT)
    for centers, tolerance in _many_centers(seed):
        expected = torch.from_numpy(island.island_push(centers.double().numpy()))
        check.value(check.call(answer, c=centers), expected, title, tolerance)
    check.by_hand(answer, {"c": c})
    far = c * 10.0 ** torch.linspace(-4, 4, len(c), dtype=c.dtype)[:, None]  # no step fits all of these lengths
    found = check.call(answer, c=far)
    expected = torch.from_numpy(island.island_push(far.numpy()))
    lengths = far.norm(dim=1, keepdim=True)
    check.value(found * lengths, expected * lengths, f"{title}, times the length of each center,", TIGHT)


@question("Question 4: two methods over the same seeds", look="the three formulas above; lesson 10, 'Another seed'")
@without_amounts
def compare(answer: Any, seed: int = 0) -> None:
    """``compare(first, second)``: its two numbers, for paired results; equal differences; a single seed."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 8))
    hard = rng.uniform(0.6, 0.8, size=n)  # what a seed does to both methods
    first, second = hard + rng.normal(0.02, 0.01, size=n), hard + rng.normal(0.0, 0.01, size=n)
    found = _two_numbers(check.call(answer, first=torch.from_numpy(first), second=torch.from_numpy(second)))
    level = _two_numbers(check.call(answer, first=torch.from_numpy(hard + 0.0625), second=torch.from_numpy(hard)))
    expected = comparison.compare(first, second)
    check.value(found["difference"], _number(expected["difference"]), "the difference", TIGHT)
    assert abs(float(level["standard_error"])) <= TIGHT, (
        "the standard error is not 0 where the difference is the same for every seed: two results of one seed belong "
        "together"
    )
    error, right = float(found["standard_error"]), expected["standard_error"]
    assert abs(error - right) <= TIGHT / 10, (
        "the standard error is not that of the paired differences: n − 1 stands below their squares, and the root of n "
        "outside"
    )
    for count in (2, 40):
        some = {name: torch.from_numpy(rng.normal(0.6, 0.05, size=count)) for name in ("first", "second")}
        wanted = comparison.compare(*(value.numpy() for value in some.values()))
        for name, value in _two_numbers(check.call(answer, **some)).items():
            check.value(value, _number(wanted[name]), f"{name} for {count} seeds", TIGHT)
    own_work(answer, some)
    single = _two_numbers(check.call(answer, first=torch.from_numpy(first[:1]), second=torch.from_numpy(second[:1])))
    check.value(single["difference"], _number(first[0] - second[0]), "the difference for a single seed", TIGHT)
    assert math.isnan(float(single["standard_error"])), (
        "the standard error of a single seed must be nan, not a number: one result says nothing about its spread"
    )


def _two_numbers(found: Any) -> dict[str, Tensor]:
    names = ("difference", "standard_error")
    assert isinstance(found, Mapping), f"compare returns a {type(found).__name__}, but must return a dictionary"
    missing = [name for name in names if name not in found]
    assert not missing, f"{missing[0]} is missing from the dictionary that compare returns"
    for name in names:
        value = found[name]
        single = isinstance(value, int | float) or (isinstance(value, Tensor) and value.numel() == 1)
        assert single, f"{name} must be one number"
    return {name: torch.as_tensor(found[name], dtype=torch.float64).reshape(()) for name in names}


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)

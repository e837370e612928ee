"""Assignment 3: the center update. Eq. 11, line 15 of Algorithm 1, and micro-batches."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dacl_edu import check
from dacl_edu.check.properties import no_gradient
from dacl_edu.reference import center_update as reference
from dacl_edu_course.questions.batches import by_reference, made_batch, unlike_batches
from dacl_edu_course.questions.explain import explained, without_amounts
from dacl_edu_course.questions.question import question

NAMES = ("x", "a", "y", "c")
EPSILONS = (1.0, 0.3, 0.0)
_ADD_UP = "one part alone is right: what of Eq. 11 adds up over the parts, and what does not?"


@question("Question 1: the step", look="Eq. 11, and lesson 06_center_update, section 'Five samples, three classes'")
@without_amounts
def center_delta(answer: Any, seed: int) -> None:
    """``center_delta(x, a, y, c, eps)``: (K, d), zero for absent classes."""
    batches = unlike_batches(seed, *NAMES)
    check.call(answer, **batches[0], eps=1.0)
    check.by_hand(answer, {**batches[0], "eps": 1.0})
    for batch in batches:
        for eps in EPSILONS:
            inputs = {**batch, "eps": eps}
            title = f"Δ with ε = {eps:g}"
            found = check.call(answer, **inputs)
            check.shape(found, tuple(batch["c"].shape), title)
            _absent_classes_are_zero(found, batch["y"], title)
            explained(
                partial(check.value, found, by_reference(reference.center_delta, **inputs), title, check.TOLERANCE),
                partial(_depends_on_eps, answer, inputs),
                partial(_other_classes_do_not_count, answer, inputs),
                partial(_counts_its_own_samples, answer, inputs),
                partial(_eps_is_added, answer, inputs),
                partial(check.scaling, answer, inputs, ("a",), power=1),
                partial(check.permutation, answer, inputs, ("x", "a", "y")),
                also=False,
            )


def _absent_classes_are_zero(found: Tensor, y: Tensor, title: str) -> None:
    for k in sorted(set(range(len(found))) - set(y.tolist())):
        assert found[k].isfinite().all(), f"{title} is not finite for class {k}, of which the batch has no sample"
        assert (found[k] == 0).all(), f"{title} is not 0 for class {k}, of which the batch has no sample"


def _depends_on_eps(answer: Any, inputs: Mapping[str, Any]) -> None:
    small, large = (check.call(answer, **{**inputs, "eps": eps}) for eps in (0.5, 4.0))
    assert not torch.equal(small, large), "it is the same for every ε: where does ε enter?"


def _other_classes_do_not_count(answer: Any, inputs: Mapping[str, Any]) -> None:
    moving = inputs["y"] == inputs["y"][0]
    before = check.call(answer, **inputs)
    after = check.call(answer, **{**inputs, "x": inputs["x"] + 2.0 * moving[:, None]})
    others = [k for k in range(len(before)) if k != int(inputs["y"][0])]
    assert torch.allclose(before[others], after[others], rtol=0, atol=check.TOLERANCE), (
        "the step of a class changes when samples of another class move"
    )


def _counts_its_own_samples(answer: Any, inputs: Mapping[str, Any]) -> None:
    k = int(inputs["y"][0])
    own = {name: inputs[name][inputs["y"] == k] for name in ("x", "a", "y")}
    alone, among = (check.call(answer, **given)[k] for given in ({**inputs, **own}, inputs))
    assert torch.allclose(alone, among, rtol=0, atol=check.TOLERANCE), (
        "the step of a class changes when the samples of the others are left out: which samples does n_k count?"
    )


def _eps_is_added(answer: Any, inputs: Mapping[str, Any]) -> None:
    """A class with one sample goes half as far for ε = 3 as for ε = 1."""
    one = {**inputs, **{name: inputs[name][:1] for name in ("x", "a", "y")}}
    near, far = (check.call(answer, **{**one, "eps": eps}) for eps in (3.0, 1.0))
    assert torch.allclose(2 * near, far, rtol=0, atol=check.TOLERANCE), (
        "for a class with one sample the step with ε = 3 is not half of that with ε = 1: what does Eq. 11 do with ε?"
    )


@question(
    "Question 2: the new centers",
    look="Algorithm 1, line 15, and lesson 06_center_update, section 'A rule, not a gradient'",
)
@without_amounts
def updated_centers(answer: Any, seed: int) -> None:
    """``updated_centers(x, a, y, c, alpha, eps)``: a new (K, d) tensor, outside of autograd."""
    batches = unlike_batches(seed, *NAMES)
    check.call(answer, **batches[0], alpha=0.5, eps=1.0)
    check.by_hand(answer, {**batches[0], "alpha": 0.5, "eps": 1.0})
    for batch in batches:
        for alpha, eps in ((0.5, 1.0), (1.0, 0.3), (0.1, 0.0)):
            inputs = {**batch, "alpha": alpha, "eps": eps}
            title = f"c after a step with α = {alpha:g}, ε = {eps:g}"
            found = check.call(answer, **inputs)
            check.shape(found, tuple(batch["c"].shape), title)
            explained(
                partial(check.value, found, by_reference(reference.updated_centers, **inputs), title, check.TOLERANCE),
                partial(_absent_classes_stay, found, batch),
                partial(_no_step_for_alpha_0, answer, inputs),
                partial(_towards_the_samples, answer, inputs),
            )
    batch = batches[2]
    single = {name: value[:1, :1] if value.dim() > 1 else value[:1] * 0 for name, value in batch.items()}
    no_gradient(
        answer,
        {**single, "alpha": 0.5, "eps": 1.0},
        ("x", "a", "c"),
        "the update is a rule, no part of the loss, and must not be differentiated",
    )


def _no_step_for_alpha_0(answer: Any, inputs: Mapping[str, Any]) -> None:
    found = check.call(answer, **{**inputs, "alpha": 0.0})
    assert _stays(found, inputs["c"]), "with α = 0 no center may move"


def _stays(found: Tensor, c: Tensor) -> bool:
    """Whether centers are what they were, up to the rounding of the type in which they were computed."""
    narrow = bool((found.double() == found.float().double()).all())
    rounding = 1e-6 if narrow else 1e-12
    return torch.allclose(found.double(), c.double(), rtol=rounding, atol=rounding)


def _towards_the_samples(answer: Any, inputs: Mapping[str, Any]) -> None:
    """With one sample and attention 1 a center comes nearer to it, whatever ε is."""
    one = {**inputs, "x": inputs["x"][:1], "y": inputs["y"][:1], "a": torch.ones_like(inputs["a"][:1]), "alpha": 0.5}
    k = int(one["y"][0])
    moved = check.call(answer, **one)[k]
    before, after = (one["x"][0] - one["c"][k]).norm(), (one["x"][0] - moved).norm()
    assert after < before, "a center with a single sample must come nearer to it, and moves away or not at all"


def _absent_classes_stay(found: Tensor, batch: Mapping[str, Tensor]) -> None:
    for k in sorted(set(range(len(found))) - set(batch["y"].tolist())):
        assert _stays(found[k], batch["c"][k]), f"the center of class {k}, of which the batch has no sample, moves"


@question(
    "Question 3: micro-batches",
    look="lesson 06_center_update, section '`ClassCenters`: the only place where centers change'",
)
@without_amounts
def delta_of_parts(answer: Any, seed: int) -> None:
    """``delta_of_parts(parts, c, eps)``: Eq. 11 of the batch that the parts make up together."""
    batch = made_batch(seed)
    m = len(batch["x"])
    whole = _parts(batch, m)
    many, narrow = unlike_batches(seed, *NAMES)[4:]
    cases = {
        "one part": (whole, batch),
        "two halves": (_parts(batch, m // 2, m - m // 2), batch),
        "three parts of unequal sizes": (_parts(batch, 1, m - 3, 2), batch),
        "the same part twice": (whole + whole, batch),
        "two parts with many classes": (_parts(many, 1, len(many["x"]) - 1), many),
        "two parts in float32": (_parts(narrow, 4, len(narrow["x"]) - 4), narrow),
    }
    first = {"parts": whole, "c": batch["c"], "eps": 1.0}
    check.call(answer, **first)
    check.by_hand(answer, first)
    for eps in EPSILONS:
        for name, (parts, batch) in cases.items():
            inputs = {"parts": parts, "c": batch["c"], "eps": eps}
            title = f"Δ of {name} with ε = {eps:g}"
            found = check.call(answer, **inputs)
            check.shape(found, tuple(batch["c"].shape), title)
            try:
                check.value(found, by_reference(reference.delta_of_parts, **inputs), title, check.TOLERANCE)
            except AssertionError as error:
                raise AssertionError(str(error) if parts is whole else f"{error}; {_ADD_UP}") from error
            _absent_classes_are_zero(found, batch["y"], title)


def _parts(batch: Mapping[str, Tensor], *sizes: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    return list(zip(*(batch[name].split(list(sizes)) for name in ("x", "a", "y")), strict=True))

"""Mistakes that are made in any question: wrappers that spoil a right answer. And what runs an answer."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from dacl_edu_course.questions import WrongAnswer, hidden_seeds

Function = Callable[..., Any]


def verdict(question: Any, answer: Function, seeds: Iterable[int]) -> str:
    """Return the first message that the answer earns over the seeds; empty where it is right."""
    with contextlib.redirect_stdout(io.StringIO()):
        for seed in seeds:
            try:
                question(answer, seed)
            except WrongAnswer as error:
                return str(error)
    return ""


def visible(question: Any, answer: Function) -> str:
    """What a student reads in the notebook."""
    return verdict(question, answer, (0,))


def graded(question: Any, answer: Function) -> str:
    """What the grader's test cell says."""
    return verdict(question, answer, (0, *hidden_seeds()))


def leaves(value: Any) -> list[Any]:
    """Every tensor and number in nested containers."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def changed(value: Any, change: Callable[[Tensor], Any]) -> Any:
    """The same containers with every tensor changed."""
    if isinstance(value, dict):
        return {name: changed(part, change) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(changed(part, change) for part in value)
    return change(value) if isinstance(value, Tensor) else value


def named(name: str, function: Function) -> Function:
    function.__name__ = name
    return function


def members(cls: type) -> list[Function]:
    """The functions of a class, which only holds them together."""
    return [value for name, value in vars(cls).items() if not name.startswith("__")]


def key(inputs: dict[str, Any]) -> str:
    return repr([leaf.detach().double().tolist() if isinstance(leaf, Tensor) else leaf for leaf in leaves(inputs)])


def hard_codes_the_public_answers(right: Function, question: Any) -> Function:
    """Right for every input of the public check, and for no other."""
    public: set[str] = set()

    def recording(**inputs: Any) -> Any:
        public.add(key(inputs))
        return right(**inputs)

    assert not visible(question, recording)

    def hard_codes_the_public_answers(**inputs: Any) -> Any:
        result = right(**inputs)
        return result if key(inputs) in public else changed(result, lambda tensor: 0 * tensor)

    return hard_codes_the_public_answers


def returns_its_first_answer_for_ever(right: Function) -> Function:
    kept: list[Any] = []

    def returns_its_first_answer_for_ever(**inputs: Any) -> Any:
        kept.append(right(**inputs))
        return kept[0]

    return returns_its_first_answer_for_ever


def goes_on_from_the_previous_call(right: Function) -> Function:
    """A running sum outside of the function, never set back."""
    kept: list[Any] = []

    def goes_on_from_the_previous_call(**inputs: Any) -> Any:
        result = right(**inputs)
        kept.append(changed(result, lambda tensor: tensor.detach().abs().sum()))
        before = sum(float(leaf) for earlier in kept[:-1] for leaf in leaves(earlier))
        return changed(result, lambda tensor: tensor + before)

    return goes_on_from_the_previous_call


def computes_in_float16(right: Function) -> Function:
    def computes_in_float16(**inputs: Any) -> Any:
        def half(tensor: Tensor) -> Tensor:
            return tensor.half() if tensor.is_floating_point() else tensor

        return right(**changed(inputs, half))

    return computes_in_float16


def returns_numpy(right: Function) -> Function:
    return named("returns_numpy", lambda **inputs: changed(right(**inputs), lambda tensor: tensor.detach().numpy()))


def returns_lists(right: Function) -> Function:
    return named("returns_lists", lambda **inputs: changed(right(**inputs), lambda tensor: tensor.detach().tolist()))


def returns_nothing(right: Function) -> Function:
    def returns_nothing(**inputs: Any) -> None:
        right(**inputs)

    return returns_nothing


def moves_the_centers_it_was_given(right: Function) -> Function:
    def moves_the_centers_it_was_given(**inputs: Any) -> Any:
        result = right(**inputs)
        with torch.no_grad():
            inputs["c"] += 0.1
        return result

    return moves_the_centers_it_was_given


def overwrites_the_features(right: Function) -> Function:
    def overwrites_the_features(**inputs: Any) -> Any:
        result = right(**inputs)
        with torch.no_grad():
            (inputs["x"] if "x" in inputs else inputs["parts"][0][0]).zero_()
        return result

    return overwrites_the_features


def overwrites_an_input(right: Function) -> Function:
    """Whatever the inputs are called: the last tensor of them."""

    def overwrites_an_input(**inputs: Any) -> Any:
        result = right(**inputs)
        with torch.no_grad():
            next(value for value in reversed(inputs.values()) if isinstance(value, Tensor)).mul_(0.5)
        return result

    return overwrites_an_input


def overwrites_attention(right: Function) -> Function:
    """Where attention is the only tensor."""
    return named("overwrites_attention", overwrites_an_input(right))


OVERWRITES = (moves_the_centers_it_was_given, overwrites_the_features)
"""For questions that give features and centers."""


def usual(right: Function, question: Any, overwrites: Iterable[Callable[..., Function]] = OVERWRITES) -> list[Function]:
    """The mistakes of any question, made from a right answer; ``overwrites`` are those that change an input."""
    spoilers = (
        returns_its_first_answer_for_ever,
        goes_on_from_the_previous_call,
        computes_in_float16,
        returns_numpy,
        returns_lists,
        returns_nothing,
        *overwrites,
    )
    return [hard_codes_the_public_answers(right, question), *(spoil(right) for spoil in spoilers)]

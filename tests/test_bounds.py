"""No number of a command line is without bounds: beyond them wait overflows, C++ texts and runs without an end."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin

import pytest
import typer

from dacl_edu.cli import app
from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu_faces.generate import RenderJob

FREE = {"seed", "lam", "eps", "lr", "weight_decay", "clip_norm", "loss_parameters"}
"""Seeds have their own bound of 32 bits; weights of a loss may be any finite number."""


HUGE = 99999999999999999999


def numbers(commands: typer.Typer, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every option of every command that takes a number, from the commands' own annotations."""
    for group in commands.registered_groups:
        assert group.typer_instance is not None
        yield from numbers(group.typer_instance, f"{path}{group.name} ")
    for command in commands.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        for option in inspect.signature(command.callback, eval_str=True).parameters.values():
            if get_origin(option.annotation) is Annotated:
                kind, *more = get_args(option.annotation)
                if {int, float} & {kind, *get_args(kind), *(part for one in get_args(kind) for part in get_args(one))}:
                    yield f"{path}{name} {option.name}", more[0]


def test_every_number_of_every_command_has_two_bounds() -> None:
    found = dict(numbers(app))
    assert {"info image_size", "bench loss threads", "course grade jobs", "faces render count"} <= found.keys()
    loose = [name for name, option in found.items() if option.min is None or option.max is None]
    assert not [name for name in loose if not name.startswith("faces ")], "those are judged by RenderJob: below"


@pytest.mark.parametrize("field", ["count", "size", "seed", "wildness"])
def test_a_huge_number_of_a_rendering_is_refused(field: str) -> None:
    with pytest.raises(UserError, match=field):
        RenderJob(**{"count": 7, "size": 16, field: HUGE})


@pytest.mark.parametrize("field", sorted(TrainConfig.model_fields.keys() - FREE))
def test_a_huge_number_is_refused_by_the_name_of_its_field(field: str) -> None:
    with pytest.raises(UserError, match=field):
        TrainConfig.checked({field: (HUGE,) if field == "attention_widths" else HUGE})

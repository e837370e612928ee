"""One command-line option for each field of a configuration, so that none can be forgotten."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from typing import Annotated, Any, get_args

import typer

from dacl_edu._moved import with_new_names
from dacl_edu.errors import UserError
from dacl_edu.runs.config import RENAMED_FIELDS, TrainConfig

_FLAGS = {"epochs": ("-e",), "data": ("-d",), "method": ("-m",)}


def with_config_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each field of :class:`TrainConfig`, so that none can be forgotten."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "changes"]
    options = []
    for name, field in TrainConfig.model_fields.items():
        if name == "preset":
            continue
        default = field.get_default(call_default_factory=True)
        option = typer.Option(
            f"--{name.replace('_', '-')}",
            *_FLAGS.get(name, ()),
            help=f"{field.description}{f' [{default}]' if default not in (None, {}) else ''}",
            show_default=False,
            metavar=_metavar(field.annotation),
        )
        kind = list[str] | None if name == "method" else str | None  # several methods are several runs
        options.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option])
        )
    for old in RENAMED_FIELDS:
        hidden = Annotated[str | None, typer.Option(f"--{old}", help=f"Now --{RENAMED_FIELDS[old]}.", hidden=True)]
        options.append(inspect.Parameter(old, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hidden))

    def wrapper(**arguments: Any) -> None:
        fields = [option.name for option in options]
        changes = {name: value for name in fields if (value := arguments.pop(name)) not in (None, [])}
        for old in RENAMED_FIELDS.keys() & changes.keys():
            print(f"--{old} is now --{RENAMED_FIELDS[old]}; the old name goes with the next release", file=sys.stderr)
        changes = with_new_names(changes, RENAMED_FIELDS, warn=False)
        command(**arguments, changes={name: _parsed(name, value) for name, value in changes.items()})

    wrapper.__name__ = command.__name__
    wrapper.__doc__ = command.__doc__
    wrapper.__signature__ = inspect.Signature([p.replace(kind=p.KEYWORD_ONLY) for p in own] + options)  # type: ignore[attr-defined]
    return wrapper


def _metavar(annotation: Any) -> str:
    choices = [str(a) for part in getattr(annotation, "__args__", ()) for a in getattr(part, "__args__", (part,))]
    words = [c for c in choices if c.isidentifier() or "-" in c]
    if getattr(annotation, "__origin__", None) is not None and words and "NoneType" not in str(words):
        return "|".join(words)
    return getattr(annotation, "__name__", "VALUE").upper() if not choices else "VALUE"


def _parsed(name: str, text: Any) -> Any:
    """Turn an option's text into what pydantic expects; it converts numbers and booleans itself."""
    if isinstance(text, list):
        return text
    if text.lower() == "none" and type(None) in get_args(TrainConfig.model_fields[name].annotation):
        return None
    if name == "attention_widths":
        return tuple(text.replace(",", " ").split())
    if name == "loss_parameters":
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:  # also numbers of 5,000 digits, brackets without end
            raise UserError(f"--loss-parameters is not JSON: {text}", hint="""e.g. '{"margin": 0.5}'""") from error
    return text

"""The parameters of a notebook: the cell tagged so declares names, types and defaults, and nothing else is accepted."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu.text import nearest

INJECTED = "# Parameters"  # how papermill begins the cell that it adds
_TYPES: dict[str, Any] = {"str": str, "int": int, "float": float, "bool": bool, "list": list}


class Parameter(NamedTuple):
    """One line of a parameters cell: ``name: type = default  # help``."""

    name: str
    kind: Any
    default: Any
    help: str


def declared_parameters(path: Path) -> dict[str, Parameter]:
    """Read what the parameters cell of a notebook declares.

    Raises
    ------
    UserError
        No cell, or several, are tagged ``parameters``; or a line is not ``name: type = constant``.
    """
    import nbformat

    try:
        cells = [c for c in nbformat.read(path, as_version=4).cells if "parameters" in c.metadata.get("tags", [])]
        sources = [str(cell.source) for cell in cells]
    except OSError:
        raise
    except Exception as error:  # nbformat fails in many ways on what is no notebook
        raise UserError(f"{path.name}: no notebook ({type(error).__name__})", hint="name an .ipynb file") from error
    if len(cells) != 1:
        raise UserError(
            f"{path.name}: {len(cells) or 'no'} cells are tagged 'parameters', but there must be one",
            hint="run a notebook that takes parameters, 07_training or 10_results; or tag the cell of its defaults",
        )
    found = {}
    lines = sources[0].split("\n")  # as Python counts lines
    try:
        body = ast.parse(sources[0]).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{path.name}: parameters cell: {error}", hint="write  name: type = default") from error
    for line in body:
        if not isinstance(line, ast.AnnAssign) or not isinstance(line.target, ast.Name) or line.value is None:
            raise UserError(f"{path.name}: parameters cell, line {line.lineno}", hint="write  name: type = default")
        try:
            kind = _type(line.annotation)
        except TypeError as error:
            raise UserError(
                f"{path.name}: parameters cell, line {line.lineno}: unknown type {ast.unparse(line.annotation)}",
                hint=f"there are {', '.join(_TYPES)} and None; | and [] put them together",
            ) from error
        comment = lines[line.lineno - 1].partition("  # ")[2].strip()
        try:
            default = ast.literal_eval(line.value)
        except (ValueError, TypeError, RecursionError, MemoryError) as error:
            problem = f"{path.name}: parameters cell, line {line.lineno}: the default is no constant"
            raise UserError(problem, hint="write  name: type = default") from error
        found[line.target.id] = Parameter(line.target.id, kind, default, comment)
    return found


def _type(annotation: ast.expr) -> Any:
    """Return the type that an annotation names. Nothing of the notebook is executed."""
    match annotation:
        case ast.Name(id=name) if name in _TYPES:
            return _TYPES[name]
        case ast.Constant(value=None):
            return None
        case ast.BinOp(left, ast.BitOr(), right):
            return _type(left) | _type(right)
        case ast.Subscript(ast.Name(id="list"), of):
            return list[_type(of)]  # type: ignore[misc]
    raise TypeError(ast.unparse(annotation))


def typed(parameter: Parameter, text: str | Sequence[str]) -> Any:
    """Turn the text of a command line into the type that a parameter declares.

    Parameters
    ----------
    parameter : Parameter
    text : str, or sequence of str
        Several texts make a list, and so does one in JSON where a list is declared; a text may hold spaces.

    Raises
    ------
    UserError
        The text is not of that type, or the trainer refuses a setting of that name and value.

    Examples
    --------
    >>> typed(Parameter("seed", int, 0, ""), "3"), typed(Parameter("epochs", int | None, None, ""), "none")
    (3, None)
    >>> runs = Parameter("runs", str | list[str], "", "")
    >>> typed(runs, "my runs"), typed(runs, ["a b", "c"]), typed(runs, '["a b", "c"]')
    ('my runs', ['a b', 'c'], ['a b', 'c'])
    >>> typed(Parameter("seed", int, 0, ""), "three")
    Traceback (most recent call last):
    ...
    dacl_edu.errors.UserError: parameter seed is 'three', but must be int — e.g. -p seed 0
    """
    value = _converted(parameter, text)
    _require_setting(parameter.name, value)
    return value


def _converted(parameter: Parameter, text: str | Sequence[str]) -> Any:
    kind = TypeAdapter(parameter.kind)
    if isinstance(text, str):
        if text.lower() == "none" and _accepts(parameter.kind, None):
            return None
        if text.startswith("["):
            with suppress(ValueError, RecursionError):
                listed = json.loads(text)
                if _accepts(parameter.kind, listed):
                    return listed
        with suppress(ValidationError):
            return kind.validate_strings(text)
    try:
        return kind.validate_python([text] if isinstance(text, str) else list(text))  # one text may be a list of one
    except ValidationError as error:
        raise _wrong(parameter, text) from error


def _require_setting(name: str, value: Any) -> None:
    """Refuse what the trainer would refuse, e.g. a seed below zero or a GPU that is not there, before anything runs."""
    name = {"dataset": "data", "profile": "preset"}.get(name, name)
    if name not in TrainConfig.model_fields or value in (None, ""):  # empty: the lesson's own default
        return
    config = TrainConfig.from_preset(value) if name == "preset" else TrainConfig.checked({name: value})
    if name == "data":
        from dacl_edu.data import available_classes

        available_classes(value)
    if name == "device":
        from dacl_edu.training.optim import resolve_device

        resolve_device(config)
    if name == "method":  # a lesson takes several
        from dacl_edu.runs.methods import require_method

        for method in value.split():
            require_method(method)


def checked_values(kinds: Mapping[str, Any], space: Mapping[str, Any], cells: Iterable[str]) -> dict[str, Any]:
    """Return the parameters' values in a running notebook, after checking names and types.

    ``kinds`` are the annotations of its parameters cell, ``space`` its variables, ``cells`` the sources executed so
    far: the one that papermill added is recognised by its first line.

    Raises
    ------
    UserError
        An unknown name, a value of another type, or one that the trainer refuses.
    """
    injected: set[str] = set()
    for source in cells:
        if source.startswith(INJECTED):
            targets = [target for line in ast.parse(source).body for target in getattr(line, "targets", [])]
            injected |= {target.id for target in targets if isinstance(target, ast.Name)}
    for name in sorted(injected - set(kinds)):
        raise UserError(f"unknown parameter {name!r}", hint=nearest(name, kinds))
    values = {name: space[name] for name in kinds if name in space}
    try:
        defaults = dict(json.loads(os.environ.get("DACL_EDU_PARAMETERS", "{}")))
    except (ValueError, TypeError) as error:
        raise UserError("the environment variable DACL_EDU_PARAMETERS is no JSON object", "unset it") from error
    values.update({name: value for name, value in defaults.items() if name in values and name not in injected})
    for name, value in values.items():
        parameter = Parameter(name, kinds[name], None, "")
        if not _accepts(parameter.kind, value):
            raise _wrong(parameter, value)
        _require_setting(name, value)
    return values


def _accepts(kind: Any, value: Any) -> bool:
    if isinstance(value, bool) and kind is not bool:  # True is an int to Python, not to a reader
        return False
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def kind_name(kind: Any) -> str:
    """Return a type as it is written.

    Examples
    --------
    >>> kind_name(int), kind_name(float | None)
    ('int', 'float | None')
    """
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _wrong(parameter: Parameter, value: Any) -> UserError:
    example = f"e.g. -p {parameter.name} {parameter.default}" if parameter.default not in (None, "") else ""
    return UserError(f"parameter {parameter.name} is {value!r}, but must be {kind_name(parameter.kind)}", hint=example)

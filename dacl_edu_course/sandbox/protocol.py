"""What the grader and the student's process say to one another: JSON, one line a message, over a pair of pipes.

Nothing is unpickled and no name is looked up, so a message can be wrong but cannot run. Decoding is strict: whatever
does not fit is a :class:`ProtocolError`.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dacl_edu_course.sandbox.objects import MODULE, RemoteObject

MEGABYTE = 2**20
MOST_PIECES = 100_000
MOST_DIMENSIONS = 16
MOST_LETTERS = 10_000
_DEEPEST = 20
_CONTAINERS: dict[str, Callable[..., Any]] = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}
_DTYPES = {
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float32": torch.float32,
    "float64": torch.float64,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "int64": torch.int64,
    "uint8": torch.uint8,
    "bool": torch.bool,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class ProtocolError(ValueError):
    """A value that cannot be sent, or a message that cannot be read: one plain sentence."""


def encode(value: Any, deep: int = 0, keep: Callable[[Any], int] | None = None) -> Any:
    """Return ``value`` as JSON may hold it.

    Parameters
    ----------
    value : Tensor, array, int, float, complex, bool, str, None, or list, tuple, set, dict of these
        Tensors of float16, bfloat16, float32, float64, int8 to int64, uint8 or bool; they are detached and copied, and
        keep how they lie in memory.
    deep : int
        How many containers it lies in.
    keep : callable, optional
        Holds a value of another kind and returns its number, which is sent in its place.

    Raises
    ------
    ProtocolError
        Something else.

    Examples
    --------
    >>> encode((1, None, float("nan")))
    {'tuple': [1, None, {'float': 'nan'}]}
    >>> encode(object())
    Traceback (most recent call last):
    ...
    dacl_edu_course.sandbox.protocol.ProtocolError: a value of type object: only tensors, ... and dictionaries pass
    """
    if deep > _DEEPEST:
        raise ProtocolError(f"lists nested more than {_DEEPEST} deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ProtocolError("a whole number of more than 64 bits")
        return int(value)
    if isinstance(value, float):
        return {"float": float(value).hex()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Tensor):
        return _encode_tensor(value)
    if isinstance(value, complex):
        return {"complex": [encode(value.real), encode(value.imag)]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.dtype.itemsize <= 8:
        return {"array": _encode_tensor(torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("="))))}
    for kind, name in ((list, "list"), (tuple, "tuple"), (set, "set"), (frozenset, "frozenset")):
        if isinstance(value, kind) and (keep is None or type(value) is kind):
            return {name: [encode(part, deep + 1, keep) for part in value]}
    if isinstance(value, dict) and (keep is None or type(value) is dict):
        if not all(_can_be_key(key) for key in value):
            raise ProtocolError("a dictionary with a key that is neither text nor a number")
        return {"dict": [[encode(key, deep + 1), encode(part, deep + 1, keep)] for key, part in value.items()]}
    kind_name = type(value).__name__
    if isinstance(value, RemoteObject):
        return {"handle": value._what, "kind": value._kind}
    if keep is not None:
        kind_name = f"{MODULE} {kind_name}" if isinstance(value, torch.nn.Module) else kind_name
        return {"handle": keep(value), "kind": kind_name[:60]}
    raise ProtocolError(
        f"a value of type {kind_name}: only tensors, numbers, text, lists, tuples and dictionaries pass"
    )


def decode(message: Any, deep: int = 0, found: Callable[[int, str], Any] | None = None) -> Any:
    """Return the value that :func:`encode` wrote; a new tensor owns its memory and has no history.

    Raises
    ------
    ProtocolError
        Anything that :func:`encode` would not have written.

    Examples
    --------
    >>> decode(encode({"x": torch.tensor([1.0, 2.0])}))
    {'x': tensor([1., 2.])}
    >>> decode({"tensor": "AAAA", "dtype": "float32", "shape": [2]})
    Traceback (most recent call last):
    ...
    dacl_edu_course.sandbox.protocol.ProtocolError: a tensor of 3 bytes where its shape asks for 8
    """
    if deep > _DEEPEST:
        raise ProtocolError(f"lists nested more than {_DEEPEST} deep")
    if message is None or isinstance(message, bool):
        return message
    if type(message) is int:
        if not -(2**63) <= message < 2**63:
            raise ProtocolError("a whole number of more than 64 bits")
        return message
    if type(message) is str:
        return message
    if type(message) is not dict:
        raise ProtocolError("a value of no known kind")
    if {"tensor", "dtype", "shape"} <= message.keys() <= {"tensor", "dtype", "shape", "strides"}:
        return _decode_tensor(message["tensor"], message["dtype"], message["shape"], message.get("strides"))
    if found is not None and message.keys() == {"handle", "kind"}:
        if type(message["handle"]) is not int or type(message["kind"]) is not str or message["handle"] < 0:
            raise ProtocolError("a value that is none")
        return found(message["handle"], plain(message["kind"], 60))
    if len(message) == 1:
        ((kind, content),) = message.items()
        if kind == "float":
            return _decode_float(content)
        if kind == "complex" and type(content) is list and len(content) == 2:
            real, imaginary = (decode(part, deep + 1) for part in content)
            if type(real) is float and type(imaginary) is float:
                return complex(real, imaginary)
        if kind == "array" and type(content) is dict and deep < _DEEPEST:
            return decode(content, deep + 1).numpy()
        if kind in _CONTAINERS and type(content) is list:
            try:
                return _CONTAINERS[kind](decode(part, deep + 1, found) for part in content)
            except TypeError:  # a set of what cannot be in a set
                raise ProtocolError("a value of no known kind") from None
        if kind == "dict" and type(content) is list:
            return dict(_decode_pair(pair, deep + 1, found) for pair in content)
    raise ProtocolError("a value of no known kind")


def to_line(message: Any, megabytes: float) -> bytes:
    """Return one line of ASCII for a message of JSON values.

    Raises
    ------
    ProtocolError
        Longer than ``megabytes``.

    Examples
    --------
    >>> to_line({"id": "1"}, 1)
    b'{"id":"1"}\\n'
    """
    line = json.dumps(message, allow_nan=False, separators=(",", ":")).encode("ascii") + b"\n"
    if len(line) > megabytes * MEGABYTE:
        raise ProtocolError(f"{len(line) / MEGABYTE:.0f} MB; at most {megabytes:g} MB pass")
    return line


def from_line(line: bytes) -> dict[str, Any]:
    """Return the message of one line.

    Raises
    ------
    ProtocolError
        No JSON, no dictionary, or of more parts than an honest message has.

    Examples
    --------
    >>> from_line(b'{"id":"1"}')
    {'id': '1'}
    >>> from_line(b"[" * 50_000)
    Traceback (most recent call last):
    ...
    dacl_edu_course.sandbox.protocol.ProtocolError: no message
    """
    # Counted before parsing: a few bytes a list in JSON are a hundred bytes a list in Python.
    if sum(line.count(mark) for mark in b"[{,:") > 4 * MOST_PIECES:
        raise ProtocolError("a message of too many parts")
    try:
        message = json.loads(line.decode("ascii"), parse_constant=_refuse, parse_float=_refuse)
    except (ValueError, RecursionError):
        raise ProtocolError("no message") from None
    if type(message) is not dict:
        raise ProtocolError("no message")
    return message


def plain(text: Any, most: int = 300) -> str:
    """Return a text from the student's process as one line that is safe to print and to store.

    Examples
    --------
    >>> plain("red\\x1b[31m\\nline")
    'red [31m line'
    >>> plain(7)
    ''
    """
    if type(text) is not str:
        return ""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text[:MOST_LETTERS])
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _encode_tensor(value: Tensor) -> dict[str, Any]:
    if value.layout is not torch.strided or value.is_quantized or value.device.type == "meta":
        raise ProtocolError("a tensor without ordinary numbers (sparse, quantized or meta)")
    flat = torch.Tensor.detach(value).as_subclass(Tensor)
    name = _NAMES.get(flat.dtype)
    if name is None:
        raise ProtocolError(f"a tensor of {flat.dtype}".replace("torch.", ""))
    if flat.dim() > MOST_DIMENSIONS:
        raise ProtocolError(f"a tensor of {flat.dim()} dimensions")
    # Said before the copy: an expanded tensor has a shape of gigabytes over a few bytes.
    if flat.numel() * flat.element_size() > 1024 * MEGABYTE:
        raise ProtocolError(f"a tensor of {flat.numel() * flat.element_size() / MEGABYTE:.0f} MB")
    strides, rows = list(flat.stride()), flat.is_contiguous()
    flat = flat.cpu().resolve_conj().resolve_neg().contiguous()
    if flat.numel() == 1:  # of a single number any step counts as contiguous, and not all can be viewed as bytes
        flat = flat.clone(memory_format=torch.contiguous_format)
    data = flat.view(-1).view(torch.uint8).numpy().tobytes() if flat.numel() else b""
    made = {"tensor": base64.b64encode(data).decode("ascii"), "dtype": name, "shape": list(flat.shape)}
    return made if rows else {**made, "strides": strides}


def _decode_tensor(text: Any, name: Any, shape: Any, strides: Any) -> Tensor:
    if type(text) is not str or type(name) is not str or type(shape) is not list:
        raise ProtocolError("a tensor that is none")
    dtype = _DTYPES.get(name)
    if dtype is None:
        raise ProtocolError("a tensor of an unknown kind of number")
    if len(shape) > MOST_DIMENSIONS or not all(type(size) is int and 0 <= size < 2**40 for size in shape):
        raise ProtocolError("a tensor of an impossible shape")
    try:
        data = bytearray(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise ProtocolError("a tensor whose bytes are garbled") from None
    wanted = math.prod(shape) * dtype.itemsize
    if wanted != len(data):
        raise ProtocolError(f"a tensor of {len(data)} bytes where its shape asks for {wanted}")
    if dtype is torch.bool and max(data, default=0) > 1:
        raise ProtocolError("a tensor of truth values that are neither")
    try:
        made = torch.frombuffer(data, dtype=dtype).reshape(shape) if data else torch.empty(shape, dtype=dtype)
        return made if strides is None else _as_it_lay(made, strides)
    except RuntimeError:  # no numbers, and yet too large: (0, 2**39, 2**39)
        raise ProtocolError("a tensor of an impossible shape") from None


def _as_it_lay(tensor: Tensor, strides: Any) -> Tensor:
    """Copy a tensor to where its numbers lie as these strides say; what is no honest order stays row by row."""
    if type(strides) is not list or len(strides) != tensor.dim():
        raise ProtocolError("a tensor that is none")
    if not all(type(step) is int and 0 < step <= 8 * tensor.numel() for step in strides) or not tensor.numel():
        return tensor
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)


def _decode_float(content: Any) -> float:
    if type(content) is not str or len(content) > 40:
        raise ProtocolError("a number that is none")
    try:
        return float.fromhex(content)
    except (ValueError, OverflowError):
        raise ProtocolError("a number that is none") from None


def _decode_pair(pair: Any, deep: int, found: Callable[[int, str], Any] | None) -> tuple[Any, Any]:
    if type(pair) is not list or len(pair) != 2:
        raise ProtocolError("a dictionary that is none")
    key = decode(pair[0], deep)
    if not _can_be_key(key):
        raise ProtocolError("a dictionary with a key that is neither text nor a number")
    return key, decode(pair[1], deep, found)


def _can_be_key(key: Any) -> bool:
    if isinstance(key, tuple):
        return all(_can_be_key(part) for part in key)
    return key is None or isinstance(key, str | int | float)


def _refuse(text: str) -> Any:
    raise ValueError(text)

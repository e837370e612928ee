"""What passes between grader and student: values come back the same, and nothing else comes in."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from dacl_edu_course.sandbox.protocol import ProtocolError, decode, encode, from_line, plain, to_line

VALUES = [
    None,
    True,
    False,
    0,
    -(2**63),
    "ä\n\x00",
    [1, [2.5, "x"]],
    (1, (2, None)),
    {"x": 1, 2: [3]},
    -0.0,
    1e-310,
    float("inf"),
    -float("inf"),
]


def through(value: Any) -> Any:
    return decode(from_line(to_line({"value": encode(value)}, 1))["value"])


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_the_same(value: Any) -> None:
    got = through(value)
    assert got == value and type(got) is type(value) and repr(got) == repr(value)


def test_nan_comes_back() -> None:
    assert math.isnan(through(math.nan))


@pytest.mark.parametrize(
    "dtype",
    [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32, torch.int64, torch.uint8, torch.bool],
)
@pytest.mark.parametrize("shape", [(), (0, 3), (4, 5), (2, 1, 3)])
def test_a_tensor_comes_back_the_same(dtype: torch.dtype, shape: tuple[int, ...], generator: torch.Generator) -> None:
    value = (torch.randn(shape, generator=generator) * 3).to(dtype)
    got = through(value)
    assert got.dtype is dtype and got.shape == value.shape and torch.equal(got, value)


def test_a_tensor_comes_back_plain() -> None:
    class Disguise(torch.Tensor):
        pass

    value = torch.tensor([[1.0, math.nan], [3.0, math.inf]], requires_grad=True).T.as_subclass(Disguise)
    got = through(value)
    assert type(got) is torch.Tensor and not got.requires_grad and got.stride() == value.stride()
    assert torch.equal(got.nan_to_num(7), torch.tensor([[1.0, 3.0], [7.0, torch.finfo().max]]))
    got[0, 0] = 5  # its memory is its own, and writable
    assert value[0, 0] == 1


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (object(), "of type object: only tensors"),
        ({object()}, "of type object"),
        (len, "of type builtin_function_or_method"),
        (2**63, "more than 64 bits"),
        (torch.zeros(2, dtype=torch.complex64), "a tensor of complex64"),
        (torch.zeros(2, 2).to_sparse(), "without ordinary numbers"),
        (torch.zeros(2, device="meta"), "without ordinary numbers"),
        (torch.zeros(1).expand(10**10), "a tensor of 38147 MB"),
        ({b"1": 3}, "neither text nor a number"),
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_what_is_no_value_is_refused(value: Any, said: str) -> None:
    with pytest.raises(ProtocolError) as error:
        encode(value)
    assert said in str(error.value)


def test_a_list_that_holds_itself_is_refused() -> None:
    own: list[Any] = []
    own.append(own)
    with pytest.raises(ProtocolError, match="deep"):
        encode(own)


@pytest.mark.parametrize(
    "message",
    [
        1.5,
        [1],
        {},
        {"object": "os.system"},
        {"list": {"a": 1}},
        {"tuple": "abc"},
        {"float": 3},
        {"float": "one"},
        {"float": "0x1p999999999"},
        {"list": [1], "tuple": [1]},
        {"dict": [[1, 2, 3]]},
        {"dict": [[{"list": []}, 2]]},
        2**70,
        {"tensor": "AAAAAA==", "dtype": "float32", "shape": [2]},
        {"tensor": "AAAAAA==", "dtype": "float32", "shape": [-1]},
        {"tensor": "AAAAAA==", "dtype": "float32", "shape": [True]},
        {"tensor": "AAAAAA==", "dtype": "float32", "shape": [1.0]},
        {"tensor": "", "dtype": "float32", "shape": [0] * 40},
        {"tensor": "AAAAAA==", "dtype": "Tensor", "shape": [1]},
        {"tensor": "AAAAAA==", "dtype": ["float32"], "shape": [1]},
        {"tensor": "AA!AAA==", "dtype": "float32", "shape": [1]},
        {"tensor": "AAAAAA==", "dtype": "float32", "shape": [2**62, 2**62]},
        {"tensor": "", "dtype": "float32", "shape": [0, 2**39, 2**39]},
        {"tensor": "Ag==", "dtype": "bool", "shape": [1]},
    ],
    ids=str,
)
def test_a_forged_value_is_refused(message: Any) -> None:
    with pytest.raises(ProtocolError):
        decode(message)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1]",
        b"{",
        b"\xff\xfe",
        b'{"x": NaN}',
        b'{"x": 1.5}',
        b"[" * 10**5,
        b'{"x":' * 10**5,
        b'{"x":[' + b"[]," * 200_000 + b"[]]}",
        b'{"x":' + b"9" * 10**5 + b"}",
    ],
    ids=lambda line: line[:8].hex() + str(len(line)),
)
def test_a_forged_line_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        from_line(line)


def test_a_message_has_a_largest_size() -> None:
    assert len(to_line({"value": "x" * 1000}, 1)) > 1000
    with pytest.raises(ProtocolError, match="at most 1 MB"):
        to_line({"value": "x" * 2**20}, 1)


def test_text_of_a_student_is_one_harmless_line() -> None:
    assert plain("a\x1b[2Jb\r\nc\u202ed") == "a [2Jb c d"
    assert plain("x" * 999) == "x" * 299 + "…"

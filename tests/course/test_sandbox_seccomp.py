"""The filter of system calls, run here step by step for both processors: this machine is only one of them."""

from __future__ import annotations

import errno
import struct
import tempfile
from functools import cache

import pytest

from dacl_edu_course.sandbox import limits, seccomp

pyseccomp = pytest.importorskip("pyseccomp", exc_type=(ImportError, RuntimeError))

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, REFUSED, UNKNOWN = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
HARMLESS = {
    **{"x86_64": {"read": 0, "write": 1, "mmap": 9, "openat": 257, "futex": 202, "exit_group": 231}},
    **{"aarch64": {"read": 63, "write": 64, "mmap": 222, "openat": 56, "futex": 98, "exit_group": 94}},
}
ME = 4321


@cache
def steps_of(machine: str) -> list[tuple[int, int, int, int]]:
    with tempfile.TemporaryFile() as file:
        seccomp.program(ME, ARCHITECTURES[machine]).export_bpf(file)
        file.seek(0)
        return [struct.unpack("=HBBI", step) for step in iter(lambda: file.read(8), b"")]


def kernel(machine: str, number: int, *arguments: int, architecture: int = 0) -> int:
    """What the kernel would answer: the filter's instructions, one after the other."""
    data = {0: number, 4: architecture or ARCHITECTURES[machine]}
    for k, value in enumerate((*arguments, 0, 0, 0, 0, 0, 0)[:6]):
        data |= {16 + 8 * k: value & 0xFFFFFFFF, 20 + 8 * k: (value >> 32) & 0xFFFFFFFF}
    steps, at, held = steps_of(machine), 0, 0
    while True:
        code, yes, no, operand = steps[at]
        if code == 0x06:
            return operand
        at += 1
        if code == 0x20:
            held = data[operand]
        elif code == 0x54:
            held &= operand
        elif code == 0x05:
            at += operand
        else:
            tests = {0x15: held == operand, 0x25: held > operand, 0x35: held >= operand, 0x45: bool(held & operand)}
            at += yes if tests[code] else no


@pytest.fixture(params=ARCHITECTURES)
def machine(request: pytest.FixtureRequest) -> str:
    return request.param


def number(machine: str, name: str) -> int:
    found = seccomp._number(name, ARCHITECTURES[machine])
    return -1 if found is None else found


def test_what_computing_needs_is_allowed(machine: str) -> None:
    assert {kernel(machine, call) for call in HARMLESS[machine].values()} == {ALLOWED}


def test_each_call_of_the_list_is_refused(machine: str) -> None:
    for name in seccomp.CALLS:
        if number(machine, name) >= 0:
            assert kernel(machine, number(machine, name)) == REFUSED, name


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("clone3", (0,), UNKNOWN),
        ("clone", (0x3D0F00,), ALLOWED),  # the flags of pthread_create
        ("clone", (17,), REFUSED),  # those of fork
        ("clone", (0x10000000 | 17,), REFUSED),  # a namespace
        ("kill", (ME, 6), ALLOWED),
        ("kill", (1, 9), REFUSED),
        ("kill", (-1, 9), REFUSED),
        ("kill", (0, 9), REFUSED),
        ("tgkill", (ME, ME, 6), ALLOWED),
        ("tgkill", (ME + 1, ME, 6), REFUSED),
        ("prlimit64", (0, 7), ALLOWED),
        ("prlimit64", (1, 7), REFUSED),
        ("socketpair", (1, 0x80001, 0), ALLOWED),
        ("socketpair", (1, 2, 0), REFUSED),
        ("socketpair", (2, 1, 0), REFUSED),
        ("fcntl", (1, 3), ALLOWED),
        ("fcntl", (1, 8, 1), REFUSED),
        ("fcntl", (1, 10, 9), REFUSED),
        ("fcntl", (1, 15, 0), REFUSED),
        ("fcntl", (1, 6, 0), REFUSED),  # a lock
        ("fcntl", (1, 1 << 32 | 6, 0), REFUSED),  # the kernel reads the low half
    ],
)
def test_some_calls_depend_on_what_they_ask(machine: str, name: str, arguments: tuple[int, ...], answer: int) -> None:
    assert kernel(machine, number(machine, name), *arguments) == answer


def test_other_numberings_are_refused(machine: str) -> None:
    assert kernel(machine, 0, architecture=0x40000003) == REFUSED
    if machine == "x86_64":
        assert kernel(machine, 0x40000000) == REFUSED


def test_calls_that_this_processor_has_are_known() -> None:
    lacking = [name for name in seccomp.CALLS if number("x86_64", name) < 0]
    assert lacking == []


def test_without_the_library_the_layer_is_named_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "pyseccomp", None)
    found = limits.layers()
    assert "seccomp" in found.missing and "no network, no other processes" in str(found)

"""The filter of system calls, run here step by step for both processors: this machine is only one of them."""

from __future__ import annotations

import ctypes
import ctypes.util
import errno

import pytest

from dacl_edu_course.sandbox import seccomp

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOWED, REFUSED, UNKNOWN = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
HARMLESS = {
    **{"x86_64": {"read": 0, "write": 1, "mmap": 9, "openat": 257, "futex": 202, "exit_group": 231}},
    **{"aarch64": {"read": 63, "write": 64, "mmap": 222, "openat": 56, "futex": 98, "exit_group": 94}},
}
ME = 4321


def kernel(machine: str, number: int, *arguments: int, architecture: int = 0) -> int:
    """What the kernel would answer: the filter's instructions, one after the other."""
    data = {0: number, 4: architecture or ARCHITECTURES[machine]}
    data |= {16 + 8 * k: value & 0xFFFFFFFF for k, value in enumerate((*arguments, 0, 0, 0, 0, 0, 0)[:6])}
    steps, at, held = seccomp.program(machine, ME), 0, 0
    for _ in range(len(steps)):
        code, yes, no, operand = steps[at]
        if code == 0x06:
            return operand
        at += 1
        if code == 0x20:
            held = data[operand]
        elif code == 0x54:
            held &= operand
        else:
            at += yes if {0x15: held == operand, 0x35: held >= operand, 0x45: bool(held & operand)}[code] else no
    raise AssertionError("the filter does not end")


@pytest.fixture(params=ARCHITECTURES)
def machine(request: pytest.FixtureRequest) -> str:
    return request.param


def number(machine: str, name: str) -> int:
    return {**seccomp.CALLS, **seccomp.SOME}[name][list(ARCHITECTURES).index(machine)]


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
        ("prlimit64", (ME, 7), ALLOWED),
        ("prlimit64", (1, 7), REFUSED),
        ("socketpair", (1, 0x80001, 0), ALLOWED),
        ("socketpair", (1, 2, 0), REFUSED),
        ("socketpair", (2, 1, 0), REFUSED),
        ("fcntl", (1, 3), ALLOWED),
        ("fcntl", (1, 8, 1), REFUSED),
        ("fcntl", (1, 10, 9), REFUSED),
        ("fcntl", (1, 15, 0), REFUSED),
    ],
)
def test_some_calls_depend_on_what_they_ask(machine: str, name: str, arguments: tuple[int, ...], answer: int) -> None:
    assert kernel(machine, number(machine, name), *arguments) == answer


def test_other_numberings_are_refused(machine: str) -> None:
    assert kernel(machine, 0, architecture=0x40000003) == REFUSED
    if machine == "x86_64":
        assert kernel(machine, 0x40000000) == REFUSED


def test_the_numbers_are_those_of_libseccomp(machine: str) -> None:
    library = ctypes.util.find_library("seccomp")
    if library is None:
        pytest.skip("no libseccomp to compare with")
    resolve = ctypes.CDLL(library).seccomp_syscall_resolve_name_arch
    resolve.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    for name in (*seccomp.CALLS, *seccomp.SOME):
        told = resolve(ARCHITECTURES[machine], name.encode())
        if told != -1:  # a call that this version of the library knows; below -1 where the processor lacks it
            assert number(machine, name) == max(told, -1), name

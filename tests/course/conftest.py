"""A worker that tests attack, and what it may not reach."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from course.attacks import DISARM, HANDLES, KERNEL, LIMITS, SECRET

from dacl_edu_course.sandbox.limits import layers
from dacl_edu_course.sandbox.process import Worker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies outside: a file of marks, and a server that nobody may reach."""
    path = tmp_path_factory.mktemp("course")
    (path / "gradebook.db").write_text(SECRET)
    (path / "other").mkdir()
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        yield listening


@pytest.fixture(scope="module")
def living() -> Iterator[dict[str, Worker]]:
    workers: dict[str, Worker] = {}
    yield workers
    for started in workers.values():
        started.close()


@pytest.fixture(params=["as a student", "hook disarmed"])
def worker(
    request: pytest.FixtureRequest,
    living: dict[str, Worker],
    folder: Path,
    server: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
) -> Worker:
    """One for all tests, since a start takes seconds; a new one where a test has ended it."""
    if request.param == "hook disarmed" and not set(layers().active) >= KERNEL:
        pytest.skip(str(layers()))
    started = living.get(request.param)
    if started is None or not psutil.pid_exists(started.pid):
        monkeypatch.setenv("DACL_EDU_SECRET_SEED", "424242")
        started = living[request.param] = Worker(LIMITS)
        started.run(f"course, port, grader = {str(folder)!r}, {server.getsockname()[1]}, {os.getpid()}")
        started.run("import os, socket, ctypes, errno, threading, signal, time, torch, sys\nlibc = ctypes.pythonapi")
        started.run(HANDLES)
        if request.param == "hook disarmed":
            assert started.run(DISARM).ok
    return started

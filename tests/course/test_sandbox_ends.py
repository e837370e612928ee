"""What ends a worker's process: the reason is said, and nothing of it is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from course.attacks import LIMITS

from dacl_edu_course.sandbox.limits import Limits
from dacl_edu_course.sandbox.process import Worker, WorkerDied

FATAL: dict[str, tuple[str, str]] = {
    "loop in C": ("sum(range(10**13))", "took longer than 0.7 s and was stopped"),
    "loop that catches everything": (
        "import signal, time\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\n"
        "while True:\n    try: time.sleep(9)\n    except BaseException: pass",
        "took longer than 0.7 s and was stopped",
    ),
    "os._exit": ("import os; os._exit(0)", "ended its own process (os._exit or a crash)"),
    "abort": ("import os; os.abort()", "ended its own process (os._exit or a crash)"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "ended its own process (os._exit or a crash)"),
    "closed handles": (
        "import os; os.closerange(0, 64)",
        "closed the grader's connection and was stopped|ended its own process (os._exit or a crash)",
    ),
    "shared memory": (
        "import mmap\nm = mmap.mmap(-1, 2**30)\nfor k in range(0, 2**30, 4096): m[k] = 1",
        "needed more than 0.25 GB of memory and was stopped",
    ),
    "files": (
        "for k in range(999): open(str(k), 'wb').write(bytes(2**21))",
        "wrote more than 16 MB of files and was stopped",
    ),
    "flood": (
        "import os, threading\nblock = b'x' * 2**20\nflood = lambda h: [os.write(h, block) for _ in range(99)]\n"
        "for h in range(3, 64): threading.Thread(target=flood, args=[h]).start()",
        "sent more than 2 MB and was stopped",
    ),
}


STOPPED = Limits(memory_mb=256, files_mb=16, message_mb=2)


@pytest.fixture(scope="module")
def spare() -> Iterator[list[Worker]]:
    """A worker that starts while the test before runs."""
    workers: list[Worker] = []
    yield workers
    for started in workers:
        started.close()


@pytest.mark.parametrize("name", FATAL)
def test_a_cell_that_ends_the_process(name: str, spare: list[Worker]) -> None:
    source, reason = FATAL[name]
    seconds = 0.7 if name.startswith("loop") else 8.0
    with spare.pop() if spare else Worker(STOPPED) as started:
        started.wait()
        spare.append(Worker(STOPPED))
        memory = psutil.Process().memory_info().rss
        with pytest.raises(WorkerDied) as died:
            started.run(source, seconds)
            started.run("import time; time.sleep(2)")
        assert died.value.reason in reason.split("|")
        assert not psutil.pid_exists(started.pid), "it is gone before anybody goes on"
        assert psutil.Process().memory_info().rss - memory < 30e6
        with pytest.raises(WorkerDied):  # and stays so
            started.run("1")
    assert not started.folder.exists()


def test_nothing_is_left() -> None:
    with Worker(LIMITS) as started:
        result = started.run(
            "import os, threading, time\nthreading.Thread(target=lambda: time.sleep(99)).start()\n"
            "os.mkdir('locked'); open('locked/a', 'w').close(); os.umask(0o777); os.mkdir('closed'); os.umask(0)\n"
            "for _ in range(1500): os.mkdir('d'); os.chdir('d')"  # deeper than Python's recursion
        )
        assert result.ok and any(started.folder.iterdir())
    assert not psutil.pid_exists(started.pid) and not started.folder.exists()


def test_it_ends_when_the_grader_is_gone(tmp_path: Path) -> None:
    # A folder of its own: another grader that starts meanwhile clears what a killed one has left.
    own = {**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(tmp_path)}
    grader = subprocess.Popen([sys.executable, "-c", _GRADER], stdout=subprocess.PIPE, text=True, env=own)
    assert grader.stdout is not None
    pid, folder = grader.stdout.readline().split()
    assert psutil.pid_exists(int(pid))
    time.sleep(0.2)
    grader.kill()
    grader.communicate()
    psutil.wait_procs([p for p in psutil.process_iter() if p.pid == int(pid)], timeout=5)
    assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    shutil.rmtree(folder)


_GRADER = """
from dacl_edu_course.sandbox.process import Worker
worker = Worker()
worker.wait()
print(worker.pid, worker.folder, flush=True)
worker.run("import time; time.sleep(1000)")
"""

"""What a student's cell may try: each attempt is refused, plainly said, and without effect.

The same attempts are made twice: as a student would, and after the audit hook, which Python code can disarm, was
disarmed, so that the kernel's layers are seen to hold by themselves.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch

from dacl_edu.course import check
from dacl_edu.course.answers import AnswerError
from dacl_edu.course.sandbox.limits import LAYERS, Limits, layers
from dacl_edu.course.sandbox.process import CellResult, Worker, WorkerDied

LIMITS = Limits(cell_seconds=8, call_seconds=8, memory_mb=512, files_mb=64)
SECRET = "the-marks-of-all-students"
KERNEL = {"landlock", "seccomp", "privileges"}
DISARM = """
import gc, types
from dacl_edu.course.sandbox import audit
for found in [f for f in gc.get_objects() if isinstance(f, types.FunctionType)]:
    if found.__qualname__ == "watch.<locals>.hook":
        cells = dict(zip(found.__code__.co_freevars, found.__closure__))
        cells["check"].cell_contents = lambda *a, **k: None
        cells["from_library"].cell_contents = lambda: True
        cells["getpid"].cell_contents = lambda: type("Any", (), {"__ne__": lambda *a: False})()
        disarmed = True
audit._OFF.clear(); audit._READING.clear(); audit._WRITING.clear()
assert disarmed
"""

HANDLES = """
handles = []
for h in range(200):
    try: handles.append((h, os.fstat(h).st_mode >> 12))
    except OSError: pass
def handles_at_start(): return handles
"""


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


ONCE = pytest.mark.parametrize("worker", ["as a student"], indirect=True)
"""For tests that have nothing to do with the hook."""


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


def disarmed(request: pytest.FixtureRequest) -> bool:
    return "hook disarmed" in request.node.name


def state(folder: Path) -> list[tuple[str, int, int, int]]:
    return sorted((p.name, p.stat().st_size, p.stat().st_mode, p.stat().st_mtime_ns) for p in folder.rglob("*"))


def test_every_layer_holds_here(worker: Worker) -> None:
    if sys.platform.startswith("linux") and set(layers().active) >= KERNEL:
        assert worker.layers.active == tuple(LAYERS) and worker.layers.missing == ()
        assert str(worker.layers) == "all layers of the sandbox hold"
    assert worker.layers == layers()


def test_the_kernel_confirms_what_the_process_gave_up(worker: Worker) -> None:
    if not KERNEL.issubset(layers().active):
        pytest.skip(str(layers()))
    status = dict(line.split(":", 1) for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines())
    assert int(status["NoNewPrivs"]) == 1 and int(status["Seccomp"]) == 2
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert os.getsid(worker.pid) == worker.pid
    limits = {name: psutil.Process(worker.pid).rlimit(getattr(psutil, f"RLIMIT_{name}")) for name in ("CORE", "NOFILE")}
    assert limits == {"CORE": (0, 0), "NOFILE": (64, 64)}


READ = {
    "open": "open(course + '/gradebook.db').read()",
    "os.open": "os.read(os.open(course + '/gradebook.db', os.O_RDONLY), 99)",
    "path with ..": "open(os.path.relpath(course + '/gradebook.db')).read()",
    "list": "os.listdir(course)",
    "sqlite": "import sqlite3; sqlite3.connect(course + '/gradebook.db').execute('select * from t')",
    "environment of the grader": "open(f'/proc/{grader}/environ').read()",
    "memory of the grader": "open(f'/proc/{grader}/mem', 'rb').read()",
    "files of the grader": "os.listdir(f'/proc/{grader}/fd')",
    "passwords": "open('/etc/shadow').read()",
    "root": "os.listdir('/root')",
}


@pytest.mark.parametrize("source", READ.values(), ids=READ)
def test_nothing_outside_is_read(worker: Worker, source: str, request: pytest.FixtureRequest) -> None:
    if "'/root'" in source and Path.home() != Path("/root"):
        pytest.skip("only where root works at home")
    result = worker.run(f"got = None\n*_, = [None]\ngot = (lambda: {source})()" if ";" not in source else source)
    assert not result.ok
    if not disarmed(request):
        assert result.kind == "PermissionError"
        assert "outside your own folder is off while grading: " in result.message
    worker.run("def got_it(): return str(globals().get('got'))")
    assert worker.call("got_it") == "None"


def test_the_marks_are_not_read_by_way_of_c(worker: Worker) -> None:
    worker.run(
        "def leak():\n"
        "    path, found = course + '/gradebook.db', []\n"
        "    buffer = ctypes.create_string_buffer(99)\n"
        "    handle = libc.open(path.encode(), 0)\n"
        "    libc.read(handle, buffer, 99)\n"
        "    found += [handle, buffer.value.decode()]\n"
        "    for read in (lambda: torch.from_file(path, size=20, dtype=torch.uint8).tolist(),\n"
        "                 lambda: torch._C.PyTorchFileReader(path)):\n"
        "        try: found.append(str(read()))\n"
        "        except Exception as error: found.append('refused')\n"
        "    return found"
    )
    assert worker.call("leak") == [-1, "", "refused", "refused"]
    assert SECRET.encode() not in worker.output


WRITE = {
    "write": "open(course + '/gradebook.db', 'w').write('1')",
    "append": "open(course + '/gradebook.db', 'a').write('1')",
    "new file": "open(course + '/new', 'x')",
    "remove": "os.remove(course + '/gradebook.db')",
    "truncate": "os.truncate(course + '/gradebook.db', 0)",
    "rename": "os.rename(course + '/gradebook.db', course + '/mine')",
    "replace": "open('mine', 'w').close(); os.replace('mine', course + '/gradebook.db')",
    "take": "os.rename(course + '/gradebook.db', 'mine')",
    "link": "os.link(course + '/gradebook.db', 'linked')",
    "mkdir": "os.mkdir(course + '/new')",
    "rmdir": "os.rmdir(course + '/other')",
    "chmod": "os.chmod(course + '/gradebook.db', 0o777)",
    "chown": "os.chown(course + '/gradebook.db', os.getuid(), os.getgid())",
    "utime": "os.utime(course + '/gradebook.db', (1, 1))",
    "setxattr": "os.setxattr(course + '/gradebook.db', 'user.mark', b'1')",
    "package": "open(torch.__file__, 'a')",
    "by way of C": "assert libc.open((course + '/gradebook.db').encode(), 2) >= 0, 'Permission'",
    "own folder": "os.rmdir(os.getcwd())",
}


@pytest.mark.parametrize("source", WRITE.values(), ids=WRITE)
def test_nothing_outside_is_written(worker: Worker, folder: Path, source: str, request: pytest.FixtureRequest) -> None:
    before = state(folder), Path(torch.__file__).stat().st_mtime_ns
    result = worker.run(source)
    assert not result.ok
    if not disarmed(request) and "libc" not in source and "getcwd" not in source:
        assert result.kind == "PermissionError" and "is off while grading" in result.message
    assert (state(folder), Path(torch.__file__).stat().st_mtime_ns) == before
    assert (folder / "gradebook.db").read_text() == SECRET and worker.folder.exists()


NETWORK = {
    "connect": "socket.create_connection(('127.0.0.1', port), timeout=1)",
    "urllib": "import urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{port}', timeout=1)",
    "datagram": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', port))",
    "listen": "socket.create_server(('127.0.0.1', 0))",
    "name": "socket.getaddrinfo('example.org', 80)",
    "pair of datagrams": "socket.socketpair(type=socket.SOCK_DGRAM)[0].sendto(b'x', '/dev/log')",
    "by way of C": "assert libc.socket(2, 1, 0) >= 0 or libc.syscall(425, 8, 0) >= 0, 'Permission'",
}


@pytest.mark.parametrize("source", NETWORK.values(), ids=NETWORK)
def test_there_is_no_network(
    worker: Worker, server: socket.socket, source: str, request: pytest.FixtureRequest
) -> None:
    result = worker.run(source)
    assert not result.ok
    if not disarmed(request) and "libc" not in source and "pair" not in source:
        assert str(result) == "PermissionError: network is off while grading (line 1)"
    with pytest.raises(TimeoutError):
        server.accept()


PROCESSES = {
    "subprocess": "import subprocess; subprocess.run(['true'])",
    "system": "assert os.system('true') == 0, 'Permission'",
    "exec": "os.execv(sys.executable, ['python', '-c', 'pass'])",
    "fork": "os.fork() or os._exit(0)",
    "fork bomb": "while True: os.fork()",
    "spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "multiprocessing": "import multiprocessing; multiprocessing.get_context('fork').Process(target=print).start()",
    "bang": "!true",
    "bash": "%%bash\ntrue",
    "by way of C": "assert libc.fork() >= 0 or libc.vfork() >= 0 or libc.system(b'true') == 0, 'Permission'",
}


@pytest.mark.parametrize("source", PROCESSES.values(), ids=PROCESSES)
def test_no_process_is_started(worker: Worker, source: str, request: pytest.FixtureRequest) -> None:
    result = worker.run(source)
    assert not result.ok
    if not disarmed(request) and "libc" not in source:
        assert "PermissionError: starting processes is off while grading" in str(result)
    assert not psutil.Process(worker.pid).children(recursive=True)
    assert worker.run("1").ok, "the worker is still itself"


@ONCE
@pytest.mark.parametrize("source", ["!pip install x", "%pip install x", "%conda install x"])
def test_nothing_is_installed(worker: Worker, source: str) -> None:
    assert worker.run(source).message == "installing is off while grading: name what you need to your instructor"


OTHERS = {
    "kill": "os.kill(grader, 0)",
    "kill everyone": "os.kill(-1, 0)",
    "killpg": "os.killpg(os.getpgid(grader), 0)",
    "by way of C": "assert libc.kill(grader, 0) == 0 or libc.syscall(200, grader, 0) == 0, 'Permission'",
    "signal by a file": "import fcntl; fcntl.fcntl(1, fcntl.F_SETOWN, grader)",
    "kind of signal by a file": "import fcntl; fcntl.fcntl(1, 10, 9)",
    "priority": "os.setpriority(os.PRIO_PROCESS, grader, 19)",
    "limits of the grader": "import resource; resource.prlimit(grader, resource.RLIMIT_CPU, (1, 1))",
    "own limits": "import resource; resource.setrlimit(resource.RLIMIT_DATA, (2**40, 2**40))",
    "ptrace": "assert libc.ptrace(16, grader, 0, 0) == 0, 'Permission'",
    "handle of the grader": "os.pidfd_open(grader)",
    "namespace": "assert libc.unshare(0x10000000) == 0, 'Permission'",
    "mount": "assert libc.mount(b'none', b'/tmp', b'tmpfs', 0, 0) == 0, 'Permission'",
}


@pytest.mark.parametrize("source", OTHERS.values(), ids=OTHERS)
def test_other_processes_and_limits_stay(worker: Worker, source: str, request: pytest.FixtureRequest) -> None:
    if not KERNEL.issubset(layers().active):
        pytest.skip(str(layers()))
    nice, limit = psutil.Process().nice(), psutil.Process().rlimit(psutil.RLIMIT_CPU)
    result = worker.run(source)
    assert not result.ok, result
    if not disarmed(request) and ("os.kill(" in source or "killpg" in source):
        assert result.message == "sending signals to other processes is off while grading"
    assert psutil.Process().nice() == nice and psutil.Process().rlimit(psutil.RLIMIT_CPU) == limit


def test_a_c_library_is_not_loaded(worker: Worker, request: pytest.FixtureRequest) -> None:
    result = worker.run("ctypes.CDLL(None)")
    assert disarmed(request) or result.message == "loading C libraries is off while grading"


@ONCE
def test_nothing_secret_is_inherited(worker: Worker) -> None:
    worker.run("def surroundings(): return [sorted(os.environ), str(dict(os.environ)), os.getcwd()]")
    names, values, home = worker.call("surroundings")
    assert "DACL_EDU_SECRET_SEED" not in names and "424242" not in values
    assert set(names) <= {
        *("PATH", "HOME", "LANG", "LC_CTYPE", "TMPDIR", "DACL_EDU_GRADING", "CUDA_VISIBLE_DEVICES", "MPLBACKEND"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "IPYTHONDIR"),
        *("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONHASHSEED", "PYTHONUNBUFFERED", "PYTHONUSERBASE", "LD_LIBRARY_PATH"),
        *("PAGER", "GIT_PAGER", "TERM", "CLICOLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "DYLD_LIBRARY_PATH"),
    }
    assert home == str(worker.folder)


def test_no_other_file_is_open(worker: Worker) -> None:
    kinds = dict(worker.call("handles_at_start"))
    assert kinds.pop(0) == 2 and set(kinds.values()) == {1} and len(kinds) == 4  # /dev/null, and four ends of pipes


CELLS = {
    "import sys; sys.exit(3)": "the cell called sys.exit (line 1)",
    "exit()": "the cell called sys.exit (line 1)",
    "raise KeyboardInterrupt": "KeyboardInterrupt (line 1)",
    "raise BaseException('odd')": "BaseException: odd (line 1)",
    "x = 1\n\nundefined_name": "NameError: name 'undefined_name' is not defined (line 3)",
    "x = 1\nx = = 2": "SyntaxError: invalid syntax (line 2)",
    "def inner():\n    return 1 / 0\n\ninner()": "ZeroDivisionError: division by zero (line 2)",
    "torch.zeros(int(50e9), dtype=torch.uint8)": "the cell needed more than 0.5 GB of memory (line 1)",
    "held = []\nwhile True: held.append(bytearray(10**7))": "the cell needed more than 0.5 GB of memory (line 2)",
    "%timeit -n1 -r1 pass": "ran",
    "class Bad(Exception):\n    def __str__(self): raise self\nraise Bad": "Error: the cell raised Bad",
}


@ONCE
@pytest.mark.parametrize("source", CELLS, ids=range(len(CELLS)))
def test_a_cell_that_stops_says_why_and_the_worker_lives_on(worker: Worker, source: str) -> None:
    assert str(worker.run(source)) == CELLS[source]
    worker.run("held = None")
    assert worker.run("1 + 1") == CellResult(True)


@ONCE
def test_a_gigabyte_of_output_costs_nothing(worker: Worker) -> None:
    before, printed = psutil.Process().memory_info().rss, worker.printed
    assert worker.run("block = b'x' * 10**6\nfor _ in range(1000): os.write(1, block)").ok
    assert worker.run("1").ok
    assert worker.printed - printed > 0.99e9 and len(worker.output) == LIMITS.output_kept
    assert psutil.Process().memory_info().rss - before < 50e6


ANSWERS = {
    "object()": "answer returns a value of type object: "
    "only tensors, numbers, text, lists, tuples and dictionaries pass",
    "torch.zeros(25_000_000)": "answer returns 127 MB; at most 16 MB pass",
    "torch.zeros(1).expand(10**12)": "answer returns a tensor of 3814697 MB",
    "10**100": "answer returns a whole number of more than 64 bits",
    "(_ for _ in ()).throw(SystemExit)": "answer called sys.exit",
    "(_ for _ in ()).throw(KeyboardInterrupt)": "answer raised KeyboardInterrupt",
    "1 / 0": "answer raised ZeroDivisionError: division by zero",
    "torch.zeros(10**11)": "answer needed more than 0.5 GB of memory",
    "type('Liar', (), {'__class__': property(lambda s: 1 / 0)})()": "answer raised ZeroDivisionError",
}


@ONCE
@pytest.mark.parametrize("source", ANSWERS, ids=range(len(ANSWERS)))
def test_an_answer_that_is_none_is_a_plain_message(worker: Worker, source: str) -> None:
    assert worker.run(f"def answer(): return {source}").ok
    with pytest.raises(AnswerError) as error:
        worker.call("answer")
    assert str(error.value) == ANSWERS[source]
    assert worker.run("1").ok


@ONCE
def test_a_tensor_of_a_class_of_its_own_comes_out_plain(worker: Worker) -> None:
    worker.run(
        "class Always(torch.Tensor):\n"
        "    def __eq__(self, other): return True\n"
        "def always(): return torch.tensor([1.0, float('nan')]).as_subclass(Always)"
    )
    got = worker.call("always")
    assert type(got) is torch.Tensor and got[0] == 1 and got[1].isnan()
    with pytest.raises(AssertionError, match="is not finite"):
        check.value(got, torch.ones(2))


@ONCE
def test_an_alarm_does_not_ring_in_the_next_cell(worker: Worker) -> None:
    worker.run("signal.signal(signal.SIGALRM, lambda *a: 1 / 0); signal.setitimer(signal.ITIMER_REAL, 0.1)")
    assert worker.run("time.sleep(0.3)") == CellResult(True)


@ONCE
def test_an_emptied_folder_changes_nothing(worker: Worker) -> None:
    worker.run("import shutil; open('a', 'w').close(); shutil.rmtree(os.getcwd(), ignore_errors=True)")
    worker.run("def five(): return 5")
    assert worker.call("five") == 5


@ONCE
def test_garbage_in_the_channel_is_passed_over(worker: Worker) -> None:
    worker.run(
        "def noisy():\n"
        "    for h in range(3, 64):\n"
        '        try: os.write(h, b\'garbage\\n{"id":"ready","value":1}\\n{"id":"\')\n'
        "        except OSError: pass\n"
        "    return 5"
    )
    assert worker.call("noisy") == 5
    assert worker.call("noisy") == 5


@ONCE
def test_a_forged_reply_is_a_wrong_answer_at_worst(worker: Worker) -> None:
    worker.run(
        "def forged(value):\n"
        "    frame = sys._getframe()\n"
        "    while 'identity' not in frame.f_locals: frame = frame.f_back\n"
        '    reply = \'{"id":"%s","value":%s}\' % (frame.f_locals[\'identity\'], value)\n'
        "    for h in range(3, 64):\n"
        "        try: os.write(h, b'\\n' + reply.encode() + b'\\n')\n"
        "        except OSError: pass\n"
        "    return 5"
    )
    assert worker.call("forged", '"7"') == "7"
    with pytest.raises(AnswerError, match="the answer could not be read"):
        worker.call("forged", '{"tensor":"AAAA","dtype":"float32","shape":[9]}')
    with pytest.raises(AnswerError, match="the answer could not be read"):
        worker.call("forged", '{"__reduce__":["os.system","true"]}')
    assert worker.run("1").ok


@ONCE
def test_changed_torch_and_checks_are_changed_in_the_worker_alone(worker: Worker) -> None:
    worker.run(
        "import dacl_edu.course.check as c, dacl_edu.course.answers as a\n"
        "kept = torch.allclose, torch.equal, torch.Tensor.__eq__, a.LocalAnswer.call\n"
        "torch.allclose = torch.equal = lambda *a, **k: True\n"
        "torch.Tensor.__eq__ = lambda *a: True\n"
        "c.value = c.shape = lambda *a, **k: None\n"
        "a.LocalAnswer.call = lambda *a, **k: torch.zeros(2)\n"
        "def double(x): return 2 * x"
    )
    x = torch.tensor([1.0, 2.0])
    got = worker.call("double", x)
    assert torch.equal(got, torch.zeros(2)) and not torch.equal(got, 2 * x)
    with pytest.raises(AssertionError, match="is zero everywhere"):
        check.value(got, 2 * x)
    worker.run("torch.allclose, torch.equal, torch.Tensor.__eq__, a.LocalAnswer.call = kept")
    assert torch.equal(worker.call("double", x), 2 * x)


@ONCE
def test_threads_that_keep_running_end_with_the_worker(worker: Worker) -> None:
    worker.run("def spin():\n    while True: time.sleep(0.01)\nthreading.Thread(target=spin).start()")
    assert worker.run("1").ok


# What ends the process: a worker each.

FATAL: dict[str, tuple[str, str]] = {
    "loop": ("while True: pass", "took longer than 0.7 s and was stopped"),
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
        before, memory = time.monotonic(), psutil.Process().memory_info().rss
        with pytest.raises(WorkerDied) as died:
            started.run(source, seconds)
            started.run("import time; time.sleep(2)")
        assert died.value.reason in reason.split("|")
        assert time.monotonic() - before < seconds + 2
        assert not psutil.pid_exists(started.pid), "it is gone before anybody goes on"
        assert psutil.Process().memory_info().rss - memory < 30e6
        with pytest.raises(WorkerDied):  # and stays so
            started.run("1")
    assert not started.folder.exists()


@ONCE
def test_a_file_and_the_number_of_open_files_are_limited(worker: Worker) -> None:
    assert "File too large" in worker.run("open('big', 'wb').write(bytes(2**25))").message
    assert "Too many open files" in worker.run("kept = [open('a', 'w') for _ in range(999)]").message
    assert worker.run("kept = None; os.remove('big')").ok


@ONCE
def test_many_threads_are_limited_and_end(worker: Worker) -> None:
    source = "import threading, time\nstop = threading.Event()\nwhile True: threading.Thread(target=stop.wait).start()"
    result = worker.run(source)
    worker.run("stop.set()")
    assert "thread" in result.message or "memory" in result.message
    assert worker.run("1").ok


def test_nothing_is_left() -> None:
    with Worker(LIMITS) as started:
        result = started.run(
            "import os, threading, time\nthreading.Thread(target=lambda: time.sleep(99)).start()\n"
            "os.mkdir('locked'); open('locked/a', 'w').close(); os.umask(0o777); os.mkdir('closed'); os.umask(0)\n"
            "for _ in range(1500): os.mkdir('d'); os.chdir('d')"  # deeper than Python's recursion
        )
        assert result.ok and any(started.folder.iterdir())
    assert not psutil.pid_exists(started.pid) and not started.folder.exists()


def test_it_ends_when_the_grader_is_gone() -> None:
    grader = subprocess.Popen(
        [sys.executable, "-c", _GRADER], stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
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
from dacl_edu.course.sandbox.process import Worker
worker = Worker()
worker.wait()
print(worker.pid, worker.folder, flush=True)
worker.run("import time; time.sleep(1000)")
"""

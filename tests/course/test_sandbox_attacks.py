"""What a student's cell may try on the machine around it: each attempt is refused, plainly said, and without effect.

The same attempts are made twice: as a student would, and after the audit hook, which Python code can disarm, was
disarmed, so that the kernel's layers are seen to hold by themselves.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from course.attacks import KERNEL, ONCE, SECRET, disarmed

from dacl_edu_course.sandbox.limits import LAYERS, layers
from dacl_edu_course.sandbox.process import Worker


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


PROGRAMS = ["!true", "%%bash\ntrue", "!pip install x", "%pip install x", "%conda install x"]


@ONCE
@pytest.mark.parametrize("source", PROGRAMS)
def test_a_program_is_not_started_and_the_cell_goes_on(worker: Worker, source: str) -> None:
    before = worker.printed
    after = "" if source.startswith("%%") else "\ndef went_on(): return 7"
    assert worker.run(source + after).ok
    assert not psutil.Process(worker.pid).children(recursive=True)
    assert not after or worker.call("went_on") == 7
    until = time.monotonic() + 60  # what is printed is read by a thread of its own
    while worker.printed == before and time.monotonic() < until:
        time.sleep(0.01)
    assert worker.printed > before, "it says that it did nothing"


@ONCE
@pytest.mark.parametrize(
    "source", ["import no_such_package", "open('no such file')", "import subprocess; subprocess.run(['pip'])"]
)
def test_what_is_not_here_costs_its_own_statement_alone(worker: Worker, source: str) -> None:
    assert not worker.run(f"{source}\ndef went_on(): return 8").ok
    assert worker.call("went_on") == 8


@ONCE
def test_a_module_that_a_cell_writes_can_be_imported(worker: Worker) -> None:
    assert worker.run("%%writefile of_mine.py\ndef eight(): return 8").ok
    assert worker.run("from of_mine import eight").ok
    assert worker.call("eight") == 8


@ONCE
def test_a_compiled_function_runs_as_it_is(worker: Worker) -> None:
    assert worker.run("@torch.compile\ndef plus(x): return x + 1\nminus = torch.compile(lambda x: x - 1)").ok
    assert worker.call("plus", 1) == 2 and worker.call("minus", 1) == 0


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

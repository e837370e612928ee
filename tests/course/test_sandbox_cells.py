"""What a cell or an answer may do to the worker: it is plainly said, and the worker lives on with its limits."""

from __future__ import annotations

import psutil
import pytest
import torch
from course.attacks import LIMITS, ONCE

from dacl_edu import check
from dacl_edu.check.answers import AnswerError
from dacl_edu_course.sandbox.process import CellResult, Worker

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
        "import dacl_edu.check as c, dacl_edu.check.answers as a\n"
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

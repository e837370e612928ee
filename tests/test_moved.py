"""Import paths of the last release: they still lead to the same objects, and say where those lie now."""

from __future__ import annotations

import importlib
import subprocess
import sys
import warnings

import pytest

from dacl_edu import _moved

MODULES = [*_moved.MOVED, "dacl_edu.course.questions", "dacl_edu.course.sandbox.limits", "dacl_edu.faces.factors"]


@pytest.mark.parametrize("old", MODULES)
def test_an_old_path_is_the_new_module_and_warns(old: str) -> None:
    new = _moved.new_name(old)
    assert new is not None
    sys.modules.pop(old, None)
    expected = importlib.import_module(new)
    with pytest.warns(FutureWarning, match=f"{old} is now {new}"):
        found = importlib.import_module(old)
    assert found is expected
    assert expected.__name__ == new and expected.__spec__ is not None and expected.__spec__.name == new


def test_what_did_not_move_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.import_module("dacl_edu.centers")
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("dacl_edu.nowhere")


def test_the_lines_of_notebooks_that_people_keep() -> None:
    """In a process of their own: first imports, as a kernel makes them."""
    lines = (
        "from dacl_edu.course import check",
        "from dacl_edu.course import questions",
        "from dacl_edu.course.check import value",
        "from dacl_edu.notebook import rounded, setup, show",
        "from dacl_edu.gradients import compare_gradients",
        "from dacl_edu.attention import ContextEncoder, InclusionHeads",
        "from dacl_edu.lessons.runs import SHIPPED, find_runs, lesson_runs",
        "import dacl_edu.check; assert check is dacl_edu.check",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "dacl_edu.notebook is now dacl_edu.lessons.display" in done.stderr

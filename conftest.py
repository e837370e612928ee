"""Notebooks under nbval: strict or lax as each declares, and a list of the seconds each took.

``pytest --nbval notebooks`` compares every stored output of the notebooks whose metadata says ``mode: strict``, and of
the others only those of cells tagged ``nbval-check-output``.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

collect_ignore_glob = [
    *("notebooks/*.py", "notebooks/assignments/source/*/*.py", "tools/*.py"),  # texts of notebooks are no modules
    "studies/*/*.py",  # likewise
    "tests/course/seventh/*/*.py",  # an assignment's text, and the module beside it
    "notebooks/assignments/release/*",  # students' versions: nothing is written there yet, so every cell fails
]


def pytest_configure(config: pytest.Config) -> None:
    """No PNG, since none is compared; one thread a kernel, since several run at a time; short training."""
    if getattr(config.option, "nbval", False):
        os.environ["DACL_EDU_PNG"] = "0"
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        # Training notebooks train for seconds, in a folder of their own, so that nothing is read from earlier runs.
        folder = tempfile.TemporaryDirectory(prefix="dacl-edu-")
        config.add_cleanup(folder.cleanup)
        os.environ["DACL_EDU_PARAMETERS"] = json.dumps({"profile": "smoke", "out": folder.name})


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    """Choose strict or lax by the notebook's own metadata."""
    collectors = yield
    for collector in collectors:
        if type(collector).__name__ == "IPyNbFile":
            collector.compare_outputs = _declared(file_path).get("mode") != "lax"
    return collectors


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print notebook, seconds, budget. Over budget is said, and no failure: machines differ."""
    seconds: dict[str, float] = defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            name = getattr(report, "nodeid", "").partition("::")[0]
            if name.endswith(".ipynb") and hasattr(report, "duration"):
                seconds[name] += report.duration
    if not seconds:
        return
    terminalreporter.section("notebooks: seconds and budget")
    for name, took in sorted(seconds.items()):
        budget = _declared(config.rootpath / name).get("budget_seconds")
        over = "  OVER BUDGET" if budget and took > budget else ""
        terminalreporter.write_line(f"{name:<44}{took:>7.1f}{budget or '-':>7}{over}")


def _declared(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")).get("metadata", {}).get("dacl_edu", {})

"""The core stands alone, and imports run one way: the picture in CONTRIBUTING.md is true."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "dacl_edu"
OTHERS = ("dacl_edu_course", "dacl_edu_faces")
ALONE = """
import importlib, pkgutil, sys

class Without:  # a finder that does not find them, as where they are not installed
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {"dacl_edu_course", "dacl_edu_faces"}:
            return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = map(Without, sys.meta_path)
import dacl_edu
names = [module.name for module in pkgutil.walk_packages(dacl_edu.__path__, "dacl_edu.")]
for name in names:
    importlib.import_module(name)
print(len(names))
from dacl_edu.cli import main
main(["--help"])
"""


def contracts() -> dict[str, dict]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    return {contract["type"]: contract for contract in settings["contracts"]}


def test_the_core_imports_and_its_commands_start_where_the_packages_beside_it_are_not_installed() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    count, _, commands = done.stdout.partition("\n")
    assert int(count) == len(list(CORE.rglob("*.py"))) - 1  # all but dacl_edu itself
    assert re.search(r"^  train ", commands, re.MULTILINE)
    assert not re.search(r"^  (course|faces) ", commands, re.MULTILINE)


def test_nothing_in_the_core_names_the_packages_beside_it() -> None:
    # _moved.py answers for one release to their old names inside the core.
    files = [path for path in CORE.rglob("*") if path.suffix in (".py", ".html", ".js") and path.name != "_moved.py"]
    assert len(files) > 100
    assert [f.relative_to(ROOT) for f in files if any(other in f.read_text(encoding="utf-8") for other in OTHERS)] == []


def test_imports_run_one_way_and_without_circles() -> None:
    pytest.importorskip("importlinter", reason="make test installs it")
    program = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout
    assert "5 kept, 0 broken" in done.stdout


def test_the_picture_in_contributing_is_the_one_that_is_checked() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL)
    drawn = [re.split(r" {2,}", line.strip())[0].split(", ") for line in picture.splitlines()]
    assert drawn == [re.split(r" [|:] ", layer) for layer in contracts()["layers"]["layers"]]

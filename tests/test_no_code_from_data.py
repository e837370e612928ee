"""What is read is data: the packages have no eval, no exec, no pickle, no shell."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import dacl_edu

ROOT = Path(dacl_edu.__file__).parents[1]
SOURCES = [path for name in ("dacl_edu", "dacl_edu_faces", "tools") for path in sorted((ROOT / name).rglob("*.py"))]
COURSE = sorted((ROOT / "dacl_edu_course").rglob("*.py"))
OWN_CODE = {"test_cell.py"}
"""Where an instructor's own test cells are executed; students' cells run in IPython, inside the sandbox."""


def dangerous(path: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in ("eval", "exec", "compile", "os.system", "os.popen", "subprocess.getoutput"):
                found.append(f"{path.name}:{node.lineno} {name}")
            for keyword in node.keywords:
                said = ast.unparse(keyword.value)
                if (keyword.arg in ("shell", "allow_pickle") and said != "False") or (
                    keyword.arg == "weights_only" and said != "True"
                ):
                    found.append(f"{path.name}:{node.lineno} {keyword.arg}={said}")
            if name == "torch.load" and not any(k.arg == "weights_only" for k in node.keywords):
                found.append(f"{path.name}:{node.lineno} torch.load")
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names]
            modules = names if isinstance(node, ast.Import) else [node.module or ""]
            if {"pickle", "dill", "shelve"} & set(modules) and names != ["UnpicklingError"]:  # an error to catch
                found.append(f"{path.name}:{node.lineno} import {modules}")
    return found


def test_no_package_runs_what_it_reads() -> None:
    assert [line for path in SOURCES for line in dangerous(path)] == []


def test_the_course_executes_an_instructors_cells_alone() -> None:
    found = [line for path in COURSE for line in dangerous(path) if path.name not in OWN_CODE]
    assert found == []


@pytest.mark.parametrize(
    "code",
    ["eval('1')", "import pickle", "subprocess.run('x', shell=True)", "np.load(f, allow_pickle=True)", "torch.load(f)"],
)
def test_the_search_finds_what_it_looks_for(code: str, tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(code)
    assert len(dangerous(tmp_path / "x.py")) == 1

"""What an import may load, as a share of ``import torch``: modules are counted, for seconds depend on the machine."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest

CLI, TRAIN = "import dacl_edu.cli", "from dacl_edu.training import train"
HEAVY = {
    "torchvision",
    "torchmetrics",
    "lightning_fabric",
    "pandas",
    "plotly",
    "umap",
    "ipywidgets",
    "papermill",
    "jinja2",
}
BUDGET = {CLI: (0.35, HEAVY | {"torch", "numpy"}), TRAIN: (1.25, HEAVY | {"torch._dynamo", "timm", "sklearn"})}
"""Statement → (how many modules at most, as a share of what torch loads; which ones it must not load)."""


@cache
def modules(statement: str) -> int:
    code = f"{statement}; import sys; print(len(sys.modules))"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("statement", BUDGET)
def test_an_import_loads_nothing_that_only_some_need(statement: str) -> None:
    _, forbidden = BUDGET[statement]
    code = f"{statement}; import sys; print(sorted({forbidden} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("statement", BUDGET)
def test_an_import_stays_within_its_share_of_that_of_torch(statement: str) -> None:
    share, _ = BUDGET[statement]
    assert modules(statement) <= share * modules("import torch")


def test_help_is_printed_without_torch() -> None:
    code = "import sys; from dacl_edu.cli import main\ntry: main(['--help'])\nfinally: print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "False" and "train" in done.stdout

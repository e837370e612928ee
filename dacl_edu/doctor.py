"""Checks that a machine is ready, each with the command that mends it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from dacl_edu._moved import warn_of_old_name
from dacl_edu.errors import UserError

INSTALL_HINT = "pip install -c requirements.lock -e '.[notebooks]'  (or: make install)"


class Check(NamedTuple):
    """One line of ``dacl-edu doctor``."""

    ok: bool
    what: str
    hint: str

    @property
    def mend(self) -> str:
        """The last release's name of ``hint``."""
        warn_of_old_name("Check.mend", "Check.hint")
        return self.hint


def run_checks() -> list[Check]:
    """Run every check; none raises, and each says what it found."""
    checks = [_python(), _torch(), _vision(), *(_package(name) for name in ("lightning-fabric", "torchmetrics"))]
    checks += [_notebooks(), _device(), _gradient(), _data(), _disk(), _writable()]
    return checks


def _guarded(what: str, hint: str, check: Callable[[], str]) -> Check:
    try:
        return Check(True, f"{what}: {check()}", hint)
    except UserError as error:
        return Check(False, f"{what}: {error.problem}", error.hint or hint)
    except Exception as error:  # a doctor reports every ailment
        return Check(False, f"{what}: {type(error).__name__}: {error}".splitlines()[0], hint)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check(ok, f"Python {version}", "install Python 3.11, 3.12 or 3.13, then: make install PYTHON=python3.12")


def _torch() -> Check:
    def check() -> str:
        import torch

        return f"{torch.__version__}, {torch.get_num_threads()} threads"

    return _guarded("torch", INSTALL_HINT, check)


def _vision() -> Check:
    def check() -> str:
        import torchvision

        torchvision.ops.nms  # noqa: B018 - fails where torch and torchvision do not fit together
        return torchvision.__version__

    return _guarded("torchvision", f"{INSTALL_HINT}; torch and torchvision must come from one release", check)


def _package(name: str) -> Check:
    return _guarded(name, INSTALL_HINT, lambda: metadata.version(name))


def _notebooks() -> Check:
    wanted = {
        "jupyterlab": "jupyterlab",
        "ipywidgets": "ipywidgets",
        "plotly": "plotly",
        "papermill": "papermill",
        "umap-learn": "umap",
        "anywidget": "anywidget",
    }
    missing = [package for package, module in wanted.items() if importlib.util.find_spec(module) is None]
    what = f"notebook packages: {'missing ' + ', '.join(missing) if missing else ', '.join(wanted)}"
    return Check(not missing, what, INSTALL_HINT)


def _device() -> Check:
    def check() -> str:
        import torch

        if torch.cuda.is_available():
            return f"CUDA, {torch.cuda.get_device_name()}"
        return "Apple GPU" if torch.backends.mps.is_available() else "CPU (presets quick and smoke are made for it)"

    return _guarded("device", INSTALL_HINT, check)


def _gradient() -> Check:
    def check() -> str:
        import torch

        from dacl_edu.losses import sparse_center_loss

        generator = torch.Generator().manual_seed(0)
        x, a, c = (torch.rand(n, 4, dtype=torch.float64, generator=generator).requires_grad_() for n in (5, 5, 3))
        torch.autograd.gradcheck(sparse_center_loss, (x, a, torch.tensor([0, 1, 2, 1, 0]), c))
        return "hand-written Eq. 9 and 10 agree with finite differences"

    return _guarded("gradients", "report it: this machine computes something else", check)


def _data() -> Check:
    def check() -> str:
        from dacl_edu.data import load_dataset
        from dacl_edu.data.bundled import SPLITS, verify_bundled

        verify_bundled()
        found = load_dataset("bundled", "val")  # the smallest: that pictures can be decoded at all
        return f"bundled ({', '.join(SPLITS)}; {len(found):,} pictures of val decode)"

    return _guarded("embedded faces", "git checkout -- data, or install the package again", check)


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Check(free > 2, f"disk: {free:.1f} GB free here", "free at least 2 GB: a run keeps its checkpoints in runs/")


def _writable() -> Check:
    def check() -> str:
        with tempfile.TemporaryFile(dir=os.getcwd()):
            return os.path.basename(os.getcwd()) + " is writable"

    return _guarded("current folder", "change to a folder where you may write", check)

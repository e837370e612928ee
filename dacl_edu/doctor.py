"""Checks that a machine is ready, each with the command that mends it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
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
    checks = [_python()]
    for what, check, hint in (
        ("torch", _torch, INSTALL_HINT),
        ("torchvision", _vision, f"{INSTALL_HINT}; torch and torchvision must come from one release"),
        ("lightning-fabric", lambda: metadata.version("lightning-fabric"), INSTALL_HINT),
        ("torchmetrics", lambda: metadata.version("torchmetrics"), INSTALL_HINT),
        ("device", _device, INSTALL_HINT),
        ("gradients", _gradient, "report it: this machine computes something else"),
        ("embedded faces", _data, "git checkout -- data, or install the package again"),
        ("current folder", _writable, "change to a folder where you may write"),
    ):
        try:
            checks.append(Check(True, f"{what}: {check()}", hint))
        except UserError as error:
            checks.append(Check(False, f"{what}: {error.problem}", error.hint or hint))
        except Exception as error:  # a doctor reports every ailment
            checks.append(Check(False, f"{what}: {type(error).__name__}: {error}".splitlines()[0], hint))
    return [*checks, _notebooks(), _disk()]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Check(ok, f"Python {version}", "install Python 3.11, 3.12 or 3.13, then: make install PYTHON=python3.12")


def _torch() -> str:
    import torch

    return f"{torch.__version__}, {torch.get_num_threads()} threads"


def _vision() -> str:
    import torchvision

    torchvision.ops.nms  # noqa: B018 - fails where torch and torchvision do not fit together
    return str(torchvision.__version__)


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"CUDA, {torch.cuda.get_device_name()}"
    return "Apple GPU" if torch.backends.mps.is_available() else "CPU (presets quick and smoke are made for it)"


def _gradient() -> str:
    import torch

    from dacl_edu.losses import sparse_center_loss

    generator = torch.Generator().manual_seed(0)
    x, a, c = (torch.rand(n, 4, dtype=torch.float64, generator=generator).requires_grad_() for n in (5, 5, 3))
    torch.autograd.gradcheck(sparse_center_loss, (x, a, torch.tensor([0, 1, 2, 1, 0]), c))
    return "hand-written Eq. 9 and 10 agree with finite differences"


def _data() -> str:
    from dacl_edu.data import load_dataset
    from dacl_edu.data.bundled import SPLITS, verify_bundled

    verify_bundled()
    found = load_dataset("bundled", "val")  # the smallest: that pictures can be decoded at all
    return f"bundled ({', '.join(SPLITS)}; {len(found):,} pictures of val decode)"


def _writable() -> str:
    with tempfile.TemporaryFile(dir=os.getcwd()):
        return os.path.basename(os.getcwd()) + " is writable"


def _notebooks() -> Check:
    modules = ("jupyterlab", "ipywidgets", "plotly", "papermill", "umap", "anywidget")
    wanted = {{"umap": "umap-learn"}.get(module, module): module for module in modules}
    missing = [package for package, module in wanted.items() if importlib.util.find_spec(module) is None]
    what = f"notebook packages: {'missing ' + ', '.join(missing) if missing else ', '.join(wanted)}"
    return Check(not missing, what, INSTALL_HINT)


def _disk() -> Check:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Check(free > 2, f"disk: {free:.1f} GB free here", "free at least 2 GB: a run keeps its checkpoints in runs/")

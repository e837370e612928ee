"""Import paths of the last release, for notebooks that people keep: they work for one release more, with a warning."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType

MOVED = {
    "dacl_edu.attention": "dacl_edu.model.attention",
    "dacl_edu.backbones": "dacl_edu.model.backbones",
    "dacl_edu.course.answers": "dacl_edu.check.answers",
    "dacl_edu.course.check": "dacl_edu.check",
    "dacl_edu.course.mentions": "dacl_edu.check.referenced_names",
    "dacl_edu.course.properties": "dacl_edu.check.properties",
    "dacl_edu.gradients": "dacl_edu.check.gradients",
    "dacl_edu.notebook": "dacl_edu.lessons.display",
    "dacl_edu.summary": "dacl_edu.model.summary",
    "dacl_edu.training.checkpoint": "dacl_edu.runs.checkpoint",
    "dacl_edu.training.config": "dacl_edu.runs.config",
    "dacl_edu.training.methods": "dacl_edu.runs.methods",
    "dacl_edu.training.parts": "dacl_edu.training.data",
    "dacl_edu.training.reload": "dacl_edu.runs.trained",
    "dacl_edu.training.run_folder": "dacl_edu.runs.folder",
    "dacl_edu.training.snapshots": "dacl_edu.runs.snapshots",
    "dacl_edu.weights": "dacl_edu.model.pretrained",
}
_LEFT = ("dacl_edu.course", "dacl_edu.faces")
"""Parts that became packages beside this one: ``dacl_edu.faces`` is ``dacl_edu_faces``."""


def new_name(name: str) -> str | None:
    """Return where a module of the last release lies now; None for one that did not move.

    Examples
    --------
    >>> new_name("dacl_edu.weights"), new_name("dacl_edu.faces.head"), new_name("dacl_edu.centers")
    ('dacl_edu.model.pretrained', 'dacl_edu_faces.head', None)
    """
    if name in MOVED:
        return MOVED[name]
    for part in _LEFT:
        if name == part or name.startswith(f"{part}."):
            return name.replace(".", "_", 1)
    return None


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers an import of an old name with the module of the new one."""

    def __init__(self) -> None:
        self.specs: dict[str, importlib.machinery.ModuleSpec | None] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if new_name(fullname) is None:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        new = new_name(spec.name)
        assert new is not None
        warnings.warn(f"{spec.name} is now {new}; the old name goes with the next release", FutureWarning, stacklevel=2)
        module = importlib.import_module(new)
        self.specs[new] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It was executed under its own name, which importing it under another must not change."""
        module.__spec__ = self.specs[module.__name__]


def install() -> None:
    """Make the old names importable.

    It comes first: else a submodule would be found in the folder of its parent's new package and loaded a second time.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())

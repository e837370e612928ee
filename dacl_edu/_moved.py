"""Names of the last release, for notebooks that people keep: they work for one release more, with a warning."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

MOVED = {
    "dacl_edu.attention": "dacl_edu.model.attention",
    "dacl_edu.backbones": "dacl_edu.model.backbones",
    "dacl_edu.course.answers": "dacl_edu.check.answers",
    "dacl_edu.course.check": "dacl_edu.check",
    "dacl_edu.course.properties": "dacl_edu.check.properties",
    "dacl_edu.evaluation.attention": "dacl_edu.evaluation.attention_statistics",
    "dacl_edu.evaluation.silencing": "dacl_edu.evaluation.ablation",
    "dacl_edu.gradients": "dacl_edu.check.gradients",
    "dacl_edu.notebook": "dacl_edu.lessons.display",
    "dacl_edu.plots.attention": "dacl_edu.plots.attention_figures",
    "dacl_edu.summary": "dacl_edu.model.summary",
    "dacl_edu.training.checkpoint": "dacl_edu.runs.checkpoint",
    "dacl_edu.training.config": "dacl_edu.runs.config",
    "dacl_edu.training.methods": "dacl_edu.runs.methods",
    "dacl_edu.training.parts": "dacl_edu.training.data",
    "dacl_edu.training.reload": "dacl_edu.runs.trained",
    "dacl_edu.training.run_folder": "dacl_edu.runs.folder",
    "dacl_edu.training.snapshots": "dacl_edu.runs.snapshots",
    "dacl_edu.weights": "dacl_edu.model.pretrained",
    "dacl_edu.widgets.attention": "dacl_edu.widgets.attention_explorer",
    "dacl_edu.widgets.confusion": "dacl_edu.widgets.confusion_explorer",
    "dacl_edu.widgets.embedding": "dacl_edu.widgets.embedding_explorer",
    "dacl_edu.widgets.gradients": "dacl_edu.widgets.gradient_explorer",
}
RENAMED = {
    "dacl_edu.check": {"no_slopes": "no_gradient", "slopes": "autograd_gradients"},
    "dacl_edu.evaluation.ablation": {
        "Silencing": "AblationCurves", "silencing_curve": "ablation_curve", "silencing_curves": "ablation_curves",
    },
    "dacl_edu.evaluation.deep_features": {"Head": "ClassifierHead"},
    "dacl_edu.lessons.runs": {"FinishedRun": "Run", "SHIPPED": "dacl_edu.paths:shipped_runs()"},
    "dacl_edu.model.pretrained": {"WeightsReport": "LoadReport", "load_weights": "load_pretrained"},
    "dacl_edu.plots": {"right_and_wrong": "correct_and_wrong", "silencing_plot": "ablation_plot"},
    "dacl_edu.training.data": {
        "EpochOrder": "EpochSampler", "load_evaluated_split": "dacl_edu.runs.splits:load_evaluated_split",
    },
}  # fmt: skip
"""Names within modules that changed. A value with a colon lies in another module now."""
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
        warn_of_old_name(spec.name, new)
        module = importlib.import_module(new)
        self.specs[new] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It was executed under its own name, which importing it under another must not change."""
        module.__spec__ = self.specs[module.__name__]


def warn_of_old_name(old: str, new: str, stacklevel: int = 3) -> None:
    """Say which name took the place of one of the last release."""
    warnings.warn(f"{old} is now {new}; the old name goes with the next release", FutureWarning, stacklevel=stacklevel)


def old_names(module: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module: it answers to the names of :data:`RENAMED`."""

    def __getattr__(name: str) -> Any:
        new = RENAMED[module].get(name)
        if new is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, attribute = new.rpartition(":")
        warn_of_old_name(f"{module}.{name}", new.replace(":", "."))
        found = getattr(importlib.import_module(home or module), attribute.removesuffix("()"))
        return found() if attribute.endswith("()") else found

    return __getattr__


def with_new_names(values: Mapping[str, Any], names: Mapping[str, str], warn: bool = True) -> dict[str, Any]:
    """Return a dictionary whose keys of the last release are replaced.

    Examples
    --------
    >>> with_new_names({"weights": "faces.pt", "seed": 3}, {"weights": "pretrained"}, warn=False)
    {'pretrained': 'faces.pt', 'seed': 3}
    """
    for old in names.keys() & values.keys() if warn else ():
        warn_of_old_name(old, names[old], stacklevel=4)
    return {names.get(key, key): value for key, value in values.items()}


def install() -> None:
    """Make the old names importable.

    It comes first: else a submodule would be found in the folder of its parent's new package and loaded a second time.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())

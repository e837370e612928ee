"""What lessons, assignments and command lines of the last release name: it still works, and says what it is now."""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from pathlib import Path

import pytest

from dacl_edu._moved import RENAMED, old_names
from dacl_edu.cli import main
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder

#: What the lessons and assignments of the last release import: module and name.
IMPORTED = [
    ("dacl_edu.attention", "AttentionNetwork"), ("dacl_edu.attention", "ContextEncoder"),
    ("dacl_edu.course", "check"), ("dacl_edu.course.check", "gradient"), ("dacl_edu.course.questions", "hidden_seeds"),
    ("dacl_edu.evaluation.attention", "class_means"), ("dacl_edu.evaluation.attention", "within_between"),
    ("dacl_edu.evaluation.deep_features", "Head"), ("dacl_edu.evaluation.silencing", "silencing_curve"),
    ("dacl_edu.evaluation.silencing", "silencing_curves"), ("dacl_edu.gradients", "compare_gradients"),
    ("dacl_edu.lessons.runs", "SHIPPED"), ("dacl_edu.notebook", "setup"), ("dacl_edu.plots", "silencing_plot"),
    ("dacl_edu.summary", "summarize"), ("dacl_edu.training.parts", "EpochOrder"),
    ("dacl_edu.training.parts", "load_evaluated_split"), ("dacl_edu.training.parts", "load_split"),
    ("dacl_edu.training.reload", "load_run"), ("dacl_edu.weights", "load_weights"),
    ("dacl_edu.widgets.attention", "attention_explorer"), ("dacl_edu.widgets.embedding", "EmbeddingExplorer"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), IMPORTED)
def test_an_import_of_the_last_release_works_with_a_warning(module: str, name: str) -> None:
    sys.modules.pop(module, None)  # as in a fresh process: a module that is there is imported without a word
    with pytest.warns(FutureWarning, match="goes with the next release"):
        assert hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("module", sorted(RENAMED))
def test_each_old_name_is_the_new_thing(module: str) -> None:
    home = importlib.import_module(module)
    for old, new in RENAMED[module].items():
        with pytest.warns(FutureWarning, match=f"{old} is now "):
            found = getattr(home, old)
        if ":" not in new:
            assert found is getattr(home, new)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        old_names(module)("nothing")


def test_weights_is_pretrained_in_a_call_a_command_and_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.warns(FutureWarning, match="weights is now pretrained"):
        assert TrainConfig.from_preset("smoke", weights="faces.pt").pretrained == "faces.pt"
    with pytest.raises(SystemExit):
        main(["train", "--preset", "smoke", "--weights", "absent.pt", "--out", str(tmp_path / "run")])
    said = capsys.readouterr().err
    assert "--weights is now --pretrained" in said and "absent.pt" in said
    stored = TrainConfig.from_preset("smoke").model_dump(mode="json")
    stored["weights"] = stored.pop("pretrained")
    (tmp_path / "config.json").write_text(json.dumps(stored), encoding="utf-8")
    with warnings.catch_warnings(action="error"):
        assert RunFolder(tmp_path).config() == TrainConfig.from_preset("smoke")

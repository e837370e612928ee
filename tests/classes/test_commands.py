"""Every command on two classes and on eleven."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from classes.made import OPTIONS, class_names, write_classes

from dacl_edu.cli import main
from dacl_edu.data import load_dataset
from dacl_edu.evaluation.predict import Predictions
from dacl_edu.runs.checkpoint import load_checkpoint
from dacl_edu.runs.run import find_runs, read_run
from dacl_edu.runs.trained import load_run

Call = Callable[..., str]
METHODS = ("softmax", "center", "dacl")


def call(*words: object) -> None:
    path = list(sys.path)
    try:
        with pytest.raises(SystemExit) as stopped:
            main([str(word) for word in words])
    finally:
        sys.path[:] = path
    assert not stopped.value.code, words


@pytest.fixture(scope="module", params=[2, 11])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, Path]:
    """K, the data and three runs on them."""
    root = write_classes(tmp_path_factory.mktemp("pictures"), request.param)
    runs = tmp_path_factory.mktemp("runs")
    methods = [word for method in METHODS for word in ("--method", method)]
    call("train", *OPTIONS.split(), "--data", "folder", "--root", root, *methods, "--out", runs)
    return request.param, root, runs


def test_train(made: tuple[int, Path, Path]) -> None:
    count, _, runs = made
    for run in find_runs(runs):
        assert tuple(run.result["classes"]) == run.classes == class_names(count)
        assert len(run.result["confusion"]) == count and sum(map(sum, run.result["confusion"])) == 3 * count
        state = load_checkpoint(run.folder / "checkpoint_last.pt")
        assert state["classes"] == list(class_names(count)) and len(state["centers"]["centers"]) == count
        assert load_run(run.folder).classes == class_names(count)
        assert json.loads((run.folder / "environment.json").read_text())["classes"] == list(class_names(count))
        assert len(run.snapshots()[-1].deep) == 2 * count
        (run.folder / "kept.json").write_bytes((run.folder / "result.json").read_bytes())
        (run.folder / "result.json").unlink()
        assert read_run(run.folder).classes == class_names(count), "a run that has not finished knows them too"
        (run.folder / "kept.json").rename(run.folder / "result.json")


def test_evaluate_and_compare(made: tuple[int, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count, root, runs = made
    call("evaluate", runs, "--data", "folder", "--root", root, "--split", "val", "--json")
    results = json.loads(capsys.readouterr().out)
    assert [r["chance"] for r in results] == [1 / count] * 3 and all("not_scored" not in r for r in results)
    two = ",".join(class_names(count)[-2:])
    call("evaluate", next(runs.iterdir()), "--classes", two, "--predictions", tmp_path / "p.npz")
    said = " ".join(capsys.readouterr().out.split())
    kept = Predictions.load(tmp_path / "p.npz")
    assert kept.logits.shape == (6, 2)
    labels = load_dataset("folder", "test", root, classes=two).labels[kept.indices]
    assert torch.equal(labels, kept.labels)
    if count > 2:
        assert f"{class_names(count)[0]}, " in said and "(model only)" in said and "chance is 50.0%" in said
    call("compare", runs, "--each")
    table = capsys.readouterr().out
    assert all(name in table for name in class_names(count))


def test_report(made: tuple[int, Path, Path], tmp_path: Path) -> None:
    count, _, runs = made
    call("report", runs, "--out", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "could not be made" not in page and "Table 1 of the paper" not in page
    assert all(json.dumps(name)[1:-1] in page or name in page for name in class_names(count))


@pytest.mark.parametrize("name", ["embedding", "attention", "confusion"])
def test_explore(made: tuple[int, Path, Path], name: str) -> None:
    from dacl_edu.widgets import explorer

    count, _, runs = made
    parts = _all(explorer(name, runs=str(runs)))
    texts = [part.value for part in parts if isinstance(getattr(part, "value", None), str)]
    assert not any("nothing to show" in text or "cannot be" in text for text in texts)
    if name == "confusion":
        options = [list(part.options) for part in parts if hasattr(part, "options")]
        assert [(c, k) for k, c in enumerate(class_names(count))] in options


def _all(widget: Any) -> list[Any]:
    return [widget, *(below for child in getattr(widget, "children", ()) for below in _all(child))]


def test_data_check_and_prepare(
    made: tuple[int, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    count, root, _ = made
    call("data", "check", "--data", "folder", "--root", root, "--json", "--sheet", tmp_path / "sheet.png")
    found = json.loads(capsys.readouterr().out)
    assert found["counts"]["train"] == dict.fromkeys(class_names(count), 6)
    call("data", "prepare", "--data", "folder", "--root", root, "--size", "24", "--out", tmp_path / "prepared")
    assert load_dataset("folder", "train", tmp_path / "prepared").classes == class_names(count)


@pytest.mark.slow
@pytest.mark.parametrize(
    "lesson", ["07_training", "10_results", "11_embedding", "12_attention", "13_what_attention_does"]
)
def test_lessons(made: tuple[int, Path, Path], tmp_path: Path, lesson: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, root, runs = made
    monkeypatch.setenv("DACL_EDU_PNG", "0")
    own = ["-p", "runs", str(runs)]
    if lesson == "07_training":
        own = ["-p", "dataset", "folder", "-p", "root", str(root), "-p", "profile", "smoke", "-p", "method", "dacl"]
    call("run-notebook", lesson, *own, "--out", tmp_path / "out")
    cells = json.loads((tmp_path / "out" / f"{lesson}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code), "every cell was executed"
    assert not [out for cell in code for out in cell["outputs"] if out["output_type"] == "error"]

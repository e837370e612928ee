"""Models and data of different classes: by name, or an error that names both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from classes.made import OPTIONS, write_classes

from dacl_edu.cli import main
from dacl_edu.data import EXPRESSIONS, load_dataset
from dacl_edu.errors import UserError
from dacl_edu.evaluation.predict import predict
from dacl_edu.runs.checkpoint import load_checkpoint, save_checkpoint
from dacl_edu.runs.run import find_runs, shipped_runs
from dacl_edu.runs.trained import evaluate_run, load_run

PETS, OTHERS = ("cat", "dog", "eel", "owl"), ("Cat", "asp", "bee", "owl")


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A run on four classes, its data, and data of which two classes are the same."""
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("there")
    write_classes(here, 4, names=PETS)
    write_classes(there, 4, names=OTHERS)
    out = tmp_path_factory.mktemp("runs") / "run"
    assert not run("train", *OPTIONS.split(), "--data", "folder", "--root", here, "--out", out)
    return out, here, there


def test_only_shared_classes_are_scored(trained: tuple[Path, Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    out, _, there = trained
    result, predictions = evaluate_run(out, "folder", there, "test")
    assert result["classes"] == ["cat", "owl"] or result["classes"] == ["Cat", "owl"]
    assert result["images"] == 6 and result["chance"] == 0.5
    assert result["not_scored"] == {"model": ["dog", "eel"], "data": ["asp", "bee"], "images": 6, "share": 0.5}
    model, other = load_run(out), load_dataset("folder", "test", there, 24)
    assert other.classes == ("Cat", "asp", "bee", "owl")
    rows = [i for i, label in enumerate(other.labels.tolist()) if label in (0, 3)]
    logits = predict(model.model, other, model.prepare.evaluate).logits[rows][:, [0, 3]]
    assert torch.allclose(predictions.logits, logits, atol=1e-5) and predictions.indices.tolist() == rows
    answers = logits.argmax(dim=1) == torch.tensor([0 if other.labels[i] == 0 else 1 for i in rows])
    assert result["accuracy"] == answers.double().mean().item()
    capsys.readouterr()
    assert not run("evaluate", out, "--data", "folder", "--root", there)
    said = " ".join(capsys.readouterr().out.split())
    assert "chance is 50.0%. Not scored: dog, eel (model only), asp, bee (data only, 6 images, 50.0%)" in said


def test_two_shared_classes_are_needed(trained: tuple[Path, Path, Path], tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"knows cat, dog, eel, owl; digits has 0, 1, .* two classes with the same name"
    ):
        evaluate_run(trained[0], "digits", split="test")


def test_another_order_is_no_other_class(trained: tuple[Path, Path, Path]) -> None:
    out, here, _ = trained
    plain, _ = evaluate_run(out)
    turned, _ = evaluate_run(out, "folder", here, "test", classes="owl,eel,dog,cat")
    assert turned["accuracy"] == plain["accuracy"] and turned["classes"] == plain["classes"]
    assert turned["per_class_accuracy"] == plain["per_class_accuracy"] and "not_scored" not in turned


def test_a_checkpoint_of_other_classes_is_refused_by_name(
    trained: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _, there = trained
    with pytest.raises(
        UserError, match=r"is of the classes cat, dog, eel, owl; these data have cat, cow — both have cat"
    ):
        load_run(out, classes=["cat", "cow"])
    copied = tmp_path / "copied"
    shutil.copytree(out, copied)
    (copied / "result.json").unlink()
    words = ["train", *OPTIONS.split(), "--data", "folder", "--root", there]
    assert run(*words, "--out", copied, "--resume") == 2
    said = capsys.readouterr().err
    assert "cat, dog, eel, owl; these data have Cat, asp, bee, owl" in said and "--pretrained-classes shared" in said


def test_starting_from_other_classes(
    trained: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from dacl_edu.model import DACL
    from dacl_edu.model.pretrained import load_pretrained

    out, _, there = trained
    source = out / "checkpoint_last.pt"
    words = ["train", *OPTIONS.split(), "--data", "folder", "--root", there, "--pretrained", source]
    assert run(*words, "--out", tmp_path / "same") == 2
    assert "these data have Cat, asp, bee, owl" in capsys.readouterr().err and not (tmp_path / "same").exists()
    assert run(*words, "--pretrained-classes", "shared", "--out", tmp_path / "shared") == 0
    theirs = load_checkpoint(source)["model"]
    for policy in ("shared", "fresh"):
        torch.manual_seed(0)
        model = DACL("small_resnet", 3, 16, attention_widths=(16, 8))
        before = model.classifier.weight.detach().clone()
        load_pretrained(model, source, ("owl", "asp", "cat"), policy)  # type: ignore[arg-type]
        weight = model.classifier.weight.detach()
        assert torch.equal(weight[1], before[1])
        assert torch.equal(weight[0], theirs["classifier.weight"][3] if policy == "shared" else before[0])
        assert torch.equal(weight[2], theirs["classifier.weight"][0] if policy == "shared" else before[2])
        assert torch.equal(model.backbone.state_dict()[name := next(iter(model.backbone.state_dict()))],
                           theirs[f"backbone.{name}"])  # fmt: skip


def test_runs_of_an_earlier_release_load(tmp_path: Path) -> None:
    write_classes(tmp_path / "faces", 7, names=EXPRESSIONS)
    out = tmp_path / "run"
    assert not run("train", *OPTIONS.split(), "--data", "folder", "--root", tmp_path / "faces", "--out", out)
    before = evaluate_run(out)[0]
    for name in ("checkpoint_last.pt",):  # as the last release wrote them
        state: dict[str, Any] = load_checkpoint(out / name)
        del state["classes"], state["format"]
        for field in ("classes", "feature_dim", "pretrained_classes"):
            del state["config"][field]
        save_checkpoint(out / name, state)
    for name, fields in (("config", ("classes", "feature_dim", "pretrained_classes")), ("environment", ("classes",))):
        values = json.loads((out / f"{name}.json").read_text())
        for field in fields:
            del values[field]
        (out / f"{name}.json").write_text(json.dumps(values))
    assert load_run(out).classes == EXPRESSIONS and evaluate_run(out)[0] == before
    assert find_runs(out)[0].classes == EXPRESSIONS
    (out / "result.json").unlink()
    assert not run(
        "train", *OPTIONS.split(), "--data", "folder", "--root", tmp_path / "faces", "--out", out, "--resume"
    )


def test_shipped_runs_have_the_papers_classes() -> None:
    assert {run.classes for run in shipped_runs()} == {EXPRESSIONS}
    with_head = [run for run in shipped_runs() if (run.folder / "head.npz").is_file()]
    assert with_head and all(len(run.head().bias) == len(run.classes) for run in with_head)

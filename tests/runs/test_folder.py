"""What a finished run leaves on disk, that its parts agree, and that it can be put together again."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix
from training.tiny import tiny_config

from dacl_edu.data import EXPRESSIONS, load_dataset
from dacl_edu.errors import UserError
from dacl_edu.evaluation import Predictions, attention_stats
from dacl_edu.runs.checkpoint import load_checkpoint
from dacl_edu.runs.folder import environment, versions
from dacl_edu.runs.trained import evaluate_run, load_run
from dacl_edu.training import RunFolder

Finished = tuple[dict[str, Any], RunFolder]

# The fields that the specification of result.json lists.
FIELDS = {
    "method", "dataset", "preset", "seed", "split", "selected_by", "accuracy", "average_accuracy", "per_class_accuracy",
    "confusion", "epochs", "images_per_second", "data_wait", "seconds", "device", "versions", "git_sha", "attention",
}  # fmt: skip


def test_the_folder_holds_what_a_run_is(finished: Finished) -> None:
    names = {file.name for file in finished[1].path.iterdir()}
    assert names == {
        "config.json", "environment.json", "metrics.jsonl", "result.json", "predictions.npz", "checkpoint_last.pt",
        "checkpoint_before.pt", "checkpoint_best.pt", "tensorboard",
    }  # fmt: skip


def test_result_json_is_what_train_returned_with_every_field(finished: Finished) -> None:
    result, folder = finished
    assert json.loads(folder.result_file.read_text()) == result == folder.result()
    assert result.keys() >= FIELDS
    assert [result[name] for name in ("method", "dataset", "preset", "seed", "split", "epochs", "device")] == [
        "dacl", "folder", "smoke", 0, "test", 3, "cpu",
    ]  # fmt: skip
    assert result["classes"] == list(EXPRESSIONS) and (result["images"], result["train_images"]) == (21, 42)
    assert result["attention"].keys() == {"mean", "std", "entropy"}
    assert 0 <= result["data_wait"] <= 1
    assert result["images_per_second"] == pytest.approx(3 * 42 / result["seconds"])
    assert result["versions"]["torch"] == metadata.version("torch")


def test_the_scores_are_those_of_the_kept_predictions(finished: Finished, faces: Path) -> None:
    result, folder = finished
    test = load_dataset("folder", "test", faces)
    with np.load(folder.predictions_file, allow_pickle=False) as arrays:
        kept = dict(arrays)
    assert {name: array.shape for name, array in kept.items()} == {
        "logits": (21, 7), "features": (21, 128), "attention": (21, 128), "labels": (21,), "indices": (21,),
    }  # fmt: skip
    assert kept["indices"].tolist() == list(range(21)) and kept["labels"].tolist() == test.labels.tolist()
    predicted = kept["logits"].argmax(axis=1)
    assert result["accuracy"] == pytest.approx((predicted == kept["labels"]).mean())
    assert result["confusion"] == confusion_matrix(kept["labels"], predicted, labels=range(7)).tolist()
    assert result["attention"] == attention_stats(torch.from_numpy(kept["attention"]))


def test_metrics_has_one_line_an_epoch(finished: Finished) -> None:
    lines = [json.loads(line) for line in finished[1].metrics_file.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    for line in lines:
        assert line["train"].keys() == {"loss", "softmax_loss", "metric_loss", "accuracy"}
        expected = line["train"]["softmax_loss"] + 0.01 * line["train"]["metric_loss"]
        assert line["train"]["loss"] == pytest.approx(expected, rel=1e-5)
        assert {"accuracy", "average_accuracy", "confusion"} <= line["validation"].keys()
        assert line["attention"].keys() == {"mean", "std", "entropy"}
        assert {"lr", "images_per_second", "data_wait"} <= line.keys()


def test_config_and_environment_say_what_ran_and_where(finished: Finished, faces: Path) -> None:
    folder = finished[1]
    assert folder.config() == tiny_config(faces, epochs=3, select_by="validation")
    found = json.loads(folder.environment_file.read_text())
    assert found.keys() >= {"versions", "platform", "threads", "cuda", "git_sha", "command"}
    assert found["versions"] == versions() and found["versions"].keys() >= {"python", "torch", "numpy", "dacl-edu"}
    assert found["command"] == environment()["command"]


def test_tensorboard_reads_what_metrics_says(finished: Finished) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = finished[1]
    events = EventAccumulator(str(folder.path / "tensorboard")).Reload()
    lines = [json.loads(line) for line in folder.metrics_file.read_text().splitlines()]
    for tag, values in {
        "train/loss": [line["train"]["loss"] for line in lines],
        "train/metric_loss": [line["train"]["metric_loss"] for line in lines],
        "validation/accuracy": [line["validation"]["accuracy"] for line in lines],
        "attention/mean": [line["attention"]["mean"] for line in lines],
        "lr": [line["lr"] for line in lines],
    }.items():
        scalars = events.Scalars(tag)
        assert [event.step for event in scalars] == [1, 2, 3]
        assert [event.value for event in scalars] == pytest.approx(values, rel=1e-6)


def test_tensorboard_has_one_file_with_settings_the_result_and_pictures(finished: Finished) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result, folder = finished[:2]
    assert len(list((folder.path / "tensorboard").rglob("events*"))) == 1
    events = EventAccumulator(str(folder.path / "tensorboard"), size_guidance={"images": 0}).Reload()
    (scalar,) = events.Scalars(f"{result['split']}/accuracy")
    assert scalar.value == pytest.approx(result["accuracy"])
    assert f"{result['split']}/confusion" in events.Tags()["images"]
    settings = events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"lam" in settings and b"batch_size" in settings


def test_a_reloaded_run_gives_its_scores_again(finished: Finished) -> None:
    result, folder = finished
    again, predictions = evaluate_run(folder.path)
    kept = Predictions.load(folder.predictions_file)
    for name in ("logits", "features", "attention"):
        torch.testing.assert_close(getattr(predictions, name), getattr(kept, name), rtol=1e-4, atol=1e-5)
    for name in ("accuracy", "average_accuracy", "per_class_accuracy", "confusion", "images", "split", "dataset"):
        assert again[name] == result[name]


def test_a_reloaded_run_is_the_selected_epoch_with_its_centers(finished: Finished) -> None:
    folder = finished[1]
    run = load_run(folder.path)
    best = load_checkpoint(folder.checkpoint_best)
    assert not run.model.training
    assert torch.equal(run.centers(), best["centers"]["centers"])
    assert torch.equal(run.model.classifier.weight, best["model"]["classifier.weight"])


def test_a_run_can_be_measured_on_another_split_and_data_set(finished: Finished, faces_without_val: Path) -> None:
    folder = finished[1]
    validation, _ = evaluate_run(folder.path, split="validation")
    best = load_checkpoint(folder.checkpoint_best)["history"][-1]["validation"]
    assert (validation["split"], validation["images"]) == ("val", 14)
    assert validation["confusion"] == best["confusion"]
    other, _ = evaluate_run(folder.path, data="folder", root=faces_without_val, split="train")
    assert (other["dataset"], other["split"], other["images"]) == ("folder", "train", 42)


def test_a_folder_without_a_run_or_a_result_is_refused(tmp_path: Path, faces: Path) -> None:
    with pytest.raises(UserError, match=r"no run there.*config\.json"):
        load_run(tmp_path)
    folder = RunFolder(tmp_path / "run")
    folder.start(tiny_config(faces), resume=False)
    with pytest.raises(UserError, match="no result yet"):
        folder.result()
    with pytest.raises(UserError, match="no checkpoint there"):
        load_run(folder.path)
    folder.config_file.write_text("{")
    with pytest.raises(UserError, match=r"config\.json: not JSON"):
        folder.config()

"""What a run says: a line an epoch, and the figures at its end."""

from __future__ import annotations

from typing import Any

from dacl_edu.evaluation.metrics import uses_attention
from dacl_edu.evaluation.predict import predict
from dacl_edu.files import write_json
from dacl_edu.runs.checkpoint import load_checkpoint
from dacl_edu.runs.config import SELECTED_BY
from dacl_edu.runs.folder import git_sha, versions
from dacl_edu.runs.splits import load_evaluated_split
from dacl_edu.training.optim import resolve_precision
from dacl_edu.training.state import RunState


def epoch_line(name: str, line: dict[str, Any]) -> str:
    """Return the metrics of an epoch as one line; average accuracy and attention only where they say something.

    Examples
    --------
    >>> line = {"train": {"loss": 1.5, "accuracy": 0.5}, "attention": {"mean": 1.0}, "images_per_second": 900.0}
    >>> epoch_line("softmax epoch 1/2", line)   # all weights are 1: this method has no attention
    'softmax epoch 1/2  loss 1.500  train 50.0%  900 images/s'
    """
    train, attention = line["train"], line["attention"]
    text = f"{name}  loss {train['loss']:.3f}  train {train['accuracy']:.1%}"
    if "validation" in line:
        accuracy, average = (f"{line['validation'][kind]:.1%}" for kind in ("accuracy", "average_accuracy"))
        text += f"  validation {accuracy}" + (f" (average {average})" if average != accuracy else "")
    if uses_attention(attention):
        text += f"  attention {attention['mean']:.2f}"
    return f"{text}  {line['images_per_second']:.0f} images/s"


def write_result(run: RunState) -> dict[str, Any]:
    """Measure the selected epoch on the evaluated split, which is read here and nowhere before; write and return it."""
    config, source = run.config, run.data.validation_source
    if config.select_by != "last":
        best = run.folder.checkpoint_best
        run.restore(load_checkpoint(best), best)
    evaluated = load_evaluated_split(config)
    predictions = predict(run.model, evaluated, run.prepare, device=run.fabric.device)
    selected_by = SELECTED_BY[config.select_by] + (f" ({source})" if config.select_by == "validation" else "")
    if config.select_by == "validation" and source == evaluated.split:
        selected_by += ", the very images it is measured on: optimistic"
    result = {
        "method": config.method,
        "dataset": config.data,
        "preset": config.preset,
        "seed": config.seed,
        "split": evaluated.split,
        "images": len(evaluated),
        "train_images": len(run.data.train) + run.data.held_out,
        "selected_by": selected_by,
        "selected_epoch": run.epoch,
        "classes": list(evaluated.classes),
        **predictions.scores(),
        "epochs": config.epochs,
        "images_per_second": run.speed.images_per_second,
        "data_wait": run.speed.data_wait,
        "seconds": run.speed.seconds,
        "device": str(run.fabric.device),
        "precision": resolve_precision(config),
        "data_place": run.batches.place,
        "parameters": sum(parameter.numel() for parameter in run.network.parameters()),
        "versions": versions(),
        "git_sha": git_sha(),
    }
    if run.fabric.is_global_zero:
        predictions.save(run.folder.predictions_file)
        write_json(run.folder.result_file, result)
        run.board.finish(config, result, evaluated, predictions)
        if run.tracker is not None:
            run.tracker.finish(result)
    return result

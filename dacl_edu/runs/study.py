"""Many runs in two small files: settings and results, and what each run answered to each image.

A study of 170 runs is half a gigabyte of checkpoints; what its comparisons need is a line and 2,100 answers a run.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import one_hot

from dacl_edu import paths
from dacl_edu.errors import UserError
from dacl_edu.evaluation.predict import Predictions
from dacl_edu.files import read_arrays, read_small, replace_text, replacing
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import STUDY, Result
from dacl_edu.runs.run import Run

LINES, ANSWERS = STUDY, "answers.npz"
_RESULT = ("method", "dataset", "preset", "seed", "split", "images", "selected_by", "selected_epoch", "classes",
           "accuracy", "average_accuracy", "per_class_accuracy", "confusion", "attention", "epochs")  # fmt: skip
_EPOCHS = 13


def write_study(runs: Sequence[Run], folder: str | Path) -> None:
    """Write finished runs into ``runs.jsonl`` and ``answers.npz``.

    Parameters
    ----------
    runs : sequence of Run
        Measured on equally many images. Kept are settings that are not the default, the result, the attention at some
        13 epochs, and the class that each image was given; logits, features and weights are not.
    folder : path
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    usual = TrainConfig.checked({}).model_dump(mode="json")
    parts: list[torch.Tensor] = []
    lines = []
    for run in runs:
        assert run.predictions is not None  # they are finished
        labels = run.predictions.labels
        part = next((k for k, other in enumerate(parts) if torch.equal(other, labels)), len(parts))
        parts += [labels] if part == len(parts) else []
        last = len(run.history) - 1
        kept = sorted({round(k * last / (_EPOCHS - 1)) for k in range(_EPOCHS)}) if last >= 0 else []
        line = {
            "config": {k: v for k, v in run.config.model_dump(mode="json").items() if v != usual[k]},
            "result": {key: run.result[key] for key in _RESULT},
            "history": [{"epoch": h["epoch"], "attention": h["attention"]} for h in (run.history[k] for k in kept)],
            "labels": part,
        }
        lines.append(json.dumps(line, ensure_ascii=False))
    answers = np.stack([run.predictions.logits.argmax(dim=1).numpy() for run in runs if run.predictions])
    of_parts = torch.stack(parts).numpy().astype(np.uint8)
    with replacing(folder / ANSWERS) as beside:
        np.savez_compressed(beside, answers=answers.astype(np.uint8), labels=of_parts)
    replace_text(folder / LINES, "\n".join(lines) + "\n")


def is_study(folder: str | Path) -> bool:
    """Whether a folder holds what :func:`write_study` wrote."""
    try:
        return (Path(folder).expanduser() / LINES).is_file()
    except OSError:  # a name that is too long
        return False


def load_study(folder: str | Path | None = None) -> list[Run]:
    """Read a study; its runs can be compared, and have no features and no weights.

    Parameters
    ----------
    folder : path, optional
        Default the study of the bundled faces that comes with the project.

    Returns
    -------
    list of Run
        ``predictions.logits`` are 1 for the class that was answered and 0 for others.

    Raises
    ------
    UserError
        No study there, or a damaged one.

    Examples
    --------
    >>> runs = load_study()
    >>> sorted({run.config.method for run in runs})
    ['center', 'dacl', 'softmax']
    """
    return list(_load(paths.shipped_study() if folder is None else Path(folder).expanduser().absolute()))


def _load(folder: Path) -> tuple[Run, ...]:
    try:
        lines = [
            json.loads(line) for line in read_small(folder / LINES).decode("utf-8-sig").split("\n") if line.strip()
        ]
        arrays = read_arrays(folder / ANSWERS)
        answers, labels = (torch.from_numpy(arrays[name].astype(np.int64)) for name in ("answers", "labels"))
    except OSError as error:
        raise UserError(
            f"{folder}: no study there ({error.strerror})", hint=f"a study is {LINES} and {ANSWERS}: docs/sweeps.md"
        ) from error
    except (ValueError, KeyError, RecursionError) as error:
        raise UserError(f"{folder}: a damaged study ({error})", hint="restore its two files") from error
    if len(lines) != len(answers):
        raise UserError(
            f"{folder}: a damaged study ({len(lines)} runs, answers of {len(answers)})", hint="restore its two files"
        )
    return tuple(_run(f"{folder}, run {k + 1}", folder, lines[k], answers[k], labels) for k in range(len(lines)))


def _run(called: str, folder: Path, line: Any, answers: torch.Tensor, labels: torch.Tensor) -> Run:
    """Return one run, after looking whether its answers give the accuracy that its line says."""
    try:
        config, result, own = TrainConfig.checked(line["config"]), line["result"], labels[line["labels"]]
        nothing = torch.zeros(len(own), 0)
        logits = one_hot(answers, len(result["classes"])).float()
        predictions = Predictions(logits, nothing, nothing, own, torch.arange(len(own)))
        Result.model_validate(result)
        accuracy = float((answers == own).double().mean())
        if abs(accuracy - result["accuracy"]) > 1e-6 or result["seed"] != config.seed:
            raise ValueError("its answers, result and settings are not of one run")
        return Run(folder, config, list(line["history"]), result, predictions)
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError, UserError) as error:  # made by hand
        what = " ".join(str(error).split())[:200]
        raise UserError(f"{called}: a damaged study ({what})", hint="restore its two files") from error

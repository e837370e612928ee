"""Every file that somebody else may have written: a sound one, the damage that fits it, and who reads it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from dacl_edu.data import available_splits, list_dataset
from dacl_edu.data.prepared import read_manifest
from dacl_edu.errors import UserError
from dacl_edu.lessons.parameters import declared_parameters, typed
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.folder import RunFolder
from dacl_edu.runs.options import _parsed
from dacl_edu.runs.plan import parsed_seeds, planned
from dacl_edu.runs.run import Run, read_run
from dacl_edu.runs.study import load_study
from dacl_edu.sweep.plan import EXAMPLE, read_plan
from dacl_edu.training.trackers import _known
from dacl_edu_course.submissions.roster import read_map, read_roster
from dacl_edu_course.submissions.submission import Damaged, Submission, read_submission
from torture.damage import WORDS, damaged_bytes, damaged_json, damaged_text

PIXELS = " ".join(["7"] * 48 * 48)
USAGES = ("Training", "PublicTest", "PrivateTest")
VOTES = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
AFFECTNET = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"


class Parser(NamedTuple):
    """A file, how it is damaged, and what reads the folder in which it lies."""

    kind: str
    file: str
    damage: Callable[[Random], bytes]
    read: Callable[[Path], object]
    beside: Callable[[Path], object] = lambda folder: None


def _table(kind: str, file: str, whole: str, read: Callable[[Path], object], **more: Any) -> Parser:
    return Parser(kind, file, lambda random: damaged_text(random, whole), read, **more)


def _json(kind: str, file: str, whole: Any, read: Callable[[Path], object], **more: Any) -> Parser:
    return Parser(kind, file, lambda random: damaged_json(random, whole), read, **more)


def _lists(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        return [len(list_dataset(name, split, folder)) for split in available_splits(name, folder)]

    return read


def _pictures(*names: str) -> Callable[[Path], object]:
    def save(folder: Path) -> None:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8)).save(folder / name)

    return save


def _fer2013(folder: Path) -> None:
    (folder / "fer2013.csv").write_text(FER2013)


def _run(folder: Path) -> None:
    for name, content in RUN.items():
        (folder / name).write_bytes(content)


def _told(folder: Path) -> object:
    """What a table and a report ask of a run."""
    run: Run = read_run(folder)
    if run.result:
        RunFolder(folder).result()
    return run.finished and (run.correct.sum(), run.classes)


def _submission(folder: Path) -> object:
    read = read_submission(folder / "handed_in.ipynb")
    assert isinstance(read, Submission | Damaged)
    return read


def _parameters(folder: Path) -> object:
    declared = declared_parameters(folder / "notebook.ipynb")
    for parameter in declared.values():
        for word in WORDS:
            with suppress(UserError):
                typed(parameter, word)
    return declared


def _options(folder: Path) -> object:
    words = (folder / "words").read_bytes().decode("utf-8", "replace").split("\n")
    options = {}
    for word in words:
        name, _, value = word.partition("=")
        if name in TrainConfig.model_fields:
            options[name] = _parsed(name, value)
        elif name == "seeds":
            parsed_seeds(value)
    return planned(None, None, None, options)


def _hostile_options(random: Random) -> bytes:
    names = random.sample(sorted({*TrainConfig.model_fields, "seeds"} - {"preset"}), random.choice([1, 1, 1, 2]))
    return "\n".join(f"{name}={random.choice(WORDS)}" for name in names).encode()


FER2013 = "emotion,pixels,Usage\n" + "\n".join(f"{n},{PIXELS},{usage}" for n in range(2) for usage in USAGES) + "\n"
FERPLUS = f"Usage,Image name,{VOTES}\n" + "\n".join(f"{usage},f.png,8,0,0,0,0,0,0,0,1,1" for usage in USAGES * 2) + "\n"
ROWS = "\n".join(f"1/{n}.jpg,0,0,8,8,1;2,{n},0.1,-0.2" for n in range(8))
CONFIG = TrainConfig.from_preset("smoke").model_dump(mode="json")
CLASSES = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
RESULT = {
    "method": "dacl", "dataset": "bundled", "preset": "smoke", "seed": 0, "split": "test", "images": 7,
    "classes": CLASSES, "selected_by": "last epoch", "accuracy": 0.5, "average_accuracy": 0.5,
    "per_class_accuracy": [0.5] * 7,
    "confusion": [[1] * 7] * 7, "epochs": 2, "attention": {"mean": 0.5, "std": 0.1, "entropy": 0.9}, "seconds": 1.0,
}  # fmt: skip
EPOCH = {
    "epoch": 1, "train": {"loss": 1.0, "accuracy": 0.5}, "attention": {"mean": 0.5}, "lr": 0.1,
    "validation": {"accuracy": 0.5, "average_accuracy": 0.5, "per_class_accuracy": [0.5] * 7},
}  # fmt: skip
NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "outputs": [], "execution_count": None, "id": "a",
         "source": "seed: int = 0\nruns: str | list[str] = ''"},
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": "q1", "solution": True}}, "id": "b",
         "source": ["# café\n", "x = 1"], "outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}],
         "execution_count": 1},
    ],
    "metadata": {"kernelspec": {"name": "python3", "language": "python"}}, "nbformat": 4, "nbformat_minor": 5,
}  # fmt: skip


def _arrays(**arrays: np.ndarray) -> bytes:
    import io

    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


PREDICTIONS = _arrays(
    logits=np.eye(7, dtype=np.float32), features=np.zeros((7, 4), np.float32), attention=np.ones((7, 4), np.float32),
    labels=np.arange(7), indices=np.arange(7),
)  # fmt: skip
STUDY = {
    "config": {"seed": 0}, "result": {**RESULT, "accuracy": 1 / 7}, "labels": 0,
    "history": [{"epoch": 1, "attention": {"mean": 0.5}}],
}  # fmt: skip
ANSWERS = _arrays(answers=np.zeros((1, 7), np.uint8), labels=np.arange(7, dtype=np.uint8)[None])
PREPARED = {"format": 1, "data": "rafdb", "image_size": 48, "classes": CLASSES, "splits": {}, "fingerprints": {}}
RUN = {
    "config.json": json.dumps(CONFIG).encode(), "result.json": json.dumps(RESULT).encode(),
    "metrics.jsonl": json.dumps(EPOCH).encode() + b"\n", "environment.json": b"{}", "predictions.npz": PREDICTIONS,
}  # fmt: skip


def _answers(folder: Path) -> None:
    (folder / "answers.npz").write_bytes(ANSWERS)


def _annotation(random: Random) -> bytes:
    import io

    file = io.BytesIO()
    values = [np.array("1"), np.array(1), np.array([1, 2]), np.array(""), np.zeros(0), np.array(2.5), np.array(b"1")]
    np.save(file, random.choice(values))
    content = file.getvalue()
    if random.random() < 0.3:
        content = content.replace(b"()", f"({'9' * random.choice([1, 12, 30])},)".encode())
    return damaged_bytes(random, content, 0.5)


_RAF = [f"basic/Image/aligned/{split}_{n}_aligned.jpg" for split in ("train", "test") for n in range(3)]
_RAF_LIST = "\n".join(f"{split}_{n}.jpg {n + 1}" for split in ("train", "test") for n in range(3)) + "\n"
_2021 = [f"{split}/images/{n}.jpg" for split in ("train_set", "val_set") for n in range(1)]


def _release_2021(folder: Path) -> None:
    _pictures(*_2021)(folder)
    for split in ("train_set", "val_set"):
        (folder / split / "annotations").mkdir()
        np.save(folder / split / "annotations" / "0_exp.npy", np.array("1"))


PARSERS = {
    "rafdb": _table(
        "labels", "basic/EmoLabel/list_patition_label.txt", _RAF_LIST, _lists("rafdb"), beside=_pictures(*_RAF)
    ),
    "fer2013": _table("labels", "fer2013.csv", FER2013, _lists("fer2013")),
    "ferplus": _table("labels", "fer2013new.csv", FERPLUS, _lists("ferplus"), beside=_fer2013),
    "ferplus folders": _table(
        "labels", "FER2013Train/label.csv", 'f.png,"(0, 0, 48, 48)",8,0,0,0,0,0,0,0,1,1\n' * 2, _lists("ferplus"),
        beside=_pictures("FER2013Train/f.png"),
    ),
    "affectnet": _table(
        "labels", "training.csv", f"{AFFECTNET}\n{ROWS}\n", _lists("affectnet"),
        beside=_pictures(*(f"Manually_Annotated_Images/1/{n}.jpg" for n in range(8))),
    ),
    "affectnet without header": _table(
        "labels", "validation.csv", f"{ROWS}\n", _lists("affectnet"),
        beside=_pictures(*(f"Manually_Annotated_Images/1/{n}.jpg" for n in range(8))),
    ),
    "affectnet 2021": Parser(
        "labels", "train_set/annotations/0_exp.npy", _annotation, _lists("affectnet"), _release_2021
    ),
    "expw": _table(
        "labels", "label.lst", "".join(f"a {n}.jpg 0 0 0 8 8 9.5 {n % 7}\n" for n in range(12)), _lists("expw"),
        beside=_pictures(*(f"origin/a {n}.jpg" for n in range(12))),
    ),
    "config": _json(
        "run folders", "config.json", CONFIG, lambda f: (RunFolder(f).config(), planned(None, f, None, {}))
    ),
    "saved config": _json("run folders", "c.json", CONFIG, lambda f: planned(None, f / "c.json", None, {})),
    "result": _json("run folders", "result.json", RESULT, _told, beside=_run),
    "metrics": _json("run folders", "metrics.jsonl", EPOCH, _told, beside=_run),
    "environment": _json("run folders", "environment.json", {"classes": CLASSES}, _told, beside=_run),
    "predictions": Parser(
        "run folders", "predictions.npz", lambda random: damaged_bytes(random, PREDICTIONS), _told, _run
    ),
    "plan": _table("options", "plan.toml", EXAMPLE, lambda folder: read_plan(folder / "plan.toml")),
    "options": Parser("options", "words", _hostile_options, _options),
    "parameters": _json("options", "notebook.ipynb", NOTEBOOK, _parameters),
    "submission": _json("labels", "handed_in.ipynb", NOTEBOOK, _submission),
    "study": _json("run folders", "runs.jsonl", STUDY, load_study, beside=_answers),
    "study's answers": Parser(
        "run folders", "answers.npz", lambda random: damaged_bytes(random, ANSWERS, 0.5), load_study,
        lambda folder: (folder / "runs.jsonl").write_text(json.dumps(STUDY)),
    ),
    "prepared": _json("run folders", "prepared.json", PREPARED, read_manifest),
    "tracker": _json("run folders", "tracker-wandb.json", {"id": "a1"}, lambda folder: _known(folder, "wandb")),
    "roster": _table(
        "labels", "roster.csv", "id,name,email\n1,Ada,a@x\n2,Bo,b@x\n",
        lambda folder: (read_roster(folder / "roster.csv"), read_map(folder / "roster.csv")),
    ),
}  # fmt: skip
"""By name. Kinds are those of ``make torture``."""


def prepare(name: str, folder: Path) -> Path:
    """Make the folder of a parser, with all but the damaged file; return where that file goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parser = PARSERS[name]
    parser.beside(folder)
    place = folder / parser.file
    place.parent.mkdir(parents=True, exist_ok=True)
    return place

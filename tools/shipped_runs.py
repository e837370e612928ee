"""Runs that come with the project: small copies, so that nobody must train before looking at results."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch

from dacl_edu.errors import UserError
from dacl_edu.files import write_json
from dacl_edu.runs.run import FEATURES, HEAD, Run
from dacl_edu.runs.snapshots import FOLDER

STORED = {"train": 30, "test": 50}
"""Images of each class whose features and attention are kept, by split."""
EPOCHS = (0, 1, 2, 4, 8, 16, 28)
"""Epochs whose snapshots are kept."""


def ship(run: Run, target: Path, whole: bool = False) -> int:
    """Write a small copy of a run: no checkpoint, half precision, no features beside the answers.

    Parameters
    ----------
    run : Run
    target : Path
        Made if missing.
    whole : bool, default False
        Keep classifier, centers, features and attention of some images (:data:`STORED`), and snapshots, too.

    Returns
    -------
    int
        Bytes written.

    Raises
    ------
    UserError
        Half precision would change an answer.
    """
    target.mkdir(parents=True, exist_ok=True)
    arrays = {name: tensor.numpy() for name, tensor in vars(run.predictions).items()}
    half = arrays["logits"].astype(np.float16)
    if (half.argmax(axis=1) != arrays["logits"].argmax(axis=1)).any():
        raise UserError(f"{run.folder}: half precision changes an answer", hint="ship another seed")
    arrays |= {"logits": half, "features": arrays["features"][:, :0], "attention": arrays["attention"][:, :0]}
    np.savez_compressed(target / "predictions.npz", **arrays)
    config = run.config.model_copy(update={"root": None})  # a path of one machine
    write_json(target / "config.json", config.model_dump(mode="json"))
    write_json(target / "result.json", run.result)
    if (run.folder / "metrics.jsonl").is_file():
        shutil.copy(run.folder / "metrics.jsonl", target)
    if whole:
        run.head().save(target / HEAD)
        for split, per_class in STORED.items():
            run.deep_features(split, per_class).save(target / FEATURES.format(split))
        _ship_snapshots(run, target / FOLDER)
    return sum(file.stat().st_size for file in target.rglob("*") if file.is_file())


def _ship_snapshots(run: Run, folder: Path) -> None:
    for snapshot in run.snapshots():
        if snapshot.epoch in EPOCHS:
            folder.mkdir(exist_ok=True)
            snapshot.deep.save(folder / f"epoch_{snapshot.epoch:03d}.npz", centers=snapshot.centers.to(torch.float16))

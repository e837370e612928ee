"""The bytes that the explainer's module reads: a head in JSON, then arrays, faces as one JPEG; gzipped."""

from __future__ import annotations

import gzip
import io
import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dacl_edu import paths
from dacl_edu.data.batch_ops import centre_crop
from dacl_edu.plots import style
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.naming import named
from dacl_edu.runs.run import Run
from dacl_edu.widgets.explainer.stages import COLUMNS, Array, ExplainedRun, Stage, packed

_FACE_SIDE = 96
_KINDS = {"float16": "f2", "float32": "f4", "uint8": "u1", "int32": "i4"}


def payload(
    runs: Sequence[ExplainedRun], images: Tensor, labels: Sequence[int], classes: Sequence[str], says: str
) -> bytes:
    """Return everything that the explainer needs, as one block of bytes.

    Parameters
    ----------
    runs : sequence of ExplainedRun
        Of the same faces.
    images : Tensor, shape (n, 3, H, W), uint8
        In any size. The middle of each, which the networks see, is shown.
    labels : sequence of int
    classes : sequence of str
    says : str
        Where the faces come from.

    Returns
    -------
    bytes
        Gzipped: the length of the head (4 bytes, little-endian), the head (JSON in UTF-8), and what the head points to
        as ``[kind, offset, shape]``.
    """
    parts: list[bytes] = []

    def put(kind: str, content: bytes, shape: Sequence[int]) -> list[Any]:
        offset = sum(map(len, parts))
        parts.append(content + b"\0" * (-len(content) % 4))
        return [kind, offset, list(shape)]

    def put_array(array: Array) -> list[Any]:
        return put(_KINDS[array.dtype.name], np.ascontiguousarray(array).tobytes(), array.shape)

    def put_stage(epoch: int, stage: Stage) -> dict[str, Any]:
        arrays = {name: put_array(array) for name, array in stage._asdict().items() if name != "tiles"}
        return {"epoch": epoch, **arrays, "tiles": put("q4", packed(stage.tiles).tobytes(), stage.tiles.shape)}

    listed = [
        {
            "method": run.config.method,
            "group": name.group,
            "name": name.name,
            "loss": _loss_name(run.config) if run.stages[-1].own.size else "",
            "seed": run.config.seed,
            "lam": 0 if run.config.method == "softmax" else run.config.lam,
            "alpha": run.config.alpha,
            "eps": run.config.eps,
            "mode": run.mode,
            "stages": [put_stage(epoch, stage) for epoch, stage in zip(run.epochs, run.stages, strict=True)],
            "order": put_array(run.order),
        }
        for run, name in zip(runs, named([Run(Path(), run.config) for run in runs]), strict=True)
    ]
    config = runs[0].config
    seen = round(images.shape[-1] * config.image_size / (config.load_size or images.shape[-1]))
    side = min(_FACE_SIDE, seen)
    jpeg = _sheet(images, seen, side)
    head = {
        "runs": listed,
        "classes": list(classes),
        "labels": list(labels),
        "says": says,
        "columns": COLUMNS,
        "sheet": {"side": side, "jpeg": put("u1", jpeg, [len(jpeg)])},
        "colours": [style.class_look(index).colour for index in range(len(classes))],
        "inks": {"x": style.BLUE, "a": style.ORANGE, "c": style.GREEN, "e": style.PURPLE, "s": style.SKY},
        "ledger": _ledger(),
    }
    written = json.dumps(head, separators=(",", ":")).encode()
    written += b" " * (-len(written) % 4)
    return gzip.compress(len(written).to_bytes(4, "little") + written + b"".join(parts), 9, mtime=0)


def _loss_name(config: TrainConfig) -> str:
    parameters = ", ".join(f"{name} = {value}" for name, value in config.loss_parameters.items())
    return f"{config.method} ({parameters})" if parameters else config.method


def _sheet(images: Tensor, seen: int, side: int) -> bytes:
    from PIL import Image

    faces = centre_crop(images, seen).float()
    if side < seen:
        faces = torch.nn.functional.interpolate(faces, (side, side), mode="bilinear", antialias=True)
    pixels = faces.round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    sheet = np.zeros((-(-len(pixels) // COLUMNS) * side, COLUMNS * side, 3), np.uint8)
    for place, face in enumerate(pixels):
        row, column = divmod(place, COLUMNS)
        sheet[row * side : (row + 1) * side, column * side : (column + 1) * side] = face
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "JPEG", quality=85, subsampling=0)
    return file.getvalue()


def _ledger() -> dict[str, dict[str, str]]:
    """Titles of the equations and of the lines of Algorithm 1, and the cell of a lesson for each."""
    entries = tomllib.loads(paths.ledger().read_text("utf-8"))["entry"]
    kept = {entry["id"]: {name: entry[name] for name in ("title", "notebook", "cell")} for entry in entries}
    return {name: {**entry, "title": re.sub(r", Eq\..*", "", entry["title"])} for name, entry in kept.items()}

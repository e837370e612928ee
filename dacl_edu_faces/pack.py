"""Render the set that is shipped in ``data/faces`` and pack it: ``python -m dacl_edu_faces.pack --out data/faces``.

``--wildness 1 --out runs/study-data/wild`` makes its twin: the same people and expressions under harder conditions.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from PIL import Image

from dacl_edu.data.bundled import load_bundled
from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu_faces.action_units import CONFUSIONS
from dacl_edu_faces.dataset_plan import SPLITS, plan_face, plan_labels
from dacl_edu_faces.generate import spread
from dacl_edu_faces.versions import versions

SEED = 20210105
WILDNESS = 0.5
SIZE = 64
SIZES = {"train": 6300, "val": 1050, "test": 2100}
#: Share of the training labels that are replaced.
NOISE = 0.10
QUALITY = 90


def observed_labels(split: str, labels: NDArray[np.int64], seed: int = SEED, noise: float = NOISE) -> NDArray[np.int64]:
    """Labels as an annotator would give them: in training, one in ten is a plausible confusion.

    Parameters
    ----------
    split : str
    labels : numpy.ndarray
        (N,) what was rendered.
    seed : int
    noise : float, default 0.1
        Share of the training labels that are replaced.

    Returns
    -------
    numpy.ndarray
        (N,)

    Examples
    --------
    >>> labels = np.arange(7).repeat(10)
    >>> int((observed_labels("train", labels) != labels).sum()), bool((observed_labels("val", labels) == labels).all())
    (7, True)
    """
    observed = labels.copy()
    if split != "train":
        return observed
    rng = np.random.default_rng([seed, 2**32 - 2])
    for row in rng.choice(len(labels), round(noise * len(labels)), replace=False):
        choices = CONFUSIONS[EXPRESSIONS[labels[row]]]
        name = rng.choice(list(choices), p=np.array(list(choices.values())) / sum(choices.values()))
        observed[row] = EXPRESSIONS.index(str(name))
    return observed


def encode(work: tuple[str, int, int, int, float]) -> bytes:
    """JPEG bytes of one image of the set: its split, index, label, the size of the split, and the wildness."""
    from dacl_edu_faces.camera import render_face

    split, index, label, count, wildness = work
    buffer = io.BytesIO()
    image = render_face(plan_face(split, index, label, count, SEED, wildness), SIZE)
    Image.fromarray(image).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()


def _encode_chunk(chunk: list[tuple[str, int, int, int, float]]) -> list[bytes]:
    return [encode(work) for work in chunk]


def pack_split(
    split: str, count: int, out: Path, processes: int, report: Callable[[int], None], wildness: float = WILDNESS
) -> dict[str, Any]:
    """Render one split into ``<split>.npz`` and ``<split>.csv.gz``; return their entries of the manifest."""
    labels = plan_labels(split, count, SEED)
    work = [(split, index, int(label), count, wildness) for index, label in enumerate(labels)]
    jpegs: list[bytes] = []
    for part in spread(_encode_chunk, [work[i : i + 16] for i in range(0, count, 16)], processes):
        jpegs += part
        report(len(part))
    factors = [plan_face(*w[:4], SEED, wildness).as_dict() for w in work]
    table = pd.DataFrame(factors)
    table.insert(0, "id", [f"{split}_{index:05d}" for index in range(count)])
    observed = observed_labels(split, labels)
    table.insert(1, "label_observed", [EXPRESSIONS[k] for k in observed])
    table.insert(2, "label_true", [EXPRESSIONS[k] for k in labels])
    return store_split(split, jpegs, table, out)


def store_split(split: str, jpegs: Sequence[bytes], table: pd.DataFrame, out: Path) -> dict[str, Any]:
    """Write one split's pictures and table; return their entries of the manifest."""
    offsets = np.cumsum([0] + [len(j) for j in jpegs]).astype(np.int64)
    archive = io.BytesIO()
    np.savez(archive, jpeg=np.frombuffer(b"".join(jpegs), np.uint8), offsets=offsets)
    text = table.to_csv(index=False, lineterminator="\n")
    # No time stamp in the file: the same pictures give the same bytes.
    contents = {f"{split}.npz": archive.getvalue(), f"{split}.csv.gz": gzip.compress(text.encode(), 9, mtime=0)}
    entries = {}
    for name, content in contents.items():
        (out / name).write_bytes(content)
        entries[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return entries


def contact_sheet(images: NDArray[np.uint8], labels: NDArray[np.int64], columns: int = 12) -> Image.Image:
    """One row of pictures for each expression, in the order of ``EXPRESSIONS``.

    Parameters
    ----------
    images : numpy.ndarray
        (N, 3, H, W) uint8.
    labels : numpy.ndarray
        (N,); each class at least `columns` times.
    columns : int
    """
    rows = []
    for k in range(len(EXPRESSIONS)):
        chosen = images[np.flatnonzero(labels == k)[:columns]]
        rows.append(np.concatenate(list(chosen.transpose(0, 2, 3, 1)), axis=1))
    return Image.fromarray(np.concatenate(rows))


def main(
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("data/faces"),
    processes: Annotated[int, typer.Option(min=1, max=512, help="Processes that render.")] = 1,
    wildness: Annotated[float, typer.Option(min=0, max=1, help="How unruly the pictures are.")] = WILDNESS,
) -> None:
    """Render and pack the shipped set, or its twin at another wildness."""
    from rich.console import Console
    from rich.progress import Progress

    from dacl_edu_faces.head import load_head

    load_head()
    out.mkdir(parents=True, exist_ok=True)
    files: dict[str, Any] = {}
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("rendering", total=sum(SIZES.values()))
        for split in SPLITS:
            advance = functools.partial(progress.advance, task)
            files |= pack_split(split, SIZES[split], out, processes, advance, wildness)
    manifest = {"version": 1, "seed": SEED, "wildness": wildness, "size": SIZE, "images": SIZES,
                "versions": versions(), "files": files}  # fmt: skip
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    val = load_bundled("val", out)
    contact_sheet(val.images.numpy(), val.labels.numpy()).save(out / "contact_sheet.jpg", quality=88)


if __name__ == "__main__":
    typer.run(main)

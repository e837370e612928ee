"""Render a set into folders, by several processes, so that an interrupted run can go on."""

from __future__ import annotations

import csv
import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu.errors import UserError
from dacl_edu.files import replacing
from dacl_edu_faces.dataset_plan import plan_face, plan_labels, split_sizes
from dacl_edu_faces.factors import FACTOR_TYPES, FaceFactors

_CHUNK = 16


@dataclass(frozen=True)
class RenderJob:
    """What to render.

    Attributes
    ----------
    count : int
        Images over all splits.
    size : int
        Side in pixels.
    seed : int
    wildness : float
        From 0 to 1.
    pins : dict
        Factors with fixed values.
    format : str
        ``"jpg"`` or ``"png"``.
    """

    count: int
    size: int = 112
    seed: int = 0
    wildness: float = 0.5
    pins: dict[str, Any] = field(default_factory=dict)
    format: str = "jpg"

    def __post_init__(self) -> None:
        if not 7 <= self.count <= 10_000_000:
            raise UserError(f"--count is {self.count}", hint="give at least 7, one an expression, at most 10 million")
        if not 16 <= self.size <= 1024:
            raise UserError(f"--size is {self.size}", hint="give 16 to 1024 pixels")
        if not 0 <= self.seed < 2**31:
            raise UserError(f"--seed is {self.seed}", hint=f"give 0 to {2**31 - 1}")
        if not 0 <= self.wildness <= 1:
            raise UserError(f"--wildness is {self.wildness}", hint="give a number from 0 (studio) to 1 (wild)")
        if self.format not in ("jpg", "png"):
            raise UserError(f"--format is {self.format!r}", hint="give jpg or png")

    def images(self) -> Iterator[tuple[str, int, int, int]]:
        """Split, index, label, and size of the split, for each image."""
        for split, count in split_sizes(self.count).items():
            for index, label in enumerate(plan_labels(split, count, self.seed)):
                yield split, index, int(label), count

    def face(self, split: str, index: int, label: int, count: int) -> FaceFactors:
        """Factors of one image."""
        return plan_face(split, index, label, count, self.seed, self.wildness, self.pins)

    def path(self, split: str, index: int, label: int) -> str:
        """Path of one image below the folder of the set, with forward slashes."""
        return f"{split}/{EXPRESSIONS[label]}/{split}_{index:06d}.{self.format}"


def render_set(job: RenderJob, out: Path, processes: int = 1, report: Callable[[int, int], None] | None = None) -> int:
    """Render a set into ``<out>/{train,val,test}/<class>/`` with a table ``factors.csv``.

    Parameters
    ----------
    job : RenderJob
    out : Path
        Images that are already there, from an interrupted run of the same job, are kept.
    processes : int, default 1
    report : callable, optional
        Called with (done, all) as images are finished.

    Returns
    -------
    int
        How many images were rendered now.

    Raises
    ------
    UserError
        `out` holds another set, or the extra is not installed.
    """
    from dacl_edu_faces.head import load_head

    if not 1 <= processes <= 512:
        raise UserError(f"--processes is {processes}", hint="give at least 1, at most 512")
    load_head()  # before any process starts: it is built once, and a missing extra is said at once
    _claim(job, out)
    everything = list(job.images())
    for split, label in {(split, label) for split, _, label, _ in everything}:
        (out / job.path(split, 0, label)).parent.mkdir(parents=True, exist_ok=True)
    missing = [image for image in everything if not (out / job.path(*image[:3])).is_file()]
    chunks = [missing[i : i + _CHUNK] for i in range(0, len(missing), _CHUNK)]
    done = len(everything) - len(missing)
    if report:
        report(done, len(everything))
    for finished in spread(_render_chunk, [(job, out, chunk) for chunk in chunks], processes):
        done += finished
        if report:
            report(done, len(everything))
    _write_table(job, out, everything)
    return len(missing)


def spread(work: Callable[[Any], Any], items: list[Any], processes: int) -> Iterator[Any]:
    """Results of `work` on each item, in their order, from several processes."""
    if processes == 1 or len(items) < 2:
        yield from map(work, items)
        return
    # Fresh interpreters: a copy of a process that has started torch or Embree may hang.
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        yield from pool.map(work, items)
    finally:
        # After Ctrl-C nothing that waits in the queue is begun any more.
        pool.shutdown(wait=True, cancel_futures=True)


def _render_chunk(work: tuple[RenderJob, Path, list[tuple[str, int, int, int]]]) -> int:
    from dacl_edu_faces.camera import render_face

    job, out, chunk = work
    for split, index, label, count in chunk:
        image = render_face(job.face(split, index, label, count), job.size)
        save_image(image, out / job.path(split, index, label))
    return len(chunk)


def save_image(image: NDArray[np.uint8], path: Path) -> None:
    """Write an image; what has its name is whole."""
    with replacing(path) as beside:
        Image.fromarray(image).save(beside, quality=92)  # of JPEG; PNG has none


def _claim(job: RenderJob, out: Path) -> None:
    """Note what the folder holds, or make sure that it is the same."""
    from dacl_edu_faces.versions import versions

    note = out / "render.json"
    wanted: Mapping[str, Any] = {
        "count": job.count, "size": job.size, "seed": job.seed, "wildness": job.wildness, "factors": job.pins,
        "format": job.format, "versions": versions(),
    }  # fmt: skip
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not note.is_file():
            if any(out.iterdir()):
                raise UserError(f"{out} is not empty and was not begun by this command", hint="give another --out")
            note.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
            return
        found = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{note}: {error}", hint="give another --out, or remove the folder") from error
    if not isinstance(found, dict) or found != wanted:
        changed = [key for key in wanted if not isinstance(found, dict) or found.get(key) != wanted[key]]
        raise UserError(
            f"{out} holds a set with another {', '.join(changed)}",
            hint="give the same options to go on with it, or another --out",
        )


def _write_table(job: RenderJob, out: Path, images: list[tuple[str, int, int, int]]) -> None:
    with replacing(out / "factors.csv") as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file", "split", "label", *FACTOR_TYPES])
        for split, index, label, count in images:
            row = job.face(split, index, label, count).as_dict()
            writer.writerow([job.path(split, index, label), split, EXPRESSIONS[label], *row.values()])

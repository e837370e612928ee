"""The drawn faces as a data set: which faces each split holds, and the copy that is kept on disk."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu.data.drawn.face import draw_face
from dacl_edu.data.drawn.factors import FaceFactors, sample_factors, sample_identity
from dacl_edu.errors import UserError

#: Raise it whenever the pen or the sampling changes: copies on disk that were drawn by another version are redrawn.
CONTENT_VERSION = 1
FOLDER = "drawn-v1"
IMAGE_SIZE = 64
SEED = 20210105
#: Images of RAF-DB's training set, in the order of `EXPRESSIONS`; the drawn training set has these proportions.
RAFDB_TRAIN = (1290, 281, 717, 4772, 1982, 705, 2524)
SMALLEST_CLASS = 150


@dataclass(frozen=True)
class _Split:
    number: int
    images: int
    people: int
    balanced: bool


SPLITS = {
    "train": _Split(0, 2800, 700, balanced=False),
    "val": _Split(1, 560, 140, balanced=True),
    "test": _Split(2, 1120, 280, balanced=True),
}


@dataclass
class DrawnSplit:
    """One split before it becomes a torch dataset.

    Attributes
    ----------
    images : numpy.ndarray
        (N, 3, 64, 64) uint8.
    labels : numpy.ndarray
        (N,) int64, indices into ``EXPRESSIONS``.
    factors : pandas.DataFrame
        One row an image, one column a field of :class:`FaceFactors`.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    factors: pd.DataFrame


def class_counts(split: str, count: int | None = None) -> list[int]:
    """Number of images of each expression in a split.

    Parameters
    ----------
    split : str
        ``"train"``, ``"val"`` or ``"test"``.
    count : int, optional
        Size of a smaller (or larger) version of the split.

    Returns
    -------
    list of int
        In the order of ``EXPRESSIONS``.

    Examples
    --------
    >>> class_counts("train"), class_counts("test")
    ([285, 150, 158, 1055, 438, 156, 558], [160, 160, 160, 160, 160, 160, 160])
    """
    plan = SPLITS[split]
    total = plan.images if count is None else count
    shares = np.ones(len(EXPRESSIONS)) if plan.balanced else np.array(RAFDB_TRAIN, dtype=float)
    floor = 0.0 if plan.balanced else total * SMALLEST_CLASS / plan.images
    wanted = total * shares / shares.sum()
    small = np.zeros(len(shares), dtype=bool)
    while True:  # lift the small classes to the floor, and shrink the others until nobody is under it
        now_small = small | (wanted < floor)
        if (now_small == small).all():
            break
        small = now_small
        wanted = np.where(small, floor, shares * (total - floor * small.sum()) / shares[~small].sum())
    counts = np.floor(wanted + 1e-9).astype(int)
    remainder = np.argsort(-(wanted - counts), kind="stable")
    counts[remainder[: total - counts.sum()]] += 1
    return [int(c) for c in counts]


def plan_labels(split: str, count: int | None = None) -> NDArray[np.int64]:
    """Labels of a split in the order of its images: the counts are exact, the order is shuffled once and for all."""
    labels = np.repeat(np.arange(len(EXPRESSIONS)), class_counts(split, count))
    return np.random.default_rng([SEED, SPLITS[split].number, 1]).permutation(labels).astype(np.int64)


def sample_image(split: str, index: int, label: int) -> FaceFactors:
    """Factors of image `index` of a split; no other image has to be drawn first."""
    plan = SPLITS[split]
    rng = np.random.default_rng([SEED, plan.number, 2, index])
    # The splits' people are numbered one after the other, so no person is in two splits.
    first = sum(other.people for other in SPLITS.values() if other.number < plan.number)
    person = first + int(rng.integers(plan.people))
    identity = sample_identity(np.random.default_rng([SEED, 3, person]))
    return sample_factors(rng, EXPRESSIONS[label], {**identity, "identity": person})


def draw_split(split: str, count: int | None = None, progress: Callable[[], Any] | None = None) -> DrawnSplit:
    """Draw a split from nothing; `progress` is called after each image."""
    labels = plan_labels(split, count)
    images = np.empty((len(labels), 3, IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
    rows = []
    for index, label in enumerate(labels):
        factors = sample_image(split, index, int(label))
        images[index] = draw_face(factors, IMAGE_SIZE)
        rows.append(factors.as_dict())
        if progress is not None:
            progress()
    return DrawnSplit(images, labels, pd.DataFrame(rows).rename_axis("index"))


@contextmanager
def _progress_bar(split: str, total: int) -> Iterator[Callable[[], Any]]:
    """Show progress on stderr, on a terminal only: logs and notebooks' output files stay clean."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(f"drawing the {split} faces (once)", total=total)
        yield lambda: bar.advance(task)


# -- the copy on disk --------------------------------------------------------------------------------------------------


def _sha256(data: bytes | NDArray[Any]) -> str:
    return hashlib.sha256(data if isinstance(data, bytes) else np.ascontiguousarray(data).tobytes()).hexdigest()


def _csv(factors: pd.DataFrame) -> bytes:
    return factors.to_csv(index_label="index", lineterminator="\n").encode()


def _parse_csv(data: bytes) -> pd.DataFrame:
    # Rounding undoes the last bit that pandas' fast reader may get wrong: the factors have four digits.
    return pd.read_csv(io.BytesIO(data), index_col="index", keep_default_na=False).round(4)


#: What a missing, cut or altered archive raises, depending on where it is hurt.
_DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError, RuntimeError, SyntaxError,
           struct.error, zipfile.BadZipFile, zlib.error)  # fmt: skip


def _read(folder: Path, stem: str) -> DrawnSplit | None:
    """Return the copy on disk, or None if there is none, or it is of another version, or it is damaged."""
    try:
        table = (folder / f"{stem}.csv").read_bytes()
        with np.load(folder / f"{stem}.npz", allow_pickle=False) as stored:
            stamp = json.loads(str(stored["stamp"]))
            images, labels = stored["images"], stored["labels"]
        version, sums = stamp["version"], stamp["sha256"]
    except _DAMAGE:
        return None
    found = {"images": _sha256(images), "labels": _sha256(labels), "factors": _sha256(table)}
    return DrawnSplit(images, labels, _parse_csv(table)) if version == CONTENT_VERSION and sums == found else None


def _replace(path: Path, write: Callable[[Any], object]) -> None:
    """Write beside `path` and rename, so that another process sees the whole file or none of it."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _write(folder: Path, stem: str, drawn: DrawnSplit) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.tmp"):  # of a process that was killed; a living one renames within seconds
        try:
            if time.time() - left.stat().st_mtime > 3600:
                left.unlink()
        except OSError:
            pass  # another process was faster
    table = _csv(drawn.factors)
    stamp = {
        "version": CONTENT_VERSION,
        "sha256": {"images": _sha256(drawn.images), "labels": _sha256(drawn.labels), "factors": _sha256(table)},
    }
    # The table goes first: the archive vouches for both, and two processes write the same bytes anyway.
    _replace(folder / f"{stem}.csv", lambda file: file.write(table))
    _replace(
        folder / f"{stem}.npz",
        lambda file: np.savez(file, images=drawn.images, labels=drawn.labels, stamp=np.array(json.dumps(stamp))),
    )


def cache_folders(root: str | Path | None = None) -> list[Path]:
    """Folders where the faces may be kept, best first: `root`; or the repository's data folder, then the user's cache.

    Parameters
    ----------
    root : path, optional
        A folder of the user's choice; then there is no other.

    Returns
    -------
    list of Path
    """
    if root is not None:
        return [Path(root).expanduser() / FOLDER]
    repository = Path(__file__).resolve().parents[3]
    places = [repository / "data" / FOLDER] if (repository / "pyproject.toml").is_file() else []
    cache = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification tells programs to pass over a relative path.
    base = Path(cache) if os.path.isabs(cache) else Path.home() / ".cache"
    return [*places, base / "dacl-edu" / FOLDER]


def cached_split(split: str, root: str | Path | None = None, count: int | None = None) -> DrawnSplit:
    """Read a split from disk, or draw it and keep it.

    Parameters
    ----------
    split : str
        ``"train"``, ``"val"`` or ``"test"``.
    root : path, optional
        The folder in which ``drawn-v1/`` is kept.
    count : int, optional
        Number of images, for a smaller version of the split.

    Returns
    -------
    DrawnSplit

    Raises
    ------
    UserError
        The split is unknown, or the folder cannot be written to.
    """
    if split not in SPLITS:
        raise UserError(f"the drawn faces have no split {split!r}", mend=f"use one of {', '.join(SPLITS)}")
    if count is not None and count < 1:
        raise UserError(f"count is {count}", mend="give a number of images, or leave it out")
    folders = cache_folders(root)
    stem = split if count is None else f"{split}-{count}"
    for folder in folders:
        kept = _read(folder, stem)
        if kept is not None:
            return kept
    total = SPLITS[split].images if count is None else count
    with _progress_bar(split, total) as advance:
        drawn = draw_split(split, count, advance)
    problem: OSError | None = None
    for folder in folders:
        try:
            _write(folder, stem, drawn)
            return drawn
        except OSError as error:
            problem = error
    if root is not None:
        raise UserError(f"{folders[0]}: cannot be written to ({problem})", mend="give another root") from problem
    return drawn  # nowhere to keep it: the next call draws it again

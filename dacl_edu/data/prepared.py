"""Reading back what ``dacl-edu data prepare`` made: images stay on disk and are memory-mapped.

A prepared folder holds ``prepared.json`` (written last, so that it says the rest is complete) and for each split
``<split>.npy``, the images as (N, 3, S, S) uint8, and ``<split>.npz``, everything else that is known of them.
"""

from __future__ import annotations

import errno
import hashlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import BaseModel, Field, ValidationError

from dacl_edu.data.dataset import FaceDataset
from dacl_edu.errors import UserError, first_problem
from dacl_edu.files import read_arrays, read_object

if TYPE_CHECKING:
    from dacl_edu.data.listing import Listing

MANIFEST = "prepared.json"
LOCK = "prepare.lock"
#: Raise it when the folder is laid out otherwise.
FORMAT = 1

_AGAIN = "remove the folder and repeat dacl-edu data prepare"


def is_prepared(folder: Path | None) -> bool:
    """Whether a folder was made by ``dacl-edu data prepare``.

    Raises
    ------
    UserError
        It is being made, or its making was interrupted.
    """
    if folder is None or (folder / MANIFEST).is_file():
        return folder is not None
    if (folder / LOCK).is_file():
        raise UserError(
            f"{folder} is not complete: its preparation is running or was interrupted",
            hint="wait for it, or repeat the same dacl-edu data prepare command: what is finished is kept",
        )
    return False


class _Split(BaseModel, strict=True):
    images: int = Field(ge=0)
    sha256: str


class _Manifest(BaseModel, strict=True):
    """What of a manifest is relied on; it holds more."""

    data: str
    image_size: int = Field(gt=0)
    classes: list[str]
    splits: dict[str, _Split]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a prepared folder.

    Raises
    ------
    UserError
        It cannot be read, or belongs to another version of this layout.
    """
    path = folder / MANIFEST
    try:
        manifest = read_object(path)
        version, _ = manifest["format"], manifest["splits"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error!r})", hint=_AGAIN) from error
    if version != FORMAT:
        raise UserError(f"{path}: format {version}, this version reads format {FORMAT}", hint=_AGAIN)
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as error:
        raise UserError(f"{path}: {first_problem(error)}", hint=_AGAIN) from error
    return manifest


def prepared_splits(name: str, folder: Path | None) -> tuple[str, ...]:
    """Splits in a prepared folder.

    Raises
    ------
    UserError
        The folder holds another data set.
    """
    assert folder is not None
    manifest = read_manifest(folder)
    if manifest["data"] != name:
        raise UserError(
            f"{folder} was prepared from data set {manifest['data']!r}, not {name!r}",
            hint=f"load it as {manifest['data']!r}, or prepare {name!r} into another folder",
        )
    return tuple(manifest["splits"])


def load_prepared(name: str, split: str, folder: Path | None, image_size: int | None = None) -> FaceDataset:
    """One split of what ``dacl-edu data prepare`` wrote to a folder, its images memory-mapped.

    They are mapped copy-on-write: writing to them changes neither the file nor another process. `image_size`, if given,
    must be the size that was prepared.

    Raises
    ------
    UserError
        The folder holds another data set or size, or is damaged.
    """
    assert folder is not None
    prepared_splits(name, folder)
    manifest = read_manifest(folder)
    if image_size not in (None, manifest["image_size"]):
        raise UserError(
            f"{folder} was prepared at {manifest['image_size']}x{manifest['image_size']}, {image_size} was asked for",
            hint=f"ask for {manifest['image_size']}, or prepare --size {image_size} into another folder",
        )
    images = _map(folder / f"{split}.npy", manifest["splits"][split]["images"], manifest["image_size"])
    rows = _read_rows(folder / f"{split}.npz") | {"notes": manifest["splits"][split].get("notes", ())}
    try:
        return FaceDataset(images, classes=manifest["classes"], name=name, split=split, mapped=True, **rows)
    except UserError as error:
        raise UserError(f"{folder}: {error.problem}", hint=_AGAIN) from error


def verify_prepared(folder: Path) -> Iterator[tuple[str, bool]]:
    """Whether the images of each split are still those that were written, by the SHA-256 in the manifest."""
    manifest = read_manifest(folder)
    for split, entry in manifest["splits"].items():
        images = _map(folder / f"{split}.npy", entry["images"], manifest["image_size"]).numpy()
        digest = hashlib.sha256()
        for start in range(0, len(images), 256):
            digest.update(images[start : start + 256].tobytes())
        yield split, digest.hexdigest() == entry["sha256"]


def _map(path: Path, count: int, size: int) -> torch.Tensor:
    try:
        try:
            images = np.load(path, mmap_mode="c", allow_pickle=False)
        except OSError as error:
            if error.errno != errno.ENOMEM:
                raise
            # Linux counts a writable map as memory that may be needed; a read-only one may exceed what there is.
            images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be mapped ({error})", hint=_AGAIN) from error
    if images.shape != (count, 3, size, size) or images.dtype != np.uint8:
        raise UserError(
            f"{path} holds {images.dtype} {images.shape}, its manifest says uint8 {(count, 3, size, size)}", hint=_AGAIN
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        return torch.from_numpy(images)


def write_rows(path: Path, listing: Listing) -> None:
    """Everything of a listing but its images, as one .npz file without pickles."""
    columns = {"labels": np.asarray(listing.labels, dtype=np.int64), "ids": np.asarray(listing.ids, dtype=np.str_)}
    if listing.groups is not None:
        columns["groups"] = _plain(np.asarray(listing.groups))
    if listing.factors is not None:
        columns |= {f"factor {name}": _plain(listing.factors[name].to_numpy()) for name in listing.factors.columns}
    with open(path, "wb") as file:
        np.savez(file, **columns)  # type: ignore[arg-type]  # numpy's stub takes them for allow_pickle


def _plain(column: np.ndarray) -> np.ndarray:
    return column.astype(np.str_) if column.dtype.kind not in "biufU" else column


def _read_rows(path: Path) -> dict[str, Any]:
    import pandas as pd

    try:
        columns = read_arrays(path)
        rows = {"labels": torch.from_numpy(columns["labels"]), "ids": columns["ids"], "groups": columns.get("groups")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error!r})", hint=_AGAIN) from error
    factors = {name.removeprefix("factor "): column for name, column in columns.items() if name.startswith("factor ")}
    return rows | {"factors": pd.DataFrame(factors) if factors else None}

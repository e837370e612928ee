"""The rendered faces that come with the repository: read with Pillow, NumPy and pandas alone.

`data/README.md` is the data card; the generator, a package of its own, is not needed to read them.
"""

from __future__ import annotations

import functools
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from dacl_edu import paths
from dacl_edu.data.cache import cached_images
from dacl_edu.data.classes import EXPRESSIONS
from dacl_edu.data.dataset import FaceDataset
from dacl_edu.data.decode import resize_images
from dacl_edu.errors import UserError
from dacl_edu.files import read_object

ACTION_UNITS = {
    1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer", 5: "upper lid raiser", 6: "cheek raiser",
    7: "lid tightener", 9: "nose wrinkler", 10: "upper lip raiser", 12: "lip corner puller", 14: "dimpler",
    15: "lip corner depressor", 16: "lower lip depressor", 17: "chin raiser", 18: "lip pucker", 19: "tongue show",
    20: "lip stretcher", 22: "lip funneler", 23: "lip tightener", 24: "lip pressor", 25: "lips part", 26: "jaw drop",
    27: "mouth stretch", 43: "eye closure",
}  # fmt: skip
"""Names of the action units of the Facial Action Coding System (Ekman, Friesen & Hager, 2002): columns ``au…``."""
SPLITS = ("train", "val", "test")
MANIFEST = "manifest.json"
_RESTORE = "restore the folder: git checkout -- data/faces, or install the package again"


def load_bundled(split: str, root: str | Path | None = None, image_size: int | None = None) -> FaceDataset:
    """Load a split of the rendered faces.

    Parameters
    ----------
    split : str
        ``"train"`` (RAF-DB's class proportions, and one label in ten replaced by another that people confuse with
        it), ``"val"`` or ``"test"`` (as many images of each expression, every label as rendered). No person is in two
        splits.
    root : path, optional
        Folder of the set; ``data/faces`` of the repository if left out.
    image_size : int, optional
        Side in pixels; the images are stored with 64 and resized if another is asked for.

    Returns
    -------
    FaceDataset
        ``labels`` are what an annotator would have given (column ``label_observed`` of ``factors``; ``label_true`` is
        what was rendered), ``groups`` the people, ``factors`` one row an image.

    Raises
    ------
    UserError
        The split is unknown, or a file is missing or damaged.

    Examples
    --------
    >>> faces = load_bundled("val")
    >>> tuple(faces.images.shape), len(faces.factors), len(set(faces.groups))
    ((1050, 3, 64, 64), 1050, 251)
    """
    if split not in SPLITS:
        raise UserError(f"the rendered faces have no split {split!r}", hint=f"there are {', '.join(SPLITS)}")
    folder = paths.bundled_faces() if root is None else Path(root).expanduser()
    pixels, table = _read_split(folder.absolute(), split, _stamp(folder, split))
    # Copies: whoever changes a picture or a factor must not change what the next call returns.
    images, factors = torch.from_numpy(pixels).clone(), table.copy()
    return FaceDataset(
        resize_images(images, image_size),
        torch.from_numpy(_labels(factors["label_observed"], folder / f"{split}.csv.gz")),
        factors["id"].to_numpy(dtype=np.str_),
        groups=factors["identity"].to_numpy(),
        factors=factors.drop(columns="id"),
        name="bundled",
        split=split,
    )


def verify_bundled(root: str | Path | None = None) -> None:
    """Check that every file of the rendered faces is there and undamaged, without decoding the pictures.

    Raises
    ------
    UserError
        A file is missing or damaged.

    Examples
    --------
    >>> verify_bundled()
    """
    folder = paths.bundled_faces() if root is None else Path(root).expanduser()
    for split in SPLITS:
        _stamp(folder, split)
        for name in _files(split):
            _verified(folder, name, _read_manifest(folder / MANIFEST))


def _labels(names: pd.Series[str], path: Path) -> NDArray[np.int64]:
    index = {name: k for k, name in enumerate(EXPRESSIONS)}
    try:
        return np.array([index[name] for name in names], dtype=np.int64)
    except KeyError as error:
        raise UserError(f"{path}: unknown expression {error}", hint=_RESTORE) from error


def _files(split: str) -> tuple[str, str]:
    return f"{split}.npz", f"{split}.csv.gz"


def _stamp(folder: Path, split: str) -> tuple[tuple[int, int], ...]:
    """Sizes and times of the files: what was read is used again only while they stay the same."""
    stamps = []
    for name in (MANIFEST, *_files(split)):
        path = folder / name
        if not path.is_file():
            raise UserError(
                f"{path}: no such file",
                hint="the rendered faces come with a clone of the repository (git checkout -- data/faces); where the "
                "package was installed without it, give their folder: root=… (--root)",
            )
        status = path.stat()
        stamps.append((status.st_size, status.st_mtime_ns))
    return tuple(stamps)


@functools.lru_cache(maxsize=3)
def _read_split(folder: Path, split: str, stamp: tuple[tuple[int, int], ...]) -> tuple[NDArray[np.uint8], pd.DataFrame]:
    """Verify, decode and keep in memory one split."""
    manifest = _read_manifest(folder / MANIFEST)
    archive, table_file = _files(split)
    archive_bytes = _verified(folder, archive, manifest)
    table_bytes = _verified(folder, table_file, manifest)
    table = pd.read_csv(io.BytesIO(table_bytes), compression="gzip", dtype={"id": str}, keep_default_na=False)
    # The factors have four digits; pandas' quick reading of them may be off by the last bit, which this mends.
    table = table.round(4)
    with np.load(io.BytesIO(archive_bytes), allow_pickle=False) as arrays:
        stream, offsets = arrays["jpeg"], arrays["offsets"]
    if len(offsets) != len(table) + 1:
        raise UserError(
            f"{folder / archive} holds {len(offsets) - 1} images, its table {len(table)} rows", hint=_RESTORE
        )
    digest = manifest[archive]["sha256"]
    pixels = cached_images(f"bundled {digest}", lambda: torch.from_numpy(_decode(stream, offsets, folder / archive)))
    return pixels.numpy(), table


def _decode(stream: NDArray[np.uint8], offsets: NDArray[np.int64], path: Path) -> NDArray[np.uint8]:
    data = stream.tobytes()

    def decode(row: int) -> NDArray[np.uint8]:
        start, end = offsets[row : row + 2]
        try:
            return np.asarray(Image.open(io.BytesIO(data[start:end])).convert("RGB")).transpose(2, 0, 1)
        except (OSError, UnidentifiedImageError) as error:
            raise UserError(f"{path}, image {row}: cannot be decoded ({error})", hint=_RESTORE) from error

    if len(offsets) < 2:
        raise UserError(f"{path}: no images", hint=_RESTORE)
    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(decode, range(len(offsets) - 1))))


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = read_object(path)
        files = manifest["files"]
        if not all(isinstance(files[name]["sha256"], str) for split in SPLITS for name in _files(split)):
            raise ValueError("a digest is not text")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error!r})", hint=_RESTORE) from error
    return dict(files)


def _verified(folder: Path, name: str, files: dict[str, Any]) -> bytes:
    path = folder / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error})", hint=_RESTORE) from error
    found = hashlib.sha256(content).hexdigest()
    if found != files[name]["sha256"]:
        raise UserError(
            f"{path}: damaged (SHA-256 {found[:12]}…, {files[name]['sha256'][:12]}… was expected)", hint=_RESTORE
        )
    return content

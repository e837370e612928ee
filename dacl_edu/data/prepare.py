"""Decode a data set once, into files that `load_dataset` maps into memory.

Only one process writes: the lock belongs to the operating system, which takes it back from a process that dies, so no
lock is ever stale. Rows are written in chunks of bounded size; after each, ``<split>.progress.json`` says how many
rows are on disk and what their SHA-256 is, and a repeated command goes on from there.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from dacl_edu import __version__
from dacl_edu.data.decode import progress
from dacl_edu.data.listing import Listing
from dacl_edu.data.prepared import FORMAT, LOCK, MANIFEST, read_manifest, write_rows
from dacl_edu.data.registry import available_splits, dataset_root, list_dataset
from dacl_edu.errors import UserError
from dacl_edu.files import read_object, write_json

#: Bytes of images decoded before they are flushed to disk and counted as finished.
CHUNK_BYTES = 64 * 2**20

_log = logging.getLogger(__name__)


def prepare(
    name: str,
    root: str | Path | None,
    image_size: int,
    out: str | Path,
    chunk_bytes: int = CHUNK_BYTES,
    on_error: str = "stop",
    **options: Any,
) -> dict[str, Any]:
    """Decode every split of a data set into a folder that ``load_dataset(name, split, root=out)`` maps into memory.

    It may be interrupted and repeated, and started by several processes at once: one works, the others wait for it.

    Parameters
    ----------
    name, root, **options
        As for `load_dataset`.
    image_size : int
        Side of the square images, in pixels.
    out : path
        Folder to be made.
    chunk_bytes : int
        Images decoded between two flushes.
    on_error : {"stop", "skip"}
        Whether a file that cannot be decoded ends it, or is left out; then every file is decoded twice.

    Returns
    -------
    dict
        The manifest: data set, source, size, and for each split the images of each class, the SHA-256 of the pixels,
        and under ``left_out`` what is wrong with each file that was left out.

    Raises
    ------
    UserError
        `out` holds something else, the disk is too small, or an image cannot be decoded.
    """
    if image_size < 1:
        raise UserError(f"image_size is {image_size}", hint="give a number of pixels")
    folder, source = Path(out).expanduser(), dataset_root(name, root)
    if source is not None and folder.resolve() == source.resolve():
        raise UserError(f"{folder} is the data set itself", hint="give another folder to write to (--out)")
    splits = available_splits(name, root, **options)  # before the folder is made: a wrong root leaves nothing behind
    if folder.exists() and not (folder / LOCK).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists and was not made by prepare", hint="give a new folder (--out)")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _log.warning("another process is preparing %s; waiting for it", folder)
        lock.acquire()
    try:
        listings = {split: list_dataset(name, split, root, image_size, **options) for split in splits}
        return _prepare(name, listings, on_error == "skip", source, image_size, folder, chunk_bytes, options)
    finally:
        lock.release()


def _prepare(
    name: str,
    listings: dict[str, Listing],
    skip: bool,
    source: Path | None,
    size: int,
    folder: Path,
    chunk_bytes: int,
    options: dict[str, Any],
) -> dict[str, Any]:
    plan = {
        "format": FORMAT,
        "data": name,
        "options": options,
        "image_size": size,
        "classes": list(next(iter(listings.values())).classes),
        "fingerprints": {split: listing.fingerprint() for split, listing in listings.items()},
        **({"on_error": "skip"} if skip else {}),
    }
    plan = json.loads(json.dumps(plan, default=str))  # as it will be read back, to be compared with it
    if (folder / MANIFEST).is_file():
        manifest = read_manifest(folder)
        if different := [key for key, value in plan.items() if manifest.get(key) != value]:
            raise UserError(
                f"{folder} was prepared from other data or settings: {', '.join(different)} "
                f"({manifest['data']} at {manifest['image_size']} pixels)",
                hint="give another folder (--out), or remove this one",
            )
        return manifest
    wrong: dict[str, dict[str, str]] = {split: {} for split in listings}
    if skip:  # only now: a folder that is finished needs no picture decoded
        for split, listing in listings.items():
            listings[split], wrong[split] = listing.decodable()
    _require_disk(folder, sum(map(len, listings.values())) * 3 * size * size)
    entries = {}
    for split, listing in listings.items():
        sha256 = _write_images(folder, split, listing, size, plan["fingerprints"][split], chunk_bytes)
        write_rows(folder / f"{split}.npz", listing)
        counts = np.bincount(np.asarray(listing.labels), minlength=len(listing.classes)).tolist()
        entries[split] = {
            "images": len(listing),
            "counts": dict(zip(listing.classes, counts, strict=True)),
            "sha256": sha256,
            "notes": list(listing.notes),
            "left_out": wrong[split],
        }
    manifest = plan | {"made_by": f"dacl-edu {__version__}", "source": str(source or ""), "splits": entries}
    write_json(folder / MANIFEST, manifest)
    for split in listings:
        _progress_file(folder, split).unlink(missing_ok=True)
    return manifest


def _write_images(folder: Path, split: str, listing: Listing, size: int, fingerprint: str, chunk_bytes: int) -> str:
    """Write the images that are not on disk yet; return the SHA-256 of all."""
    path, shape = folder / f"{split}.npy", (len(listing), 3, size, size)
    images, digest, done = _resume(path, shape, _progress_file(folder, split), fingerprint)
    rows = max(1, chunk_bytes // (3 * size * size))

    def decode_into(row: int) -> None:
        images[row] = listing.decode(row, size)

    with ThreadPoolExecutor() as pool:

        def chunks() -> Any:
            for start in range(done, len(listing), rows):
                stop = min(start + rows, len(listing))
                yield from pool.map(decode_into, range(start, stop))
                images.flush()  # the pixels must be on disk before anything says that they are
                digest.update(images[start:stop].tobytes())
                write_json(
                    _progress_file(folder, split),
                    {"fingerprint": fingerprint, "shape": shape, "rows": stop, "sha256": digest.hexdigest()},
                )

        for _ in progress(chunks(), len(listing) - done, what=f"decoding {split}"):
            pass
    return digest.hexdigest()


def _resume(path: Path, shape: tuple[int, ...], progress_file: Path, fingerprint: str) -> Any:
    """The map to write to, and the SHA-256 and count of the rows in it that are finished and sound."""
    try:
        state = read_object(progress_file)
        if state["fingerprint"] == fingerprint and tuple(state["shape"]) == shape:
            images = np.load(path, mmap_mode="r+", allow_pickle=False)
            digest = hashlib.sha256()
            for start in range(0, state["rows"], 256):
                digest.update(images[start : min(start + 256, state["rows"])].tobytes())
            if images.shape == shape and digest.hexdigest() == state["sha256"]:
                return images, digest, state["rows"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing there yet, or not what was to be written: begin anew
    progress_file.unlink(missing_ok=True)
    try:
        images = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
        _reserve(path)
    except OSError as error:
        path.unlink(missing_ok=True)
        hint = "free some space, or give a folder on another disk (--out)"
        raise UserError(f"{path}: cannot be written ({error.strerror})", hint) from error
    return images, hashlib.sha256(), 0


def _reserve(path: Path) -> None:
    """Take the space of a file: a map of one with holes ends the process (SIGBUS) where the disk is full by then."""
    if hasattr(os, "posix_fallocate"):
        with open(path, "rb+") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:  # of other kinds: a file system that cannot
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise


def _progress_file(folder: Path, split: str) -> Path:
    return folder / f"{split}.progress.json"


def _require_disk(folder: Path, needed: int) -> None:
    # What an interrupted preparation has allocated already is part of what is needed, not on top of it.
    have = sum(getattr(path.stat(), "st_blocks", 0) * 512 for path in folder.glob("*.npy"))
    free = shutil.disk_usage(folder).free
    if needed > free + have:
        raise UserError(
            f"the images need {needed / 2**30:.1f} GiB, {folder} has {free / 2**30:.1f} GiB free",
            hint="give a smaller --size, or a folder on another disk (--out)",
        )

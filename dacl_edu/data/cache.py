"""Decoded images in the user's cache folder, by what they are: the second run maps them instead of decoding again."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dacl_edu import paths
from dacl_edu.files import replacing

WORTH = 1.0
"""Seconds: what is decoded in less is not kept."""
MOST = 32 * 2**30
"""Bytes that are kept in all; what was not used for longest goes first."""


def cached_images(made_of: str, decode: Callable[[], Tensor]) -> Tensor:
    """Return what `decode` gives, (N, 3, H, W) uint8, or gave for the same before: then mapped copy-on-write.

    `made_of` is what decides every pixel: a digest of the files, and the size. Nothing is kept, and no error raised,
    where decoding was quick, the disk is full, or the folder cannot be written.
    """
    digest = hashlib.sha256(made_of.encode("utf-8", "surrogateescape")).hexdigest()  # a name may be no UTF-8
    path = paths.cache() / "images" / f"{digest[:32]}.npy"
    try:
        images = np.load(path, mmap_mode="c", allow_pickle=False)
        os.utime(path)  # used now
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
            return torch.from_numpy(images)
    except (OSError, ValueError, EOFError):  # not there, or damaged: it is written anew
        pass
    begin = time.monotonic()
    decoded = decode()
    if time.monotonic() - begin >= WORTH:
        with contextlib.suppress(OSError):
            _keep(path, decoded)
    return decoded


def _keep(path: Path, images: Tensor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A process that was killed while it wrote left a file that nobody will finish.
    for old in path.parent.glob(".*.npy"):
        if time.time() - old.stat().st_mtime > 3600:
            old.unlink(missing_ok=True)
    kept = sorted(path.parent.glob("[!.]*.npy"), key=lambda each: each.stat().st_mtime)
    total = sum(each.stat().st_size for each in kept)
    while kept and total + images.nbytes > MOST:
        oldest = kept.pop(0)
        total -= oldest.stat().st_size
        oldest.unlink(missing_ok=True)
    if images.nbytes > MOST or 2 * images.nbytes > shutil.disk_usage(path.parent).free:
        return
    with replacing(path) as beside:
        np.save(beside, images.numpy())

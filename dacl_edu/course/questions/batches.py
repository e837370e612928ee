"""Batches to ask a student's function about: another seed, other sizes and other numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def made_batch(seed: int, absent: bool = True) -> dict[str, Tensor]:
    """Make one batch in float64: ``x`` (m, d), ``a`` (m, d) in (0, 1), ``y`` (m,), ``c`` (K, d).

    m, d and K all differ, so that no axis can stand for another; a class occurs twice, and with ``absent`` one not at
    all; labels are not sorted and not the row numbers.

    Parameters
    ----------
    seed : int
        Decides sizes and numbers.
    absent : bool, default True
        Whether a class is missing from the batch.

    Examples
    --------
    >>> batch = made_batch(0)
    >>> sizes = {len(batch["x"]), batch["x"].shape[1], len(batch["c"])}
    >>> len(sizes), set(batch["y"].tolist()) < set(range(len(batch["c"])))
    (3, True)
    """
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(3, 5))  # K: 3 or 4
    dims = int(rng.integers(5, 7))  # d: 5 or 6
    m = int(rng.integers(7, 11))  # m: 7 to 10
    present = classes - 1 if absent else classes
    names = rng.permutation(classes)[:present]
    labels = rng.permutation(np.concatenate([names, names[:1], rng.choice(names, m - present - 1)]))
    return {
        "x": torch.from_numpy(rng.normal(size=(m, dims))),
        "a": torch.from_numpy(rng.uniform(0.05, 0.95, size=(m, dims))),
        "y": torch.from_numpy(labels.astype(np.int64)),
        "c": torch.from_numpy(rng.normal(size=(classes, dims))),
    }

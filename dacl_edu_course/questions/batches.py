"""Batches to ask a student's function about: another seed, other sizes and other numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


def three_batches(seed: int, *names: str) -> list[dict[str, Tensor]]:
    """Make a batch with an absent class, one without, and one of a single sample: only the inputs of these ``names``.

    Parameters
    ----------
    seed : int
    *names : str
        Of ``x``, ``a``, ``y``, ``c``.

    Examples
    --------
    >>> [len(batch["x"]) for batch in three_batches(0, "x", "c")][2], sorted(three_batches(0, "x", "c")[0])
    (1, ['c', 'x'])
    """
    first, second = made_batch(seed), made_batch(seed + 1, absent=False)
    single = {name: value if name == "c" else value[:1] for name, value in made_batch(seed + 2).items()}
    return [{name: batch[name] for name in names} for batch in (first, second, single)]


def moved_together(x: Tensor, c: Tensor, **_: Any) -> dict[str, Tensor]:
    """Move features and centers by the same way.

    Examples
    --------
    >>> moved = moved_together(torch.zeros(1, 1), torch.ones(1, 1))
    >>> moved["c"] - moved["x"]
    tensor([[1.]])
    """
    return {"x": x + 2.0, "c": c + 2.0}


def absent_centers_elsewhere(y: Tensor, c: Tensor, **_: Any) -> dict[str, Tensor]:
    """Move the centers of the classes that are absent from the batch.

    Examples
    --------
    >>> absent_centers_elsewhere(torch.tensor([1]), torch.zeros(3, 1))["c"].flatten().tolist()
    [2.0, 0.0, 2.0]
    """
    absent = torch.tensor([k not in y.tolist() for k in range(len(c))])
    return {"c": c + 2.0 * absent[:, None]}


def by_reference(function: Callable[..., Any], **inputs: Any) -> Any:
    """Call a function of :mod:`dacl_edu_course.reference` with arrays in place of tensors; return tensors.

    Parameters
    ----------
    function : callable
    **inputs
        Tensors, numbers, and lists and tuples of them.

    Returns
    -------
    Tensor or dict of Tensor
        float64.

    Examples
    --------
    >>> by_reference(lambda x, factor: factor * x.sum(), x=torch.ones(3), factor=2)
    tensor(6., dtype=torch.float64)
    """
    return _to_tensors(function(**{name: _to_arrays(value) for name, value in inputs.items()}))


def _to_arrays(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().numpy()
    if isinstance(value, list | tuple):
        return type(value)(_to_arrays(part) for part in value)
    return value


def _to_tensors(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _to_tensors(part) for name, part in value.items()}
    return torch.as_tensor(value, dtype=torch.float64)

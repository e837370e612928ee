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


def unlike_batches(seed: int, *names: str) -> list[dict[str, Tensor]]:
    """Make batches that differ in all that an answer must not depend on: only the inputs of these ``names``.

    In order: a plain one with an absent class; one with every class whose tensors do not lie row by row in memory; a
    single sample; one class alone; up to 40 classes of which most are absent, labels from high to low; one in float32
    whose labels are not contiguous.

    Parameters
    ----------
    seed : int
    *names : str
        Of ``x``, ``a``, ``y``, ``c``.

    Examples
    --------
    >>> made = unlike_batches(0, "x", "c")
    >>> [len(batch["x"]) for batch in made][2], [len(batch["c"]) for batch in made][3], sorted(made[0])
    (1, 1, ['c', 'x'])
    """
    rng = np.random.default_rng(seed + 3)
    made = [made_batch(seed), not_row_by_row(made_batch(seed + 1, absent=False))]
    made.append({name: value if name == "c" else value[:1] for name, value in made_batch(seed + 2).items()})
    made.append(sized_batch(rng, int(rng.integers(4, 7)), int(rng.integers(3, 4)), 1))
    many = sized_batch(rng, int(rng.integers(5, 9)), int(rng.integers(9, 20)), int(rng.integers(20, 41)))
    made.append({**many, "y": many["y"].sort(descending=True).values})
    narrow = sized_batch(rng, int(rng.integers(12, 20)), int(rng.integers(3, 5)), int(rng.integers(5, 9)))
    narrow = {name: value.float() if value.is_floating_point() else value for name, value in narrow.items()}
    made.append({**narrow, "y": torch.stack([narrow["y"], narrow["y"]], dim=1)[:, 0]})
    return [{name: batch[name] for name in names} for batch in made]


def sized_batch(rng: np.random.Generator, m: int, dims: int, classes: int) -> dict[str, Tensor]:
    """Make a batch of these sizes in float64, with any labels.

    Examples
    --------
    >>> {name: tuple(value.shape) for name, value in sized_batch(np.random.default_rng(0), 3, 2, 40).items()}
    {'x': (3, 2), 'a': (3, 2), 'y': (3,), 'c': (40, 2)}
    """
    return {
        "x": torch.from_numpy(rng.normal(size=(m, dims))),
        "a": torch.from_numpy(rng.uniform(0.05, 0.95, size=(m, dims))),
        "y": torch.from_numpy(rng.integers(0, classes, size=m)),
        "c": torch.from_numpy(rng.normal(size=(classes, dims))),
    }


def far_sample(seed: int, *names: str) -> dict[str, Tensor]:
    """Make a batch with one sample a million away: a formula is right for all others, a difference of losses is not.

    A loss of size 10¹² has no digits left for what a single number of a near sample changes.

    Examples
    --------
    >>> bool(far_sample(0, "x")["x"][0].abs().min() > 1e5)
    True
    """
    batch = made_batch(seed)
    batch["x"][0] = 1e6 * batch["x"][0].sign() + batch["x"][0]
    return {name: batch[name] for name in names}


def incoming(seed: int, count: int) -> list[float]:
    """Return gradients that arrive from above: of both signs and of several sizes, never 1.

    Examples
    --------
    >>> len({number > 0 for number in incoming(0, 4)})
    2
    """
    rng = np.random.default_rng(seed)
    sizes = np.exp(rng.uniform(-2.5, 2.5, size=count))
    return [float(size) * (-1) ** k for k, size in enumerate(sizes)]


def not_row_by_row(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the same numbers, transposed in memory: what views them as they lie mixes them up, or raises.

    Examples
    --------
    >>> not_row_by_row({"c": torch.zeros(3, 2)})["c"].stride()
    (1, 3)
    """
    return {name: value.t().contiguous().t() if value.dim() > 1 else value for name, value in batch.items()}


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

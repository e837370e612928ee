"""Shape checks that every loss shares: done once here, so that a loss is only its formula."""

from __future__ import annotations

from numbers import Real

import torch
from torch import Tensor


def check_batch(
    features: Tensor, labels: Tensor, centers: Tensor | None = None, attention: Tensor | None = None
) -> None:
    """Refuse inputs whose shapes would broadcast silently. Shapes are known without reading the tensors.

    Parameters
    ----------
    features : Tensor, shape (m, d)
    labels : Tensor, shape (m,), integer
    centers : Tensor, shape (K, d), optional
    attention : Tensor, shape (m, d), optional

    Raises
    ------
    ValueError
        Naming the argument, the shape it has and the shape it must have.
    """
    if features.dim() != 2:
        raise ValueError(f"features must have shape (m, d), not {tuple(features.shape)}")
    m, d = features.shape
    if m == 0:
        raise ValueError("the batch is empty: features must have at least one row")
    if labels.shape != (m,):
        raise ValueError(f"labels must have shape ({m},) like the rows of features, not {tuple(labels.shape)}")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise ValueError(f"labels must be integers, not {labels.dtype}")
    if centers is not None and not isinstance(centers, Tensor):
        raise ValueError(f"centers must be a tensor of shape (K, d), not {type(centers).__name__}: write centers()")
    if centers is not None and (centers.dim() != 2 or centers.shape[1] != d):
        raise ValueError(f"centers must have shape (K, {d}) like the columns of features, not {tuple(centers.shape)}")
    if attention is not None and attention.shape != features.shape:
        raise ValueError(f"attention must have the shape of features, ({m}, {d}), not {tuple(attention.shape)}")


def check_number(name: str, value: object) -> None:
    """Refuse what is no number, as a text read from a file is, before it is compared.

    Raises
    ------
    TypeError

    Examples
    --------
    >>> check_number("lam", "0.1")
    Traceback (most recent call last):
    ...
    TypeError: lam must be a number, but is '0.1'
    """
    if not isinstance(value, Real | Tensor):
        raise TypeError(f"{name} must be a number, but is {value!r}")


def check_labels(labels: Tensor, num_classes: int) -> None:
    """Refuse a label outside ``0 .. num_classes-1``, on the CPU and outside ``torch.compile``.

    Reading labels on a GPU would make the processor wait for it; the data readers check every label once, when a data
    set is loaded.

    Raises
    ------
    IndexError
        Naming the first wrong label and its row.
    """
    if torch.compiler.is_compiling() or labels.device.type != "cpu":
        return
    lowest, highest = torch.aminmax(labels)
    if lowest < 0 or highest >= num_classes:
        wrong = (labels < 0) | (labels >= num_classes)
        row = int(wrong.nonzero()[0])
        raise IndexError(f"label {int(labels[row])} in row {row} is outside 0 .. {num_classes - 1}")


def center_rows(centers: Tensor, labels: Tensor) -> Tensor:
    """Return a copy (m, d) of the center of each sample's class: ``centers[labels]``, that refuses negative labels too.

    The gather itself looks at every label, so those that are right are checked at no cost.

    Raises
    ------
    IndexError
        As :func:`check_labels`.

    Examples
    --------
    >>> center_rows(torch.tensor([[1.0], [2.0]]), torch.tensor([1, 1, 0])).flatten().tolist()
    [2.0, 2.0, 1.0]
    """
    try:
        return centers.index_select(0, labels)
    except IndexError:
        check_labels(labels, centers.shape[0])
        raise


def computing_dtype(*tensors: Tensor) -> torch.dtype:
    """Return the type in which a loss is computed: float64 if any input is float64, else float32.

    float16 and bfloat16 keep 3 and 2 decimal digits: enough for a feature, too few for a sum of squared
    differences over m·d elements. So half-precision inputs are widened, whatever autocast says.
    """
    return torch.float64 if any(t.dtype == torch.float64 for t in tensors) else torch.float32

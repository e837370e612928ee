"""Deep features and attention of some images, small enough to keep beside a run: what the pictures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dacl_edu._moved import old_names
from dacl_edu.errors import UserError
from dacl_edu.evaluation.predict import Predictions, widened
from dacl_edu.files import read_arrays


@dataclass(frozen=True)
class DeepFeatures:
    """What a network makes of n images.

    Attributes
    ----------
    features : Tensor, shape (n, d)
        x of the paper.
    attention : Tensor, shape (n, d)
        a of the paper, Eq. 7; ones for a method without attention.
    labels, predicted : Tensor, shape (n,)
        True and predicted classes.
    indices : Tensor, shape (n,)
        Rows of the data set's split.
    split : str
        ``"train"``, ``"val"`` or ``"test"``.

    Examples
    --------
    >>> few = DeepFeatures(torch.zeros(2, 3), torch.ones(2, 3), torch.tensor([0, 1]), torch.tensor([0, 0]),
    ...                    torch.arange(2), "test")
    >>> len(few), few.rows(few.labels == few.predicted).indices.tolist()
    (2, [0])
    """

    features: Tensor
    attention: Tensor
    labels: Tensor
    predicted: Tensor
    indices: Tensor
    split: str

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, predictions: Predictions, split: str) -> DeepFeatures:
        """Take them from the predictions of a run."""
        return cls(
            predictions.features, predictions.attention, predictions.labels, predictions.logits.argmax(dim=1),
            predictions.indices, split,
        )  # fmt: skip

    def rows(self, which: Tensor) -> DeepFeatures:
        """Return some images: a mask (n,) bool, or positions."""
        return DeepFeatures(**{name: value[which] for name, value in self._tensors().items()}, split=self.split)

    def save(self, path: Path, **more: Tensor) -> None:
        """Write to a compressed ``.npz`` file, features and attention in half precision."""
        small = {name: value.half() if value.is_floating_point() else value for name, value in self._tensors().items()}
        arrays: dict[str, np.ndarray] = {name: value.numpy() for name, value in {**small, **more}.items()}
        np.savez_compressed(path, split=np.array(self.split), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> DeepFeatures:
        """Read what :meth:`save` wrote.

        Raises
        ------
        UserError
            No such file, or not one of these.
        """
        found = _read_arrays(path, cls, "deep features")
        split = str(found.pop("split"))
        return cls(**{name: widened(value) for name, value in found.items()}, split=split)

    def _tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}


@dataclass(frozen=True)
class ClassifierHead:
    """The last layer of a network, and the class centers beside it.

    Attributes
    ----------
    weight : Tensor, shape (K, d)
    bias : Tensor, shape (K,)
    centers : Tensor, shape (K, d)

    Examples
    --------
    >>> head = ClassifierHead(torch.eye(2), torch.zeros(2), torch.zeros(2, 2))
    >>> head.logits(torch.tensor([[3.0, 1.0]])).tolist()
    [[3.0, 1.0]]
    """

    weight: Tensor
    bias: Tensor
    centers: Tensor

    def logits(self, features: Tensor) -> Tensor:
        """Return the scores of Eq. 1: (n, d) to (n, K)."""
        return features @ self.weight.T + self.bias

    def save(self, path: Path) -> None:
        """Write to a compressed ``.npz`` file."""
        np.savez_compressed(path, **{name: value.numpy() for name, value in vars(self).items()})

    @classmethod
    def load(cls, path: Path) -> ClassifierHead:
        """Read what :meth:`save` wrote.

        Raises
        ------
        UserError
            No such file, or not one of these.
        """
        found = _read_arrays(path, cls, "classifier")
        return cls(**{name: torch.from_numpy(value) for name, value in found.items()})


def _read_arrays(path: Path, kind: type[DeepFeatures | ClassifierHead], what: str) -> dict[str, np.ndarray]:
    try:
        arrays = read_arrays(path)
        return {field.name: arrays[field.name] for field in fields(kind)}
    except Exception as error:  # a damaged archive of arrays fails in many ways
        raise UserError(f"{path}: no {what} there ({type(error).__name__})", hint="make it again") from error


def balanced_rows(labels: Tensor, per_class: int) -> Tensor:
    """Return the positions of the first ``per_class`` images of each class, in their order.

    Parameters
    ----------
    labels : Tensor, shape (n,)
    per_class : int

    Returns
    -------
    Tensor, shape (at most K * per_class,)

    Examples
    --------
    >>> balanced_rows(torch.tensor([0, 0, 1, 0, 1]), 2).tolist()
    [0, 1, 2, 4]
    """
    kept = [(labels == label).nonzero()[:per_class, 0] for label in labels.unique()]
    return torch.cat(kept).sort().values if kept else torch.zeros(0, dtype=torch.int64)


__getattr__ = old_names(__name__)  # names of the last release

"""Run a model over a data set and keep everything that later figures need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dacl_edu.data import FaceDataset
from dacl_edu.evaluation.metrics import attention_stats, score
from dacl_edu.files import read_arrays, replacing


@dataclass(frozen=True)
class Predictions:
    """What a model said about each image of a split, on the CPU.

    Attributes
    ----------
    logits : Tensor, shape (n, K)
    features : Tensor, shape (n, d)
    attention : Tensor, shape (n, d)
    labels : Tensor, shape (n,)
    indices : Tensor, shape (n,)
        Rows of the data set.
    """

    logits: Tensor
    features: Tensor
    attention: Tensor
    labels: Tensor
    indices: Tensor

    def scores(self) -> dict[str, Any]:
        """Return accuracy, average accuracy, per-class accuracy, confusion and the attention's statistics."""
        scores = score(self.logits.argmax(dim=1), self.labels, self.logits.shape[1])
        return {**scores, "attention": attention_stats(self.attention)}

    def save(self, path: Path) -> None:
        """Write the arrays to a compressed ``.npz`` file; whatever happens, an older one is whole until then."""
        path = path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")
        with replacing(path) as beside:
            np.savez_compressed(beside, **{name: tensor.numpy() for name, tensor in vars(self).items()})

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read what :meth:`save` wrote; half precision, as small copies keep it, becomes float32.

        Raises
        ------
        ValueError
            Other arrays than these; a damaged file fails in many ways.
        """
        found = cls(**{name: widened(array) for name, array in read_arrays(path).items()})
        (n, k), labels = found.logits.shape, found.labels
        dims = [tensor.dim() for tensor in (labels, found.indices, found.features, found.attention)]
        whole = dims == [1, 1, 2, 2] and all(len(tensor) == n for tensor in vars(found).values())
        if not whole or not 0 <= labels.min() <= labels.max() < k:
            raise ValueError(f"{path}: arrays that do not belong together")
        return found


def widened(array: np.ndarray) -> Tensor:
    """Return an array as a tensor, floating-point numbers in float32."""
    tensor = torch.from_numpy(array)
    return tensor.float() if tensor.is_floating_point() else tensor


@torch.no_grad()
def predict(
    model: nn.Module,
    dataset: FaceDataset,
    prepare: Callable[[Tensor], Tensor],
    batch_size: int = 256,
    device: torch.device | str = "cpu",
) -> Predictions:
    """Run ``model`` in evaluation mode over ``dataset``, in its order.

    Parameters
    ----------
    model : nn.Module
        Returns :class:`dacl_edu.model.DACLOutput`; put back into its mode afterwards.
    dataset : FaceDataset
    prepare : callable
        From uint8 images (m, 3, H, W) to the network's input: the centre crop, normalised.
    batch_size : int, default 256
    device : default "cpu"
    """
    was_training = model.training
    model.eval()
    kept: list[tuple[Tensor, ...]] = []
    weight = next(model.parameters(), None)
    dtype = torch.float32 if weight is None else weight.dtype  # float64 for a network of precision 64-true
    for images in dataset.in_order(batch_size):
        output = model(prepare(images.to(device, non_blocking=True)).to(dtype))
        kept.append((output.logits.float(), output.features.float(), output.attention.float()))
    model.train(was_training)
    # A device is waited for once, at the end.
    logits, features, attention = (torch.cat(parts).cpu() for parts in zip(*kept, strict=True))
    return Predictions(logits, features, attention, dataset.labels.cpu(), torch.arange(len(dataset)))

"""Deep features of a few validation images after every epoch: how the embedding and the attention came to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dacl_edu.centers import ClassCenters
from dacl_edu.data import FaceDataset
from dacl_edu.evaluation.deep_features import DeepFeatures, balanced_rows
from dacl_edu.evaluation.predict import predict
from dacl_edu.files import read_arrays, replacing
from dacl_edu.model import DACL

FOLDER = "snapshots"


@dataclass(frozen=True)
class Snapshot:
    """One epoch's picture.

    Attributes
    ----------
    epoch : int
        0 is before training.
    deep : DeepFeatures
        Of the same images in every epoch.
    centers : Tensor, shape (K, d)
    """

    epoch: int
    deep: DeepFeatures
    centers: Tensor


class SnapshotWriter:
    """Writes ``snapshots/epoch_012.npz`` into a run folder, of the first ``per_class`` images of each class.

    ``prepare`` turns uint8 images into the network's input; without a ``dataset``, or with 0 images, nothing is
    written.
    """

    def __init__(
        self, folder: Path, dataset: FaceDataset | None, per_class: int, prepare: Callable[[Tensor], Tensor]
    ) -> None:
        self.folder, self.prepare = folder / FOLDER, prepare
        self.rows = None if dataset is None or not per_class else balanced_rows(dataset.labels, per_class)
        self.dataset = None if dataset is None or self.rows is None else dataset.subset(self.rows)

    def take(self, epoch: int, network: DACL, centers: ClassCenters) -> None:
        """Write the state after ``epoch`` epochs; a resumed run writes the same file again."""
        if self.dataset is None or self.rows is None:
            return
        predictions = predict(network, self.dataset, self.prepare, device=centers().device)
        deep = DeepFeatures.of(predictions, self.dataset.split)
        deep = DeepFeatures(deep.features, deep.attention, deep.labels, deep.predicted, self.rows, deep.split)
        self.folder.mkdir(exist_ok=True)
        with replacing(self.folder / f"epoch_{epoch:03d}.npz") as beside:
            deep.save(beside, centers=centers().detach().cpu().float())


def load_snapshots(folder: str | Path) -> list[Snapshot]:
    """Read the snapshots of a run's folder, in the order of the epochs; an empty list where there are none.

    Examples
    --------
    >>> load_snapshots("runs/none")
    []
    """
    found = []
    for path in sorted((Path(folder) / FOLDER).glob("epoch_*.npz")):
        deep = DeepFeatures.load(path)  # says which file is damaged
        centers = torch.from_numpy(read_arrays(path)["centers"]).float()
        found.append(Snapshot(int(path.stem.removeprefix("epoch_")), deep, centers))
    return found

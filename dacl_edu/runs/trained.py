"""Put a finished run back together, to look at it or to measure it on other data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dacl_edu.centers import ClassCenters
from dacl_edu.data import AugmentParameters, BatchAugment, FaceDataset, available_splits, load_dataset
from dacl_edu.data.classes import same_name
from dacl_edu.errors import UserError
from dacl_edu.evaluation.deep_features import ClassifierHead, DeepFeatures, balanced_rows
from dacl_edu.evaluation.predict import Predictions, predict
from dacl_edu.model import DACL
from dacl_edu.model.pretrained import require_same_classes
from dacl_edu.runs.checkpoint import checkpoint_classes, fitting, load_checkpoint
from dacl_edu.runs.config import SELECTED_BY, TrainConfig
from dacl_edu.runs.folder import RunFolder
from dacl_edu.runs.methods import build_method
from dacl_edu.runs.splits import evaluated_split, load_evaluated_split, load_split


@dataclass(frozen=True)
class LoadedRun:
    """A trained model with what is needed to use it.

    Attributes
    ----------
    folder : RunFolder
    config : TrainConfig
    model : DACL
        In evaluation mode.
    centers : ClassCenters
    classes : tuple of str
        (K,) what the rows of the classifier and the centers stand for.
    prepare : BatchAugment
        ``prepare.evaluate(images)`` turns uint8 images (m, 3, H, W) into the model's input.
    """

    folder: RunFolder
    config: TrainConfig
    model: DACL
    centers: ClassCenters
    classes: tuple[str, ...]
    prepare: BatchAugment


def load_run(path: str | Path, classes: Sequence[str] | None = None) -> LoadedRun:
    """Load the model of a run: the selected epoch's, or the last one's.

    Parameters
    ----------
    path : path
        A run folder.
    classes : sequence of str, optional
        Those that it must have.

    Raises
    ------
    UserError
        No run there, a damaged checkpoint, or one of other classes.
    """
    folder = RunFolder(path)
    config = folder.config()
    path_of_state = folder.checkpoint_last if config.select_by == "last" else folder.checkpoint_best
    state = load_checkpoint(path_of_state)
    _, attention_mode = build_method(config)
    with fitting(path_of_state):
        num_classes, feature_dim = state["centers"]["centers"].shape
        model = DACL(
            config.backbone, num_classes, config.image_size, attention_mode, config.attention_widths, config.feature_dim
        )
        model.load_state_dict(state["model"])
        centers = ClassCenters(num_classes, feature_dim, config.alpha, config.eps, config.center_init)
        centers.load_state_dict(state["centers"])
        mean, std = state["normalization"]
        prepare = BatchAugment(AugmentParameters(config.image_size, "none", tuple(mean), tuple(std)))
        found = checkpoint_classes(state)
    if classes is not None:
        require_same_classes(str(folder.path), found, classes)
    return LoadedRun(folder, config, model.eval(), centers, found, prepare)


def load_head(path: str | Path) -> ClassifierHead:
    """Return the classifier and the centers of a run; parameters and errors as :func:`load_run`."""
    run = load_run(path)
    weight, bias = run.model.classifier.weight.detach(), run.model.classifier.bias.detach()
    return ClassifierHead(weight, bias, run.centers().detach())


def compute_deep_features(path: str | Path, split: str, per_class: int | None = None) -> DeepFeatures:
    """Run a trained network, of a run folder with a checkpoint, over images of a split of its own data set.

    With ``per_class`` only the first so many of each class.

    Raises
    ------
    UserError
        As :func:`load_run` and :func:`dacl_edu.data.load_dataset`.
    """
    run = load_run(path)
    config = run.config
    dataset = load_split(config, split)
    rows = torch.arange(len(dataset)) if per_class is None else balanced_rows(dataset.labels, per_class)
    predictions = predict(run.model, dataset.subset(rows), run.prepare.evaluate)
    return replace(DeepFeatures.of(predictions, split), indices=rows)


def evaluate_run(
    path: str | Path,
    data: str | None = None,
    root: str | Path | None = None,
    split: str | None = None,
    classes: str | Sequence[str] | None = None,
) -> tuple[dict[str, Any], Predictions]:
    """Measure a trained run on any split of any data set, in float32.

    Where the data have other classes than the model, those that both have are scored, by name: images of the others
    are left out, and the answer is the likeliest of the shared classes.

    Parameters
    ----------
    path : path
        A run folder.
    data, root : optional
        Data set and its folder; by default the run's own.
    split : optional
        By default the one that the run was measured on.
    classes : str or sequence of str, optional
        As for :func:`dacl_edu.data.load_dataset`; the run's own of its own data set.

    Returns
    -------
    result : dict
        Scores, with what they are of; ``chance`` is the accuracy of guessing. Where classes differ, ``not_scored``
        names those of the model and of the data that were left out, and the share of the images that is.
    predictions : Predictions

    Raises
    ------
    UserError
        As :func:`load_run` and :func:`dacl_edu.data.load_dataset`; or fewer than two classes are shared.
    """
    run = load_run(path)
    config = run.config
    name = data or config.data
    if data is None and root is None and split is None and classes is None:
        dataset = load_evaluated_split(config)  # with the run's own limit: the images that its result is of
    else:
        where = root if root is not None or data is not None else config.root
        split = split or evaluated_split(config, available_splits(name, where))
        dataset = load_dataset(name, split, where, config.load_size, classes or (None if data else config.classes))
    dataset, rows, columns, not_scored = _shared(run, dataset)
    predictions = predict(run.model, dataset, run.prepare.evaluate)
    predictions = replace(predictions, logits=predictions.logits[:, columns], indices=rows)
    result = {
        "run": str(run.folder.path),
        "method": config.method,
        "dataset": name,
        "preset": config.preset,
        "seed": config.seed,
        "split": dataset.split,
        "images": len(dataset),
        "selected_by": SELECTED_BY[config.select_by],
        "classes": list(dataset.classes),
        "chance": 1 / len(dataset.classes),
        **({"not_scored": not_scored} if not_scored else {}),
        **predictions.scores(),
    }
    return result, predictions


def _shared(run: LoadedRun, dataset: FaceDataset) -> tuple[FaceDataset, Tensor, list[int], dict[str, Any]]:
    """Return the images of the classes that both have, their rows, the model's columns, and what is left out."""
    theirs = {name: same_name(name, dataset.classes) for name in run.classes}
    kept = [name for name, other in theirs.items() if other is not None]
    if len(kept) < 2:
        raise UserError(
            f"{run.folder.path} knows {', '.join(run.classes)}; {dataset.name} has {', '.join(dataset.classes)}",
            hint="two classes with the same name are needed to measure one on the other",
        )
    shared = [str(theirs[name]) for name in kept]
    part = dataset.of_classes(shared)
    numbers = torch.tensor([dataset.classes.index(name) for name in shared])
    rows = torch.isin(dataset.labels, numbers).nonzero()[:, 0]
    left = {
        "model": [name for name in run.classes if name not in kept],
        "data": [name for name in dataset.classes if name not in theirs.values()],
        "images": len(dataset) - len(part),
        "share": 1 - len(part) / len(dataset),
    }
    columns = [run.classes.index(name) for name in kept]
    return part, rows, columns, left if left["model"] or left["data"] else {}

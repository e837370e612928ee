"""What the explainer shows of a network: its outputs for some faces, in half precision, at one epoch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dacl_edu.data import FaceDataset
from dacl_edu.errors import UserError
from dacl_edu.evaluation.attention_statistics import class_contrast
from dacl_edu.evaluation.attention_step import attention_step
from dacl_edu.evaluation.deep_features import balanced_rows
from dacl_edu.losses import CenterLoss, MetricLoss, SparseCenterLoss
from dacl_edu.model import DACL
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.methods import build_method
from dacl_edu.runs.trained import LoadedRun

Array = np.ndarray[Any, Any]
FACES, COLUMNS = 84, 7
TILES, TILE_SIDE = 64, 8
"""Channels of the feature map that are kept, the most telling ones, and the largest side of one, in cells."""
_EXACT, _MOST = 20_000_000, 120_000_000
"""Parameters of an attention network up to which its step is computed in float64, and at all."""


class Stage(NamedTuple):
    """One network's outputs for n faces. Parts that a method does not have are empty: their last size is 0.

    Attributes
    ----------
    features : array, shape (n, d), float16
        x.
    tiles : array, shape (n, s, h, w), uint8
        Channels of x*, from 0 to 15, each in steps of its own range.
    latent : array, shape (n, d'), float16
        e, Eq. 5.
    scores : array, shape (n, 2d), float16
        Eq. 6: for each dimension exclusion, then inclusion.
    frozen : array, shape (n, d), float16
        What the attention network as it was before training makes of these maps, its batch norm fitted to these faces.
    change : array, shape (n, d), float16
        How attention changes under gradient descent on L_SC over these n faces, in training mode, divided by ``rate``.
    rate : array, shape (1,), float32
        The root mean square of these changes, per unit of learning rate.
    weight, bias, centers : arrays, shape (K, d), (K,), (K, d), float32
        W and B of Eq. 1, and c.
    own : array, shape (n + rows + 1,), float32
        L_metric of a run whose metric loss is neither Eq. 3 nor Eq. 4: of each face alone, of each row of
        :data:`COLUMNS` faces, of all. NaN where the loss is not defined.
    push : array, shape (K, d), float32
        What such a loss adds to the step of Eq. 11, see :meth:`dacl_edu.losses.MetricLoss.center_push`.
    """

    features: Array
    tiles: Array
    latent: Array
    scores: Array
    frozen: Array
    change: Array
    rate: Array
    weight: Array
    bias: Array
    centers: Array
    own: Array = np.zeros(0, np.float32)
    push: Array = np.zeros((0, 0), np.float32)


class ExplainedRun(NamedTuple):
    """A run as the explainer shows it.

    Attributes
    ----------
    config : TrainConfig
    mode : str
        What its attention is, see :class:`dacl_edu.model.attention.AttentionNetwork`.
    epochs : tuple of int
    stages : tuple of Stage
        One for each of ``epochs``.
    order : array, shape (d,)
        Dimensions, the most telling first: those whose attention (or, without attention, whose feature) differs most
        between classes at the last stage. The tiles are of the first of them.
    """

    config: TrainConfig
    mode: str
    epochs: tuple[int, ...]
    stages: tuple[Stage, ...]
    order: Array

    def save(self, path: Path) -> None:
        """Write stages and order to a compressed ``.npz`` file; tiles two to a byte."""
        stacked = {name: np.stack([getattr(stage, name) for stage in self.stages]) for name in Stage._fields}
        tiles = stacked.pop("tiles")
        config = self.config.model_copy(update={"root": None})  # a path of one machine
        more = {"epochs": np.array(self.epochs), "order": self.order, "mode": np.array(self.mode)}
        more |= {"tiles": packed(tiles), "shape": np.array(tiles.shape), "config": np.array(config.model_dump_json())}
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **stacked, **more)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> ExplainedRun:
        """Read what :meth:`save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays}
        flat = np.stack([found["tiles"] >> 4, found["tiles"] & 15], axis=-1).reshape(-1)
        found["tiles"] = flat[: np.prod(found["shape"])].reshape(found["shape"])
        epochs = tuple(found["epochs"].tolist())
        names = [name for name in Stage._fields if name in found]
        stages = tuple(Stage(**{name: found[name][at] for name in names}) for at in range(len(epochs)))
        config = TrainConfig.model_validate_json(str(found["config"]))
        return cls(config, str(found["mode"]), epochs, stages, found["order"])


def packed(tiles: Array) -> Array:
    """Put two numbers from 0 to 15 into each byte, the first in its upper half.

    Examples
    --------
    >>> packed(np.array([1, 2, 15], np.uint8)).tolist()
    [18, 240]
    """
    flat = np.append(tiles.reshape(-1), np.zeros(tiles.size % 2, np.uint8))
    return flat[0::2] << 4 | flat[1::2]


def choose_faces(dataset: FaceDataset) -> FaceDataset:
    """Return the first faces of each class, 84 at most, in rows that hold one of each class.

    Examples
    --------
    >>> from dacl_edu.data import load_dataset
    >>> choose_faces(load_dataset("bundled", "test")).labels[:9].tolist()
    [0, 1, 2, 3, 4, 5, 6, 0, 1]
    """
    per_class = max(1, FACES // len(dataset.classes))
    rows = balanced_rows(dataset.labels, per_class)
    labels = dataset.labels[rows]
    rank = torch.stack([(labels[:at] == label).sum() for at, label in enumerate(labels)])  # within its class
    order = (rank * len(dataset.classes) + labels).argsort()
    return dataset.subset(rows[order][:FACES])


def explain_run(states: Sequence[LoadedRun], epochs: Sequence[int], images: Tensor, labels: Tensor) -> ExplainedRun:
    """Compute all that the explainer stores of one run.

    Parameters
    ----------
    states : sequence of LoadedRun
        The same run at several epochs.
    epochs : sequence of int
    images : Tensor, shape (n, 3, H, W), uint8
        Of the size that the run loads.
    labels : Tensor, shape (n,)
    """
    last = states[-1]
    initial = untrained(last)
    full = [_stage(state, images, labels, initial) for state in states]
    telling = _attention(full[-1].scores) if full[-1].scores.size else full[-1].features.astype(float)
    try:
        order = class_contrast(telling, labels.numpy())["dimension"].to_numpy().astype(np.int32)
    except UserError:  # one class, or one face each: nothing to order by
        order = np.arange(telling.shape[1], dtype=np.int32)
    stages = tuple(stage._replace(tiles=stage.tiles[:, order[:TILES]]) for stage in full)
    return ExplainedRun(last.config, last.model.attention.mode, tuple(epochs), stages, order)


def answers(run: LoadedRun, images: Tensor) -> Tensor:
    """Return the class that a run's network sees in each image, (n,): the label of a face whose class is not known."""
    return _outputs(run, images)[0].argmax(dim=1)


def untrained(run: LoadedRun) -> DACL:
    """Return the network that a run began with, as its seed says; a backbone of pretrained weights is another."""
    config, count = run.config, run.model.classifier.out_features
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return DACL(config.backbone, count, config.image_size, run.model.attention.mode, config.attention_widths)


def _outputs(run: LoadedRun, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Logits, features, attention and feature map of uint8 images, in evaluation mode."""
    with torch.no_grad():
        parts = [run.model(run.prepare.evaluate(part)) for part in images.split(28)]
    logits, features, a, feature_map = (torch.cat(of_all) for of_all in zip(*parts, strict=True))
    return logits, features, a, feature_map


def _stage(run: LoadedRun, images: Tensor, labels: Tensor, initial: DACL) -> Stage:
    _, features, a, feature_map = _outputs(run, images)
    centers, classifier, attention = run.centers().detach(), run.model.classifier, run.model.attention
    nothing = np.zeros((len(images), 0), np.float16)
    latent = scores = frozen = change = nothing
    rate = 1.0
    if attention.encoder is not None and attention.heads is not None:
        with torch.no_grad():
            e = attention.encoder(feature_map)
            latent, scores = _half(e), _half(attention.heads.scores(e).flatten(1))
            assert initial.attention.encoder is not None and initial.attention.heads is not None
            before = initial.attention.train()  # batch norm takes mean and variance of these faces
            if attention.mode == "frozen":
                before = attention  # the run's own, with the statistics that it gathered
            frozen = _half(before.heads(before.encoder(feature_map)))  # type: ignore[misc]
        size = sum(weight.numel() for weight in attention.parameters())
        if attention.mode == "learned" and size <= _MOST:
            kind = torch.float64 if size <= _EXACT else torch.float32
            slope = (features - centers[labels]).to(kind).square() / (2 * len(images))  # Eq. 10
            network = attention.to(kind).train()
            step = attention_step(network, feature_map.to(kind), slope).change
            attention.float().eval()
            rate = float(step.square().mean().sqrt()) or 1.0
            change = _half(step / rate)
    own, push = _own_loss(build_method(run.config)[0], features.half().float(), a, labels, centers)
    return Stage(
        _half(features), _tiles(feature_map), latent, scores, frozen, change, np.array([rate], np.float32),
        classifier.weight.detach().numpy(), classifier.bias.detach().numpy(), centers.numpy(), own, push,
    )  # fmt: skip


def _own_loss(loss: MetricLoss | None, x: Tensor, a: Tensor, labels: Tensor, centers: Tensor) -> tuple[Array, Array]:
    """``own`` and ``push`` of :class:`Stage`; empty for the losses that the explainer computes itself."""
    if loss is None or type(loss) in (CenterLoss, SparseCenterLoss):
        return Stage._field_defaults["own"], Stage._field_defaults["push"]
    starts = [*((i, 1) for i in range(len(x))), *((i, COLUMNS) for i in range(0, len(x), COLUMNS)), (0, len(x))]

    def value(rows: slice) -> float:
        try:
            return float(loss(x[rows], a[rows], labels[rows], centers))
        except Exception:  # a reader's own formula may ask for more faces than one, in its own way
            return float("nan")

    own = np.array([value(slice(at, at + count)) for at, count in starts], np.float32)
    push = loss.center_push(centers)
    return own, Stage._field_defaults["push"] if push is None else push.detach().float().numpy()


def _half(values: Tensor) -> Array:
    return values.detach().half().numpy()


def _tiles(feature_map: Tensor) -> Array:
    height, width = (min(TILE_SIDE, side) for side in feature_map.shape[2:])
    small = torch.nn.functional.adaptive_avg_pool2d(feature_map, (height, width))
    low = small.amin((2, 3), keepdim=True).clamp(max=0)
    steps = (small - low) / (small.amax((2, 3), keepdim=True) - low).clamp_min(1e-9) * 15
    return steps.round().to(torch.uint8).numpy()


def _attention(scores: Array) -> Array:
    exclude, include = scores.astype(float)[:, 0::2], scores.astype(float)[:, 1::2]
    return 1 / (1 + np.exp(exclude - include))

"""What stops attention from falling to zero? The study's runs looked into, and fifteen more with one thing changed.

    python -m tools.what_stops runs/study runs/what-stops

trains five arms (DACL, λ = 1, preset ``minute``, three seeds; what is done is skipped, what is half done is resumed),
measures them and the study's runs, and writes ``studies/bundled/what_stops.csv``: a line a run.

- ``no softmax loss``: the classifier is held at zero, so that its loss is the constant log 7 and the features follow
  L_SC alone.
- ``no biases``: those of the heads (Eq. 6) are held at zero, where they begin.
- ``still features``: L_SC moves attention alone; to the features it is a constant, and they follow the softmax loss.
- ``pull cut``: only Eq. 9, L_SC's pull on the features themselves, is cut. What goes through the attention network back
  into the feature map stays. (Added later: this is what was first trained as ``still features``, until a test showed
  that the backbone was not that of softmax loss.)
- ``constant rate``: the learning rate stays 0.1 and does not fall to nearly zero (``onecycle``).

Written down before the arms were trained, and before anything but the metrics of one run (λ = 1, seed 0: L_SC falls
from 0.97 in the first epoch to 0.02 in the second, attention from 0.49 to 0.37, most of it in epochs 3 to 7) was seen.
D² is the squared distance of Eq. 10, whose gradient is D² / 2m. At λ = 1:

- H11: the heads' biases carry less than half of the fall: with them alone (W e left out) mean attention would be above
  0.43, and without them in training it ends within 0.05 of where it ends with them.
- H12: the pull goes because the features come to sit on their centers: D² ends below a tenth of what it is under
  softmax loss.
- H13: the softmax loss does not hold attention up: without it D² is gone sooner, and attention ends higher, above 0.45.
- H14: where the features do not follow L_SC, the pull stays, and mean attention falls below 0.1.
- H15: the end of the schedule is part of it: at a constant rate attention ends lower by 0.05 or more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import torch
from torch import Tensor

from dacl_edu.evaluation.attention_step import weighted_mean
from dacl_edu.losses import MetricLoss, sparse_center_loss
from dacl_edu.losses.registry import register_loss
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.run import Run, find_runs
from dacl_edu.runs.splits import load_evaluated_split
from dacl_edu.runs.trained import load_run
from dacl_edu.training import loop
from dacl_edu.training.build import build_run
from dacl_edu.training.state import RunState
from tools.what_stops_table import AS_STUDIED, TABLE

SEEDS = range(3)


@register_loss("still_features")
class StillFeatures(MetricLoss):
    """Eq. 4 without its pull on the features (Eq. 9); that on attention (Eq. 10) stays."""

    def formula(self, features: Tensor, attention: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Return L_SC."""
        return sparse_center_loss(features.detach(), attention, labels, centers)


def without_softmax(run: RunState) -> None:
    """Hold the classifier at zero: all scores are 0, whatever the features, and the softmax loss has no gradient."""
    for weight in run.network.classifier.parameters():
        torch.nn.init.zeros_(weight).requires_grad_(False)


def without_biases(run: RunState) -> None:
    """Hold the heads' biases where they begin, at zero; SGD passes over what has no gradient."""
    assert run.network.attention.heads is not None
    run.network.attention.heads.linear.bias.requires_grad_(False)


def with_map_detached(run: RunState) -> None:
    """Let nothing through the attention network back into the feature map, so into the features."""
    run.network.attention.register_forward_pre_hook(lambda _, maps: (maps[0].detach(),))


ARMS: dict[str, tuple[dict[str, Any], Callable[[RunState], None] | None]] = {
    "no softmax loss": ({}, without_softmax),
    "no biases": ({}, without_biases),
    "still features": ({"method": "still_features"}, with_map_detached),
    "pull cut": ({"method": "still_features"}, None),
    "constant rate": ({"schedule": "constant"}, None),
}


def main() -> int:
    """Train, measure, write; return the exit status."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    for seed in SEEDS:
        for arm in ARMS:
            train_arm(arm, seed, Path(sys.argv[2]))
    measured = [(AS_STUDIED, run) for run in find_runs(sys.argv[1]) if is_wanted(run.config)]
    measured += [(run.folder.parent.name, run) for arm in ARMS for run in find_runs(Path(sys.argv[2], arm))]
    lines = []
    for arm, run in measured:
        lines.append({"arm": arm, **measure(run)})
        print(f"{len(lines)}/{len(measured)} measured: {arm}, {run.folder.name}", file=sys.stderr)
    keys = ["arm", "method", "lam", "weight_decay", "seed"]
    pd.DataFrame(lines).sort_values(keys).round(5).to_csv(TABLE, index=False)
    return 0


def train_arm(arm: str, seed: int, out: Path, preset: str = "minute", **settings: Any) -> None:
    """Train one run into ``out/arm/seed``."""
    own, change = ARMS[arm]
    config = TrainConfig.from_preset(preset, **({"method": "dacl", "lam": 1, "seed": seed} | own | settings))

    def changed(*arguments: Any) -> RunState:
        run = build_run(*arguments)
        if change is not None:
            change(run)
        return run

    with patch.object(loop, "build_run", changed):
        loop.train(config, out / arm / f"seed{seed}", resume=True)


def is_wanted(config: TrainConfig) -> bool:
    """Whether a run of the study is DACL with learned attention, or softmax loss, on the faces as they are shipped."""
    return config.root is None and config.attention is None and config.method in ("dacl", "softmax")


@torch.no_grad()
def measure(run: Run) -> dict[str, Any]:
    """Return what is asked of one run, over its test faces.

    Returns
    -------
    dict
        ``attention``, its mean. Of the head's difference u = p_in − p_ex = b + W e (Eq. 6): ``bias``, ``latent``, the
        means of its two parts; ``bias_alone``, ``latent_alone``: mean attention with the other part left out;
        ``one_vector``: with W e replaced by its mean over faces. ``distance``, the mean D² of a dimension;
        ``distance_attended``, weighted by attention; ``attention_1``, ``distance_1`` and so on: means over the quarter
        of the dimensions that is attended least, to the one that is attended most.
        ``first``, ``half``, ``last``: attention over the training faces in those epochs; ``loss_first`` ...: L_SC then.
    """
    config, history = run.config, run.history
    found: dict[str, Any] = {name: getattr(config, name) for name in ("method", "lam", "weight_decay", "seed")}
    loaded = load_run(run.folder)
    model, faces = loaded.model, load_evaluated_split(config)
    maps = torch.cat([model.backbone(loaded.prepare.evaluate(images)) for images in faces.in_order(256)])
    features = model.pool(maps).flatten(1)  # (n, d)
    squares = (features - loaded.centers()[faces.labels]).square()  # D²: (n, d)
    found["distance"] = float(squares.mean())
    heads, encoder = model.attention.heads, model.attention.encoder
    if heads is None or encoder is None:  # softmax loss
        return found | {"lam": 0.0}
    differences = heads.scores(encoder(maps)).diff(dim=2)[..., 0]  # u: (n, d)
    bias = heads.linear.bias.view(-1, 2).diff(dim=1)[:, 0]  # b: (d,)
    latent = differences - bias  # W e: (n, d)
    for name, score in (
        ("attention", differences), ("bias_alone", bias), ("latent_alone", latent),
        ("one_vector", differences.mean(dim=0)),
    ):  # fmt: skip
        found[name] = float(score.sigmoid().mean())
    found |= {"bias": float(bias.mean()), "latent": float(latent.mean())}
    attention = differences.sigmoid()
    found["distance_attended"] = weighted_mean(squares, attention)
    for number, quarter in enumerate(attention.mean(dim=0).argsort().chunk(4), start=1):
        found[f"attention_{number}"] = float(attention[:, quarter].mean())
        found[f"distance_{number}"] = float(squares[:, quarter].mean())
    for name, epoch in (("first", 0), ("half", len(history) // 2 - 1), ("last", -1)):
        found[name] = history[epoch]["attention"]["mean"]
        found[f"loss_{name}"] = history[epoch]["train"]["metric_loss"]
    return found


if __name__ == "__main__":
    sys.exit(main())

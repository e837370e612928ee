"""What stops attention: each arm changes what it says and nothing else, and the page says what the table holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from dacl_edu.evaluation.significance import Interval
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.run import read_run
from dacl_edu.runs.trained import load_run
from dacl_edu.training import train
from tools.study import TARGET
from tools.what_stops import ARMS, measure, train_arm
from tools.what_stops_table import TABLE, Claim, claims, section

TINY: dict[str, Any] = {"limit": 28, "batch_size": 14, "epochs": 1, "precision": "32-true"}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arms")
    for arm in ARMS:
        train_arm(arm, 0, folder, "smoke", **TINY)
    return folder


def test_what_is_held_stays_and_the_rest_moves(out: Path) -> None:
    silent, unbiased = (load_run(out / arm / "seed0").model for arm in ("no softmax loss", "no biases"))
    assert not any(weight.any() for weight in silent.classifier.parameters())
    assert silent.attention.heads is not None and silent.attention.heads.linear.bias.any()
    assert unbiased.attention.heads is not None and not unbiased.attention.heads.linear.bias.any()
    assert unbiased.classifier.bias.any()
    assert load_run(out / "constant rate" / "seed0").config.schedule == "constant"


def test_still_features_are_those_of_softmax_loss(out: Path, tmp_path: Path) -> None:
    train(TrainConfig.from_preset("smoke", method="softmax", **TINY), tmp_path / "softmax", progress=False)
    alone, still = (load_run(path).model for path in (tmp_path / "softmax", out / "still features" / "seed0"))
    for (name, one), other in zip(alone.backbone.named_parameters(), still.backbone.parameters(), strict=True):
        assert torch.equal(one, other), name
    moved = load_run(out / "pull cut" / "seed0").model  # through the attention network
    assert not torch.equal(next(alone.backbone.parameters()), next(moved.backbone.parameters()))
    assert not torch.equal(alone.classifier.weight, load_run(out / "no biases" / "seed0").model.classifier.weight)


def test_the_two_parts_are_those_of_eq_6(out: Path) -> None:
    found = measure(read_run(out / "no biases" / "seed0"))
    assert found["bias"] == 0 and found["bias_alone"] == 0.5
    assert found["latent_alone"] == pytest.approx(found["attention"]) and found["distance"] > 0
    run = read_run(out / "constant rate" / "seed0")
    found = measure(run)
    assert found["attention"] == pytest.approx(run.result["attention"]["mean"], abs=1e-4)
    assert found["latent_alone"] != pytest.approx(found["attention"], abs=1e-6)


def test_a_claim_is_judged_by_its_whole_interval() -> None:
    for interval, verdict in (((0.1, 0.2), "holds"), ((0.1, 0.4), "open"), ((0.31, 0.4), "wrong")):
        low, high = interval
        assert Claim("H", "", Interval(low, (low + high) / 2, high), 0.0, 0.3).verdict == verdict


def test_the_page_of_findings_holds_what_the_table_says() -> None:
    assert section() in (TARGET / "findings.md").read_text(encoding="utf-8")
    runs = pd.read_csv(TABLE)
    assert len(runs[runs.arm != "as in the study"]) == 15
    runs.loc[runs.arm == "still features", "attention"] = [0.3, 0.31, 0.32]
    assert {claim.verdict for claim in claims(runs) if claim.hypothesis == "H14"} == {"wrong"}

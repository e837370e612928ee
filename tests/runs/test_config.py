"""The configuration: what it refuses and how it says so; the presets against Sec. 4.2 of the paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from torch import nn

from dacl_edu.errors import UserError
from dacl_edu.training import PRESETS, TrainConfig
from dacl_edu.training.optim import build_optimizer, build_schedule


def test_nothing_can_be_changed_afterwards() -> None:
    config = TrainConfig.from_preset("smoke")
    with pytest.raises(ValidationError, match="frozen"):
        config.lr = 1.0  # type: ignore[misc]
    assert config.lr == 0.05


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batchsize": 4}, "unknown field 'batchsize' — did you mean 'batch_size'?"),
        ({"lambda_": 0.1}, "unknown field 'lambda_'"),
        ({"epochs": "many"}, "epochs: .*integer"),
        ({"epochs": 0}, "epochs: .*greater than or equal to 1"),
        ({"lam": -0.1}, "lam: .*greater than or equal to 0"),
        ({"alpha": 1.5}, "alpha: .*less than or equal to 1"),
        ({"lr": 0}, "lr: .*greater than 0"),
        ({"momentum": 1.0}, "momentum: .*less than 1"),
        ({"seed": -1}, "seed: "),
        ({"augment": "mixup"}, "augment: .*'ten_crop'"),
        ({"schedule": "cosine"}, "schedule: .*'step'"),
        ({"attention": "learnt"}, "attention: .*'learned'"),
        ({"select_by": "vibes"}, "select_by: .*'validation'"),
        ({"precision": "8-bit"}, "precision: "),
        ({"attention_widths": ("wide",)}, "attention_widths.0: "),
        ({"load_size": 32, "image_size": 40}, "load_size 32 is smaller than image_size 40"),
        ({"batch_size": 9, "devices": 2}, "batch_size 9 is not a multiple of devices 2"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov needs a momentum"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_value_is_refused_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        TrainConfig.from_preset("smoke", **changes)


@pytest.mark.parametrize(
    "changes",
    [{"batch_size": 1}, {"batch_size": 8, "accumulate": 8}, {"batch_size": 4, "devices": 4}],
    ids=["batch_size", "accumulate", "devices"],
)
def test_a_batch_of_one_is_refused_because_of_batchnorm(changes: dict[str, int]) -> None:
    with pytest.raises(UserError, match="BatchNorm"):
        TrainConfig.from_preset("smoke", **changes)


def test_the_smallest_batch_is_two() -> None:
    assert TrainConfig.from_preset("smoke", batch_size=8, accumulate=2, devices=2).batch_size == 8


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UserError, match="unknown preset 'paper-rafbd' — did you mean 'paper-rafdb'"):
        TrainConfig.from_preset("paper-rafbd")


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_and_remembers_its_name(preset: str) -> None:
    config = TrainConfig.from_preset(preset)
    assert config.preset == preset
    assert {name: getattr(config, name) for name in PRESETS[preset]} == PRESETS[preset]


# Sec. 4.2: "SGD optimizer with a momentum of 0.9 and a weight decay of 5 x 10^-4", "crops of size 224 x 224 are
# extracted from the input images with size 256 x 256" ("one central, and one for each corner and their horizontal
# flips"), "a batch size of 128 for both datasets", "α and λ are empirically set as 0.5 and 0.01, respectively".
SECTION_4_2 = {
    "backbone": "resnet18", "batch_size": 128, "accumulate": 1, "lr": 0.01, "momentum": 0.9, "nesterov": False,
    "weight_decay": 5e-4, "alpha": 0.5, "lam": 0.01, "load_size": 256, "image_size": 224, "augment": "ten_crop",
    "clip_norm": None, "schedule": "step", "limit": None,
}  # fmt: skip


@pytest.mark.parametrize(("preset", "epochs"), [("paper-rafdb", 60), ("paper-affectnet", 20)])
def test_the_paper_presets_are_section_4_2(preset: str, epochs: int) -> None:
    config = TrainConfig.from_preset(preset)
    assert {name: getattr(config, name) for name in SECTION_4_2} == SECTION_4_2
    assert (config.data, config.epochs) == (preset.removeprefix("paper-"), epochs)


def rates(config: TrainConfig, steps_per_epoch: int = 3) -> list[float]:
    """The learning rate of each step."""
    optimizer = build_optimizer(nn.Linear(2, 2), config)
    schedule = build_schedule(optimizer, config, steps_per_epoch)
    found = []
    for _ in range(config.epochs * steps_per_epoch):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_rafdb_divides_the_rate_by_10_every_20_of_60_epochs() -> None:
    expected = [0.01] * 20 + [0.001] * 20 + [0.0001] * 20
    found = rates(TrainConfig.from_preset("paper-rafdb"))
    assert found == pytest.approx([rate for rate in expected for _ in range(3)], rel=1e-12)


def test_affectnet_divides_the_rate_by_5_every_5_of_20_epochs() -> None:
    expected = [0.01] * 5 + [0.002] * 5 + [0.0004] * 5 + [0.00008] * 5
    found = rates(TrainConfig.from_preset("paper-affectnet"))
    assert found == pytest.approx([rate for rate in expected for _ in range(3)], rel=1e-12)


def test_onecycle_rises_for_warmup_and_falls_to_nearly_nothing() -> None:
    config = TrainConfig.from_preset("quick", epochs=20, lr=0.2, warmup=0.25)
    found = rates(config, steps_per_epoch=10)
    top = found.index(max(found))
    assert max(found) == pytest.approx(0.2, rel=1e-3) and top == pytest.approx(0.25 * 200, abs=1)
    assert found[: top + 1] == sorted(found[: top + 1]) and found[top:] == sorted(found[top:], reverse=True)
    assert found[-1] < 1e-3 * 0.2


def test_constant_stays() -> None:
    assert set(rates(TrainConfig.from_preset("quick", schedule="constant", lr=0.3, epochs=2))) == {0.3}


def test_the_optimizer_gets_momentum_weight_decay_and_no_frozen_weight() -> None:
    layers = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    layers[0].requires_grad_(False)
    (group,) = build_optimizer(layers, TrainConfig.from_preset("paper-rafdb")).param_groups
    assert (group["momentum"], group["weight_decay"], group["nesterov"]) == (0.9, 5e-4, False)
    assert [id(weight) for weight in group["params"]] == [id(weight) for weight in layers[1].parameters()]


def test_json_and_back_is_the_same_config() -> None:
    config = TrainConfig.from_preset(
        "quick", root="~/faces", attention_widths=(32, 8), loss_parameters={"margin": 0.5}, clip_norm=1,
        pretrained="x.pt",
    )  # fmt: skip
    again = TrainConfig.checked(json.loads(json.dumps(config.model_dump(mode="json"))))
    assert again == config
    assert again.root == Path("~/faces").expanduser() and again.attention_widths == (32, 8)


def test_every_field_says_what_it_is() -> None:
    assert [name for name, field in TrainConfig.model_fields.items() if not field.description] == []

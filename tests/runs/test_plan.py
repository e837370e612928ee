"""Which runs a command means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.plan import parsed_seeds, planned


def test_without_anything_it_is_one_quick_run() -> None:
    assert planned(None, None, None, {}) == [TrainConfig.from_preset("quick")]


def test_seeds_and_methods_are_crossed_and_share_every_other_setting() -> None:
    found = planned("smoke", None, "3,0-1", {"method": ["dacl", "center", "dacl"], "lam": "0.5"})
    assert [(c.method, c.seed) for c in found] == [(m, s) for m in ("dacl", "center") for s in (3, 0, 1)]
    assert {(c.preset, c.lam) for c in found} == {("smoke", 0.5)}


@pytest.mark.parametrize("text", ["", "4-0", "a", "1-", "-1", "0;1"])
def test_what_is_no_list_of_seeds_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no list of seeds"):
        parsed_seeds(text)


def test_a_saved_configuration_is_read_from_its_file_or_folder_and_can_be_changed(tmp_path: Path) -> None:
    saved = TrainConfig.from_preset("smoke", method="center", seed=5, lam=0.3)
    file = tmp_path / "config.json"
    file.write_text(json.dumps(saved.model_dump(mode="json")))
    assert planned(None, file, None, {}) == [saved] == planned(None, tmp_path, None, {})
    (changed,) = planned(None, file, None, {"seed": "7"})
    assert changed == saved.model_copy(update={"seed": 7})


def test_two_starting_points_and_two_kinds_of_seeds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two starting points"):
        planned("quick", tmp_path, None, {})
    with pytest.raises(UserError, match="both given"):
        planned(None, None, "0-1", {"seed": "3"})
    with pytest.raises(UserError, match="cannot be read"):
        planned(None, tmp_path / "none.json", None, {})


def test_an_empty_preset_is_not_the_usual_one() -> None:
    with pytest.raises(UserError, match="unknown preset ''"):
        planned("", None, None, {})

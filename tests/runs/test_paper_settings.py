"""What a preset called the paper's does otherwise is said, and judged by the configuration as it ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from dacl_edu import paths
from dacl_edu.report.tables import comparable
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.paper_settings import deviations, preset_table
from dacl_edu.runs.run import Run

RAFDB_TEST = {"dataset": "rafdb", "split": "test", "images": 3068}


def said(config: TrainConfig) -> str:
    return comparable([Run(Path("x"), config, result=RAFDB_TEST)])


def test_the_papers_preset_trains_on_every_image_and_selects_nothing() -> None:
    config = TrainConfig.from_preset("paper-rafdb")
    assert config.select_by == "last"
    assert not any(found.avoidable for found in deviations(config))
    assert TrainConfig.from_preset("paper-rafdb-val").select_by == "validation"


def test_a_small_net_under_the_papers_preset_is_not_the_papers_experiment() -> None:
    config = TrainConfig.from_preset("paper-rafdb", backbone="small_resnet", image_size=56, load_size=64, epochs=1)
    words = said(config)
    assert "another experiment" in words and "may be set side by side" not in words
    for part in ("backbone small resnet, not resnet18", "image size 56, not 224", "epochs 1, not 60"):
        assert part in words
    assert "may be set side by side" in said(TrainConfig.from_preset("paper-rafdb"))
    as_it_ran = TrainConfig.from_preset("paper-rafdb").model_copy(update={"preset": "custom"})
    assert "may be set side by side" in said(as_it_ran), "the name of the preset decides nothing"


def test_what_nobody_can_repeat_and_what_others_reached_stand_beside() -> None:
    words = said(TrainConfig.from_preset("repo"))
    assert "MS-Celeb-1M" in words and "batch size 64, not 128" in words and "too high" in words
    assert "87.22, 86.44, 86.25, 85.66 %" in words and "issues/7" in words


@pytest.mark.parametrize("field", ["lam", "alpha", "lr", "weight_decay", "momentum", "step_factor"])
def test_each_setting_that_the_paper_names_is_looked_at(field: str) -> None:
    paper = TrainConfig.from_preset("paper-rafdb")
    other = paper.model_copy(update={field: getattr(paper, field) / 2})
    assert [found.setting for found in deviations(other) if found.avoidable] == [field.replace("_", " ")]


def test_the_table_in_the_documents_is_that_of_the_presets() -> None:
    page = (paths.documents() / "paper_presets.md").read_text(encoding="utf-8")
    assert preset_table() in page

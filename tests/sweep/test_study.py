"""The study's way, from a plan to the small files that lessons read, in its smallest form."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from dacl_edu.cli import app
from dacl_edu.errors import UserError
from dacl_edu.runs.comparison import compare_configurations
from dacl_edu.runs.matching import matching
from dacl_edu.runs.run import Run, find_runs
from dacl_edu.runs.study import ANSWERS, LINES, load_study, write_study
from dacl_edu.sweep.plan import read_plan
from dacl_edu.sweep.run import run_cell

SMOKE = Path(__file__).parents[2] / "studies" / "bundled" / "smoke.toml"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    out = tmp_path_factory.mktemp("study")
    outcomes = [run_cell(cell, out) for cell in read_plan(SMOKE)]
    assert [outcome.state for outcome in outcomes] == ["done"] * 8
    return find_runs(out)


def test_a_study_in_small_says_what_its_runs_say(runs: list[Run], tmp_path: Path) -> None:
    write_study(runs, tmp_path)
    again = load_study(tmp_path)
    assert [run.config for run in again] == [run.config for run in runs]
    for small, whole in zip(again, runs, strict=True):
        assert torch.equal(small.correct, whole.correct)
        assert small.result["accuracy"] == whole.result["accuracy"] and small.finished
        assert small.history[-1]["attention"] == whole.history[-1]["attention"]
    assert repr(compare_configurations(again)) == repr(compare_configurations(runs))  # NaN is not NaN


def test_parts_of_a_study_are_compared_by_their_settings(runs: list[Run], tmp_path: Path) -> None:
    write_study(runs, tmp_path)
    chosen = matching(load_study(tmp_path), ["method=dacl", "attention=none,mean"])
    assert len(chosen) == 4 and {run.config.attention for run in chosen} == {None, "mean"}
    assert len(matching(chosen, ["lam=1e-2"])) == 4 and len(matching(chosen, ["folder=none"])) == 4
    said = CliRunner().invoke(app, ["compare", str(tmp_path), "--where", "method=softmax,center"])
    assert said.exit_code == 0 and "center" in said.output and "dacl" not in said.output
    assert len(matching(chosen, ["seed=0-1", "attention = learned"])) == 2
    each = CliRunner().invoke(app, ["compare", str(tmp_path), "--each"])
    assert each.exit_code == 0 and "accuracy of each class" in each.output
    for wrong, why in (
        ("lam=7", "no run has lam=7.*there are 0.01"), ("lam=0.01,7", "no run has lam=7"),
        ("lamm=1", "no such setting.*'lam'"), ("lam", "no such setting"), ("λ=1", "no such setting"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=why):
            matching(chosen, [wrong])


def test_what_is_no_study_of_one_kind_is_said_with_the_remedy(runs: list[Run], tmp_path: Path) -> None:
    write_study(runs, tmp_path)
    mixed = [*load_study(tmp_path)]
    other = mixed[0].config.model_copy(update={"root": Path("elsewhere/noise"), "seed": 7})
    with pytest.raises(UserError, match=r"differ in their folder: none, noise — choose one: --where folder=none"):
        compare_configurations([*mixed, replace(mixed[0], config=other)])
    with pytest.raises(UserError, match="may be 2 rows — one of: dacl, attention"):
        compare_configurations(mixed, "dacl")
    for command in ("report", "evaluate"):
        said = CliRunner().invoke(app, [command, str(tmp_path)])
        assert isinstance(said.exception, UserError) and "compare reads it" in str(said.exception)


def test_the_papers_difference_is_told_to_who_has_other_data_than_faces() -> None:
    faces = matching(load_study(), ["lam=0.01", "weight_decay=0.0005", "folder=none", "attention=none"])
    pets = [replace(run, result=run.result | {"classes": ["cat", "dog"]}) for run in faces]
    assert "0.7 points, the paper’s," in compare_configurations(faces).sentence
    of_pets = compare_configurations(pets).sentence
    assert "0.7 points, what the paper reports between DACL and center loss on RAF-DB," in of_pets


def test_an_interval_without_0_that_correction_takes_back_is_said_to_be_so() -> None:
    arms = matching(load_study(), ["method=dacl", "lam=1", "weight_decay=0.0005", "folder=none"])
    chosen = [run for run in arms if run.config.attention in (None, "mean", "permuted")]
    found = compare_configurations(chosen, "dacl, attention learned")
    mean = next(row for row in found.rows if row.name.endswith("mean"))
    assert mean.difference is not None and mean.difference.high < 0
    if mean.p_value > 0.05:
        assert "No difference could be shown" in found.sentence
        assert "this pair alone; corrected for 2 comparisons p is 0." in found.sentence
    alone = compare_configurations([r for r in chosen if r.config.attention != "permuted"], "dacl, attention learned")
    assert "corrected for" not in alone.sentence


def test_answers_that_are_not_of_their_runs_are_not_taken(runs: list[Run], tmp_path: Path) -> None:
    write_study(runs, tmp_path)
    whole = (tmp_path / LINES).read_text("utf-8")
    lines = whole.splitlines()
    first = json.loads(lines[0])
    damaged = [[lines[1], lines[0], *lines[2:]], lines[1:]]
    for field, value in (("accuracy", "x"), ("accuracy", None), ("classes", []), ("dataset", []), ("seed", 9)):
        damaged.append([json.dumps({**first, "result": {**first["result"], field: value}}), *lines[1:]])
    for number, each in enumerate(damaged):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ANSWERS).write_bytes((tmp_path / ANSWERS).read_bytes())
        (folder / LINES).write_text("\n".join(each), "utf-8")
        with pytest.raises(UserError, match="damaged study"):
            load_study(folder)
    (tmp_path / "marked").mkdir()
    (tmp_path / "marked" / ANSWERS).write_bytes((tmp_path / ANSWERS).read_bytes())
    (tmp_path / "marked" / LINES).write_text("\ufeff" + whole.replace("\n", "\n\n"), "utf-8")
    assert len(load_study(tmp_path / "marked")) == len(runs), "what an editor adds does no harm"


@pytest.mark.parametrize("name", [LINES, ANSWERS])
def test_a_damaged_study_is_named(name: str, runs: list[Run], tmp_path: Path) -> None:
    write_study(runs, tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-40])
    with pytest.raises(UserError, match="damaged study"):
        load_study(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(UserError, match="no study there"):
        load_study(tmp_path / ".")


@pytest.mark.parametrize("name", [LINES, ANSWERS])
def test_a_pipe_in_place_of_a_study_is_not_waited_for(name: str, runs: list[Run], tmp_path: Path) -> None:
    write_study(runs, tmp_path)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="no regular file"):
        load_study(tmp_path)

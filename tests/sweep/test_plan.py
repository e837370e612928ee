"""What a plan stands for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dacl_edu.cli import app
from dacl_edu.errors import UserError
from dacl_edu.runs.config import TrainConfig
from dacl_edu.runs.naming import config_hash
from dacl_edu.sweep.plan import read_plan


def plan(folder: Path, text: str) -> Path:
    file = folder / "plan.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_grids_are_crossed_and_a_run_that_two_of_them_name_is_one(tmp_path: Path) -> None:
    text = """
    [base]
    preset = "smoke"
    [[grid]]
    method = ["softmax", "dacl"]
    seed = "0-1"
    [[grid]]
    method = "dacl"
    attention = ["learned", "mean"]
    lam = [0.01, 1]
    """
    cells = read_plan(plan(tmp_path, text))
    assert [(c.config.method, c.config.seed, c.config.attention, c.config.lam) for c in cells if c.config] == [
        ("softmax", 0, None, 0.01), ("softmax", 1, None, 0.01), ("dacl", 0, None, 0.01), ("dacl", 1, None, 0.01),
        ("dacl", 0, "learned", 0.01), ("dacl", 0, "learned", 1.0), ("dacl", 0, "mean", 0.01), ("dacl", 0, "mean", 1.0),
    ]  # fmt: skip
    assert len(read_plan(plan(tmp_path, text + "\n[[grid]]\nmethod = 'softmax'"))) == len(cells)


def test_what_a_method_does_not_use_does_not_multiply_its_runs(tmp_path: Path) -> None:
    text = "[base]\npreset='smoke'\n[[grid]]\nmethod=['softmax', 'center', 'dacl']\nseed='0-1'\nlam=[0.1, 1]\n"
    said: list[str] = []
    cells = read_plan(plan(tmp_path, text + "attention=['mean', 'learned']\n"), said.append)
    found = Counter((c.config.method, c.config.lam, c.config.attention) for c in cells if c.config)
    assert found == dict.fromkeys(
        [("softmax", 0.01, None), *(("center", lam, None) for lam in (0.1, 1)),
         *(("dacl", lam, attention) for lam in (0.1, 1) for attention in ("mean", "learned"))], 2,
    )  # fmt: skip
    assert said == [
        "softmax does not use attention or lam: one run a seed, not one for each value",
        "center does not use attention: one run a seed, not one for each value",
    ]
    (kept,) = read_plan(plan(tmp_path, "[base]\npreset='smoke'\nmethod='softmax'\nlam=0.5\n"), said.append)
    assert kept.config is not None and kept.config.lam == 0.5 and len(said) == 2, "only what is varied"


def test_a_folder_is_named_by_what_is_computed_not_by_where(tmp_path: Path) -> None:
    (here,) = read_plan(plan(tmp_path, "[base]\npreset='smoke'\n"))
    (there,) = read_plan(plan(tmp_path, "[base]\npreset='smoke'\ndevice='cpu'\nworkers=2\n"))
    (other,) = read_plan(plan(tmp_path, "[base]\npreset='smoke'\nlam=0.02\n"))
    assert here.name == there.name != other.name
    assert here.name.endswith(config_hash(TrainConfig.from_preset("smoke")))


def test_folders_of_data_are_runs_of_their_own(tmp_path: Path) -> None:
    """A sweep over folders of images trained the first and took all others for done."""
    text = "[base]\npreset='smoke'\ndata='folder'\nroot=['/a/flowers', '/a/my birds']\n"
    flowers, birds = read_plan(plan(tmp_path, text))
    assert flowers.name.startswith("folder-flowers-dacl-") and birds.name.startswith("folder-my_birds-dacl-")
    assert flowers.name[-10:] != birds.name[-10:]
    (moved,) = read_plan(plan(tmp_path, text.replace("['/a/flowers', '/a/my birds']", "'/b/flowers'")))
    assert moved.name == flowers.name
    names = (None, "/b/rafdb", "/c/rafdb")
    homes = {config_hash(TrainConfig.from_preset("smoke", data="rafdb", root=root)) for root in names}
    assert len(homes) == 1
    with pytest.raises(UserError, match="would be one run"):
        read_plan(plan(tmp_path, text.replace("/a/my birds", "/b/flowers")))


def test_a_notebooks_parameters_can_be_crossed(tmp_path: Path) -> None:
    cells = read_plan(plan(tmp_path, "notebook='07_training'\n[[grid]]\nprofile='smoke'\nseed='0-1'\nlam=[0.1, 1]"))
    assert len({cell.name for cell in cells}) == 4
    assert {cell.notebook for cell in cells} == {"07_training"}
    assert cells[0].parameters == {"profile": "smoke", "seed": "0", "lam": "0.1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[bas]\n", "unknown key 'bas'.*base"),
        ("preset='smoke'\n", "unknown key 'preset' at the top — put it under .base."),
        ("lam=1\n[base]\npreset='smoke'\n", "unknown key 'lam' at the top — put it under .base."),
        ("notebook='07_training'\nprofile='smoke'\n", "unknown key 'profile' at the top — put it under .base."),
        ("[base]\nnotebook='07_training'\n", "notebook stands below .* — put it at the top"),
        ("[base]\npreset='smoke'\n[[grid]]\nmethd=['dacl']\n", "unknown field 'methd'.*method"),
        ("[base]\npreset='smok'\n", "unknown preset 'smok'.*smoke"),
        ("[base]\nmethod='dalc'\n", "unknown method 'dalc'"),
        ("[base]\nlam='much'\n", "lam"),
        ("base=3\n", "base and grid are tables"),
        ("notebook='07_training'\n[base]\nsed=1\n", "takes no parameter 'sed'.*seed"),
        ("[base\n", "no TOML"),
        ("[base]\nseed='4-0'\n", "no list of seeds"),
        ("[[grid]]\nmethod=[]\n", "method has no value"),
        ("notebook='07_training'\n[base]\nseed='x'\n", "no list of seeds"),
        ("notebook='07_training'\n[base]\nlam='much'\n", "parameter lam is 'much'"),
        (f"[[grid]]\nseed='0-9999'\nlam={list(range(1, 2000))}\nlr={list(range(1, 2000))}\n", "39,960,010,000 runs"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        read_plan(plan(tmp_path, text))


def test_a_plan_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read"):
        read_plan(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "runs"),
    [("bundled/plan", 99), ("bundled/conditions", 77), ("rafdb/plan", 30), ("affectnet/plan", 15)],
)
def test_the_plans_of_the_studies_can_be_run(name: str, runs: int) -> None:
    cells = read_plan(Path(__file__).parents[2] / "studies" / f"{name}.toml")
    assert len(cells) == runs and all(cell.config for cell in cells)


def test_a_class_with_a_slash_makes_no_folder_in_a_folder(tmp_path: Path) -> None:
    (cell,) = read_plan(plan(tmp_path, "[base]\nclasses='F/A-18,../x'\n"))
    assert "/" not in cell.name


def test_the_dry_listing_says_what_was_left_out(tmp_path: Path) -> None:
    file = plan(tmp_path, "[base]\npreset='smoke'\nmethod=['softmax', 'dacl']\nlam=[0.01, 1]\n")
    result = CliRunner().invoke(app, ["sweep", str(file), "--out", str(tmp_path / "out"), "--dry-run"])
    assert result.exit_code == 0 and "3 waiting" in result.stdout
    assert "softmax does not use lam" in result.stderr

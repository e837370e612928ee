"""The command line: what it prints where, every option, and one line for everything that a user can get wrong."""

from __future__ import annotations

import html
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
import typer
from rich.console import Console
from training.tiny import PER_CLASS, tiny_config, tiny_options, write_faces

from dacl_edu import __version__, paths
from dacl_edu.centers import ClassCenters
from dacl_edu.cli import app, main
from dacl_edu.data import EXPRESSIONS
from dacl_edu.errors import UserError
from dacl_edu.evaluation.tables import result_tables
from dacl_edu.losses import registry
from dacl_edu.report.gather import equivalent_command
from dacl_edu.report.tables import environment_tables, not_repeatable
from dacl_edu.runs.run import read_run
from dacl_edu.training import RunFolder, TrainConfig, train

README = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")


class Done(NamedTuple):
    code: int
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setattr(sys, "path", list(sys.path))  # the command adds the current folder

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(int(stopped.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="module")
def runs(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Finished runs of softmax loss and DACL."""
    folder = tmp_path_factory.mktemp("runs")
    for method in ("softmax", "dacl"):
        train(tiny_config(faces, method=method, epochs=1), folder / method, progress=False)
    return [folder / "softmax", folder / "dacl"]


def test_several_methods_and_seeds_end_in_a_comparison(cli: Cli, faces: Path, tmp_path: Path) -> None:
    options = [*tiny_options(faces, method="center", epochs=1), "--method", "softmax", "--seeds", "3-4"]
    code, out, err = cli("train", *options, "--out", tmp_path / "runs")
    assert code == 0
    folders = sorted(folder.name for folder in (tmp_path / "runs").iterdir())
    assert folders == [f"folder-{method}-smoke-seed{seed}" for method in ("center", "softmax") for seed in (3, 4)]
    assert "run 4 of 4" in err
    assert "1 of 2 epochs, two seeds: this ranks nothing." in " ".join(out.split())
    again = tmp_path / "again"
    saved = tmp_path / "runs" / folders[0] / "config.json"
    assert cli("train", "--config", saved, "--out", again).code == 0
    assert RunFolder(again).config() == RunFolder(saved.parent).config()
    first, second = (json.loads((f / "result.json").read_text()) for f in (saved.parent, again))
    assert first["confusion"] == second["confusion"]


def test_train_prints_a_table_and_the_folder(cli: Cli, faces: Path, tmp_path: Path) -> None:
    code, out, err = cli("train", *tiny_options(faces, method="center"), "--out", tmp_path / "run")
    result = RunFolder(tmp_path / "run").result()
    assert code == 0
    assert out.splitlines()[-1] == str(tmp_path / "run")
    assert "folder test (21 images), epoch: last epoch" in out
    assert "center" in out and f"{result['accuracy']:.2%}" in out and all(name in out for name in EXPRESSIONS)
    assert err.count("center epoch ") == 2 and "center epoch" not in out


ODD = 'my "cour\'s" 王 {0} [1]'


def test_a_run_goes_into_a_folder_of_any_name(
    cli: Cli, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ODD / "deep").mkdir(parents=True)
    shutil.copytree(faces, tmp_path / ODD / "my faces")
    (tmp_path / ODD / "link").symlink_to("my faces")
    monkeypatch.chdir(tmp_path / ODD / "deep")
    code, out, err = cli("train", *tiny_options(Path("../link"), epochs=1), "--out", "../my runs/1 'st'")
    assert code == 0, err
    assert out.splitlines()[-1] == "../my runs/1 'st'"
    file = Path("new folder/王.npz")
    code, out, err = cli("evaluate", "../my runs", "--root", "../my faces", "--predictions", file, "--json")
    assert (code, err) == (0, "") and file.is_file()
    again = json.loads(out)
    assert again["accuracy"] == RunFolder(tmp_path / ODD / "my runs" / "1 'st'").result()["accuracy"]


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--preset", "smoke", "--out", "{}"],
        ["train", "--preset", "smoke", "--root", "{}"],
        ["train", "--preset", "smoke", "--data", "folder", "--root", "{}"],
        ["train", "--preset", "smoke", "--pretrained", "{}", "--out", "run"],
        ["demo", "--profile", "smoke", "--out", "{}"],
        ["run-notebook", "10", "--out", "{}"],
        ["run-notebook", "10", "-p", "out", "{}"],
        ["explore", "confusion", "--runs", "{}"],
        ["data", "check", "--data", "folder", "--root", "{}"],
        ["data", "prepare", "--data", "bundled", "--size", "32", "--out", "{}"],
        ["data", "unpack", "{}", "--out", "x"],
    ],
    ids=" ".join,
)
def test_a_name_of_300_letters_is_a_sentence(
    words: list[str], cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    long = "x" * 300
    code, out, err = cli(*(word.replace("{}", long) for word in words))
    assert (code, out) == (2, "") and len(err.splitlines()) == 1
    assert err.startswith("error: ") and long in err and "Errno" not in err and err.count("rror:") == 1


def test_json_is_all_that_is_on_standard_output(cli: Cli, faces: Path, tmp_path: Path) -> None:
    code, out, err = cli("train", *tiny_options(faces), "--out", tmp_path / "run", "--json")
    assert code == 0 and json.loads(out) == RunFolder(tmp_path / "run").result()
    assert "dacl epoch 2/2" in err


def test_a_run_is_named_after_what_it_is(
    cli: Cli, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = tiny_options(faces, epochs=1, seed=3)
    assert cli("train", *options).out.splitlines()[-1] == "runs/folder-dacl-smoke-seed3"
    assert RunFolder("runs/folder-dacl-smoke-seed3").result()["seed"] == 3
    name = cli("train", *options, "--select-by", "test").out.splitlines()[-1]
    assert name == "runs/folder-dacl-smoke-seed3-selected-on-test"


def test_every_field_of_the_config_is_an_option(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    values: dict[str, tuple[str, Any]] = {
        "method": ("center", "center"), "seed": ("5", 5), "data": ("rafdb", "rafdb"),
        "root": (str(tmp_path), tmp_path), "load_size": ("70", 70), "image_size": ("60", 60),
        "augment": ("none", "none"), "normalize": ("imagenet", "imagenet"),
        "validation_fraction": ("0.2", 0.2), "limit": ("none", None), "workers": ("2", 2),
        "data_place": ("host", "host"),
        "backbone": ("resnet34", "resnet34"), "attention": ("mean", "mean"), "attention_widths": ("32,8", (32, 8)),
        "pretrained": ("w.pt", "w.pt"), "lam": ("0.1", 0.1), "alpha": ("0.2", 0.2), "eps": ("0", 0.0),
        "center_init": ("zeros", "zeros"), "loss_parameters": ('{"margin": 1}', {"margin": 1}), "epochs": ("7", 7),
        "batch_size": ("12", 12), "accumulate": ("2", 2), "lr": ("1e-3", 1e-3), "momentum": ("0.8", 0.8),
        "nesterov": ("false", False), "weight_decay": ("0", 0.0), "schedule": ("step", "step"), "step_epochs": ("3", 3),
        "step_factor": ("0.5", 0.5), "warmup": ("0.2", 0.2), "clip_norm": ("2", 2.0), "select_by": ("test", "test"),
        "eval_split": ("val", "val"), "snapshots": ("3", 3), "device": ("cpu", "cpu"), "devices": ("2", 2),
        "precision": ("64-true", "64-true"), "matmul_precision": ("high", "high"), "compile": ("true", True),
        "logger": ("csv", "csv"),
        "classes": ("cat,dog", ("cat", "dog")), "feature_dim": ("2", 2), "pretrained_classes": ("shared", "shared"),
    }  # fmt: skip
    assert values.keys() == TrainConfig.model_fields.keys() - {"preset"}
    got: list[TrainConfig] = []
    monkeypatch.setattr("dacl_edu.training.train", lambda config, *_, **__: got.append(config) or {})
    options = [word for name, (text, _) in values.items() for word in (f"--{name.replace('_', '-')}", text)]
    assert cli("train", "--preset", "smoke", "--json", *options) == (0, "{}\n", "")
    assert got[0].model_dump() == {"preset": "smoke", **{name: value for name, (_, value) in values.items()}}


def test_what_is_not_given_comes_from_the_preset(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[TrainConfig] = []
    monkeypatch.setattr("dacl_edu.training.train", lambda config, *_, **__: got.append(config) or {})
    cli("train", "--preset", "paper-rafdb", "--json")
    cli("train", "-m", "center", "-e", "3", "--json")
    assert got == [TrainConfig.from_preset("paper-rafdb"), TrainConfig.from_preset("quick", method="center", epochs=3)]


@pytest.mark.parametrize("preset", ["smoke", "paper-rafdb", "custom"])
def test_the_command_that_a_report_prints_can_be_pasted(preset: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[TrainConfig] = []
    monkeypatch.setattr("dacl_edu.training.train", lambda config, *_, **__: got.append(config) or {})
    odd = {
        "root": "my \"cour's\" 王 $HOME", "weights": "a b.pt", "loss_parameters": {"name": "it's", "margin": 0.5},
        "attention_widths": (32, 8), "limit": None, "clip_norm": None, "nesterov": True, "lam": 1e-5,
    }  # fmt: skip
    config = TrainConfig.checked({"preset": preset, "epochs": 3, **odd})
    pasted = f"printf '%s\\n' {equivalent_command(config)}"
    name, *words = subprocess.run(["sh", "-c", pasted], capture_output=True, text=True).stdout.splitlines()
    assert name == "dacl-edu" and cli(*words, "--json").code == 0
    assert got[0].model_dump(exclude={"preset"}) == config.model_dump(exclude={"preset"})


def test_help_has_no_colours_in_a_pipe() -> None:
    for words in ([], ["train"], ["data"], ["data", "check"], ["course"], ["run-notebook"]):
        command = [sys.executable, "-m", "dacl_edu", *words, "--help"]
        done = subprocess.run(command, capture_output=True, env={**os.environ, "FORCE_COLOR": "1", "TERM": "xterm"})
        assert done.returncode == 0 and b"\x1b" not in done.stdout + done.stderr and b"Usage: dacl-edu" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "utf-8"])
def test_no_letter_is_too_much_for_a_terminal(encoding: str, tmp_path: Path) -> None:
    def call(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "dacl_edu", *words]
        env = {**os.environ, "PYTHONIOENCODING": encoding}
        done = subprocess.run(command, capture_output=True, env=env, cwd=tmp_path)
        return done.returncode, (done.stdout + done.stderr).decode(encoding if encoding != "ascii" else "utf-8")

    shown = "λ" if encoding == "utf-8" else "lambda"
    code, out = call("train", "--help")
    assert code == 0 and (f"{shown} of Eq. 8" in out or encoding == "ascii")  # click writes UTF-8 in place of ASCII
    code, out = call("info", "--backbone", "small_resnet")
    assert code == 0 and ("context encoder → e" if encoding == "utf-8" else "context encoder -> e") in out
    code, out = call("compare", "王 λ")
    assert code == 2 and out.startswith(f"error: {'王' if encoding == 'utf-8' else chr(92) + 'u738b'} {shown}: no such")


def test_help_shows_every_option_with_its_meaning() -> None:
    command = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    shown = {option for parameter in command.params for option in parameter.opts}
    assert shown >= {f"--{name.replace('_', '-')}" for name in TrainConfig.model_fields}
    helps = {parameter.name: getattr(parameter, "help", "") for parameter in command.params}
    assert all(helps.values()) and """JSON, e.g. '{"margin": 0.5}'""" in helps["loss_parameters"]


def test_evaluate_measures_again(cli: Cli, runs: list[Path], tmp_path: Path) -> None:
    code, out, err = cli("evaluate", runs[1], "--json", "--predictions", tmp_path / "p.npz")
    expected, again = RunFolder(runs[1]).result(), json.loads(out)
    assert (code, err) == (0, "")
    assert again["confusion"] == expected["confusion"] and again["accuracy"] == expected["accuracy"]
    with np.load(tmp_path / "p.npz") as arrays:
        assert arrays["logits"].shape == (7 * PER_CLASS["test"], 7)
    code, out, err = cli("evaluate", runs[1], "--split", "val")
    assert (code, err) == (0, "") and "folder val (14 images)" in out and "dacl" in out


def test_compare_puts_runs_side_by_side(cli: Cli, runs: list[Path]) -> None:
    code, out, err = cli("compare", *runs)
    assert (code, err) == (0, "")
    assert "one seed" in out.splitlines()[0] and "ranks nothing" in out and "One seed: this says" in out
    assert max(map(len, out.splitlines())) <= 80
    results = [RunFolder(run).result() for run in runs]
    rows = json.loads(cli("compare", *runs, "--json").out)["rows"]
    assert [(row["configuration"], row["seeds"]) for row in rows] == [("softmax", 1), ("dacl", 1)]
    assert [row["accuracy"] for row in rows] == pytest.approx([result["accuracy"] for result in results])
    assert rows[0]["difference"] is None
    assert rows[1]["difference"] == pytest.approx(results[1]["accuracy"] - results[0]["accuracy"])
    assert json.loads(cli("compare", *runs, "--json", "--each").out) == results
    out = cli("compare", *runs, "--each").out
    assert all(result["method"] in out and f"{result['accuracy']:.2%}" in out for result in results)


def test_compare_says_why_a_report_has_another_p(cli: Cli, runs: list[Path]) -> None:
    several = " ".join(cli("compare", paths.shipped_runs()).out.split())
    assert "0.085" in several and "the paired t-test of a report takes seeds alone" in several
    assert "t-test" not in cli("compare", *runs).out, "one seed: there is no t-test"


def test_a_folder_of_runs_stands_for_its_runs(cli: Cli, runs: list[Path], faces: Path, tmp_path: Path) -> None:
    folder = tmp_path / ODD
    for run in reversed(runs):
        shutil.copytree(run, folder / run.name)
    RunFolder(folder / "begun").start(tiny_config(faces), resume=False)
    (folder / "notes.txt").touch()
    expected = [RunFolder(run).result() for run in runs]  # softmax before DACL, as in the paper
    code, out, err = cli("compare", folder, "--each", "--json")
    assert (code, json.loads(out), err) == (0, expected, f"left out: {folder / 'begun'} (not finished)\n")
    code, out, err = cli("compare", folder / "notes.txt", *(folder / run.name for run in runs), "--each", "--json")
    assert (code, json.loads(out), err) == (0, expected, f"left out: {folder / 'notes.txt'} (no run)\n")
    shutil.rmtree(folder / "begun")
    (tmp_path / "link").symlink_to(folder)
    code, out, err = cli("evaluate", tmp_path / "link", "--json")
    assert code == 0 and [again["confusion"] for again in json.loads(out)] == [run["confusion"] for run in expected]
    assert err == "".join(f"measuring {tmp_path / 'link' / run.name}\n" for run in runs)
    assert "takes one run, not 2" in cli("evaluate", folder, "--predictions", "p.npz").err


@pytest.mark.parametrize("command", ["compare", "evaluate", "report"])
def test_what_is_not_there_is_named_as_such(command: str, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name, said in (
        ("absent", "no such folder"),
        ("x" * 300, "no such folder"),
        ("file", "a file, not a folder"),
        ("empty", "run in"),
    ):
        code, out, err = cli(command, tmp_path / name)
        (line,) = [line for line in err.splitlines() if not line.startswith("report: ")]
        assert (code, out) == (2, "") and line.startswith("error: ") and said in line and str(tmp_path / name) in line


def made_up(method: str, seed: int, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "dataset": "toy", "split": "test", "images": 2, "selected_by": "last epoch", "method": method, "seed": seed,
        "accuracy": 1.0, "average_accuracy": 1.0, "classes": list(classes), "attention": {"mean": 0.5},
        "per_class_accuracy": [(seed + 1) / 100] * len(classes), "images_per_second": 90000.0, "seconds": 99999.0,
    }  # fmt: skip


def test_tables_fit_a_terminal_of_80_columns_and_lose_nothing() -> None:
    methods = ("softmax", "attentive_island", "homework.long_module_name:MyLossWithALongName")
    results = [made_up(method, seed, EXPRESSIONS) for seed in range(5) for method in methods]
    results.append(made_up("dacl", 7, ("joy", "grief")))
    console = Console(width=80, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(result_tables(results))
    text = console.export_text()
    assert "…" not in text and max(map(len, text.splitlines())) <= 80
    assert [text.count(f" {seed + 1}.0%") for seed in range(5)] == [3 * len(EXPRESSIONS)] * 5
    assert text.count(" 8.0%") == 2 and text.count("joy") == 1


def test_info_counts_the_paper_network(cli: Cli) -> None:
    code, out, err = cli("info", "--json")
    rows = {row["part"].partition(" ")[0]: row for row in json.loads(out)}
    assert (code, err) == (0, "")
    assert rows["context"]["parameters"] + rows["heads"]["parameters"] == 91_862_208
    assert rows["backbone"]["parameters"] == 11_176_512 and rows["backbone"]["output"] == [512, 7, 7]
    code, out, _ = cli("info", "--backbone", "small_resnet", "--image-size", "56")
    assert code == 0 and "128×7×7" in out and "307,536" in out


@pytest.fixture
def my_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A file of a user's own in the current folder, as README has it; its loss is forgotten again."""
    name = f"my_losses_{tmp_path.name}".replace("-", "_")
    (blocks,) = [b for b in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "@register" in b]
    (tmp_path / f"{name}.py").write_text(blocks, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield name
    registry._REGISTRY.pop("absolute_center", None)
    sys.modules.pop(name, None)


@pytest.mark.parametrize("written", ["{}", "{}.py"])
def test_a_registered_loss_of_ones_own_is_found(written: str, my_losses: str, cli: Cli, faces: Path) -> None:
    method = ["--method", "absolute_center", "--out", "run"]
    refused = cli("train", *tiny_options(faces), *method)
    assert refused.code == 2 and "unknown method 'absolute_center'" in refused.err
    done = cli("train", *tiny_options(faces), *method, "--import", written.format(my_losses))
    assert done.code == 0 and RunFolder("run").result()["method"] == "absolute_center"
    registry._REGISTRY.pop("absolute_center")
    (command,) = [row[1] for row in environment_tables([read_run("run")])[0].rows]
    assert f"--import {my_losses} " in command and not not_repeatable([read_run("run")])
    sys.modules.pop(my_losses)
    assert cli(*shlex.split(command)[1:], "--out", "again").code == 0
    for command in ("evaluate", "compare"):
        assert cli(command, "run", "--import", my_losses).code == 0
        assert cli(f"--import={my_losses}", command, "run").code == 0


def test_a_module_that_is_not_there_is_named(cli: Cli) -> None:
    done = cli("--import", "no_such_module", "doctor")
    assert done.code == 2
    assert done.err.startswith("error: --import: there is no module 'no_such_module' — run from the folder")


@pytest.mark.parametrize("name", ["", ".", "a..b", "1st"])
def test_what_is_no_name_of_a_module_is_told_so(name: str, cli: Cli) -> None:
    done = cli("--import", name, "doctor")
    assert done.code == 2 and "is no name of a module" in done.err
    done = cli("train", "--preset", "smoke", "--method", f"{name}:Loss")
    assert done.code == 2 and "is no name of a module" in done.err


def test_version_and_no_command(cli: Cli) -> None:
    assert cli("--version").out.strip() == __version__
    said = cli()
    assert "doctor" in said.out + said.err and "train" in said.out + said.err


def interrupt_in_step(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    steps, original = [0], ClassCenters.step

    def step(self: ClassCenters, push: torch.Tensor | None = None) -> None:
        steps[0] += 1
        if steps[0] == number:
            raise KeyboardInterrupt
        original(self, push)

    monkeypatch.setattr(ClassCenters, "step", step)


def test_control_c_says_how_to_go_on_and_resume_does(
    cli: Cli, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["train", *tiny_options(faces), "--out", tmp_path / "run"]
    with monkeypatch.context() as patch:
        interrupt_in_step(patch, 5)
        code, out, err = cli(*command)
    assert (code, out) == (130, "") and "Traceback" not in err
    assert "--resume" in err.splitlines()[-1] and str(tmp_path / "run") in err.splitlines()[-1]
    code, _, err = cli(*command, "--resume")
    assert code == 0 and "epoch 2/2" in err and "epoch 1/2" not in err


@pytest.mark.slow
def test_demo_leaves_executed_lessons_runs_and_a_table_and_is_quick_the_second_time(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DACL_EDU_PNG", "0")  # pictures take a second each
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ODD / "demo"
    command = ["demo", "--profile", "smoke", "--seeds", "0", "--out", folder.relative_to(tmp_path)]
    first = cli(*command)
    assert first.code == 0, first.err
    for lesson in ("07_training", "10_results"):
        cells = nbformat.read(folder / f"{lesson}.ipynb", as_version=4).cells
        assert all(cell.execution_count for cell in cells if cell.cell_type == "code")
        assert list((folder / "figures" / lesson).glob("*.json"))
    methods = ("softmax", "center", "dacl")
    results = [RunFolder(folder / f"bundled-{m}-smoke-seed0").result() for m in methods]
    table = pd.read_csv(folder / "results.csv")
    assert tuple(table["method"]) == methods
    assert table["accuracy"].tolist() == [result["accuracy"] for result in results]
    assert all(f"{100 * result['accuracy']:.2f}" in first.out for result in results)
    assert all(f"bundled-{m}-smoke-seed0: " in first.err for m in methods) and "unknown parameter" not in first.err
    printed = shlex.join(["dacl-edu", "report", str(folder.relative_to(tmp_path))])
    assert printed in html.unescape((folder / "report.html").read_text("utf-8"))
    assert "DACL" in (folder / "report.html").read_text("utf-8") and "report.html" in first.out
    again = cli(*command)
    assert (again.code, again.out) == (0, first.out) and "smoke-seed0: " not in again.err


def test_an_interrupted_demo_says_how_to_go_on(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dacl_edu.demo.run_visibly", interrupted)
    code, out, err = cli("demo", "--out", tmp_path)
    assert (code, out) == (130, "") and "same command continues" in err


# -- what a user can get wrong: each case changes the faces or the options, and names what the one line must say


def a_copy(faces: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(faces, tmp_path / "copy"))


def no_data(faces: Path, tmp_path: Path) -> list[str]:
    return tiny_options(tmp_path / "nowhere")


def half_unpacked(faces: Path, tmp_path: Path) -> list[str]:
    labels = tmp_path / "raf" / "basic" / "EmoLabel" / "list_patition_label.txt"
    labels.parent.mkdir(parents=True)
    labels.write_text("train_00001.jpg 5\n")
    return tiny_options(tmp_path / "raf", data="rafdb")


def unknown_label(faces: Path, tmp_path: Path) -> list[str]:
    root = a_copy(faces, tmp_path)
    (root / "train" / "anger").rename(root / "train" / "boredom")
    return tiny_options(root)


def label_out_of_range(faces: Path, tmp_path: Path) -> list[str]:
    pixels = " ".join(["0"] * 48 * 48)
    rows = [f"{label},{pixels},{usage}" for label in (0, 9) for usage in ("Training", "PrivateTest")]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    return tiny_options(tmp_path, data="fer2013")


def damaged_image(faces: Path, tmp_path: Path) -> list[str]:
    root = a_copy(faces, tmp_path)
    file = root / "train" / "fear" / "3.png"
    file.write_bytes(file.read_bytes()[:60])
    return tiny_options(root)


def no_image_of_a_class(faces: Path, tmp_path: Path) -> list[str]:
    root = a_copy(faces, tmp_path)
    shutil.rmtree(root / "train" / "disgust")
    return tiny_options(root)


def no_test_part(faces: Path, tmp_path: Path) -> list[str]:
    root = a_copy(faces, tmp_path)
    shutil.rmtree(root / "test")
    return tiny_options(root, eval_split="test")


def batch_of_one(faces: Path, tmp_path: Path) -> list[str]:
    return tiny_options(faces, batch_size=1)


def nan(faces: Path, tmp_path: Path) -> list[str]:
    return tiny_options(faces, lr="1e30", schedule="constant")


def another_run(faces: Path, tmp_path: Path) -> list[str]:
    RunFolder(tmp_path / "run").start(tiny_config(faces, seed=9), resume=False)
    return tiny_options(faces)


def resume_another_run(faces: Path, tmp_path: Path) -> list[str]:
    return [*another_run(faces, tmp_path), "--resume"]


def other_files(faces: Path, tmp_path: Path) -> list[str]:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").touch()
    return tiny_options(faces)


def large_crop(faces: Path, tmp_path: Path) -> list[str]:
    return tiny_options(faces, image_size=100)


def a_loss(body: str) -> Callable[[Path, Path], list[str]]:
    def case(faces: Path, tmp_path: Path) -> list[str]:
        # Found although tmp_path is on no path: the command runs in that folder.
        (tmp_path / "homework_for_cli.py").write_text(
            "from dacl_edu.losses import MetricLoss, sparse_center_loss\n"
            "class Mine(MetricLoss):\n"
            f"    def formula(self, features, attention, labels, centers):\n        return {body}\n"
        )
        return tiny_options(faces, method="homework_for_cli:Mine")

    return case


def options(**changes: Any) -> Callable[[Path, Path], list[str]]:
    return lambda faces, tmp_path: tiny_options(faces, **changes)


BAD_INPUT: dict[str, tuple[Callable[[Path, Path], list[str]], list[str]]] = {
    "no data": (no_data, ["nowhere", "train"]),
    "half unpacked": (half_unpacked, ["raf"]),
    "a class of one split": (unknown_label, ["train", "no image of class anger"]),
    "label out of range": (label_out_of_range, ["fer2013.csv", "9"]),
    "damaged image": (damaged_image, ["3.png"]),
    "no image of a class": (no_image_of_a_class, ["no image of class disgust"]),
    "no test part": (no_test_part, ["no test part", "--eval-split val"]),
    "batch of one": (batch_of_one, ["batch_size 1", "BatchNorm"]),
    "nan": (nan, ["epoch 1/2, step", "loss is", "lower --lr"]),
    "another run": (another_run, ["already holds a run", "--resume", "--out"]),
    "resume another run": (resume_another_run, ["seed 9 → 0"]),
    "other files": (other_files, ["is not empty", "--out"]),
    "large crop": (large_crop, ["24x24", "--load-size 100"]),
    "unknown method": (options(method="dcal"), ["'dcal'", "did you mean 'dacl'"]),
    "unknown data set": (options(data="raf"), ["'raf'", "rafdb"]),
    "unknown backbone": (options(backbone="resnt18"), ["did you mean 'resnet18'"]),
    "no weights": (options(pretrained="absent.pt"), ["absent.pt", "no such file"]),
    "wrong type": (options(epochs="many"), ["epochs", "integer"]),
    "wrong widths": (options(attention_widths="8,x"), ["attention_widths.1", "integer"]),
    "not json": (options(loss_parameters="margin=1"), ["--loss-parameters is not JSON"]),
    "useless attention": (options(method="softmax", attention="mean"), ["does not use attention"]),
    "unknown device": (options(device="abacus"), ["abacus", "cpu"]),
    "loss: no scalar": (
        a_loss("(features - centers[labels]) ** 2"),
        ["must return a scalar", "not the shape (16, 128)"],
    ),
    "loss: wrong attention": (
        a_loss("sparse_center_loss(features, attention[:, :3], labels, centers)"),
        ["attention must have the shape of features, (16, 128), not (16, 3)"],
    ),
    "loss: wrong centers": (
        a_loss("sparse_center_loss(features, attention, labels, centers[:, :3])"),
        ["centers must have shape (K, 128)"],
    ),
    "loss: shapes that do not fit": (a_loss("((features - centers) ** 2).mean()"), ["RuntimeError", "size of tensor"]),
    "loss: a typing error": (a_loss("features.sqare().mean()"), ["AttributeError", "sqare"]),
    "no such loss": (options(method="homework_absent:Mine"), ["homework_absent", "PYTHONPATH"]),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_exit_code_2(
    case: str, cli: Cli, faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, said = BAD_INPUT[case]
    words = spoil(faces, tmp_path)
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("homework_for_cli", None)
    code, out, err = cli("train", *words, "--out", "run", "--json")
    assert code == 2 and out == ""
    *before, line = err.splitlines()
    allowed = ("folder: 42 training images", "every folder is an expression")
    assert all(words.startswith(allowed) for words in before), "what it trains on, and no more"
    assert line.startswith("error: ") and len(line) < 600
    assert [part for part in said if part not in line] == []


@pytest.mark.parametrize("arguments", [["train", "--preset", "fast"], ["evaluate", "nowhere"], ["compare", "nowhere"]])
def test_other_commands_fail_as_shortly(arguments: list[str], cli: Cli) -> None:
    code, out, err = cli(*arguments)
    assert code == 2 and out == "" and len(err.splitlines()) == 1 and err.startswith("error: ")
    assert arguments[-1] in err


def test_an_unfinished_run_cannot_be_compared_or_measured(cli: Cli, faces: Path, tmp_path: Path) -> None:
    RunFolder(tmp_path).start(tiny_config(faces), resume=False)
    assert cli("compare", tmp_path).err.startswith(f"error: {tmp_path}: this run has no result yet")
    assert "no checkpoint there — train first" in cli("evaluate", tmp_path).err
    assert "no checkpoint there — a small copy" in cli("evaluate", paths.shipped_runs()).err


@pytest.mark.parametrize("kind", [UserError, ValueError])
def test_debug_shows_the_traceback(
    kind: type[Exception], faces: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise kind("something odd")

    monkeypatch.setattr("dacl_edu.training.loop.build_run", fails)
    command = ["train", *tiny_options(faces), "--out", str(tmp_path / "run")]
    with pytest.raises(kind):
        main(["--debug", *command])
    assert cli(*command).code == 2  # and without it, it is one line again


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_gpu_that_is_not_there_is_one_line(cli: Cli, faces: Path, tmp_path: Path) -> None:
    code, _, err = cli("train", *tiny_options(faces, device="cuda"), "--out", tmp_path / "run")
    assert code == 2 and len(err.splitlines()) == 1
    assert err.startswith("error: device cuda: PyTorch sees no CUDA device on this machine — leave --device out")
    assert not (tmp_path / "run").exists()


def test_float16_is_refused_where_it_would_not_be_computed(cli: Cli, faces: Path, tmp_path: Path) -> None:
    words = tiny_options(faces, device="cpu", precision="16-mixed")
    code, _, err = cli("train", *words, "--out", tmp_path / "run")
    assert code == 2 and err == (
        "error: precision 16-mixed needs a GPU; on a CPU bfloat16 is computed instead — --precision bf16-mixed\n"
    )


def test_of_several_processes_only_the_first_prints(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dacl_edu.training.train", lambda *_, **__: {})
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    for rank, expected in ((0, "{}\n"), (1, "")):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        assert cli("train", "--preset", "smoke", "--json") == (0, expected, "")


@pytest.mark.parametrize(
    "command", ["report {run} --out {pipe}", "explain {run} --out {pipe}", "evaluate {run} --predictions {pipe}"]
)
def test_a_place_that_cannot_be_written_is_said_before_the_work(
    command: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **more: object) -> None:
        raise AssertionError("worked for nothing")

    for work in (
        "dacl_edu.report.write.make_sections",
        "dacl_edu.widgets.explainer.runs.runs_payload",
        "dacl_edu.runs.trained.evaluate_run",
    ):
        monkeypatch.setattr(work, never)
    os.mkfifo(tmp_path / "pipe.npz")
    run = paths.shipped_runs() / "bundled-dacl-quick-seed0"
    done = cli(*(word.format(run=run, pipe=tmp_path / "pipe.npz") for word in command.split()))
    assert done.code == 2 and re.match(r"error: .*/pipe.npz: .*no file", done.err)


def test_a_current_folder_that_is_gone_is_said(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    done = cli("--version")
    assert (done.code, done.out) == (2, "") and done.err.startswith("error: the current folder is no longer there")

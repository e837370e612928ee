"""``dacl-edu run-notebook``: parameters are checked, everything lands in one folder, and a dead kernel is an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
import nbformat.v4 as v4
import pytest

from dacl_edu import cli
from dacl_edu.errors import UserError
from dacl_edu.lessons.cli import export_figures, find_notebook, parse_words, register, run_notebook
from dacl_edu.lessons.parameters import Parameter, checked_values, declared_parameters, typed

if "run-notebook" not in [command.name for command in cli.app.registered_commands]:
    register(cli.app)
PARAMETERS = 'method: str = "dacl"  # which\nseed: int = 0\nlam: float | None = None\nquick: bool = True\nout: str = ""'
CHECK = "from dacl_edu.lessons.display import check_parameters\nprint(sorted(check_parameters().items()))"


def write(path: Path, *sources: str, tags: tuple[str, ...] = ("parameters",), source: str = PARAMETERS) -> Path:
    cells = [v4.new_code_cell(source, metadata={"tags": list(tags)}), *(v4.new_code_cell(s) for s in sources)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


def add_words(path: Path, words: str) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(v4.new_markdown_cell(words))
    nbformat.write(notebook, path)


def words_of(path: Path) -> list[str]:
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]


def output_of(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str | Path) -> Done:
        with pytest.raises(SystemExit) as left:
            cli.main(["run-notebook", *map(str, words)])
        captured = capfd.readouterr()
        return Done(int(left.value.code or 0), captured.out, captured.err)

    return run


def test_words_are_a_name_and_pairs() -> None:
    assert parse_words(["-p", "lam", "-1", "07"]) == ("07", {"lam": "-1"})
    assert parse_words(["08", "-p", "runs", "a b", "-p", "runs", "王"]) == ("08", {"runs": ["a b", "王"]})
    for words in (["07", "-p", "method"], ["07", "08"], [], ["07", "--sed", "3"]):
        with pytest.raises(UserError):
            parse_words(words)


def test_a_notebook_is_found_by_name_number_or_path(tmp_path: Path) -> None:
    assert find_notebook("07_training") == find_notebook("07") == find_notebook("notebooks/07_training.ipynb")
    path = write(tmp_path / "x.ipynb")
    assert find_notebook(str(path)) == path
    with pytest.raises(UserError, match="did you mean '07_training'"):
        find_notebook("07_trainnig")
    with pytest.warns(FutureWarning, match="08_results is now 10_results"):
        assert find_notebook("08_results").stem == "10_results"


@pytest.mark.parametrize("name", ["07_training", "10_results"])
def test_the_parameters_of_the_lessons_are_readable(name: str) -> None:
    parameters = declared_parameters(find_notebook(name))
    assert all(parameter.help for parameter in parameters.values())
    assert {"seed", "profile", "device", "out"} <= set(parameters)


@pytest.mark.parametrize("name", ["00_start_here", "01_softmax_loss"])
def test_a_notebook_without_the_tag_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no cells are tagged 'parameters'"):
        run_notebook(name, {}, tmp_path)


def test_text_becomes_the_declared_type(tmp_path: Path) -> None:
    declared = declared_parameters(write(tmp_path / "x.ipynb"))
    assert typed(declared["seed"], "3") == 3
    assert typed(declared["lam"], "0.1") == 0.1 and typed(declared["lam"], "none") is None
    assert typed(declared["quick"], "false") is False
    assert typed(declared["out"], "3") == "3"
    for name, text in (("seed", "three"), ("seed", "1.5"), ("lam", "much"), ("quick", "perhaps"), ("seed", "none")):
        with pytest.raises(UserError, match=f"parameter {name} is '{text}', but must be"):
            typed(declared[name], text)


def test_a_list_is_given_piece_by_piece_or_as_json() -> None:
    runs, numbers = Parameter("runs", str | list[str], "", ""), Parameter("numbers", list[int], [], "")
    assert typed(runs, "my runs") == typed(runs, ("my runs",))[0] == "my runs"
    assert typed(runs, ["my runs", "王"]) == typed(runs, '["my runs", "王"]') == ["my runs", "王"]
    assert typed(runs, "[1] first") == "[1] first"
    assert typed(numbers, "3") == [3] and typed(numbers, ["3", "4"]) == typed(numbers, "[3, 4]") == [3, 4]
    for parameter, given in ((Parameter("seed", int, 0, ""), ["3", "4"]), (numbers, "[3, true]")):
        with pytest.raises(UserError, match="but must be"):
            typed(parameter, given)


@pytest.mark.parametrize(
    ("name", "kind", "text"), [("seed", int, "-1"), ("epochs", int | None, "0"), ("batch_size", int | None, "1")]
)
def test_what_the_trainer_refuses_is_refused_before_anything_runs(name: str, kind: type, text: str) -> None:
    with pytest.raises(UserError, match=f"{name}.* — see dacl-edu train --help"):
        typed(Parameter(name, kind, None, ""), text)
    with pytest.raises(UserError, match=name):
        checked_values({name: kind}, {name: int(text)}, [])


@pytest.mark.parametrize(
    ("notebook", "name", "text", "said"),
    [
        ("07", "profile", "smok", "unknown preset 'smok' — did you mean 'smoke'?"),
        ("07", "profile", "paper-rafbd", "did you mean 'paper-rafdb'?"),
        ("07", "method", "softmax dalc", "unknown method 'dalc' — did you mean 'dacl'?"),
        ("07", "dataset", "rafbd", "unknown data set 'rafbd' — did you mean 'rafdb'?"),
        ("07", "precision", "16-mixd", "did you mean '16-mixed'?"),
        ("10", "profile", "qick", "did you mean 'quick'?"),
        ("14", "profile", "digit", "did you mean 'digits'?"),
        ("07", "device", "cudaa", "did you mean 'cuda'?"),
    ],
)
def test_a_choice_that_is_none_is_refused_before_a_kernel_starts(
    notebook: str, name: str, text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dacl_edu.lessons.cli._execute", lambda *_: pytest.fail("a kernel was started"))
    with pytest.raises(UserError) as refused:
        run_notebook(notebook, {name: text}, tmp_path / "out")
    assert said in str(refused.value) and not (tmp_path / "out").exists()


def test_every_default_and_whatever_the_trainer_takes_is_taken() -> None:
    for notebook in ("07", "10", "13", "14"):
        declared = declared_parameters(find_notebook(notebook))
        for parameter in declared.values():
            assert typed(parameter, "none" if parameter.default is None else str(parameter.default)) == parameter.default
        assert typed(declared["profile"], "minute") == "minute", "a preset that the comment does not name"
    assert typed(declared_parameters(find_notebook("07"))["precision"], "64-true") == "64-true"


def test_no_annotation_is_executed(tmp_path: Path) -> None:
    for bad in (
        "print('executed')",
        "__import__('os').system('true')",
        "str if print('executed') else int",
        "dict[str]",
    ):
        path = write(tmp_path / "x.ipynb", source=f"seed: int = 0\nx: {bad} = 1")
        with pytest.raises(UserError, match="line 2: unknown type"):
            declared_parameters(path)
    source = "a: list[int | None] | None = None\nb: list = [1]"
    kinds = [parameter.kind for parameter in declared_parameters(write(path, source=source)).values()]
    assert kinds == [list[int | None] | None, list]


def test_everything_lands_in_one_folder(command: Run, tmp_path: Path) -> None:
    path = write(
        tmp_path / "07_like.ipynb", CHECK,
        "import pathlib\nfolder = pathlib.Path(out, 'run')\nfolder.mkdir()\n(folder / 'result.json').write_text('{}');",
        "import plotly.graph_objects as go\nfrom dacl_edu.lessons.display import show\n"
        "show(go.Figure(go.Bar(y=[1, 2]), {'title': {'text': 'Two <b>bars</b>'}}), alt='two bars, one twice as high')",
    )  # fmt: skip
    (tmp_path / "drawing.svg").write_text("<svg/>")
    add_words(path, "![A drawing of nothing](drawing.svg)")
    done = command(path, "-p", "method", "center", "-p", "seed", "3", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "drawings" / "drawing.svg").read_text() == "<svg/>"
    assert words_of(tmp_path / "out" / "07_like.ipynb") == ["![A drawing of nothing](drawings/drawing.svg)"]
    assert done.stdout.strip() == str(tmp_path / "out" / "07_like.ipynb")
    assert "Executing" in done.stderr and "100%" in done.stderr  # papermill's progress bar
    assert "('method', 'center')" in output_of(tmp_path / "out" / "07_like.ipynb")
    assert (tmp_path / "out" / "run" / "result.json").is_file()
    figure = json.loads((tmp_path / "out" / "figures" / "07_like" / "01-two-bars.json").read_text())
    assert figure["data"][0]["y"] == [1, 2]
    assert not nbformat.read(path, as_version=4).cells[1].outputs, "the original is left alone"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-p", "sed", "3"], "has no parameter 'sed' — did you mean 'seed'?"),
        (["-p", "seed", "three"], "parameter seed is 'three', but must be int"),
    ],
)
def test_a_wrong_parameter_is_one_line_and_runs_nothing(
    words: list[str], said: str, command: Run, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.ipynb", CHECK)
    done = command(path, *words, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert said in done.stderr and len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_failing_cell_is_named_and_the_copy_is_kept(command: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "x.ipynb", "1 / 0")
    add_words(path, "[the lesson](x.ipynb)")
    done = command(path, "--out", tmp_path / "out")
    assert words_of(tmp_path / "out" / "x.ipynb")[-1] == "[the lesson](../x.ipynb)", "the link leads back"
    assert done.returncode == 2
    assert "ZeroDivisionError: division by zero" in done.stderr.splitlines()[-1]
    assert (tmp_path / "out" / "x.ipynb").is_file()


def test_a_failing_assert_without_words_is_named_by_its_line(command: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "x.ipynb", "n = 3\nassert n < 3")
    done = command(path, "--out", tmp_path / "out")
    assert "AssertionError: assert n < 3 — " in done.stderr.splitlines()[-1]


ODD = 'my "cour\'s" 王 {0} [1]'
PATH_PARAMETERS = 'root: str = ""\nruns: str | list[str] = ""\nout: str = ""\nlam: float | None = None'


def test_paths_of_every_kind_are_meant_from_here(command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / ODD
    (here / "deep").mkdir(parents=True)
    (here / "link").symlink_to(tmp_path)
    path = write(here / "deep" / "x.ipynb", CHECK, "open(out + '/made', 'w').close()", source=PATH_PARAMETERS)
    monkeypatch.chdir(here)
    words = [
        "-p",
        "root",
        "../my faces",
        "-p",
        "runs",
        "a b",
        "-p",
        "runs",
        "link",
        "-p",
        "lam",
        "0.1",
        "--out",
        "o u t",
    ]
    done = command("deep/x.ipynb", *words)
    assert (done.returncode, done.stdout) == (0, "o u t/x.ipynb\n")
    assert "unknown" not in done.stderr.lower()  # papermill's own check cannot read  float | None
    said = output_of(here / "o u t" / "x.ipynb")
    expected = {"root": str(here / "../my faces"), "runs": [str(here / "a b"), str(here / "link")]}
    assert said.strip() == str(sorted({**expected, "out": str(here / "o u t"), "lam": 0.1}.items()))
    assert (here / "o u t" / "made").is_file()
    assert command(path, "-p", "out", "own").stdout == f"{here / 'own' / 'x.ipynb'}\n"
    assert (here / "own" / "made").is_file() and not (here / "deep" / "own").exists()


def test_a_name_that_is_too_long_is_a_sentence(command: Run, tmp_path: Path) -> None:
    path, long = write(tmp_path / "x.ipynb", CHECK), "x" * 300
    for words in ([path, "--out", tmp_path / long], [path, "-p", "out", tmp_path / long], [f"{long}.ipynb"]):
        done = command(*words)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("error: ") and "OSError" not in done.stderr and long in done.stderr


def test_a_killed_kernel_is_an_error(command: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "x.ipynb", "import os, signal, time\nos.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(600)")
    done = command(path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "the kernel died" in done.stderr.splitlines()[-1]


def test_a_cell_may_be_given_a_limit(command: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "x.ipynb", "import time\ntime.sleep(600)")
    done = command(path, "--out", tmp_path / "out", "--cell-timeout", "3")
    assert done.returncode == 2
    assert "more than 3 s" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("injected", "said"),
    [
        ("sed = 3", "unknown parameter 'sed' — did you mean 'seed'?"),
        ('seed = "3"', "parameter seed is '3', but must be int"),
    ],
)
def test_plain_papermill_is_checked_too(injected: str, said: str) -> None:
    kinds, space = {"seed": int, "method": str}, {"seed": 0, "method": "dacl"}
    exec(injected, {}, space)
    with pytest.raises(UserError, match=said.replace("?", r"\?")):
        checked_values(kinds, space, ["x = 1", f"# Parameters\n{injected}\n"])


def test_plain_papermill_stops_at_an_unknown_name(tmp_path: Path) -> None:
    path = write(tmp_path / "x.ipynb", CHECK)
    words = [sys.executable, "-m", "papermill", str(path), str(tmp_path / "y.ipynb"), "-p", "sed", "3"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "did you mean 'seed'?" in done.stderr


def test_true_is_no_whole_number_and_an_int_is_a_float() -> None:
    assert checked_values({"lam": float}, {"lam": 1}, []) == {"lam": 1}
    with pytest.raises(UserError, match="must be int"):
        checked_values({"seed": int}, {"seed": True}, [])


def test_the_environment_changes_defaults_of_parameters_that_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DACL_EDU_PARAMETERS", '{"profile": "smoke", "nothing": 1}')
    assert checked_values({"profile": str}, {"profile": "quick"}, []) == {"profile": "smoke"}
    given = ['# Parameters\nprofile = "quick"']
    assert checked_values({"profile": str}, {"profile": "quick"}, given) == {"profile": "quick"}  # what was asked for


def test_no_figure_makes_no_folder(tmp_path: Path) -> None:
    assert export_figures(write(tmp_path / "x.ipynb", "1"), tmp_path / "figures") == []
    assert not (tmp_path / "figures").exists()
    assert "DACL_EDU_PNG" not in os.environ or os.environ["DACL_EDU_PNG"] in "01"

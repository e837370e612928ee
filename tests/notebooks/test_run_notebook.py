"""``dacl-edu run-notebook``: parameters are checked, everything lands in one folder, and a dead kernel is an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nbformat
import nbformat.v4 as v4
import pytest

from dacl_edu import cli
from dacl_edu.errors import UserError
from dacl_edu.lessons.parameters import checked_values, declared_parameters, typed
from dacl_edu.lessons.cli import export_figures, find_notebook, parse_words, register, run_notebook

if "run-notebook" not in [command.name for command in cli.app.registered_commands]:
    register(cli.app)
PARAMETERS = 'method: str = "dacl"  # which\nseed: int = 0\nlam: float | None = None\nquick: bool = True\nout: str = ""'
CHECK = "from dacl_edu.lessons.display import check_parameters\nprint(sorted(check_parameters().items()))"


def write(path: Path, *sources: str, tags: tuple[str, ...] = ("parameters",)) -> Path:
    cells = [v4.new_code_cell(PARAMETERS, metadata={"tags": list(tags)}), *(v4.new_code_cell(s) for s in sources)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(v4.new_notebook(cells=cells, metadata=kernel), path)
    return path


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
    for words in (["07", "-p", "method"], ["07", "08"], [], ["07", "--sed", "3"]):
        with pytest.raises(UserError):
            parse_words(words)


def test_a_notebook_is_found_by_name_number_or_path(tmp_path: Path) -> None:
    assert find_notebook("07_training") == find_notebook("07") == find_notebook("notebooks/07_training.ipynb")
    path = write(tmp_path / "x.ipynb")
    assert find_notebook(str(path)) == path
    with pytest.raises(UserError, match="did you mean '07_training'"):
        find_notebook("07_trainnig")


@pytest.mark.parametrize("name", ["07_training", "08_results"])
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
    assert typed(declared["method"], "3") == "3"
    for name, text in (("seed", "three"), ("seed", "1.5"), ("lam", "much"), ("quick", "perhaps"), ("seed", "none")):
        with pytest.raises(UserError, match=f"parameter {name} is '{text}', but must be"):
            typed(declared[name], text)


def test_everything_lands_in_one_folder(command: Run, tmp_path: Path) -> None:
    path = write(
        tmp_path / "07_like.ipynb", CHECK,
        "import pathlib\nfolder = pathlib.Path(out, 'run')\nfolder.mkdir()\n(folder / 'result.json').write_text('{}');",
        "import plotly.graph_objects as go\nfrom dacl_edu.lessons.display import show\n"
        "show(go.Figure(go.Bar(y=[1, 2]), {'title': {'text': 'Two <b>bars</b>'}}), alt='two bars, one twice as high')",
    )  # fmt: skip
    done = command(path, "-p", "method", "center", "-p", "seed", "3", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
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
    done = command(path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "ZeroDivisionError: division by zero" in done.stderr.splitlines()[-1]
    assert (tmp_path / "out" / "x.ipynb").is_file()


def test_a_killed_kernel_is_an_error_within_a_minute(command: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "x.ipynb", "import os, signal, time\nos.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(600)")
    start = time.perf_counter()
    done = command(path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert time.perf_counter() - start < 60
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

"""The list of explorers, the notebook behind a page, and the command: all that needs no server."""

from __future__ import annotations

import builtins
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dacl_edu import cli
from dacl_edu.errors import UserError
from dacl_edu.widgets import EXPLORERS, explorer, from_runs, settle
from dacl_edu.widgets.figure_frame import FigureFrame
from dacl_edu.widgets.pages import page_notebook, serve


def without(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Make the import of some packages fail, as where they are not installed."""
    real: Callable[..., Any] = builtins.__import__

    def blocked(name: str, *arguments: Any, **options: Any) -> Any:
        if name.partition(".")[0] in names:
            raise ImportError(f"No module named {name!r}", name=name.partition(".")[0])
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", blocked)


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_page_is_a_heading_and_a_cell_that_makes_the_explorer(name: str, tmp_path: Path) -> None:
    odd = tmp_path / 'my "cour\'s" 王'
    odd.mkdir()
    runs = [str(odd), str(tmp_path)] if EXPLORERS[name].takes_runs else []
    notebook = page_notebook(name, runs, str(tmp_path))
    heading, code = notebook.cells
    assert heading.source.startswith("# ") and EXPLORERS[name].says[1:] in heading.source
    called: list[Any] = []
    space = {"explorer": lambda *arguments, **options: called.append((arguments, options))}
    lines = [line for line in code.source.splitlines() if "explorer(" in line]
    exec("\n".join(lines), space)
    assert called == [((name,), {"runs": runs} if runs else {})]
    assert f"os.chdir({str(tmp_path)!r})" in code.source


@pytest.mark.parametrize("name", ["loss-lab", "gradients"])
def test_an_explorer_opens_by_its_name(name: str) -> None:
    made = explorer(name)
    assert f"<b>Try this.</b> {EXPLORERS[name].task}" in made.children[0].value
    (words,) = [child for child in made.children if isinstance(child, FigureFrame)]
    (figure,) = [child for child in made.children if hasattr(child, "_widget_layout")]
    before = words.words
    control = made.children[1].children[0 if name == "gradients" else 4]
    control.value = 0.25
    assert before != words.words == figure.layout.meta["alt"], "the words follow the figure"


def test_a_figure_takes_what_its_page_found_for_it_and_keeps_it_while_it_changes() -> None:
    made = explorer("gradients")
    frames = [child for child in made.children if isinstance(child, FigureFrame)]
    settle(made)  # as a lesson does once more, when it shows it
    assert [child for child in made.children if isinstance(child, FigureFrame)] == frames
    (frame,), (figure,) = frames, [child for child in made.children if hasattr(child, "_widget_layout")]
    assert frame.design["width"] == figure.layout.width == 800 and "template" not in frame.design
    fitted = {"width": 366, "height": 840, "xaxis.domain": [0, 1], "yaxis.domain": [0.55, 1], "annotations[0].x": 0.4}
    frame.fitted = fitted
    slope = figure.layout.annotations[0].text
    made.children[1].children[0].value = 0.25
    assert figure.layout.annotations[0].text != slope, "a control moved"
    found = {path: figure.layout[path] for path in fitted}
    assert found == {path: tuple(value) if isinstance(value, list) else value for path, value in fitted.items()}


@pytest.mark.parametrize("name", [name for name, entry in EXPLORERS.items() if entry.takes_runs])
def test_where_no_run_is_there_a_sentence_is_shown(name: str, tmp_path: Path) -> None:
    (words,) = explorer(name, runs=str(tmp_path)).children
    assert f"The {name} explorer has nothing to show: no finished run in" in words.value


def test_attention_needs_a_run_that_learned_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_runs.layout, "runs_of", lambda runs: [])
    (words,) = from_runs.attention_of_runs().children
    assert "no run there has attention" in words.value and "--method dacl" in words.value


def test_missing_packages_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "voila")
    with pytest.raises(UserError, match=r"voila is not installed — pip install 'dacl-edu\[notebooks\]'"):
        serve("loss-lab")
    without(monkeypatch, "anywidget")
    with pytest.raises(UserError, match=r"anywidget is not installed — pip install 'dacl-edu\[notebooks\]'"):
        explorer("loss-lab")


def test_the_command_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        cli.main(["explore", "--list"])
    assert done.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(EXPLORERS)
    for words, said in [
        (["explore"], "name an explorer"),
        (["explore", "loss-lap"], "did you mean 'loss-lab'?"),
        (["explore", "gradients", "x"], "shows no runs"),
        (["explore", "gradients", "--runs", "x"], "shows no runs"),
        (["explore", "confusion", "--runs", "tests", "--runs", "not here"], "not here: no such folder"),
        (["explore", "confusion", "--runs", "x" * 300], "xx: no such folder"),
    ]:
        with pytest.raises(SystemExit) as failed:
            cli.main(words)
        error = capsys.readouterr().err
        assert failed.value.code == 2 and said in error and error.count("\n") == 1


def test_the_command_line_stays_light() -> None:
    code = "import sys, dacl_edu.widgets.pages, dacl_edu.widgets.cli; print([m for m in sys.modules if m in "
    code += "('torch', 'plotly', 'ipywidgets', 'voila', 'nbformat')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_page_draws_the_state_that_its_figures_have_now(monkeypatch: pytest.MonkeyPatch) -> None:
    import ipywidgets
    from plotly.graph_objects import FigureWidget

    from dacl_edu.widgets import gradients

    figure = FigureWidget()
    figure.add_scatter(y=[1, 2])
    figure.layout.title.text = "late"
    monkeypatch.setattr(gradients, "gradient_explorer", lambda: ipywidgets.VBox([ipywidgets.HBox([figure])]))
    explorer("gradients")
    assert figure._widget_layout["title"]["text"] == "late" and len(figure._widget_data) == 1


def test_an_explorer_is_made_without_the_grammar_of_addresses_and_leaves_it_to_others() -> None:
    code = "import sys; from dacl_edu.widgets import explorer; explorer('gradients'); import jsonschema\n"
    code += "assert 'rfc3987_syntax' not in sys.modules; import rfc3987_syntax"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)

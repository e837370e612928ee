"""Every stored notebook keeps the rules, and each rule catches a planted fault."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import nbformat.v4 as v4
import pytest

from tools import notebook_rules as gates
from tools.notebook_pairs import OWN, find_texts, keep_outputs, read_text, setup_source, store, with_setup_cell

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path for path in FOLDER.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
PLOTLY = "application/vnd.plotly.v1+json"
# A student's version of an assignment is not executed, and its source declares.
OF_SOURCES = {*gates.GATES, "pair_agrees"} - gates.OF_LESSONS
OF_STUDENTS = {"no_widget_state", "narrow_code", "no_absolute_paths", "no_remote_images", "small_outputs", "headings"}
ALT = "Two bars, the second twice as high as the first."


def _id(path: Path) -> str:
    return path.relative_to(FOLDER).as_posix()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=_id)
def test_every_notebook_keeps_every_rule(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    of_students = "release" in path.relative_to(FOLDER).parts
    found = gates.complaints(notebook, None if of_students else path.with_suffix(".py"))
    if path.parent != FOLDER:
        kept = OF_STUDENTS if of_students else OF_SOURCES
        found = [line for line in found if line.partition(":")[0] in kept]
    assert not found, "\n".join(found)


def test_the_notebook_of_the_study_is_its_text_and_no_lesson() -> None:
    text = FOLDER.parent / "studies" / "bundled" / "study.py"
    found = gates.complaints(nbformat.read(text.with_suffix(".ipynb"), as_version=4), text)
    found = [line for line in found if line.partition(":")[0] in OF_SOURCES - {"short_cells"}]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", find_texts(FOLDER), ids=_id)
def test_a_text_is_what_jupytext_would_write(text: Path) -> None:
    """Else JupyterLab refuses to open a lesson whose .ipynb is newer than its text: "File Load Error"."""
    written, again = text.read_text(encoding="utf-8"), jupytext.writes(jupytext.read(text), "py:percent")
    assert written[written.index("# %%") :] == again[again.index("# %%") :]


def test_an_appendix_is_a_lesson() -> None:
    assert [text.stem for text in find_texts(FOLDER, ["05"])] == ["05_gradients", "05a_second_derivatives"]


def test_every_text_has_its_notebook() -> None:
    missing = [text.name for text in find_texts(FOLDER) if not text.with_suffix(".ipynb").is_file()]
    assert not missing, f"run tools/notebooks.py {' '.join(missing)}"


@pytest.mark.parametrize("name", ["07_training", "10_results"])
def test_the_training_notebooks_take_parameters(name: str) -> None:
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    assert gates.declared(notebook).get("parameters") is True


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_the_lessons_without_training_are_compared_strictly(number: int) -> None:
    paths = [path for path in NOTEBOOKS if path.name.startswith(f"0{number}_")]
    assert [gates.declared(nbformat.read(path, as_version=4)).get("mode") for path in paths] == ["strict"]


# ---------------------------------------------------------------------------------------------- planted faults


def good(mode: str = "lax", **meta: Any) -> Any:
    """A small notebook that keeps every rule."""
    code = [
        v4.new_code_cell(setup_source(), metadata={"tags": ["setup"], "jupyter": {"source_hidden": True}}),
        v4.new_code_cell(
            "total = 1 + 1\nassert total == 2\nprint(total)", outputs=[v4.new_output("stream", text="2\n")]
        ),
        v4.new_code_cell(
            "show(figure, alt=words)\nassert figure",
            outputs=[
                v4.new_output(
                    "display_data",
                    data={
                        PLOTLY: {"data": [], "layout": {"meta": {"alt": ALT}}, "config": {"showSendToCloud": False}},
                        "image/png": "iVBORw0KGgo=",
                        "text/plain": ALT,
                    },
                    metadata={"image/png": {"alt": ALT}},
                )
            ],
        ),
    ]
    for number, cell in enumerate(code, start=1):
        cell.execution_count = number
    return v4.new_notebook(
        metadata={"dacl_edu": {"budget_seconds": 60, "mode": mode, **meta}},
        cells=[
            v4.new_markdown_cell(
                "# Title\n\n**After this notebook you can** add. **Minutes:** 1. **Builds on:** nothing."
            ),
            code[0],
            v4.new_markdown_cell("## First"),
            code[1],
            v4.new_markdown_cell("### Exercise\n\n*easy · 5 minutes*"),
            code[2],
            v4.new_markdown_cell("## The three suspects\n\nSelection, a smaller λ, luck: nothing yet."),
            v4.new_markdown_cell(
                "## The end\n\n**Try next:** more. <details><summary>Three questions</summary>…</details>"
            ),
        ],
    )


def no_outputs(nb: Any) -> None:
    nb.cells[3].outputs = []


def out_of_order(nb: Any) -> None:
    nb.cells[3].execution_count, nb.cells[5].execution_count = 3, 2


def never_run(nb: Any) -> None:
    nb.cells[3].execution_count = None


def an_error(nb: Any) -> None:
    nb.cells[3].outputs = [v4.new_output("error", ename="ValueError", evalue="", traceback=[])]


def a_value_without_output(nb: Any) -> None:
    nb.cells[3].source, nb.cells[3].outputs = "total", []


def no_assertion(nb: Any) -> None:
    nb.cells[3].source = "total = 1 + 1\nprint(total)"


def an_assertion_in_words_only(nb: Any) -> None:
    nb.cells[3].source = "total = 1 + 1\nprint(total)  # assert total == 2"


def widgets(nb: Any) -> None:
    nb.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}


def a_widget_view(nb: Any) -> None:
    nb.cells[3].outputs[0] = v4.new_output(
        "display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "x"}
    )


def a_path_in_an_output(nb: Any) -> None:
    nb.cells[3].outputs[0].text = "saved to /home/anna/runs/x\n"


def a_path_in_code(nb: Any) -> None:
    nb.cells[3].source += "\nroot = '/tmp/data'"


def a_windows_path(nb: Any) -> None:
    nb.cells[2].source = "## First\n\nopen C:\\Users\\anna"


def a_remote_image(nb: Any) -> None:
    nb.cells[2].source = "## First\n\n![a face with a smile](https://example.org/a.png)"


def a_remote_image_in_html(nb: Any) -> None:
    nb.cells[2].source = "## First\n\n<img alt='a face with a smile' src='https://example.org/a.png'>"


def a_large_output(nb: Any) -> None:
    nb.cells[3].outputs[0].text = "x" * 250_000


def many_large_outputs(nb: Any) -> None:
    nb.cells[3].outputs = [v4.new_output("stream", text="x" * 190_000) for _ in range(6)]


def a_figure_without_alt(nb: Any) -> None:
    nb.cells[5].outputs[0].data[PLOTLY]["layout"] = {}


def a_figure_that_offers_its_upload(nb: Any) -> None:
    del nb.cells[5].outputs[0].data[PLOTLY]["config"]


def a_picture_without_alt(nb: Any) -> None:
    nb.cells[5].outputs[0] = v4.new_output("display_data", data={"image/png": "iVBORw0KGgo="})


def a_markdown_image_without_alt(nb: Any) -> None:
    nb.cells[2].source = "## First\n\n![](face.png)"


def a_skipped_level(nb: Any) -> None:
    nb.cells[4].source = "#### Second"


def two_titles(nb: Any) -> None:
    nb.cells[4].source = "# Second"


def parameters_where_none_are_declared(nb: Any) -> None:
    nb.cells[3].metadata["tags"] = ["parameters"]


def missing_parameters(nb: Any) -> None:
    nb.metadata["dacl_edu"]["parameters"] = True


def double_parameters(nb: Any) -> None:
    nb.metadata["dacl_edu"]["parameters"] = True
    for cell in (nb.cells[3], nb.cells[5]):
        cell.source, cell.metadata["tags"] = "seed: int = 0", ["parameters"]


def untyped_parameters(nb: Any) -> None:
    nb.metadata["dacl_edu"]["parameters"] = True
    nb.cells[3].source, nb.cells[3].metadata["tags"] = "seed = 0\nassert True", ["parameters"]


def computed_parameters(nb: Any) -> None:
    nb.metadata["dacl_edu"]["parameters"] = True
    nb.cells[3].source, nb.cells[3].metadata["tags"] = "seed: int = hash('x')", ["parameters"]


def no_budget(nb: Any) -> None:
    del nb.metadata["dacl_edu"]["budget_seconds"]


def no_mode(nb: Any) -> None:
    nb.metadata["dacl_edu"]["mode"] = "easy"


def long_cells(nb: Any) -> None:
    nb.cells[3].source = nb.cells[5].source = "\n".join(["assert True"] * 12)


def no_minutes(nb: Any) -> None:
    nb.cells[0].source = "# Title"


def no_questions(nb: Any) -> None:
    nb.cells[7].source = "## The end\n\n**Try next:** more."


def a_progress_bar(nb: Any) -> None:
    nb.cells[3].outputs[0].text = "10%\r20%\r"


def a_fallback_in_silence(nb: Any) -> None:
    nb.cells[3].source = "if mine(1) is None:\n    mine = answer\nassert True"
    nb.cells[3].metadata["jupyter"] = {"source_hidden": True}


def a_check_that_hides_whose_answer_it_saw(nb: Any) -> None:
    nb.cells[3].source = "mine = attempt(mine, answer)\nassert True"
    nb.cells[3].metadata["jupyter"] = {"source_hidden": True}


def code_before_the_setup(nb: Any) -> None:
    nb.cells[1], nb.cells[3] = nb.cells[3], nb.cells[1]


def an_open_setup_cell(nb: Any) -> None:
    del nb.cells[1].metadata["jupyter"]


def words_after_the_setup_cell(nb: Any) -> None:
    nb.cells[2].source = "And now:"


def no_setup_cell(nb: Any) -> None:
    nb.cells[1].metadata["tags"] = []


def a_wide_line(nb: Any) -> None:
    nb.cells[3].source = f"assert True  # {'x' * 88}"


def an_exercise_without_minutes(nb: Any) -> None:
    nb.cells[4].source = "### Exercise\n\nWrite it."


def no_suspects(nb: Any) -> None:
    nb.cells[6].source = "## The suspects"


def a_suspect_forgotten(nb: Any) -> None:
    nb.cells[6].source = "## The three suspects\n\nSelection and a smaller λ: nothing yet."


FAULTS: list[tuple[Callable[[Any], None], str]] = [
    (no_outputs, "executed"),
    (out_of_order, "executed"),
    (never_run, "executed"),
    (an_error, "executed"),
    (a_value_without_output, "executed"),
    (no_assertion, "sections_assert"),
    (an_assertion_in_words_only, "sections_assert"),
    (widgets, "no_widget_state"),
    (a_widget_view, "no_widget_state"),
    (a_path_in_an_output, "no_absolute_paths"),
    (a_path_in_code, "no_absolute_paths"),
    (a_windows_path, "no_absolute_paths"),
    (a_remote_image, "no_remote_images"),
    (a_remote_image_in_html, "no_remote_images"),
    (a_large_output, "small_outputs"),
    (many_large_outputs, "small_outputs"),
    (a_figure_that_offers_its_upload, "private"),
    (a_figure_without_alt, "alt_text"),
    (a_picture_without_alt, "alt_text"),
    (a_markdown_image_without_alt, "alt_text"),
    (a_skipped_level, "headings"),
    (two_titles, "headings"),
    (parameters_where_none_are_declared, "parameters"),
    (missing_parameters, "parameters"),
    (double_parameters, "parameters"),
    (untyped_parameters, "parameters"),
    (computed_parameters, "parameters"),
    (no_budget, "declaration"),
    (no_mode, "declaration"),
    (long_cells, "short_cells"),
    (no_minutes, "frame"),
    (no_questions, "frame"),
    (a_progress_bar, "no_progress_bars"),
    (a_fallback_in_silence, "says_whose_answer"),
    (a_check_that_hides_whose_answer_it_saw, "says_whose_answer"),
    (code_before_the_setup, "introduction"),
    (an_open_setup_cell, "introduction"),
    (words_after_the_setup_cell, "introduction"),
    (no_setup_cell, "introduction"),
    (a_wide_line, "narrow_code"),
    (an_exercise_without_minutes, "exercises"),
    (no_suspects, "suspects"),
    (a_suspect_forgotten, "suspects"),
]


@pytest.mark.parametrize("mode", ["strict", "lax"])
def test_a_good_notebook_has_no_complaint(mode: str) -> None:
    assert gates.complaints(good(mode)) == []


@pytest.mark.parametrize(("fault", "gate"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_each_rule_catches_a_planted_fault(fault: Callable[[Any], None], gate: str) -> None:
    notebook = good()
    fault(notebook)
    assert gate in {line.partition(":")[0] for line in gates.complaints(notebook)}


def test_every_gate_has_a_planted_fault() -> None:
    assert set(gates.GATES) == {gate for _, gate in FAULTS}


@pytest.mark.parametrize("fault", [no_outputs, out_of_order], ids=lambda f: f.__name__)
def test_strict_notebooks_hold_outputs_in_order(fault: Callable[[Any], None]) -> None:
    notebook = good("strict")
    fault(notebook)
    assert any(line.startswith("executed") for line in gates.complaints(notebook))


TEXT = """# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: dacl_edu
#   dacl_edu:
#     budget_seconds: 60
#     mode: lax
# ---

# %% [markdown]
# # Title

# %% tags=["eq-4"]
total = 1
"""


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    text = tmp_path / "01_pair.py"
    text.write_text(TEXT)
    store(with_setup_cell(text), text.with_suffix(".ipynb"))
    return text, text.with_suffix(".ipynb")


def test_a_pair_agrees_and_the_setup_cell_is_put_in_once(pair: tuple[Path, Path]) -> None:
    text, path = pair
    assert gates.pair_agrees(nbformat.read(path, as_version=4), text) == []
    before = text.read_text()
    with_setup_cell(text)
    assert text.read_text() == before
    assert before.count('tags=["setup"]') == 1


def test_an_old_setup_cell_is_replaced(pair: tuple[Path, Path]) -> None:
    text, _ = pair
    text.write_text(text.read_text().replace("import importlib.util", "import nothing"))
    assert with_setup_cell(text).cells[1].source == setup_source()
    assert "total = 1" in text.read_text()


def test_the_lesson_s_own_part_of_the_setup_cell_stays(pair: tuple[Path, Path]) -> None:
    text, _ = pair
    shared = text.read_text().replace("sys.path.insert(0, os.path.dirname(os.getcwd()))", f"gone\n\n{OWN}\nseed = 5")
    text.write_text(shared)
    assert with_setup_cell(text).cells[1].source == f"{setup_source()}\n\n{OWN}\nseed = 5"
    store(read_text(text), text.with_suffix(".ipynb"))
    assert gates.pair_agrees(nbformat.read(text.with_suffix(".ipynb"), as_version=4), text) == []


def test_outputs_stay_with_cells_that_did_not_change(pair: tuple[Path, Path]) -> None:
    text, path = pair
    old = nbformat.read(path, as_version=4)
    old.cells[2].outputs = [v4.new_output("stream", text="1\n")]
    nbformat.write(old, path)
    text.write_text(text.read_text().replace("# # Title", "# # Another") + "\n# %%\nmore = 1\n")
    new = read_text(text)
    assert keep_outputs(new, path) == ["more = 1"]
    assert [cell.get("outputs") for cell in new.cells] == [None, [], old.cells[2].outputs, []]
    assert [cell.execution_count for cell in new.cells[1:]] == [1, 2, 3], "as if it had run from top to bottom"


def test_ids_are_stable_and_those_of_the_ledger_are_its_tags(pair: tuple[Path, Path]) -> None:
    ids = [[cell.id for cell in read_text(pair[0]).cells] for _ in range(2)]
    assert ids[0] == ids[1]
    assert ids[0][-1] == "eq-4"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("total = 1", "total = 2"),
        lambda text: text.replace("# # Title", "# # Another"),
        lambda text: text.replace("eq-4", "eq-5"),
        lambda text: text + "\n# %%\nmore = 1\n",
        lambda text: text.replace("budget_seconds: 60", "budget_seconds: 61"),
        lambda text: text.replace("import importlib.util", "import nothing"),
    ],
    ids=["code", "prose", "tag", "one more cell", "metadata", "setup cell"],
)
def test_a_pair_that_disagrees_is_found(pair: tuple[Path, Path], change: Callable[[str], str]) -> None:
    text, path = pair
    text.write_text(change(text.read_text()))
    assert gates.pair_agrees(nbformat.read(path, as_version=4), text)


def test_a_notebook_without_its_text_is_found(pair: tuple[Path, Path]) -> None:
    text, path = pair
    text.unlink()
    assert "is missing" in gates.pair_agrees(nbformat.read(path, as_version=4), text)[0]


def test_what_is_stored_holds_nothing_volatile(tmp_path: Path) -> None:
    notebook = good()
    widgets(notebook)
    a_widget_view(notebook)
    notebook.metadata["language_info"] = {"name": "python", "version": "3.11.2"}
    notebook.cells[3].metadata["execution"] = {"iopub.execute_input": "2026-11-24T07:00:00Z"}
    store(copy.deepcopy(notebook), tmp_path / "x.ipynb")
    stored = json.loads((tmp_path / "x.ipynb").read_text())
    assert "widgets" not in stored["metadata"]
    assert stored["metadata"]["language_info"] == {"name": "python"}
    assert "execution" not in stored["cells"][3]["metadata"]
    assert list(stored["cells"][3]["outputs"][0]["data"]) == ["text/plain"]

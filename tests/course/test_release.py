"""The students' version: nothing of a solution or a hidden test in it, the same bytes each time, never stale."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from course.made_assignment import NAME, cell_of, made_assignment, source_notebook, write_source

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment, every_string, leaked_lines, visible_source
from dacl_edu_course.authoring.release import (
    as_text,
    checked_student_version,
    find_sources,
    release_course,
    secret_of,
    student_version,
    write_student_versions,
)

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install .[course]")
FOLDER = Path(__file__).parents[2] / "notebooks" / "assignments"
SOURCES = find_sources(FOLDER / "source")
STUB = ["# YOUR CODE HERE", "raise NotImplementedError()", "YOUR ANSWER HERE"]


def test_an_assignment_says_what_its_cells_are(tmp_path: Path) -> None:
    made = made_assignment(tmp_path)
    assert made.title == "Made: numbers" and made.points == 9
    assert [(q.name, q.title, q.points, q.grade_id) for q in made.questions] == [
        ("doubled", "Question 1: doubled", 2, "test_doubled"),
        ("shifted", "Question 2: shifted", 3, "test_shifted"),
        ("conclusion", "Question 3: conclude", 4, "conclusion"),
    ]
    kinds = [cell.kind for cell in made.cells]
    assert kinds == [
        "text",
        "given",
        "given",
        "text",
        "solution",
        "test",
        "given",
        "text",
        "solution",
        "test",
        "given",
        "text",
        "manual",
    ]
    assert [cell.id for cell in made.cells if cell.is_run] == ["given", "doubled", "try", "shifted"]
    assert "answer_of_doubled=SCALE*x" in made.solution_lines
    assert "ask(doubled,seed,secret_of='doubled')" in made.hidden_lines


def edit(grade_id: str, change: Callable[[Any], None]) -> Callable[[Any], None]:
    return lambda notebook: change(cell_of(notebook, grade_id))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit("given", lambda c: c.metadata.nbgrader.update(grade_id="shifted")), "cell shifted: has the grade_id"),
        (edit("test_doubled", lambda c: c.metadata.nbgrader.pop("points")), "cell test_doubled: has no points"),
        (edit("test_doubled", lambda c: c.metadata.nbgrader.update(points=0)), "cell test_doubled: has no points"),
        (lambda n: n.cells.pop(4), "cell test_doubled: tests no solution"),
        (edit("doubled", lambda c: c.update(source=c.source[:-20])), "cell doubled: has BEGIN SOLUTION without END"),
        (edit("doubled", lambda c: c.update(source="### END SOLUTION\n" + c.source)), "does not fit"),
        (edit("given", lambda c: c.update(source="### BEGIN SOLUTION\n1\n### END SOLUTION")), "given: has BEGIN SOL"),
        (edit("given", lambda c: c.metadata.nbgrader.update(grade_id="")), "cell number 3: has nbgrader metadata"),
        (lambda n: n.cells.pop(5), "cell doubled: has no test"),
    ],
)
def test_an_authors_mistake_is_named_with_its_cell(change: Callable[[Any], None], message: str, tmp_path: Path) -> None:
    notebook = source_notebook()
    change(notebook)
    path = write_source(tmp_path, notebook)
    with pytest.raises(UserError) as error:
        Assignment.load(path)
    assert message in str(error.value) and f"{NAME}.ipynb" in str(error.value) and "—" in str(error.value)


def test_what_is_no_notebook_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "x.ipynb").write_text("{")
    for name in ("x.ipynb", "y.ipynb"):
        with pytest.raises(UserError, match=name):
            Assignment.load(tmp_path / name)


def test_students_get_stubs_and_nothing_else_of_the_author(tmp_path: Path) -> None:
    made = made_assignment(tmp_path)
    student = student_version(source_notebook())
    assert cell_of(student, "doubled").source.splitlines()[2:] == ["    " + line for line in STUB[:2]]
    assert cell_of(student, "test_doubled").source == "from checks import ask\nask(doubled)"
    assert cell_of(student, "conclusion").source == "YOUR ANSWER HERE"
    assert cell_of(student, "test_doubled").metadata.editable is False
    assert "editable" not in cell_of(student, "doubled").metadata
    assert [cell.id for cell in student.cells] == [cell.id for cell in source_notebook().cells]
    assert set(student.metadata) == {"kernelspec", "language_info"}
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in student.cells)
    assert not any("execution" in cell.metadata for cell in student.cells)
    for cell, theirs in zip(made.cells, student.cells, strict=True):
        assert visible_source(cell) == theirs.source
    assert leaked_lines(made, every_string(student)) == []


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    source = source_notebook()
    first = as_text(student_version(source))
    assert source == source_notebook(), "the author's notebook stays as it is"
    other = source_notebook()
    other.metadata.kernelspec.display_name = "my kernel"
    for cell in other.cells:
        cell.metadata.pop("execution", None)
    assert as_text(student_version(other)) == first


@pytest.mark.parametrize(
    "plant",
    [
        lambda n: n.cells[3].update(source="Hint: write answer_of_doubled  =  SCALE*x"),
        lambda n: n.cells[6].update(source="for seed in hidden_seeds():\n    pass"),
        lambda n: n.cells[0].update(source="### BEGIN HIDDEN TESTS"),
        lambda n: cell_of(n, "doubled").update(source=cell_of(n, "shifted").source.replace("### END", "#")),
    ],
)
def test_a_planted_leak_is_caught(plant: Callable[[Any], None], tmp_path: Path) -> None:
    notebook = source_notebook()
    plant(notebook)
    write_source(tmp_path, notebook)
    with pytest.raises(UserError):
        write_student_versions(tmp_path, tmp_path / "release")
    assert not (tmp_path / "release").exists()


def test_a_leak_in_metadata_and_outputs_is_seen(tmp_path: Path) -> None:
    made = made_assignment(tmp_path)
    student = student_version(source_notebook())
    student.cells[0].metadata["note"] = "ask(doubled, seed, secret_of='doubled')"
    student.cells[1].outputs = [nbformat.v4.new_output("stream", text="return answer_of_shifted")]
    leaks = leaked_lines(made, every_string(student))
    assert leaks == ["ask(doubled,seed,secret_of='doubled')", "returnanswer_of_shifted"]
    assert leaked_lines(made, "ask(doubled, seed, secret_of=&#39;doubled&#39;)") == leaks[:1], "escaped HTML as well"


def test_a_course_folder_is_private_and_nbgrader_knows_the_assignment(tmp_path: Path) -> None:
    write_source(tmp_path / "source")
    (alone,) = write_student_versions(tmp_path / "source", tmp_path / "release")
    course = tmp_path / "course"
    (released,) = release_course(["a9"], tmp_path / "source", course)
    assert released == course / "release" / NAME / f"{NAME}.ipynb"
    assert released.read_bytes() == alone.read_bytes(), "both ways give one notebook"
    assert Assignment.load(course / "source" / NAME / f"{NAME}.ipynb").points == 9
    kept = nbformat.read(course / "source" / NAME / f"{NAME}.ipynb", as_version=4)
    assert not any(cell.get("outputs") or "execution" in cell.metadata for cell in kept.cells)
    assert course.stat().st_mode & 0o777 == 0o700
    assert (course / "secrets" / NAME).stat().st_mode & 0o777 == 0o600
    secret = secret_of(course, NAME)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course}/gradebook.db", "dacl_edu") as book:
        assert book.find_assignment(NAME).max_score == 9
        assert {cell.name for cell in book.find_notebook(NAME, NAME).grade_cells} == {
            *("test_doubled", "test_shifted", "conclusion")
        }
    (course / "nbgrader_config.py").write_text("c = get_config()  # mine\n")
    assert release_course([], tmp_path / "source", course) == [released]
    assert secret_of(course, NAME) == secret and len(secret) == 16, "a second release keeps the secret"
    assert "# mine" in (course / "nbgrader_config.py").read_text()
    with pytest.raises(UserError, match="a7"):
        release_course(["a7"], tmp_path / "source", course)


def test_every_course_and_assignment_has_its_own_secret(tmp_path: Path) -> None:
    drawn = {secret_of(tmp_path / course, name) for course in "ab" for name in ("a1", "a2")}
    assert len(drawn) == 4 and {len(secret) for secret in drawn} == {16}
    (tmp_path / "a" / "secrets" / "a1").write_text("no number")
    with pytest.raises(UserError, match="no secret"):
        secret_of(tmp_path / "a", "a1")


@pytest.mark.skipif(not SOURCES, reason="no assignment is written yet")
def test_committed_student_versions_are_not_stale() -> None:
    for source in SOURCES:
        stored = FOLDER / "release" / source.stem / source.name
        assert stored.exists(), f"{source.stem} has no student version: dacl-edu course students"
        made = as_text(checked_student_version(source))
        assert stored.read_text(encoding="utf-8") == made, f"{stored.name} is stale: dacl-edu course students"
    left = {path.stem for path in find_sources(FOLDER / "release")} - {path.stem for path in SOURCES}
    assert not left, f"student versions without a source: {left}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_a_stub_is_a_subset_of_its_solution(source: Path) -> None:
    made = Assignment.load(source)
    stored = nbformat.read(FOLDER / "release" / source.stem / source.name, as_version=4)
    for cell in made.cells:
        if cell.kind in ("solution", "manual"):
            stub = [line for line in cell_of(stored, cell.id).source.splitlines() if line.strip() not in STUB]
            lines = iter(cell.source.splitlines())
            assert all(line in lines for line in stub), f"{cell.id}: the stub has a line that the solution has not"
            assert len(stub) < len(cell.source.splitlines())


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_no_line_of_a_solution_or_hidden_test_is_in_the_student_version(source: Path) -> None:
    made = Assignment.load(source)
    assert made.hidden_lines or all(q.test is None for q in made.questions)
    stored = json.loads((FOLDER / "release" / source.stem / source.name).read_text(encoding="utf-8"))
    assert leaked_lines(made, every_string(stored)) == []

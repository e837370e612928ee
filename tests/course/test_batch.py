"""A class in a course folder: what is graded, what is kept, what an instructor gives by hand, what is said when not."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import nbformat
import pytest
from class_of_30.answers import ONE_LINE, WRONG_ALL
from class_of_30.handing_in import ASSIGNMENT, filled, save

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.release import release_course
from dacl_edu_course.grading import batch
from dacl_edu_course.questions.question import GRADING

SOURCES = Path(__file__).parents[2] / "notebooks" / "assignments" / "source"


@pytest.fixture(scope="module")
def graded_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which ada is right, finn is wrong, and sam handed in an empty folder."""
    folder = tmp_path_factory.mktemp("batch")
    course, downloads = folder / "course", folder / "downloads"
    (released,) = release_course(["a2"], SOURCES, course)
    notebook = nbformat.read(released, as_version=4)
    save(filled(notebook, ONE_LINE), downloads / "ada")
    save(filled(notebook, WRONG_ALL), downloads / "finn")
    (downloads / "sam").mkdir()
    assignment = batch.find_assignment("a2", course)
    batch.collect_course(downloads, assignment, course)
    batch.grade_course(assignment, course)
    return course


@pytest.fixture
def graded(graded_once: Path, tmp_path: Path) -> Path:
    """A course of the test's own: most of them change it."""
    return Path(shutil.copytree(graded_once, tmp_path / "graded" / "course"))


def rows(course: Path) -> dict[str, dict[str, str]]:
    with open(course / "results" / f"{ASSIGNMENT}.csv", newline="", encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_each_student_has_points_a_page_and_a_row(graded: Path) -> None:
    assert {name: row["total"] for name, row in rows(graded).items()} == {"ada": "12", "finn": "0", "sam": "0"}
    for name in ("ada", "finn", "sam"):
        assert (graded / "feedback" / name / ASSIGNMENT / f"{ASSIGNMENT}.html").is_file()
    assert "the folder is empty" in rows(graded)["sam"]["notes"]


def test_nbgrader_reads_the_same_points(graded: Path) -> None:
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{(graded / 'gradebook.db').resolve()}", "dacl_edu") as book:
        scores = {s.student_id: s.score for s in book.assignment_submissions(ASSIGNMENT)}
    assert scores == {"ada": 12, "finn": 0, "sam": 0}


def test_the_secret_is_not_left_behind(graded: Path) -> None:
    assert GRADING not in os.environ
    assert (graded / "secrets" / ASSIGNMENT).stat().st_mode & 0o077 == 0
    assert graded.stat().st_mode & 0o077 == 0


def test_one_student_alone_can_be_graded_again_and_the_others_stay(graded: Path) -> None:
    before = rows(graded)
    asked: list[str] = []
    assignment = batch.find_assignment(ASSIGNMENT, graded)
    batch.grade_course(assignment, graded, only=["finn"], done=lambda mark: asked.append(mark.student))
    assert asked == ["finn"]
    assert {n: r["total"] for n, r in rows(graded).items()} == {n: r["total"] for n, r in before.items()}


def test_an_interrupted_batch_keeps_what_was_graded(graded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (graded / "marks" / ASSIGNMENT).glob("*.json"):
        path.unlink()

    def interrupted(mark: object) -> None:
        raise KeyboardInterrupt

    assignment = batch.find_assignment(ASSIGNMENT, graded)
    with pytest.raises(KeyboardInterrupt):
        batch.grade_course(assignment, graded, jobs=1, done=interrupted)
    assert len(list((graded / "marks" / ASSIGNMENT).glob("*.json"))) == 1
    assert len(batch.write_results(assignment, graded).scores) == 1
    assert GRADING not in os.environ
    batch.grade_course(assignment, graded)
    assert len(rows(graded)) == 3


def test_a_persons_points_and_comments_reach_csv_and_page(graded: Path) -> None:
    from nbgrader.api import Gradebook

    assignment = batch.find_assignment(ASSIGNMENT, graded)
    with Gradebook(f"sqlite:///{(graded / 'gradebook.db').resolve()}", "dacl_edu") as book:
        grade = book.find_grade("test_gradient_x", ASSIGNMENT, ASSIGNMENT, "finn")
        grade.manual_score = 1.5
        book.find_comment("gradient_x", ASSIGNMENT, ASSIGNMENT, "finn").manual_comment = "the idea is there"
        book.db.commit()
    batch.write_results(assignment, graded)
    assert rows(graded)["finn"]["gradient_x"] == "1.5"
    page = (graded / "feedback" / "finn" / ASSIGNMENT / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")
    assert "the idea is there" in page


def test_marks_are_files_that_say_what_happened(graded: Path) -> None:
    stored = json.loads((graded / "marks" / ASSIGNMENT / "sam.json").read_text())
    assert stored["mark"]["student"] == "sam" and all(q["reason"] for q in stored["mark"]["questions"])


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda course: batch.find_assignment("a9", course), "no assignment 'a9'"),
        (lambda course: batch.find_assignment("a2", course / "nowhere"), "release a2"),
        (
            lambda course: batch.submissions(batch.find_assignment("a2", course), course, ["zoe"]),
            "no submission by 'zoe'",
        ),
    ],
)
def test_what_is_not_there_is_said_with_a_mend(graded: Path, ask: object, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        ask(graded)  # type: ignore[operator]
    assert error.value.hint


def test_nothing_collected_and_nothing_graded_are_said(tmp_path: Path) -> None:
    release_course(["a1"], SOURCES, tmp_path / "course")
    assignment = batch.find_assignment("a1", tmp_path / "course")
    with pytest.raises(UserError, match="collect"):
        batch.submissions(assignment, tmp_path / "course")
    with pytest.raises(UserError, match="grade first"):
        batch.write_results(assignment, tmp_path / "course")

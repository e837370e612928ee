"""Marks in nbgrader's gradebook: replaced when graded again, a person's kept; the table; the autograded notebook."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from course.made_assignment import NAME, answered, made_assignment, source_notebook, write_source
from nbformat.v4 import new_markdown_cell

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment, every_string, leaked_lines
from dacl_edu_course.authoring.release import release_course
from dacl_edu_course.grading.gradebook import manual_comments, manual_scores, record, write_csv
from dacl_edu_course.grading.scores import QuestionScore, SubmissionScore
from dacl_edu_course.submissions.repair import Repaired, parse_submission, repair

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install .[course]")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    write_source(folder / "source")
    release_course([], folder / "source", folder / "course")
    return folder


@pytest.fixture
def released(made: Path, tmp_path: Path) -> tuple[Path, Assignment]:
    """A course of the test's own: most of them write marks into it."""
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made" / "course", made_assignment(tmp_path / "made" / "source")


def mark_of(student: str, doubled: float | None = 2, shifted: float = 0, conclusion: float | None = None) -> Any:
    marks = (
        QuestionScore("doubled", "Question 1", 2, doubled),
        QuestionScore("shifted", "Question 2", 3, shifted, "shifted has the wrong sign. Where to look: Eq. 3"),
        QuestionScore("conclusion", "Question 3", 4, conclusion),
    )
    return SubmissionScore(student, NAME, marks, ("A cell had been <b>edited</b>.",), 1.5)


def result_of(assignment: Assignment, notebook: Any = None) -> Repaired:
    found = repair(assignment, parse_submission(json.dumps(notebook or answered()).encode()))
    assert isinstance(found, Repaired)
    return found


def open_book(course: Path) -> Any:
    from nbgrader.api import Gradebook

    return Gradebook(f"sqlite:///{course}/gradebook.db", "dacl_edu")


def test_marks_are_written_replaced_and_a_persons_are_kept(released: tuple[Path, Assignment]) -> None:
    course, assignment = released
    (course / "submitted" / "ada" / NAME).mkdir(parents=True)
    (course / "submitted" / "ada" / NAME / "timestamp.txt").write_text("2026-11-20 10:00:00 UTC\n")
    repaired = result_of(assignment)
    record(course, assignment, [(mark_of("ada"), repaired), (mark_of("bo", doubled=0, conclusion=0), None)])
    with open_book(course) as book:
        ada = book.find_submission(NAME, "ada")
        assert (ada.score, ada.max_score, ada.needs_manual_grade) == (2, 9, True)
        assert str(ada.timestamp) == "2026-11-20 10:00:00"
        assert [g.auto_score for g in ada.notebooks[0].grades if g.name == "test_shifted"] == [0]
        bo = book.find_submission(NAME, "bo")
        assert (bo.score, bo.needs_manual_grade) == (0, False)
        book.find_grade("conclusion", NAME, NAME, "ada").manual_score = 3.5
        book.find_grade("conclusion", NAME, NAME, "ada").needs_manual_grade = False
        book.find_grade("test_shifted", NAME, NAME, "ada").manual_score = 1
        book.find_comment("conclusion", NAME, NAME, "ada").manual_comment = "Well argued."
        book.db.commit()
    record(course, assignment, [(mark_of("ada", doubled=1), repaired)])
    with open_book(course) as book:
        ada = book.find_submission(NAME, "ada")
        assert (ada.score, ada.needs_manual_grade) == (1 + 1 + 3.5, False)
        assert len(book.assignment_submissions(NAME)) == 2
    scores = manual_scores(course, assignment)
    assert scores == {"ada": {"conclusion": (3.5, "Well argued."), "shifted": (1.0, "")}}
    assert manual_comments(course, assignment)["ada"] == {"conclusion": "Well argued."}
    final = mark_of("ada").with_scores(scores["ada"])
    assert (final.total, final.waiting) == (2 + 1 + 3.5, 0) and final.questions[2].reason == "Well argued."

    record(course, assignment, [(mark_of("ada"), result_of(assignment, answered(conclusion="Another text.")))])
    with open_book(course) as book:
        grade = book.find_grade("conclusion", NAME, NAME, "ada")
        assert grade.manual_score == 3.5 and grade.needs_manual_grade, "another answer must be read again"
    assert "conclusion" not in manual_scores(course, assignment)["ada"]


def test_the_autograded_notebook_shows_verdicts_and_nothing_hidden(released: tuple[Path, Assignment]) -> None:
    course, assignment = released
    notebook = deepcopy(answered())
    notebook.cells.append(new_markdown_cell("<script>alert(1)</script> <img src=x onerror=1> a < b"))
    notebook.cells[4].outputs = [nbformat.v4.new_output("display_data", {"text/html": "<script>", "text/plain": "ok"})]
    notebook.cells.append(deepcopy(notebook.cells[4]))
    notebook.cells[-1].source += "\n# another"
    notebook.cells[-1]["id"] = "copied"
    record(course, assignment, [(mark_of("cy"), result_of(assignment, notebook))])
    place = course / "autograded" / "cy" / NAME / f"{NAME}.ipynb"
    assert place.stat().st_mode & 0o077 == 0
    made = nbformat.read(place, as_version=4)
    nbformat.validate(made)
    text = every_string(made)
    assert leaked_lines(assignment, text) == []
    assert "<script" not in text and "<img" not in text and "a < b" in text
    said = ["".join(o.get("text", "") for o in c.outputs) for c in made.cells if c.source.startswith("from checks")]
    assert said == [
        "✔ 2 of 2 points. ",
        "✘ 0 of 3 points. shifted has the wrong sign. Where to look: Eq. 3",
    ]
    ids = [cell.metadata.nbgrader.grade_id for cell in made.cells if "nbgrader" in cell.metadata]
    assert sorted(ids) == sorted(set(ids)) and {"doubled", "test_doubled", "conclusion"} <= set(ids)


def test_nbgrader_itself_exports_and_makes_feedback_of_it(released: tuple[Path, Assignment]) -> None:
    course, assignment = released
    record(course, assignment, [(mark_of("dan"), result_of(assignment))])
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    home = {"HOME": str(course.parent), "PATH": path, "JUPYTER_DATA_DIR": str(course.parent / "jupyter")}
    for command in (["export"], ["generate_feedback", NAME, "--student", "dan"]):
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command],
            cwd=course,
            env=os.environ | home,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    with open(course / "grades.csv", newline="", encoding="utf-8-sig") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert (rows["dan"]["score"], rows["dan"]["max_score"]) == ("2.0", "9.0")
    assert (course / "feedback" / "dan" / NAME / f"{NAME}.html").exists()


def test_cells_cannot_change_under_graded_submissions(released: tuple[Path, Assignment], tmp_path: Path) -> None:
    course, assignment = released
    record(course, assignment, [(mark_of("eve"), result_of(assignment))])
    files = [course / folder / NAME / f"{NAME}.ipynb" for folder in ("source", "release")]
    before = [file.read_bytes() for file in files]
    changed = source_notebook()
    changed.cells = [cell for cell in changed.cells if "shifted" not in str(cell.metadata)]
    write_source(tmp_path, changed)
    with pytest.raises(UserError, match="submissions are graded already"):
        release_course([], tmp_path, course)
    assert [file.read_bytes() for file in files] == before


def test_thirty_submissions_are_recorded_in_seconds(released: tuple[Path, Assignment]) -> None:
    course, assignment = released
    repaired, seen = result_of(assignment), []
    begin = time.perf_counter()
    record(course, assignment, [(mark_of(f"s{n:02}"), repaired) for n in range(30)], done=seen.append)
    seconds = time.perf_counter() - begin
    print(f"30 submissions recorded in {seconds:.2f} s")
    assert len(seen) == 30


def test_the_table_says_all_and_holds_no_formula(tmp_path: Path) -> None:
    bad = QuestionScore("doubled", "Question 1", 2, 0, '=HYPERLINK("http://x")')
    marks = [
        mark_of("ada"),
        SubmissionScore("=cmd|' /C calc'!A0", NAME, (bad,), ("+1\nsecond line, with comma", "\x07")),
        SubmissionScore("  @x", NAME, (QuestionScore("doubled", "", 2, 1.5),)),
    ]
    path = write_csv(marks, tmp_path / "deep" / "marks.csv")
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("student", "assignment", "doubled", "shifted", "conclusion"),
        *("total", "max", "waits", "penalty", "reasons", "notes"),
    ]
    assert rows[0] | {} == {
        "student": "ada", "assignment": NAME, "doubled": "2", "shifted": "0", "conclusion": "waits", "total": "2",
        "max": "9", "waits": "4", "penalty": "0",
        "reasons": "shifted: shifted has the wrong sign. Where to look: Eq. 3",
        "notes": "A cell had been <b>edited</b>.",
    }  # fmt: skip
    assert rows[1]["student"].startswith("'=") and rows[1]["notes"].startswith("'+1 second") and "\x07" not in str(rows)
    assert rows[2]["student"] == "'@x" and rows[2]["doubled"] == "1.5" and rows[2]["shifted"] == ""
    for row in rows:
        assert not any(value.lstrip().startswith(("=", "+", "-", "@")) for value in row.values())
    assert path.stat().st_mode & 0o077 == 0


def test_a_gradebook_that_is_missing_or_damaged_is_said_in_one_line(
    released: tuple[Path, Assignment], tmp_path: Path
) -> None:
    _, assignment = released
    with pytest.raises(UserError, match=r"gradebook\.db: no gradebook"):
        record(tmp_path, assignment, [])
    (tmp_path / "gradebook.db").write_bytes(b"no database" * 1000)
    with pytest.raises(UserError, match="not a database"):
        record(tmp_path, assignment, [])

"""After grading: due dates and what being late costs, points and comments from a table, pages without names."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from course.made_assignment import NAME
from course.two_graders import prepared
from typer.testing import CliRunner

from dacl_edu.errors import UserError
from dacl_edu_course.cli import app
from dacl_edu_course.grading import batch
from dacl_edu_course.grading.by_hand import give, read_given
from dacl_edu_course.grading.gradebook import set_due

PER_DAY = '\nc.AssignLatePenalties.plugin_class = "dacl_edu_course.grading.per_day.PerDay"\nc.PerDay.percent = 20\n'
ZERO = '\nc.LateSubmissionPlugin.penalty_method = "zero"\n'


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ada: 5 points of 9 and 4 that wait; bo: 3. Both handed in on the 20th at noon."""
    course = prepared(tmp_path_factory.mktemp("hand"), ("ada", "bo"))
    for stamp in course.glob("submitted/*/*/timestamp.txt"):
        stamp.write_text("2026-11-20 12:00:00 UTC\n")
    (course / "roster.csv").write_text(
        "id,name,email\nada,Ada Ngo,ada@uni.edu\nbo,Bo Li,bo@uni.edu\neve,Eve Roe,e@u.edu\n"
    )
    batch.grade_course(batch.find_assignment(NAME, course), course)
    return course


@pytest.fixture
def course(graded: Path) -> Path:
    settings = graded / "nbgrader_config.py"
    settings.write_text(settings.read_text().partition("\nc.AssignLate")[0].partition("\nc.LateSub")[0])
    set_due(graded, NAME, "2030-01-01")
    table = graded / "none.csv"
    rows = [f"{student},{q},auto," for student in ("ada", "bo") for q in ("doubled", "shifted", "conclusion")]
    table.write_text("\n".join(["student,question,points,comment", *rows]))
    give(graded, batch.find_assignment(NAME, graded), read_given(table, batch.find_assignment(NAME, graded)))
    return graded


def rows(course: Path) -> dict[str, dict[str, str]]:
    batch.write_results(batch.find_assignment(NAME, course), course)
    with open(course / "results" / f"{NAME}.csv", newline="", encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def page(course: Path, student: str) -> str:
    return (course / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")


def test_in_time_costs_nothing_and_who_did_not_hand_in_has_a_row(course: Path) -> None:
    found = rows(course)
    assert {name: (row["total"], row["penalty"]) for name, row in found.items()} == {
        **{"ada": ("5", "0"), "bo": ("3", "0"), "eve": ("", "")},
    }
    assert found["eve"]["notes"] == "did not hand in"


@pytest.mark.parametrize(("rule", "penalty"), [("", "0"), (PER_DAY, "2"), (ZERO, "5")])
def test_late_by_26_hours_costs_what_the_rule_says(course: Path, rule: str, penalty: str) -> None:
    with open(course / "nbgrader_config.py", "a") as file:
        file.write(rule)
    set_due(course, NAME, "2026-11-19 11:00 Europe/Berlin")
    found = rows(course)["ada"]
    assert (found["penalty"], float(found["total"])) == (penalty, 5 - float(penalty))
    assert "Handed in 1 day 2 hours late" in found["notes"] and "1 day 2 hours late" in page(course, "ada")


def test_an_extension_is_one_students(course: Path) -> None:
    set_due(course, NAME, "2026-11-19 12:00")
    set_due(course, NAME, "2026-11-20 12:00", "bo")
    found = rows(course)
    assert "late" in found["ada"]["notes"] and "late" not in found["bo"]["notes"]
    with pytest.raises(UserError, match="no graded submission by 'zoe'"):
        set_due(course, NAME, "2026-11-20", "zoe")
    with pytest.raises(UserError, match="'tomorrowish' is no time"):
        set_due(course, NAME, "tomorrowish")
    with pytest.raises(UserError, match=r"'Europe/Belin' is no time zone — did you mean 'Europe/Berlin'"):
        set_due(course, NAME, "2026-11-19 11:00 Europe/Belin")  # it was taken for UTC
    set_due(course, NAME, "2026-11-20 12:00", "bo")


def test_points_and_comments_of_a_table_count_and_are_taken_back(course: Path, tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    given = ("bo;doubled;1,5;nearly", "ada;conclusion;4;well said", "ada;shifted;;see me")
    table.write_text("\n".join(["\ufeffstudent;question;points;comment", *given]), encoding="utf-8")
    told = CliRunner().invoke(app, ["marks", NAME, str(table), "--course", str(course)])
    assert told.exit_code == 0, told.output
    found = rows(course)
    assert (found["bo"]["doubled"], found["bo"]["total"]) == ("1.5", "4.5")
    assert (found["ada"]["conclusion"], found["ada"]["waits"], found["ada"]["total"]) == ("4", "0", "9")
    assert "nearly" in page(course, "bo") and "see me" in page(course, "ada")
    batch.grade_course(batch.find_assignment(NAME, course), course, only=["bo"], questions=["doubled"])
    assert rows(course)["bo"]["doubled"] == "1.5", "a person's points outlast another grading"
    table.write_text("student,question,points\nbo,doubled,auto\n")
    assert CliRunner().invoke(app, ["marks", NAME, str(table), "--course", str(course)]).exit_code == 0
    assert rows(course)["bo"]["doubled"] == "0"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ada,tripled,1,", "row 3: no question 'tripled'"),
        ("ada,doubled,7,", "row 3: '7' points for doubled"),
        ("ada,doubled,many,", "row 3: 'many' points"),
        ("zoe,doubled,1,", "no graded submission by 'zoe'"),
    ],
)
def test_a_table_with_one_bad_row_changes_nothing(course: Path, tmp_path: Path, line: str, said: str) -> None:
    assignment = batch.find_assignment(NAME, course)
    (tmp_path / "bad.csv").write_text(f"student,question,points,comment\nada,doubled,0,no\n{line}\n")
    with pytest.raises(UserError, match=said):
        give(course, assignment, read_given(tmp_path / "bad.csv", assignment))
    assert rows(course)["ada"]["doubled"] == "2"


def test_pages_without_names_say_the_same_and_no_name(course: Path) -> None:
    told = CliRunner().invoke(app, ["results", NAME, "--anonymous", "--course", str(course)])
    assert told.exit_code == 0, told.output
    folder = course / "anonymous" / NAME
    codes = dict(line.split(",")[::-1] for line in (folder / "codes.csv").read_text().splitlines()[1:])
    assert sorted(codes) == ["ada", "bo"]
    for student, names in (("ada", ("Ada", "Ngo")), ("bo", ("Bo Li",))):
        text = (folder / f"{codes[student]}.html").read_text(encoding="utf-8")
        assert codes[student] in text and not any(name in text for name in (student + "<", *names))
        assert os.stat(folder / f"{codes[student]}.html").st_mode & 0o077 == 0
    assert "x * x + x" in (folder / f"{codes['bo']}.html").read_text()

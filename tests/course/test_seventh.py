"""A new instructor's assignment on another loss, with a module of checks beside it: released, handed in, graded."""

from __future__ import annotations

import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest
from course.seventh.submissions import CLASS, handed_in

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.release import release_course
from dacl_edu_course.grading.batch import collect_course, find_assignment, grade_course
from dacl_edu_course.grading.tryout import try_out

NAME = "a7_triplet_center"
HERE = Path(__file__).parent / "seventh"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What an instructor has in a folder of their own: the notebook and its checks."""
    shutil.copytree(HERE / NAME, tmp_path / "source" / NAME, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "source" / NAME / f"{NAME}.ipynb"
    nbformat.write(jupytext.read(path.with_suffix(".py")), path)
    return tmp_path / "source"


def test_students_get_the_checks_that_their_notebook_names_and_no_source(source: Path, tmp_path: Path) -> None:
    (source / NAME / "model_answers.py").write_text("apart = x[:, None] - c[None]\n")
    release_course(["a7"], source, tmp_path / "course")
    given = {path.name for path in (tmp_path / "course" / "release" / NAME).iterdir()}
    assert given == {f"{NAME}.ipynb", "triplet_center_checks.py"}


def test_regions_in_a_module_are_cut_and_a_solution_without_one_is_refused(source: Path, tmp_path: Path) -> None:
    checks = source / NAME / "triplet_center_checks.py"
    text = checks.read_text()
    secret = "def in_private():\n    ### BEGIN SOLUTION\n    return 'apart = nobody sees this'\n    ### END SOLUTION\n"
    checks.write_text(f"{text}\n\n{secret}")
    release_course(["a7"], source, tmp_path / "course")
    given = (tmp_path / "course" / "release" / NAME / checks.name).read_text()
    assert "in_private" in given and "nobody sees this" not in given
    checks.write_text(f"{text}\n\ndef copied(a, apart):\n    return (a[:, None] * apart.square()).sum(dim=2) / 2\n")
    with pytest.raises(UserError, match=r"triplet_center_checks\.py, and it shows"):
        release_course(["a7"], source, tmp_path / "course")


@pytest.mark.slow
def test_it_is_tried_released_and_graded_as_due(source: Path, tmp_path: Path) -> None:
    course, downloads = tmp_path / "course", tmp_path / "class"
    (released,) = release_course(["a7"], source, course, try_out)
    empty = nbformat.read(released, as_version=4)
    for student in CLASS:
        (downloads / student).mkdir(parents=True)
        text = nbformat.writes(handed_in(empty, student))
        (downloads / student / "mine.ipynb").write_text(text, encoding="utf-8")
    assignment = find_assignment("a7", course)
    collect_course(downloads, assignment, course)
    results = grade_course(assignment, course)
    earned = {s.student: {q.name for q in s.questions if q.earned} for s in results.scores}
    assert earned == {student: set(due) for student, (_, _, _, due) in CLASS.items()}, {
        s.student: [q.reason for q in s.questions] for s in results.scores if earned[s.student] != CLASS[s.student][3]
    }
    assert all(score.waiting == 1 for score in results.scores)

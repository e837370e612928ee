"""A submission that breaks the grader itself costs nobody else anything, and a class leaves nothing behind."""

from __future__ import annotations

import json
import tempfile
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest
from course.made_assignment import NAME, answered, write_source

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.release import release_course
from dacl_edu_course.grading import batch
from dacl_edu_course.grading.batch import collect_course, find_assignment, grade_course
from dacl_edu_course.grading.grade import grade_submission
from dacl_edu_course.sandbox.limits import Limits

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install .[course]")

LIMITS = Limits(cell_seconds=5, call_seconds=5, total_seconds=30, memory_mb=512)
TEST = (
    "from dacl_edu import check\nassert check.call({0}) == {1}, 'is wrong'\n"
    "### BEGIN HIDDEN TESTS\nassert check.call({2}) == {3}, 'is wrong'\n### END HIDDEN TESTS"
)


def made_course(folder: Path, students: dict[str, Any]) -> tuple[Path, Assignment]:
    from course.made_assignment import cell_of, source_notebook

    notebook = source_notebook()
    cell_of(notebook, "test_doubled").source = TEST.format("doubled, 4", 8, "doubled, 7", 14)
    cell_of(notebook, "test_shifted").source = TEST.format("shifted, 4, 1", 5, "shifted, 7, 1", 8)
    write_source(folder / "source", notebook)
    release_course([], folder / "source", folder / "course")
    for name, made in students.items():
        (folder / "class" / name).mkdir(parents=True)
        (folder / "class" / name / "a.ipynb").write_text(json.dumps(made))
    assignment = find_assignment(NAME, folder / "course")
    collect_course(folder / "class", assignment, folder / "course")
    return folder / "course", assignment


def test_what_breaks_the_grader_waits_for_a_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course, assignment = made_course(tmp_path, dict.fromkeys(("ada", "eve", "mallory"), answered()))
    real_record = batch.record

    def breaks(assignment: Assignment, student: str, *rest: Any, **others: Any) -> Any:
        if student == "mallory":
            raise RecursionError("x" * 10**6)
        return grade_submission(assignment, student, None)  # without a process: fast

    def breaks_too(course: Path, assignment: Assignment, results: Any) -> None:
        if results[0][0].student == "eve":
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no")
        real_record(course, assignment, results)

    monkeypatch.setattr(batch, "grade_submission", breaks)
    monkeypatch.setattr(batch, "record", breaks_too)
    results = grade_course(assignment, course, LIMITS)
    marks = {mark.student: mark for mark in results.scores}
    assert marks["ada"].waiting < assignment.points
    said = "The grader failed on this submission (RecursionError): a person looks at it."
    assert marks["mallory"].waiting == assignment.points and marks["mallory"].notes[-1] == said
    assert marks["eve"].waiting < assignment.points, "a mark that was found is kept"
    assert sorted(results.problems) == [
        "eve: the gradebook could not be written (UnicodeEncodeError). The mark itself is kept.",
        f"mallory: {said}",
    ]
    before = marks["mallory"]
    monkeypatch.setattr(batch, "grade_submission", grade_submission)
    good = {m.student: m for m in grade_course(assignment, course, LIMITS).scores}["mallory"]
    assert good.total == 5 != before.total
    monkeypatch.setattr(batch, "grade_submission", breaks)
    again = grade_course(assignment, course, LIMITS)
    assert {m.student: m for m in again.scores}["mallory"].total == 5, "a failure takes the place of no mark"
    assert any("The earlier mark stays" in problem for problem in again.problems)


def test_a_system_that_cannot_grade_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course, assignment = made_course(tmp_path, {"ada": answered()})

    def cannot(*_: Any, **__: Any) -> Any:
        raise UserError("no processes", hint="use WSL")

    monkeypatch.setattr(batch, "grade_submission", cannot)
    with pytest.raises(UserError, match="no processes"):
        grade_course(assignment, course, LIMITS)


def test_nothing_of_a_class_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, threads, processes and folders of the workers; three submissions, one of which is killed twice."""
    scratch = tmp_path / "scratch"  # of this test alone: other graders use the machine's at the same time
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    kill = answered(doubled="def doubled(x):\n    import os\n    os._exit(3)")
    noisy = answered()
    noisy.cells += [
        {"cell_type": "code", "source": f"raise ValueError('{k}' * 300)", "metadata": {}, "outputs": []}
        for k in range(200)
    ]
    course, assignment = made_course(tmp_path, {"ada": answered(), "noisy": noisy, "kill": kill})
    process = psutil.Process()
    grade_course(assignment, course, LIMITS, only=["ada"])  # what libraries open once stays open

    def held() -> tuple[int, int, int, int]:
        folders = list(scratch.glob("dacl-edu-*"))
        mine = [thread for thread in threading.enumerate() if "_drain" in thread.name]
        return process.num_fds(), len(process.children(recursive=True)), len(mine), len(folders)

    before = held()
    marks = {mark.student: mark for mark in grade_course(assignment, course, LIMITS, jobs=2).scores}
    after = held()
    assert after == before
    assert marks["ada"].total == 5 and marks["kill"].total == 3 and marks["noisy"].total == 5
    assert len(marks["noisy"].notes) <= 51 and "more notes like these" in marks["noisy"].notes[-1]

"""Before an assignment is given out: its own solution must earn every point, and the empty copy none."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.release import as_text, checked_student_version, write_shown
from dacl_edu_course.grading.grade import grade_submission
from dacl_edu_course.grading.test_cell import make_importable
from dacl_edu_course.sandbox.home import scratch
from dacl_edu_course.sandbox.limits import Limits


def try_out(source: Path, limits: Limits = Limits()) -> None:  # noqa: B008  # frozen
    """Grade a source notebook as if a student had handed it in, and then the copy that students are given.

    Parameters
    ----------
    source : Path
    limits : Limits

    Raises
    ------
    UserError
        A question that its own solution does not answer, or that is answered by nothing.
    """
    with tempfile.TemporaryDirectory(prefix=scratch("try")) as folder:
        # As in a course: the author's files beside the source, and what students get of them in a folder of its own.
        place, given = (Path(folder) / name / source.stem for name in ("source", "release"))
        shutil.copytree(source.parent, place, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        assignment = Assignment.load(place / source.name)
        given.mkdir(parents=True)
        write_shown(assignment, given)
        empty = given / source.name
        empty.write_text(as_text(checked_student_version(source)), encoding="utf-8")
        make_importable(place)
        solved = grade_submission(assignment, "the source", source, limits, veiled=False).mark
        unsolved = grade_submission(assignment, "nobody", empty, limits).mark
    for question in solved.questions:
        if question.earned is not None and question.earned < question.points:
            notes = f" ({'; '.join(solved.notes[:3])})" if solved.notes else ""
            raise UserError(
                f"{source.name}, {question.name}: its own solution earns {question.earned:g} of {question.points:g} "
                f"points: {question.reason}{notes}",
                hint="mend the solution or its test",
            )
    for question in unsolved.questions:
        if question.earned:
            raise UserError(
                f"{source.name}, {question.name}: the empty copy earns {question.earned:g} points",
                hint="let the test ask for what the solution makes",
            )

"""Points and comments that a person gives in a table, into the gradebook: what formgrader does page by page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.grading.gradebook import gradebook
from dacl_edu_course.submissions.roster import read_rows

COLUMNS = ("student", "question", "points", "comment")


@dataclass(frozen=True)
class Given:
    """One line of the table.

    Attributes
    ----------
    student, question : str
    points : float or None
        None: the points stay.
    comment : str
        Empty: the comment stays.
    taken_back : bool, default False
        Whether the grader's points count again.
    """

    student: str
    question: str
    points: float | None
    comment: str
    taken_back: bool = False


def read_given(path: str | Path, assignment: Assignment) -> list[Given]:
    """Read a CSV file with the columns student, question, points and comment.

    Points may be left empty, for a comment alone, or be ``auto``: then the grader's count again.

    Raises
    ------
    UserError
        The first line that cannot be used; then nothing is.
    """
    rows = read_rows(Path(path))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if not {"student", "question"} <= set(header):
        raise UserError(
            f"{path}: its first line names no student and no question", hint=f"begin with {','.join(COLUMNS)}"
        )
    points = {question.name: question.points for question in assignment.questions}
    given = []
    for number, row in enumerate(rows[1:], 2):
        cells = dict.fromkeys(COLUMNS, "") | dict(zip(header, map(str.strip, row), strict=False))
        question, said = cells["question"], cells["points"].replace(",", ".")
        if question not in points:
            raise UserError(f"{path}, row {number}: no question {question!r}", hint=f"there are {', '.join(points)}")
        try:
            worth = None if said in ("", "auto") else float(said)
        except ValueError:
            worth = -1.0
        if worth is not None and not 0 <= worth <= points[question]:
            raise UserError(
                f"{path}, row {number}: {cells['points']!r} points for {question}",
                hint=f"give a number from 0 to {points[question]:g}, nothing, or auto",
            )
        given.append(Given(cells["student"], question, worth, cells["comment"], said == "auto"))
    return given


def give(course: str | Path, assignment: Assignment, given: list[Given]) -> None:
    """Write points and comments into the gradebook, all of them or none.

    Raises
    ------
    UserError
        Somebody's submission is not in it.
    """
    cells = {question.name: (question.grade_id, question.solution.id) for question in assignment.questions}
    with gradebook(Path(course), assignment.name) as book:
        books = {s.student_id: s.notebooks[0] for s in book.assignment_submissions(assignment.name) if s.notebooks}
        for each in given:
            if each.student not in books:
                raise UserError(
                    f"no graded submission by {each.student!r}", hint=f"there are {', '.join(sorted(books)) or 'none'}"
                )
        for each in given:
            grade_id, solution_id = cells[each.question]
            grade = next(g for g in books[each.student].grades if g.name == grade_id)
            if each.taken_back:
                grade.manual_score, grade.needs_manual_grade = None, grade.auto_score is None
            elif each.points is not None:
                grade.manual_score, grade.needs_manual_grade = each.points, False
            for comment in books[each.student].comments:
                if comment.name == solution_id and each.comment:
                    comment.manual_comment = each.comment
        book.db.commit()

"""The commands ``dacl-edu course release | pack | collect | due | grade | marks | results | export | students``."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dacl_edu import paths

if TYPE_CHECKING:
    from dacl_edu_course.grading.scores import SubmissionScore

app = typer.Typer(
    help="Give out assignments, collect them, grade them. docs/instructor.md tells the whole story.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
SOURCES = Path("notebooks/assignments/source")
_HERE_OR_OURS = SOURCES if os.path.isdir(SOURCES) else paths.assignments() / "source"

CourseFolder = Annotated[Path, typer.Option("--course", help="The course's folder, an nbgrader course.")]
Source = Annotated[Path, typer.Option(help="Folder of the instructor's sources: NAME/NAME.ipynb.")]
Name = Annotated[str, typer.Argument(help="Assignment, or how its name begins, e.g. a2.", show_default=False)]


@app.command()
def release(
    names: Annotated[list[str] | None, typer.Argument(help="Assignments, e.g. a1 a2; all if left out.")] = None,
    source: Source = _HERE_OR_OURS,
    course: CourseFolder = Path("course"),
    untried: Annotated[bool, typer.Option("--untried", help="Do not grade the source itself first.")] = False,
) -> None:
    """Put assignments into a course and write what students are given. Example: dacl-edu course release a1 a2

    Each source is graded first: its own solution must earn all points, and the empty copy none.
    """
    from dacl_edu_course.authoring.release import release_course
    from dacl_edu_course.grading.lock import locked
    from dacl_edu_course.grading.tryout import try_out

    def tried(path: Path) -> None:
        print(f"trying {path.stem}: its own solution, then the empty copy")
        with redirect_stdout(StringIO()):  # the checks' own words, which are for a notebook
            try_out(path)

    with locked(course, "release"):
        for path in release_course(names or [], source, course, None if untried else tried):
            print(path)


@app.command()
def collect(
    folder: Annotated[Path, typer.Argument(help="What the learning platform gave you: a folder or a zip.")],
    name: Name,
    course: CourseFolder = Path("course"),
    roster: Annotated[Path | None, typer.Option(help="CSV: id, name, email. It is remembered.")] = None,
    named: Annotated[Path | None, typer.Option("--map", help="CSV: what the export says, the student's id.")] = None,
) -> None:
    """Sort submissions by student. Example: dacl-edu course collect ~/Downloads/hand-ins a2 --roster students.csv

    Files are recognised by what is in them. Of two submissions by one student the later counts; nothing is deleted.
    """
    from dacl_edu_course.grading.batch import collect_course, find_assignment
    from dacl_edu_course.submissions.files import plain_name

    assignment = find_assignment(name, course)
    found = collect_course(folder, assignment, course, roster, named)
    for each in found:
        for note in each.notes:
            print(f"{each.student or folder}: {plain_name(note, 1000)}")
    students = [each for each in found if each.student]  # what belongs to nobody has notes and no name
    without = sum(each.path is None for each in students)
    print(f"{assignment.name}: {len(students)} students" + (f", {without} without a notebook" if without else ""))


@app.command()
def grade(
    name: Name,
    course: CourseFolder = Path("course"),
    students: Annotated[list[str] | None, typer.Option("--student", help="Only this one; may be repeated.")] = None,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, max=512, help="Submissions at a time. [default: processors]")
    ] = 0,
    cell_seconds: Annotated[
        float, typer.Option(min=0.5, max=86_400, help="Seconds that a cell, or a call, may take.")
    ] = 10.0,
    total_seconds: Annotated[
        float, typer.Option(min=5, max=86_400, help="Seconds that a submission may take.")
    ] = 120.0,
    memory_mb: Annotated[int, typer.Option(min=256, max=1_000_000, help="Megabytes that a submission may use.")] = 2048,
    questions: Annotated[list[str] | None, typer.Option("--question", help="Only this one gets new points.")] = None,
) -> None:
    """Grade what was collected: gradebook, CSV, a feedback page each. Example: dacl-edu course grade a2

    Each submission runs in a process of its own, without network and with limits of time and memory.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from dacl_edu_course.grading.batch import Interrupted, find_assignment, grade_course, isolation, submissions
    from dacl_edu_course.sandbox.limits import Limits

    limits = Limits(
        cell_seconds=cell_seconds, call_seconds=cell_seconds, total_seconds=total_seconds, memory_mb=memory_mb
    )
    assignment = find_assignment(name, course)
    count = len(submissions(assignment, course, students or ()))
    print(isolation())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as progress:
        bar = progress.add_task("grading", total=count)
        try:
            graded = grade_course(
                assignment, course, limits, jobs, students or (), lambda _: progress.advance(bar), questions or ()
            )
        except Interrupted as stopped:
            progress.stop()
            print(f"interrupted: {stopped}; the same command grades all, each as before")
            raise typer.Exit(130) from None
    _say(graded.scores, graded.csv)
    for problem in graded.problems:
        print(problem)
    if graded.problems:
        raise typer.Exit(1)


@app.command()
def results(
    name: Name,
    course: CourseFolder = Path("course"),
    form: Annotated[str, typer.Option("--format", help="csv, canvas, moodle or gradescope.")] = "csv",
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Also pages under codes in place of names.")] = False,
) -> None:
    """Write CSV and feedback again, with the points that a person gave since. Example: dacl-edu course results a5

    Another format is a second table, that the platform takes back.
    """
    from dacl_edu_course.grading.batch import find_assignment, write_results
    from dacl_edu_course.grading.upload import write_upload

    assignment = find_assignment(name, course)
    written = write_results(assignment, course, anonymous)
    table = written.csv if form == "csv" else write_upload(written.scores, course, assignment.name, form)
    _say(written.scores, table)
    if anonymous:
        print(course / "anonymous" / assignment.name)


@app.command()
def due(
    name: Name,
    when: Annotated[str, typer.Argument(help='"2026-12-01 23:59 Europe/Berlin"; UTC where no zone is named.')],
    student: Annotated[str, typer.Option("--student", help="For this one alone: an extension.")] = "",
    course: CourseFolder = Path("course"),
) -> None:
    """Set when an assignment is due. Example: dacl-edu course due a2 "2026-12-01 23:59 Europe/Berlin"

    What is late then says so in CSV and feedback; what that costs is nbgrader's rule, in nbgrader_config.py.
    """
    from dacl_edu_course.grading.batch import find_assignment
    from dacl_edu_course.grading.gradebook import set_due
    from dacl_edu_course.grading.lock import locked

    assignment = find_assignment(name, course)
    with locked(course, f"due {assignment.name}"):
        said = set_due(course, assignment.name, when, student)
    print(f"{assignment.name}{f' of {student}' if student else ''} is due {said}")
    print(f"counted by it: dacl-edu course results {name}")


@app.command()
def marks(
    name: Name,
    table: Annotated[Path, typer.Argument(help="CSV: student,question,points,comment.")],
    course: CourseFolder = Path("course"),
) -> None:
    """Give points and comments by hand, from a table, over the grader's. Example: dacl-edu course marks a5 mine.csv

    Empty points leave the points, an empty comment the comment; `auto` lets the grader's points count again.
    """
    from dacl_edu_course.grading.batch import find_assignment, write_results
    from dacl_edu_course.grading.by_hand import give, read_given
    from dacl_edu_course.grading.lock import locked

    assignment = find_assignment(name, course)
    with locked(course, f"marks {assignment.name}"):
        given = read_given(table, assignment)
        give(course, assignment, given)
    written = write_results(assignment, course)
    _say(written.scores, written.csv)
    print(f"{len(given)} rows of {table}")


@app.command()
def pack(
    out: Annotated[Path, typer.Argument(help="The archive to write.")] = Path("dacl-edu-students.zip"),
    course: CourseFolder = Path("course"),
) -> None:
    """Write the students' repository: lessons, released assignments, checks. Example: dacl-edu course pack

    No solution and no hidden test is in it. The assignments are those that the course released; without a course, all.
    """
    from dacl_edu_course.authoring.pack import write_pack

    count = write_pack(out, course)
    print(f"{out}: {count} files, {out.stat().st_size / 2**20:.1f} MB")


@app.command()
def export(
    name: Name,
    to: Annotated[str, typer.Option("--format", help="otter: what `otter assign` takes.")] = "otter",
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("exported"),
    source: Source = _HERE_OR_OURS,
) -> None:
    """Write an assignment for another grader. Example: dacl-edu course export a2 --format otter --out exported"""
    from dacl_edu.errors import UserError
    from dacl_edu_course.authoring import otter
    from dacl_edu_course.authoring.assignment import Assignment
    from dacl_edu_course.authoring.release import chosen_sources, find_sources

    if to != "otter":
        raise UserError(f"unknown format {to!r}", hint="use --format otter")
    (path,) = chosen_sources([name], find_sources(source), source)
    print(otter.export(Assignment.load(path), out))


@app.command()
def students(
    folder: Annotated[Path, typer.Argument(help="Holds source/; release/ is written.")] = SOURCES.parent,
) -> None:
    """Write the students' versions of all sources, without a course. Example: dacl-edu course students"""
    from dacl_edu_course.authoring.release import write_student_versions

    for path in write_student_versions(folder / "source", folder / "release"):
        print(path)


def _say(scores: tuple[SubmissionScore, ...], csv: Path) -> None:
    """Print a row a submission, and where the files are."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from dacl_edu_course.submissions.files import plain_name

    table = Table(box=None, pad_edge=False)
    for column, justify in (("student", "left"), ("points", "right"), ("of", "right"), ("waits", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for mark in scores:
        student, waits_for = escape(plain_name(mark.student)), f"{mark.waiting:g}" if mark.waiting else ""
        table.add_row(student, f"{mark.total:g}", f"{mark.maximum:g}", waits_for)
    Console(width=max(60, Console().width)).print(table)
    waits = sum(mark.waiting > 0 for mark in scores)
    if waits:
        print(f"{waits} submissions wait for a person: docs/instructor.md, Marking by hand")
    print(csv)

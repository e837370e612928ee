"""From an author's notebook to the students': solutions become stubs, hidden tests go, outputs go.

nbgrader's own preprocessors do it, so that a course made here and one made by ``nbgrader generate_assignment`` are the
same notebook, byte for byte. ``dacl-edu course students`` writes those of this repository.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment, every_string, leaked_lines
from dacl_edu_course.authoring.beside import files_beside, shown_beside
from dacl_edu_course.definitions import write_text

Notebook = Any
COURSE_ID = "dacl_edu"
SECRETS = "secrets"
_CONFIG = '''"""Settings of nbgrader for this course: written by `dacl-edu course release` if missing, yours to change.

Never run `nbgrader autograde` here: it executes what students wrote with your rights. `dacl-edu course grade` does not.
"""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "dacl_edu"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\\nraise NotImplementedError()"}
c.SanitizeHTML.enabled = True  # what students wrote is shown in your browser

# What being late costs, once `dacl-edu course due` has set a date: nothing, or one of
# c.LateSubmissionPlugin.penalty_method = "zero"
# c.AssignLatePenalties.plugin_class = "dacl_edu_course.grading.per_day.PerDay"; c.PerDay.percent = 20
'''


def student_version(source: Notebook) -> Notebook:
    """Return what students get of an author's notebook.

    Parameters
    ----------
    source : NotebookNode
        In nbgrader's format; it stays as it is.

    Returns
    -------
    NotebookNode
        The same cells with the same ids, without solutions, hidden tests, outputs and leftovers of a kernel.

    Raises
    ------
    UserError
        nbgrader finds a fault in it.
    """
    notebook = tidy(source)
    resources: dict[str, Any] = {}
    with _quiet():
        try:
            for preprocessor in _preprocessors():
                notebook, resources = preprocessor.preprocess(notebook, resources)
        except Exception as error:  # nbgrader raises RuntimeError, ValueError and its own
            raise UserError(f"nbgrader: {_last_line(error)}", hint="mend the source notebook") from error
    return notebook


def tidy(source: Notebook) -> Notebook:
    """Return a copy that holds nothing of the author's machine: no outputs, counts, times, editor's metadata."""
    notebook = deepcopy(source)
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata = type(notebook.metadata)(kernelspec=kernel, language_info={"name": "python"})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        kept = {name: cell.metadata[name] for name in ("nbgrader", "tags") if name in cell.metadata}
        cell.metadata = type(notebook.metadata)(kept)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def write_student_versions(source_folder: str | Path, release_folder: str | Path) -> list[Path]:
    """Write ``release_folder/NAME/NAME.ipynb`` for each ``source_folder/NAME/NAME.ipynb``; return what was written.

    Raises
    ------
    UserError
        There is no source, a source has a fault, or a student version would show a solution or a hidden test.
    """
    sources = find_sources(source_folder)
    if not sources:
        raise UserError(f"{source_folder}: no source notebook", hint="expected is NAME/NAME.ipynb")
    written = []
    for source in sources:
        place = Path(release_folder) / source.stem
        written.append(_write(place / source.name, as_text(checked_student_version(source))))
        write_shown(Assignment.load(source), place)
    return written


def checked_student_version(source: Path) -> Notebook:
    """Return the student version of a file, after making sure that it shows no solution and no hidden test.

    Raises
    ------
    UserError
    """
    import nbformat

    assignment = Assignment.load(source)
    try:
        notebook = student_version(nbformat.read(source, as_version=4))
    except UserError as error:
        raise UserError(f"{source.name}: {error.problem}", hint=error.hint) from error
    leaks = leaked_lines(assignment, every_string(notebook))
    if leaks:
        raise UserError(f"{source.name}: students would see {leaks[0]!r}", hint="take it out of the text around it")
    return notebook


def find_sources(folder: str | Path) -> list[Path]:
    """Return the source notebooks below ``folder``: each in a folder of its own name."""
    return [path for path in sorted(Path(folder).glob("*/*.ipynb")) if path.stem == path.parent.name]


def as_text(notebook: Notebook) -> str:
    """Return a notebook's JSON, as nbformat writes it."""
    import nbformat

    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def release_course(
    names: Sequence[str], source: str | Path, course: str | Path, tried: Callable[[Path], None] | None = None
) -> list[Path]:
    """Put assignments into an nbgrader course folder: source, release, gradebook, the assignment's secret.

    Parameters
    ----------
    names : sequence of str
        Which assignments: names, or their beginnings (``a1``); all if empty.
    source : path
        Holds ``NAME/NAME.ipynb``.
    course : path
        Made if missing, for the user alone: it will hold personal data. Existing submissions and marks stay.
    tried : callable, optional
        Called with each source first; it raises where the source does not earn its own points
        (:func:`dacl_edu_course.grading.tryout.try_out`).

    Returns
    -------
    list of Path
        ``course/release/NAME/NAME.ipynb``, what students are given.

    Raises
    ------
    UserError
        An unknown name, a fault in a source, or cells that changed after submissions were graded.
    """
    chosen = chosen_sources(names, find_sources(source), Path(source))
    for path in chosen:
        checked_student_version(path)  # all are sound before anything is written
        shown_beside(Assignment.load(path))
        if tried is not None:
            tried(path)
    course = Path(course)
    course.mkdir(parents=True, exist_ok=True)
    course.chmod(0o700)
    if not (course / "nbgrader_config.py").exists():
        _write(course / "nbgrader_config.py", _CONFIG)
    released = []
    for path in chosen:
        import nbformat

        name = path.stem
        places = [course / folder / name / path.name for folder in ("source", "release")]
        before = [place.read_text(encoding="utf-8") if place.is_file() else None for place in places]
        _write(places[0], as_text(tidy(nbformat.read(path, as_version=4))))
        if path.resolve() != places[0].resolve():
            for part in files_beside(path):
                _copy(path.parent / part, places[0].parent / part)
        try:
            _generate(course, name)
        except UserError:
            for place, text in zip(places, before, strict=True):  # what is being graded stays what it was
                if text is not None:
                    _write(place, text)
            raise
        released.append(places[1])
        # nbconvert leaves out the last line's end, and nothing but that differs from write_student_versions.
        _write(released[-1], as_text(nbformat.read(released[-1], as_version=4)))
        write_shown(Assignment.load(places[0]), released[-1].parent)
        secret_of(course, name)
    (course / "gradebook.db").chmod(0o600)
    return released


def secret_of(course: str | Path, name: str) -> bytes:
    """Return an assignment's secret of 128 bits, from which hidden tests draw their batches; make it if there is none.

    Raises
    ------
    UserError
        Its file was damaged.
    """
    path = Path(course) / SECRETS / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        with contextlib.suppress(FileExistsError):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(f"{secrets.token_hex(16)}\n")
    try:
        found = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: no secret", hint="delete this damaged file and grade all again") from error
    if len(found) < 16:
        raise UserError(f"{path}: no secret", hint="delete this damaged file and grade all again")
    return found


def chosen_sources(names: Sequence[str], sources: list[Path], folder: Path) -> list[Path]:
    """Return the sources of these names, or of names that begin so (``a1``); all where no name is given.

    Raises
    ------
    UserError
        No source, or a name that is none's or several's.
    """
    known = ", ".join(path.stem for path in sources) or "none"
    if not sources:
        raise UserError(f"{folder}: no source notebook", hint="expected is NAME/NAME.ipynb")
    chosen: list[Path] = []
    for name in names:
        found = [path for path in sources if path.stem == name] or [p for p in sources if p.stem.startswith(f"{name}_")]
        if len(found) != 1:
            raise UserError(f"no assignment is called {name!r}", hint=f"there are: {known}")
        chosen.extend(path for path in found if path not in chosen)
    return chosen if names else sources


def _generate(course: Path, name: str) -> None:
    """Run nbgrader's own command within this process."""
    from nbgrader.converters import GenerateAssignment
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.utils import capture_log

    # Not by NbGraderAPI: that looks for the exchange folder of a shared server, and complains where there is none.
    where = CourseDirectory(root=str(course.resolve()), course_id=COURSE_ID, assignment_id=name)
    own = logging.getLogger("dacl_edu_course.nbgrader")
    own.propagate, own.level = (
        False,
        logging.INFO,
    )  # nbgrader gathers what it logs and gives it back; nothing is printed
    with tools_on_path():
        done = capture_log(GenerateAssignment(coursedir=where, force=True, log=own))
    if not done["success"]:
        log = f"{done.get('log') or ''}\n{done.get('error') or ''}"
        if "there are submissions associated with it" in log:
            raise UserError(
                f"{name}: cells were added or removed, but submissions are graded already",
                hint="give the changed assignment another name, or use a new course folder",
            )
        raise UserError(f"{name}: nbgrader could not make it ({_last_line(log)})", hint="mend the source notebook")


def _preprocessors() -> list[Any]:
    """What ``nbgrader generate_assignment`` applies, less what needs a database or a kernel."""
    from nbgrader import preprocessors as of

    steps = (
        *(of.LockCells, of.ClearSolutions, of.ClearOutput, of.CheckCellMetadata, of.ComputeChecksums),
        *(of.ClearHiddenTests, of.ClearMarkScheme, of.ComputeChecksums, of.CheckCellMetadata),
    )
    return [step() for step in steps]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep nbgrader's log to itself; what matters comes back as an error."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def tools_on_path() -> Iterator[None]:
    """Let nbgrader find the program ``alembic`` of its own environment, activated or not."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    try:
        yield
    finally:
        os.environ["PATH"] = before


def write_shown(assignment: Assignment, place: Path) -> None:
    """Leave in ``place`` what students get beside a notebook, and nothing that nbgrader copied beyond that."""
    shown = shown_beside(assignment)
    for part in {*files_beside(assignment.path), Path(f"{assignment.name}.py")} - shown.keys():
        (place / part).unlink(missing_ok=True)
    for part, content in shown.items():
        (place / part).parent.mkdir(parents=True, exist_ok=True)
        (place / part).write_bytes(content)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    return path


def _last_line(error: object) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]

"""Submissions as they come from a learning platform: every layout, every odd file, and nothing lost."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import nbformat
import pytest
from course.made_assignment import NAME, answered, made_assignment

from dacl_edu.errors import UserError
from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.submissions.collect import Collected, collect
from dacl_edu_course.submissions.files import unzip
from dacl_edu_course.submissions.submission import Damaged, read_submission


@pytest.fixture(scope="module")
def assignment(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return made_assignment(tmp_path_factory.mktemp("source"))


def text(doubled: str) -> str:
    return nbformat.writes(answered(doubled))


def put(path: Path, content: str | bytes, when: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    if when is not None:
        os.utime(path, (when, when))


def by_student(found: list[Collected]) -> dict[str, Collected]:
    return {each.student: each for each in found}


def test_every_layout_finds_its_student(assignment: Assignment, tmp_path: Path) -> None:
    class_ = tmp_path / "class"
    put(class_ / "ada" / "whatever.ipynb", text("of ada"))
    put(class_ / "bo" / "sub" / "deeper" / "x.ipynb", text("of bo"))
    put(class_ / "Cy Müller_123_assignsubmission_file_" / "x.ipynb", text("of cy"))
    put(class_ / f"dan_{NAME}.ipynb", text("of dan"))
    put(class_ / "eve.ipynb", text("of eve"))
    put(class_ / f"fay_{NAME}_2026-11-20_10-00-00 (1).ipynb", text("of fay"))
    put(class_ / ".hidden" / "x.ipynb", text("of nobody"))
    put(class_ / "ada" / ".ipynb_checkpoints" / "whatever-checkpoint.ipynb", text("old"))
    found = by_student(collect(class_, assignment, tmp_path / "course"))
    assert sorted(found) == ["Cy_Müller", "ada", "bo", "dan", "eve", "fay"]
    for student, name in {**{name: name for name in found}, "Cy_Müller": "cy"}.items():
        path = found[student].path
        assert path == tmp_path / "course" / "submitted" / student / NAME / f"{NAME}.ipynb"
        assert f"of {name}" in path.read_text()
    assert (tmp_path / "course/submitted/fay" / NAME / "timestamp.txt").read_text() == "2026-11-20 10:00:00 UTC\n"
    assert found["ada"].notes == ()
    assert (tmp_path / "course" / "submitted").stat().st_mode & 0o077 == 0, "others must not read submissions"


def test_a_receipt_of_blackboards_is_no_file_of_the_students(assignment: Assignment, tmp_path: Path) -> None:
    class_ = tmp_path / "class"
    put(class_ / "Made_ada_attempt_2026-11-28-10-00-12_mine.ipynb", text("of ada"))
    put(class_ / "Made_ada_attempt_2026-11-28-10-00-12_notes.txt", "a file of ada")
    put(class_ / "Made_ada_attempt_2026-11-28-10-00-12.txt", "Name: Ada")
    put(class_ / "Made_bo_attempt_2026-11-28-10-00-13.txt", "Name: Bo")
    found = by_student(collect(class_, assignment, tmp_path / "course"))
    assert found["ada"].notes == ("notes.txt was not taken: it is no notebook (.ipynb) and no .zip.",)
    (said,) = found[""].notes
    assert "Made_ada_attempt_2026-11-28-10-00-12.txt" in said and "Made_bo_attempt" in said, "one line for all"
    assert found["bo"].path is None and "Nothing was handed in" in found["bo"].notes[0]


def test_the_latest_of_several_counts_and_the_others_are_kept(assignment: Assignment, tmp_path: Path) -> None:
    class_, course = tmp_path / "class", tmp_path / "course"
    put(class_ / "ada" / "2026-11-20_10-00-00.ipynb", text("second"), when=1)
    put(class_ / "ada" / "2026-11-19_23-59-59.ipynb", text("first"), when=2_000_000_000)
    put(class_ / "bo" / "a.ipynb", text("new"), when=2_000)
    put(class_ / "bo" / "b.ipynb", text("old"), when=1_000)
    put(class_ / "cy" / "a.ipynb", text("by name"), when=1_000)
    put(class_ / "cy" / "b.ipynb", text("by name, too"), when=1_000)
    found = by_student(collect(class_, assignment, course))
    assert "second" in found["ada"].path.read_text()
    assert "new" in found["bo"].path.read_text()
    assert "by name, too" in found["cy"].path.read_text()
    assert "2026-11-20_10-00-00.ipynb" in found["ada"].notes[0] and "kept aside: 2026-11-19" in found["ada"].notes[0]
    (kept,) = (course / "kept" / NAME / "ada").iterdir()
    assert "first" in kept.read_text()


def test_a_notebook_is_known_by_its_grade_ids(assignment: Assignment, tmp_path: Path) -> None:
    other = answered()
    for cell in other.cells:
        cell.metadata.pop("nbgrader", None)
    put(tmp_path / "class/ada/homework final.ipynb", text("the real one"), when=1_000)
    put(tmp_path / f"class/ada/{NAME}.ipynb", nbformat.writes(other), when=2_000)
    (found,) = collect(tmp_path / "class", assignment, tmp_path / "course")
    assert "the real one" in found.path.read_text(), "the later file only has the right name"
    assert any("Not of this assignment" in note for note in found.notes)


def test_collecting_again_changes_nothing_and_loses_nothing(assignment: Assignment, tmp_path: Path) -> None:
    class_, course = tmp_path / "class", tmp_path / "course"
    put(class_ / "ada" / "x.ipynb", text("version 1"))
    put(class_ / "ada" / "y.ipynb", text("version 0"), when=1_000)

    def state() -> dict[str, bytes]:
        return {str(path.relative_to(course)): path.read_bytes() for path in course.rglob("*") if path.is_file()}

    first = collect(class_, assignment, course)
    before = state()
    assert collect(class_, assignment, course) == first
    assert state() == before
    put(class_ / "ada" / "x.ipynb", text("version 2"))
    (found,) = collect(class_, assignment, course)
    assert "version 2" in found.path.read_text()
    assert any("replaces" in note for note in found.notes)
    assert any(b"version 1" in content for name, content in state().items() if name.startswith("kept/"))
    for path in (class_ / "ada").iterdir():
        path.unlink()
    (found,) = collect(class_, assignment, course)
    assert "version 2" in found.path.read_text() and "left as it is" in found.notes[-1]


def test_odd_files_are_kept_or_refused_with_a_reason(assignment: Assignment, tmp_path: Path) -> None:
    class_, course = tmp_path / "class", tmp_path / "course"
    put(tmp_path / "secret.ipynb", text("a secret of the instructor"))
    put(class_ / "binary" / "x.ipynb", b"\x89PNG\r\n\x00\xff")
    (class_ / "empty").mkdir()
    put(class_ / "essay" / "essay.docx", "no notebook")
    (class_ / "linked").mkdir()
    (class_ / "linked" / "x.ipynb").symlink_to(tmp_path / "secret.ipynb")
    (class_ / "link").symlink_to(tmp_path)
    (class_ / "piped").mkdir()
    os.mkfifo(class_ / "piped" / "x.ipynb")
    put(class_ / "huge" / "x.ipynb", b"")
    os.truncate(class_ / "huge" / "x.ipynb", 200_000_000)
    put(class_ / "a b" / "x.ipynb", text("blank"))
    put(class_ / "a_b" / "x.ipynb", text("underscore"))
    put(class_ / "-rf $(x)\n" / "x.ipynb", text("odd"))
    found = by_student(collect(class_, assignment, course))
    assert isinstance(read_submission(found["binary"].path), Damaged)
    assert found["empty"].path is None and "the folder is empty" in found["empty"].notes[0]
    assert (course / "submitted/empty" / NAME).is_dir(), "so that the grader sees the student"
    assert found["essay"].path is None and "among 1 files" in found["essay"].notes[1]
    assert found["essay"].notes[0] == "essay.docx was not taken: it is no notebook (.ipynb) and no .zip."
    for name in ("linked", "link"):
        assert found[name].path is None and "symbolic link" in found[name].notes[0]
    assert found["piped"].path is None and "no regular file" in found["piped"].notes[0]
    assert found["huge"].path.stat().st_size < 31_000_000
    assert "larger than 30 MB" in read_submission(found["huge"].path).reason
    assert "underscore" in found["a_b"].path.read_text()
    (blank,) = [name for name in found if name.startswith("a_b-")]
    assert "blank" in found[blank].path.read_text(), "two students never share a folder"
    assert "odd" in found["rf_x"].path.read_text()
    assert "a secret of the instructor" not in "".join(p.read_text("latin-1") for p in course.rglob("*.ipynb"))
    assert {path.parent for path in course.rglob("*.ipynb")} == {e.path.parent for e in found.values() if e.path}


def test_a_zip_of_the_class_survives_one_hostile_entry(assignment: Assignment, tmp_path: Path) -> None:
    archive = tmp_path / "class.zip"
    link = zipfile.ZipInfo("class/lin/x.ipynb")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(zipfile.ZipInfo("class/ada/x.ipynb", (2026, 11, 20, 10, 0, 0)), text("of ada"))
        file.writestr("class/../../evil.ipynb", text("escaped"))
        file.writestr("class/bo/bomb.ipynb", b"0" * 60_000_000)
        file.writestr(link, "/etc/passwd")
    unzip(archive, tmp_path / "alone")
    assert max(path.stat().st_size for path in (tmp_path / "alone").rglob("*")) < 31_000_000, "a bomb fills no disk"
    found = by_student(collect(archive, assignment, tmp_path / "course"))
    assert "of ada" in found["ada"].path.read_text()
    assert "larger than 30 MB" in read_submission(found["bo"].path).reason
    assert any("leads out" in note for note in found[""].notes)
    assert found["lin"].path is None and "a link" in found["lin"].notes[0]
    assert not list(tmp_path.rglob("evil*"))
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_a_students_own_zip_is_looked_into_or_refused(assignment: Assignment, tmp_path: Path) -> None:
    (tmp_path / "class" / "ada").mkdir(parents=True)
    (tmp_path / "class" / "bo").mkdir()
    with zipfile.ZipFile(tmp_path / "class/ada/mine.zip", "w") as file:
        file.writestr("folder/x.ipynb", text("packed"))
    with zipfile.ZipFile(tmp_path / "class/bo/mine.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("folder/x.ipynb", b"0" * 100_000_000)
    found = by_student(collect(tmp_path / "class", assignment, tmp_path / "course"))
    assert "packed" in found["ada"].path.read_text()
    assert found["bo"].path is None and "mine.zip was refused" in found["bo"].notes[0]


def test_what_is_no_folder_is_said_in_one_line(assignment: Assignment, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        collect(tmp_path / "nowhere", assignment, tmp_path / "course")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no submission in it"):
        collect(tmp_path / "empty", assignment, tmp_path / "course")
    put(tmp_path / "no.zip", "text")
    with pytest.raises(UserError, match="cannot be unpacked"):
        collect(tmp_path / "no.zip", assignment, tmp_path / "course")

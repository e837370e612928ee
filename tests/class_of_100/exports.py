"""Twelve exports of one class, as learning platforms write them: who gets which notebook.

In each Ann handed in twice, the better one later; Ben and Jane once; Eve not at all.
"""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
from course.made_assignment import NAME, answered

from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.grading.batch import collect_course

ROSTER = """id,name,email
20210315,Ann Kim,ak1@uni.edu
20210412,Ben Kim,bk2@uni.edu
20210777,Jane Doe,jd3@uni.edu
20210999,Eve Roe,er4@uni.edu
"""
ANN, BEN, JANE = "20210315", "20210412", "20210777"
DUE = {ANN: "ann's second", BEN: "ben's", JANE: "jane's"}


def _text(whose: str) -> bytes:
    return nbformat.writes(answered(f"def doubled(x):\n    return 2 * x  # {whose}")).encode()


FIRST, SECOND, OF_BEN, OF_JANE = map(_text, ("ann's first", "ann's second", "ben's", "jane's"))


def _zip(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


CANVAS = {
    f"kimann_101_9001_{NAME}.ipynb": FIRST,
    f"kimann_LATE_101_9002_{NAME}-1.ipynb": SECOND,
    "kimben_102_9003_Untitled.ipynb": OF_BEN,
    "kimben_102_9004_scan.pdf": b"%PDF",
    "doejane_103_9005_homework.zip": _zip({"work/mine.ipynb": OF_JANE}),
}
EXCHANGE = {
    f"{ANN}+{NAME}+2026-11-20 09:00:00.1 UTC+x1/{NAME}.ipynb": FIRST,
    f"{ANN}+{NAME}+2026-11-21 09:00:00.1 UTC+x2/{NAME}.ipynb": SECOND,
    f"{BEN}+{NAME}+2026-11-20 09:00:00.1 UTC+x3/{NAME}.ipynb": OF_BEN,
    f"{JANE}+{NAME}+2026-11-20 09:00:00.1 UTC+x4/{NAME}.ipynb": OF_JANE,
}
GRADESCOPE = "".join(
    f"submission_{number}:\n  :submitters:\n  - :name: {name}\n    :{field}: '{value}'\n"
    f"  :created_at: {when} 09:00:00 Z\n"
    for number, (name, field, value, when) in enumerate(
        (
            ("Ann Kim", "sid", ANN, "2026-11-20"),
            ("Ann Kim", "sid", ANN, "2026-11-21"),
            ("Ben Kim", "email", "bk2@uni.edu", "2026-11-20"),
            ("Jane Doe", "sid", JANE, "2026-11-20"),
        ),
        1,
    )
).encode()
EXPORTS: dict[str, Mapping[str, bytes]] = {
    "Canvas, flat": CANVAS,
    "Canvas, a zip": {"submissions.zip": _zip(CANVAS)},
    "Moodle, folders": {
        "Ann Kim_501_assignsubmission_file_/2026-11-20_0900.ipynb": FIRST,
        "Ann Kim_501_assignsubmission_file_/2026-11-21_0900.ipynb": SECOND,
        "Ben Kim_502_assignsubmission_file/x.IPYNB": OF_BEN,
        "Jane Doe_503_assignsubmission_file_/hw.zip": _zip({"deep/er/x.ipynb": OF_JANE}),
        "Jane Doe_503_assignsubmission_onlinetext_/onlinetext.html": b"<p>see the zip</p>",
        "Eve Roe_504_assignsubmission_onlinetext_/onlinetext.html": b"<p>I was ill</p>",
    },
    "Moodle, flat": {
        f"Ann Kim_501_assignsubmission_file_{NAME}.ipynb": SECOND,
        "Ben Kim_502_assignsubmission_file_Untitled1.ipynb": OF_BEN,
        f"Jane Doe_503_assignsubmission_file_{NAME} (1).ipynb": OF_JANE,
    },
    "Blackboard": {
        f"Homework_{ANN}_attempt_2026-11-20-09-00-00_{NAME}.ipynb": FIRST,
        f"Homework_{ANN}_attempt_2026-11-21-09-00-00_{NAME}.ipynb": SECOND,
        f"Homework_{ANN}_attempt_2026-11-21-09-00-00.txt": b"Name: Ann Kim",
        f"Homework_{BEN}_attempt_2026-11-20-09-00-00_x.ipynb": OF_BEN,
        f"Homework_{JANE}_attempt_2026-11-20-09-00-00_y.ipynb": OF_JANE,
    },
    "Brightspace": {
        "601-11 - Ann Kim - Nov 20, 2026 900 AM/x.ipynb": FIRST,
        "601-12 - Ann Kim - Nov 21, 2026 900 AM/x.ipynb": SECOND,
        "602-13 - Ben Kim - Nov 20, 2026 1105 PM/x.ipynb": OF_BEN,
        "603-14 - Jane Doe - Nov 20, 2026 1200 PM/x.ipynb": OF_JANE,
        "index.html": b"<html></html>",
    },
    "Gradescope": {
        "submission_1/x.ipynb": FIRST,
        "submission_2/x.ipynb": SECOND,
        "submission_3/x.ipynb": OF_BEN,
        "submission_4/x.ipynb": OF_JANE,
        "submission_metadata.yml": GRADESCOPE,
    },
    "nbgrader exchange": EXCHANGE,
    "Google Classroom": {
        f"Ann Kim - {NAME}.ipynb": SECOND,
        f"Ben Kim - Copy of {NAME}.ipynb": OF_BEN,
        "Jane Doe - Untitled0.ipynb": OF_JANE,
    },
    "GitHub Classroom": {
        f"a9-made-ak1/{NAME}.ipynb": SECOND,
        "a9-made-ak1/README.md": b"#",
        "a9-made-bk2/work.ipynb": OF_BEN,
        f"a9-made-jd3/sub/{NAME}.ipynb": OF_JANE,
    },
    "one zip, any inner folder": {
        "Download (3).zip": _zip(
            {f"Section 02 final/{name}": text for name, text in (("ak1.ipynb", SECOND), ("bk2.ipynb", OF_BEN))}
            | {"Section 02 final/Doe, Jane.ipynb": OF_JANE, "Section 02 final/Thumbs.db": b"\0"}
        )
    },
    "numbers like dates": {
        f"{ANN}_kim_{NAME}.ipynb": SECOND,
        f"{BEN}_kim_{NAME}.ipynb": OF_BEN,
        f"{JANE}.IPYNB": OF_JANE,
    },
}


def arrives(name: str, folder: Path, assignment: Assignment, course: Path) -> list[str]:
    """Write an export, collect it into a new course, and return what is not as due."""
    export = folder / "export"
    for number, (path, content) in enumerate(EXPORTS[name].items()):
        place = export / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        os.utime(place, (1_790_000_000 + number, 1_790_000_000 + number))
    roster = folder / "students.csv"
    roster.write_text(ROSTER, encoding="utf-8")
    entries = list(export.iterdir())
    found = collect_course(entries[0] if len(entries) == 1 else export, assignment, course, roster)
    got = {each.student: each.path.read_text(encoding="utf-8") for each in found if each.path is not None}
    problems = [] if got.keys() == DUE.keys() else [f"{name}: {sorted(got)} handed in, not {sorted(DUE)}"]
    problems += [
        f"{name}: {student} has another notebook" for student in got.keys() & DUE if DUE[student] not in got[student]
    ]
    said = " ".join(note for each in found for note in each.notes)
    others = [
        re.split("[/_]", path)[-1] for path in EXPORTS[name] if not path.lower().endswith((".ipynb", ".zip", ".yml"))
    ]
    return problems + [f"{name}: {other} is not named" for other in others if other not in said]


def all_arrive(folder: Path, make: Callable[[Path], Assignment]) -> tuple[int, list[str]]:
    """Collect each into a course of its own; return how many arrived as due, and what did not."""
    right, problems = 0, []
    for number, name in enumerate(EXPORTS):
        place = folder / str(number)
        (place / "course").mkdir(parents=True)
        wrong = arrives(name, place, make(place), place / "course")
        right, problems = right + (not wrong), problems + wrong
    return right, problems

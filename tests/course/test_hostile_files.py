"""Files that try to stop the grader, to fill its memory, or to get something into what a teacher opens."""

from __future__ import annotations

import csv
import json
import lzma
import os
import re
import stat
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from course.made_assignment import NAME, answered, made_assignment, write_source
from nbformat.v4 import new_markdown_cell, new_raw_cell

from dacl_edu_course.authoring.assignment import Assignment
from dacl_edu_course.authoring.release import release_course
from dacl_edu_course.grading.feedback import feedback_page
from dacl_edu_course.grading.gradebook import record, write_csv
from dacl_edu_course.grading.scores import QuestionScore, SubmissionScore
from dacl_edu_course.submissions.collect import collect
from dacl_edu_course.submissions.files import safe_names
from dacl_edu_course.submissions.repair import Repaired, repair
from dacl_edu_course.submissions.submission import Damaged, Submission, parse_submission

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install .[course]")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Assignment]:
    folder = tmp_path_factory.mktemp("hostile")
    write_source(folder / "source")
    release_course([], folder / "source", folder / "course")
    return folder / "course", made_assignment(folder / "source")


def cell(**fields: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": "1", **fields}


def notebook(*cells: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"cells": list(cells) or [cell()], "nbformat": 4, "metadata": {}, **fields}).encode()


# ---------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"cells": [' + b"[]," * 9_000_000 + b"[]]}", "too many lists"),
        (b'{"cells": [' + b'{"":{}},' * 3_000_000 + b"{}]}", "too many lists"),
        (b"[" * 900_000, "nested too deeply"),
        (b'{"cells": 1' + b"0" * 10**5 + b"}", "no JSON"),
        (notebook(*[cell()] * 50_000), "more than 3,000 cells"),
        (notebook(cell(source="\0")).replace(b"\\u0000", b"\0"), "no text"),
        (b'{"cells": [{"cell_type": "code", "source": "\xff', "no text"),
        (b'{"cells": NaN}', "no list of cells"),
    ],
    ids=["lists", "objects", "depth", "digits", "cells", "NUL", "no UTF-8", "NaN"],
)
def test_a_file_that_is_built_to_do_harm_costs_little(content: bytes, said: str) -> None:
    assert len(content) <= 30_000_000
    process = psutil.Process()
    before = process.memory_info().rss
    read = parse_submission(content)
    assert isinstance(read, Damaged) and said in read.reason
    assert process.memory_info().rss - before < 300e6


def test_odd_but_honest_files_are_read() -> None:
    doubled = b'{"cells": [], "cells": [{"cell_type": "code", "source": "\\ud800 NaN", "metadata": {"n": NaN}}]}'
    read = parse_submission(doubled)
    assert isinstance(read, Submission) and read.cells[0].source == "? NaN"
    many = [cell(metadata={"nbgrader": {"grade_id": f"{number}"}, "tags": ["\ud800"]}) for number in range(3000)]
    assert isinstance(parse_submission(notebook(*many)), Submission)


# ------------------------------------------------------------------------------------------- what programs open later

EVIL = "\ud800\x1b]8;;http://x\x07 \u202e\x00 <script>alert(1)</script>"


@pytest.mark.parametrize("part", ["kernel", "grade_id", "source", "conclusion", "tag"])
def test_letters_that_no_file_can_hold_stop_nothing(released: tuple[Path, Assignment], part: str) -> None:
    course, assignment = released
    raw = json.loads(json.dumps(answered(conclusion=EVIL if part == "conclusion" else "fine")))
    raw["metadata"] = {"kernelspec": {"language": EVIL if part == "kernel" else "python"}}
    raw["cells"].append(cell(source=EVIL if part == "source" else "1", metadata={}))
    raw["cells"][-1]["metadata"] = {"nbgrader": {"grade_id": EVIL}} if part == "grade_id" else {"tags": [EVIL]}
    read = parse_submission(json.dumps(raw).encode())
    repaired = repair(assignment, read) if isinstance(read, Submission) else read
    assert isinstance(repaired, Repaired)
    marks = tuple(QuestionScore(q.name, q.title, q.points, 0.0, EVIL) for q in assignment.questions)
    mark = SubmissionScore("mallory", NAME, marks, repaired.notes)
    record(course, assignment, [(mark, repaired)])
    text = write_csv([mark], course / "evil.csv").read_text(encoding="utf-8-sig")
    page = feedback_page(mark, repaired.answers)
    assert "\x1b" not in text + page and "\x00" not in text + page and "<script" not in page
    assert "\x1b" not in " ".join(repaired.notes)


@pytest.mark.parametrize("text", ["loss ;=HYPERLINK(1)", "loss,=1+1", 'a "=cmd|1', "b | @SUM(1)", "＝1+1", "c;-cmd(1)"])
def test_no_cell_begins_with_a_formula_whatever_separates_cells(text: str, tmp_path: Path) -> None:
    mark = SubmissionScore("ada", NAME, (QuestionScore("f", "", 2, 0, text),), (text,))
    path = write_csv([mark], tmp_path / "marks.csv")
    with open(path, newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    for found in (row["reasons"], row["notes"]):
        assert not re.search(r'(^|[;,|"])\s*([=+@＝]|-\w+\()', found)
    assert not row["notes"].startswith(("=", "＝"))


MARKDOWN = r"""
[a](javascript:alert(1)) ![b](http://tracker.example/b.png) <javascript:alert(2)> [c][d] [d] [e](&#106;avascript:a)

[d]: javascript:alert(3)

<img src=x onerror=alert(4)> $\href{javascript:alert(5)}{f}$ $\unicode{x} \require{html} \style{a}{b} \class{a}{b}$
"""
HONEST = r"**R&D**: $a_1 \le b$, $\left[x\right]$, `c[0]`, 1 < 2, $\begin{aligned} a &= b \\ c &= d \end{aligned}$"


def test_what_a_teacher_opens_holds_no_link_and_no_script(released: tuple[Path, Assignment]) -> None:
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers
    from traitlets.config import Config

    course, assignment = released
    made = deepcopy(answered(conclusion=MARKDOWN))
    made.cells += [
        new_raw_cell("<script>alert(6)</script>\n\n" + MARKDOWN),
        new_markdown_cell(MARKDOWN),
        new_markdown_cell(HONEST),
    ]
    read = parse_submission(json.dumps(made).encode())
    assert isinstance(read, Submission)
    repaired = repair(assignment, read)
    assert isinstance(repaired, Repaired)
    marks = tuple(QuestionScore(q.name, q.title, q.points, 0.0, MARKDOWN) for q in assignment.questions)
    record(course, assignment, [(SubmissionScore("eve", NAME, marks, (MARKDOWN,)), repaired)])
    place = course / "autograded" / "eve" / NAME / f"{NAME}.ipynb"
    config = Config({"HTMLExporter": {"template_name": "formgrade"}})
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    names = ("base_url", "submission_id", "notebook_id", "assignment_id", "index", "total", "mathjax_url", "student")
    resources = {
        "metadata": {"name": NAME},
        **dict.fromkeys((*names, "prev", "next", "last_name", "first_name"), ""),
        "index": 0,
        "total": 1,
    }
    page, _ = HTMLExporter(config=config).from_notebook_node(nbformat.read(place, as_version=4), resources=resources)
    assert not re.search(r"(?:href|src)\s*=\s*[\"']?\s*(?:javascript|&#)", page), "a link that runs"
    assert not re.search(r"<img[^>]*tracker", page), "an image from elsewhere"
    assert not re.search(r"<(script|img)[^>]*>?\s*alert|onerror=alert\(4\)>", page.replace("&gt;", ""))
    assert not re.search(
        r"\\(href|unicode|require|style|class)\b", re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL)
    ), "a formula that is a link"
    for honest in ("<strong>R&amp;D</strong>", r"a_1 \le b", r"\left[x\right]", "c[0]", r"a &amp;= b \\"):
        assert honest in page


# ------------------------------------------------------------------------------------------------------- collecting


def test_no_two_students_get_one_name() -> None:
    first = safe_names(["a b", "a_b"])["a b"]
    for names in (
        ["a b", "a_b", first],
        ["Ada", "ada", "ADA"],
        ["..", "-rf", "/", "."],
        ["é", "e\u0301"],
        ["con", "CON"],
    ):
        made = list(safe_names(names).values())
        assert len({name.casefold() for name in made}) == len(names), made
        assert all(re.fullmatch(r"\w[\w.@-]*", name) for name in made)


def test_odd_things_with_the_name_of_a_notebook_hold_up_nobody(
    released: tuple[Path, Assignment], tmp_path: Path
) -> None:
    course, assignment = released
    given = tmp_path / "class"
    for name in ("ada", "..ben", "-rf", "con", "\U0001f600", "x" * 200, "a'b\"c", "fifo", "dir"):
        (given / name).mkdir(parents=True)
        (given / name / "a.ipynb").write_text(json.dumps(answered()))
    (given / "fifo" / "a.ipynb").unlink()
    os.mkfifo(given / "fifo" / "a.ipynb")
    (given / "dir" / "a.ipynb").unlink()
    (given / "dir" / "a.ipynb").mkdir()
    os.mkfifo(given / "flat.ipynb")
    os.symlink("/etc/passwd", os.fsencode(given) + b"/\xff\x1b[31m.ipynb")
    (given / "ada" / "timestamp.txt").write_text("0001-01-01 00:00:00")
    os.utime(given / "con" / "a.ipynb", (2**40, 2**40))
    for _ in range(2):
        found = collect(given, assignment, course)  # nobody waits for a pipe
        without = {each.student for each in found if each.path is None}
        assert {"fifo", "dir", "flat"} <= without and "ada" not in without
        notes = " ".join(note for each in found for note in each.notes)
        notes.encode("utf-8")
        assert "no regular file" in notes and "symbolic link" in notes and "\x1b" not in notes
        (given / "con" / "a.ipynb").write_text(json.dumps(answered(doubled="def doubled(x): return 3")))
        os.utime(given / "con" / "a.ipynb", (2**40 + 1, 2**40 + 1))
    mark = SubmissionScore("ada", NAME, (QuestionScore("doubled", "", 2, 2),))
    record(course, assignment, [(mark, None)])  # a time of the year 1 is none
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in course.glob("submitted/*/*/*.ipynb"))


def test_one_damaged_entry_of_a_zip_keeps_back_nobody(released: tuple[Path, Assignment], tmp_path: Path) -> None:
    course, assignment = released
    archive = tmp_path / "class.zip"
    good = json.dumps(answered())
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("ada/a.ipynb", good)
        file.writestr("mallory/a.ipynb", good * 20, compress_type=zipfile.ZIP_LZMA)
        file.writestr("../../eve/a.ipynb", good)
        file.writestr("/tmp/eve2.ipynb", good)
        file.writestr("C:\\eve3\\a.ipynb", good)
        file.writestr("d/" * 1500 + "a.ipynb", good)
        link = zipfile.ZipInfo("frank/a.ipynb")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        file.writestr(link, "/etc/passwd")
        start = file.getinfo("mallory/a.ipynb").header_offset + 30 + len("mallory/a.ipynb") + 9
    content = bytearray(archive.read_bytes())
    content[start + 1 : start + 200] = b"\xff" * 199
    archive.write_bytes(content)
    with zipfile.ZipFile(archive) as file, pytest.raises((lzma.LZMAError, zipfile.BadZipFile, EOFError)):
        file.read("mallory/a.ipynb")
    found = {each.student: each for each in collect(archive, assignment, course)}
    assert found["ada"].path is not None and found["mallory"].path is None and found["frank"].path is None
    assert "cannot be unpacked" in " ".join(found["mallory"].notes)
    assert not Path("/tmp/eve2.ipynb").exists() and not list(tmp_path.glob("**/eve*"))

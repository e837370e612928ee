"""One page a submission for the student: points, what is wrong and where to look, their own code beside it.

It takes marks and the student's cells and nothing else: hidden tests and solutions cannot be on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from dacl_edu_course.definitions import write_text
from dacl_edu_course.grading.scores import QuestionScore, SubmissionScore

_LINES, _WIDTH, _WORDS = 120, 300, 1500
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")
_TURNS = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def feedback_page(
    mark: SubmissionScore,
    answers: Mapping[str, str] | None = None,
    title: str = "",
    comments: Mapping[str, str] | None = None,
) -> str:
    """Return the page as HTML that needs nothing else and runs nothing.

    Parameters
    ----------
    mark : SubmissionScore
    answers : mapping of str to str, optional
        What the student wrote, by question: shown where points are missing, escaped and bounded.
    title : str, optional
        The assignment's title; its name by default.
    comments : mapping of str to str, optional
        A person's comments, by question.

    Returns
    -------
    str
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["points"] = lambda value: f"{value:g}"
    environment.filters["words"] = words
    rows = [_row(number, each, answers or {}, comments or {}) for number, each in enumerate(mark.questions, 1)]
    return environment.get_template("feedback.html").render(
        title=title or mark.assignment,
        mark=mark,
        rows=rows,
        percent=round(100 * mark.total / mark.maximum) if mark.maximum else 0,
        right=sum(each.verdict == "right" for each in mark.questions),
    )


def write_feedback(
    course: str | Path,
    mark: SubmissionScore,
    answers: Mapping[str, str] | None = None,
    title: str = "",
    comments: Mapping[str, str] | None = None,
) -> Path:
    """Write ``course/feedback/STUDENT/NAME/NAME.html``.

    Parameters
    ----------
    course : path
    mark : SubmissionScore
    answers : mapping of str to str, optional
        ``Repaired.answers``; None for a submission that could not be read.
    title : str, optional
    comments : mapping of str to str, optional

    Returns
    -------
    Path
    """
    place = Path(course) / "feedback" / mark.student / mark.assignment / f"{mark.assignment}.html"
    place.parent.mkdir(parents=True, exist_ok=True)
    (Path(course) / "feedback").chmod(0o700)
    return write_text(place, feedback_page(mark, answers, title, comments), private=True)


def without_names(page: str, names: Iterable[str], code: str) -> str:
    """Return a page in which a code stands for each of the names.

    Examples
    --------
    >>> without_names("<p># by Ada Ngo, ada1, an adage</p>", ["ada1", "Ada Ngo", "a"], "x7")
    '<p># by x7, x7, an adage</p>'
    """
    longest_first = sorted({escape(name) for name in names if len(name) > 1}, key=len, reverse=True)
    if not longest_first:
        return page
    any_of = "|".join(map(re.escape, longest_first))
    return re.sub(rf"(?<!\w)(?:{any_of})(?!\w)", code, page, flags=re.IGNORECASE)


def words(text: str, most: int = _WORDS) -> str:
    """Return a text that shows what is in it: no colour codes, no invisible turns of direction, not endless.

    Examples
    --------
    >>> words("\\x1b[31mred\\x1b[0m and \\u202eturned\\x00")
    'red and ⟨U+202E⟩turned�'
    >>> words("x" * 2000)[-30:]
    'xxxxxx … (500 more characters)'
    """
    rest = len(text) - most
    text = _ESCAPES.sub("", text[: 2 * most])[:most]
    text = _TURNS.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)
    text = "".join(c if c in "\n\t" or c.isprintable() or c.isspace() else "�" for c in text.replace("\r", ""))
    return f"{text} … ({rest:,} more characters)" if rest > 0 else text


def code(text: str) -> str:
    """Return a student's code for the page: bounded in lines and in their length.

    Examples
    --------
    >>> code("a = 1\\n" + "b" * 400).splitlines()[1][-24:]
    ' … (100 more characters)'
    """
    lines = text.splitlines()
    shown = [words(line, _WIDTH) for line in lines[:_LINES]]
    if len(lines) > _LINES:
        shown.append(f"… ({len(lines) - _LINES:,} more lines)")
    return "\n".join(shown)


def _row(number: int, mark: QuestionScore, answers: Mapping[str, str], comments: Mapping[str, str]) -> dict[str, Any]:
    signs = {"right": ("✔", "right"), "wrong": ("✘", "not yet"), "partly": ("◐", "partly"), "waits": ("…", "waits")}
    sign, said = signs[mark.verdict]
    text = answers.get(mark.name, "").strip()
    return {
        "id": f"question-{number}",
        "mark": mark,
        "sign": sign,
        "said": said,
        "code": code(text) if text and mark.verdict in ("wrong", "partly") else "",
        "comment": comments.get(mark.name, ""),
    }

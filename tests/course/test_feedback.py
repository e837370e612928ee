"""The feedback page: it says what is wrong, shows only what is the student's, and nothing of it runs or looks odd.

``DACL_EDU_SCREENSHOTS`` names a folder that keeps pictures.
"""

from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from browser import BROWSER, chromium
from course.made_assignment import NAME, answered, made_assignment

from dacl_edu_course.authoring.assignment import leaked_lines
from dacl_edu_course.grading.feedback import feedback_page, write_feedback
from dacl_edu_course.grading.scores import QuestionScore, SubmissionScore
from dacl_edu_course.submissions.repair import parse_submission, repair

MARK = SubmissionScore(
    "ada",
    NAME,
    (
        QuestionScore("doubled", "Question 1: center loss", 2, 2),
        QuestionScore(
            *("shifted", "Question 2: its two gradients, by hand", 3, 0),
            "the gradient with respect to x is 2 times what it must be everywhere: look for a factor. "
            "Where to look: Eq. 9, lesson 05_gradients, section 2",
        ),
        QuestionScore("third", "Question 3: a figure", 3, 1.5, "Half of it."),
        QuestionScore("conclusion", "Question 4: conclude", 4, None),
    ),
    ("The test cell test_shifted had been edited: the original was put back.", "Cells had been moved."),
)
CODE = (
    "def shifted(x, by):\n    # a comment of mine\n    return 2 * x + by * torch.ones_like(x) / len(x)  " + "wide " * 30
)


class Seen(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_says_points_messages_and_where_to_look() -> None:
    page = feedback_page(MARK, {"shifted": CODE, "doubled": "right answer"}, "Made <numbers>", {"third": "See me."})
    seen = Seen(page)
    text = " ".join(seen.text.split())
    for said in (
        "Made <numbers>", "3.5 of 12 points", "1 of 4 questions right", "4 points wait for a person",
        "the gradient with respect to x is 2 times what it must be everywhere: look for a factor",
        "Where to look Eq. 9, lesson 05_gradients, section 2", "had been edited", "# a comment of mine", "See me.",
        "Half of it.",
    ):  # fmt: skip
        assert said in text
    assert "right answer" not in text, "code is shown where something is to mend"
    assert [word for word in ("right", "not yet", "partly", "waits") if word in text] == [
        "right",
        "not yet",
        "partly",
        "waits",
    ]
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in page
    assert not {"script", "img", "link", "iframe", "form", "base"} & set(seen.tags)
    assert not re.search(r"https?://|url\(|@import", page)


HOSTILE = [
    "<script>alert(1)</script>", "</pre></code><img src=x onerror=alert(1)>", "]]><!--", "--></style><style>*{}",
    '" onmouseover="alert(1)', "{{ 7 * 7 }}{% include 'x' %}", "\x1b[31mred\x1b[0m\x1b]8;;http://x\x07",
    "\u202eabc\u2066",
    "\x00\x08\x7f", "&lt;b&gt;", "\ud800".encode("utf-8", "replace").decode(),
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_whatever_a_student_wrote_is_text(text: str) -> None:
    marks = (QuestionScore(text, text, 2, 0, f"{text}. Where to look: {text}"),)
    page = feedback_page(SubmissionScore(text, text, marks, (text,)), {text: text}, "", {text: text})
    calm = feedback_page(
        SubmissionScore("x", "x", (QuestionScore("x", "x", 2, 0, "x. Where to look: x"),), ("x",)),
        {"x": "x"},
        "",
        {"x": "x"},
    )
    assert Seen(page).tags == Seen(calm).tags
    assert {name for name, _ in Seen(page).attributes} == {name for name, _ in Seen(calm).attributes}
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", page)
    page.encode("utf-8")
    if "7 * 7" in text:
        assert "49" not in Seen(page).text and "{{ 7 * 7 }}" in Seen(page).text
    if text == "&lt;b&gt;":
        assert "&lt;b&gt;" in Seen(page).text


def test_endless_text_is_cut() -> None:
    long = "x" * 1_000_000
    marks = (QuestionScore("q", long, 2, 0, long),)
    page = feedback_page(
        SubmissionScore(long, "a", marks, (long,)), {"q": f"{long}\n" * 3 + "y\n" * 5000}, long, {"q": long}
    )
    assert len(page) < 60_000
    assert "more characters" in page and "more lines" in page


def test_nothing_hidden_reaches_the_page(tmp_path: Path) -> None:
    assignment = made_assignment(tmp_path / "source")
    repaired = repair(assignment, parse_submission(json.dumps(answered()).encode()))
    place = write_feedback(tmp_path / "course", MARK, repaired.answers, assignment.title)
    assert place == tmp_path / "course" / "feedback" / "ada" / NAME / f"{NAME}.html"
    page = place.read_text(encoding="utf-8")
    assert leaked_lines(assignment, page) == []
    assert "moved = x + by" in page and "Made: numbers" in page
    assert place.stat().st_mode & 0o077 == 0
    assert write_feedback(tmp_path / "course", MARK, None).read_text(encoding="utf-8") != page


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Any:
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if BROWSER is None:
        pytest.skip("no browser: tools/install_browser.sh")
    file = tmp_path_factory.mktemp("page") / "page.html"
    page = feedback_page(
        MARK, {"shifted": CODE}, "Assignment 2: sparse center loss", {"third": "Well seen.\nAxes lack names."}
    )
    file.write_text(page, encoding="utf-8")
    with chromium() as browser:
        shown = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme="light")
        wrong: list[str] = []
        shown.on("console", lambda said: wrong.append(said.text))
        shown.goto(file.as_uri())
        yield shown, wrong


@pytest.mark.browser
def test_it_fits_a_desk_and_a_telephone_and_axe_finds_no_fault(opened: Any) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page, wrong = opened
    folder = os.environ.get("DACL_EDU_SCREENSHOTS")
    for width in (1000, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "code scrolls, the page does not"
        assert page.locator("pre").evaluate("each => each.scrollWidth > each.clientWidth")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(folder) / f"feedback-{width}.png", full_page=True)
        # axe is put in by the browser's own evaluation, which no policy of the page holds back
        found = axe.Axe().run(page).response
        assert len(found["passes"]) > 10
        assert not found["violations"], [(v["id"], v["nodes"][0]["html"][:200]) for v in found["violations"]]
    assert not wrong, wrong

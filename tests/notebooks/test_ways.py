"""Lesson 00 tells the ways through the course: their headings exist, their minutes are those of the lessons."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from dacl_edu import paths
from tools.notebook_cells import headings_of
from tools.notebook_pairs import find_texts, read_text

TEXTS = {text.stem: text for text in find_texts(paths.lessons()) if text.parent == paths.lessons()}
START = TEXTS["00_start_here"].read_text(encoding="utf-8").replace("\n# ", "\n")


class Part(NamedTuple):
    lesson: str
    words: str
    minutes: int


WAY = [Part(n, words, int(m)) for n, words, m in re.findall(r"^\| (\d\d) \| (.+?) \| (\d+) \|$", START, re.MULTILINE)]


def lesson_of(number: str) -> str:
    return next(stem for stem in TEXTS if stem.startswith(f"{number}_"))


def minutes_of(stem: str) -> int:
    first = read_text(TEXTS[stem]).cells[0].source
    return int(re.search(r"\*\*Minutes:\*\* (\d+)", first)[1])  # type: ignore[index]


def share_read(part: Part) -> float:
    """The share of a lesson's letters that stands from a heading on, or up to the end of its section."""
    text = "\n\n".join(cell.source for cell in read_text(TEXTS[lesson_of(part.lesson)]).cells)
    (heading,) = re.findall(r"\*(.+?)\*", part.words)
    place = text.index(f"## {heading}\n")
    inside = text[: text.index("\n## ", place)] if "to the end of" in part.words else text[place:]
    return len(inside) / len(text)


def test_the_way_of_two_hours_takes_two_hours() -> None:
    assert "**Two hours**" in START and [part.lesson for part in WAY] == ["00", "03", "05", "10", "13"]
    assert sum(part.minutes for part in WAY) == 120


@pytest.mark.parametrize("part", WAY, ids=lambda part: part.lesson)
def test_a_part_names_a_heading_of_its_lesson_and_the_minutes_of_its_share(part: Part) -> None:
    stem = lesson_of(part.lesson)
    headings = re.findall(r"\*(.+?)\*", part.words)
    if not headings:
        assert part.words == "all of it" and part.minutes == minutes_of(stem)
        return
    known = [title for _, title in headings_of(read_text(TEXTS[stem]))]
    assert headings[0] in known, known
    assert abs(part.minutes - share_read(part) * minutes_of(stem)) <= 6, "its share of the lesson's minutes"


def test_who_enters_in_the_middle_is_told_how() -> None:
    assert START.count("Run All Above Selected Cell") == 1


def test_the_minutes_of_the_list_are_those_of_the_lessons() -> None:
    listed = dict(re.findall(r"\]\((\w+)\.ipynb\)\*\* \((\d+) minutes", START))
    assert set(listed) == set(TEXTS) - {"00_start_here"}
    assert {stem: int(minutes) for stem, minutes in listed.items()} == {stem: minutes_of(stem) for stem in listed}

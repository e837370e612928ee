"""The drawings of the lessons are what their numbers make, are used, and can be read."""

from __future__ import annotations

import re

import pytest

from tools.drawing import Sheet, Table, equation
from tools.drawings import FOLDER, drawings
from tools.moving_picture import three_methods
from tools.notebook_pairs import find_texts

NAMES = sorted(path.stem for path in FOLDER.glob("*.svg"))
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def test_the_folder_holds_every_drawing_and_no_other() -> None:
    assert sorted([*drawings(), "three_methods"]) == NAMES


@pytest.mark.parametrize("name", sorted(drawings()))
def test_a_stored_drawing_is_what_its_numbers_make(name: str) -> None:
    stored = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert stored == drawings()[name].svg(), "run: python -m tools.drawings"


def test_the_moving_picture_is_made_from_the_shipped_runs() -> None:
    stored, made = (FOLDER / "three_methods.svg").read_text(encoding="utf-8"), three_methods().svg()
    assert NUMBER.sub("", stored) == NUMBER.sub("", made)
    pairs = zip(NUMBER.findall(stored), NUMBER.findall(made), strict=True)
    assert max(abs(float(one) - float(other)) for one, other in pairs) <= 1, "a pixel may round the other way"


def test_no_point_of_the_moving_picture_leaves_its_panel() -> None:
    svg = (FOLDER / "three_methods.svg").read_text(encoding="utf-8")
    boxes = [tuple(map(float, box)) for box in re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*class="cell"', svg
    )]  # fmt: skip
    ways = [[tuple(map(float, place.split())) for place in values.split(";")]
            for values in re.findall(r'type="translate"[^>]*values="([^"]+)"', svg)]  # fmt: skip
    assert len(boxes) == 3 and len(ways) == 3 * 70
    for k, way in enumerate(ways):
        left, top, width, height = boxes[k // 70]
        assert all(left + 5 <= x <= left + width - 5 and top + 5 <= y <= top + height - 5 for x, y in way), way


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_too_small_to_read_or_too_wide(name: str) -> None:
    svg = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert min(map(float, re.findall(r"font(?:-size)?: (\d+)px", svg))) >= 13
    assert "prefers-color-scheme: dark" in svg
    width = float(re.search(r'<svg[^>]* width="(\d+)"', svg)[1])  # type: ignore[index]
    assert width <= 760
    assert all(0 <= float(x) <= width for x in re.findall(r'<text x="([-\d.]+)"', svg))


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_is_used_with_words_for_who_cannot_see_it(name: str) -> None:
    lessons = "".join(text.read_text(encoding="utf-8") for text in find_texts(FOLDER.parent))
    alts = re.findall(rf"!\[([^\n]+?)\]\(drawings/{name}\.svg\)", lessons)
    assert alts and all(len(alt) > 30 for alt in alts)


def test_a_lesson_shows_only_drawings_that_exist() -> None:
    for text in find_texts(FOLDER.parent):
        shown = re.findall(r"\(drawings/(\w+)\.svg\)", text.read_text(encoding="utf-8"))
        assert set(shown) <= set(NAMES), text.name


def test_what_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="too wide by"):
        equation("A long row.", [[Table("x", [[1] * 30])]])


def test_words_are_escaped() -> None:
    sheet = Sheet(10, 10, "a < b")
    sheet.text(1, 1, "a < b & c")
    assert "a &lt; b &amp; c" in sheet.svg() and "<title>a &lt; b</title>" in sheet.svg()

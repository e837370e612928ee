"""Assignment 5: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

from course.solutions.a5 import attentive_island, compare, island_push, island_term

from dacl_edu_course.questions import a5_island as questions

ASKED = {
    "island_term": questions.island_term,
    "attentive_island": questions.attentive_island,
    "island_push": questions.island_push,
    "compare": questions.compare,
}
WRONG = {
    "island_term": island_term.WRONG,
    "attentive_island": attentive_island.WRONG,
    "island_push": island_push.WRONG,
    "compare": compare.WRONG,
}
RIGHT = {
    "island_term": island_term.RIGHT,
    "attentive_island": attentive_island.RIGHT,
    "island_push": island_push.RIGHT,
    "compare": compare.RIGHT,
}

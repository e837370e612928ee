"""A part of the class of 100, end to end: the reduced form of ``python -m tools.course_demo --hundred``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from class_of_100 import exports, leaks, matrix
from class_of_100.edits import KINDS, LINES
from class_of_100.forms import RIGHT
from class_of_100.lesson import go_through
from class_of_100.solved import solved
from class_of_100.telling import TELLING
from course.made_assignment import made_assignment


def test_the_class_is_a_matrix_of_all_questions_and_all_kinds() -> None:
    count = Counter(entry.kind for entry in matrix.entries())
    assert count["right"] >= 60 and count["near"] >= 60
    asked = {name for start in matrix.ASSIGNMENTS for name in solved(start).questions}
    for kind in ("right", "near"):
        assert {entry.question for entry in matrix.entries() if entry.kind == kind} == asked
    assert {entry.what for entry in matrix.entries() if entry.kind == "right"} == set(RIGHT)
    near = {entry.what for entry in matrix.entries() if entry.kind == "near"}
    assert near >= {*KINDS, *TELLING}
    assert len({entry.student for entry in matrix.entries()}) == len(matrix.entries())


def test_most_edits_of_lines_still_fit() -> None:
    """An edit whose text has left the solution is left out of the class. Here it is seen when they become many."""
    there = {(entry.question, entry.what) for entry in matrix.entries()}
    edits = [(question, what) for question, named in LINES.items() for what in named]
    gone = [edit for edit in edits if edit not in there]
    assert len(gone) <= len(edits) // 5, f"these fit no solution any more: {gone}"


def test_what_a_wrong_answer_costs_follows_from_the_source() -> None:
    assert solved("a1").hurt_by("center_loss_gradients") == {"center_loss_gradients", "center_loss_by_hand"}
    assert solved("a3").hurt_by("updated_centers") == {"updated_centers"}
    assert solved("a4").hurt_by("my_term") == {"my_term", "my_term_gradient"}


def test_a_number_of_a_hidden_batch_is_found_on_a_page() -> None:
    assert leaks.traces("it returns 0.7313724", "", [0.73137241]) == ["0.7313724"]
    assert leaks.traces("it returns 0.7313724", "x = 0.7313724", [0.73137241]) == []
    assert leaks.traces("10 of 12 points, 0.73", "", [0.73137241]) == []


@pytest.mark.parametrize("name", exports.EXPORTS)
def test_every_export_arrives(name: str, tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    assert exports.arrives(name, tmp_path, made_assignment(tmp_path), tmp_path / "course") == []


@pytest.mark.slow
def test_a_part_of_the_class_gets_what_is_due_and_what_is_green_at_home(tmp_path: Path) -> None:
    chosen = [entry for entry in matrix.reduced(6) if not entry.assignment.startswith("a4")]  # whose checks train
    assert {entry.kind for entry in chosen} == {"right", "near"} and any(entry.only_hidden for entry in chosen)
    outcome = go_through(tmp_path, chosen)
    assert not outcome.problems, "\n".join(outcome.problems)
    assert sum(outcome.as_due.values()) == len(chosen) and outcome.same == outcome.compared > 10
    assert outcome.numbers > 10_000

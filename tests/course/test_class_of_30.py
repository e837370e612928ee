"""The whole cycle with a part of the class: the reduced form of ``make course-demo``, which takes all 30, twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from class_of_30.lesson import go_through
from class_of_30.students import CLASS

# One of each sort of trouble that the other tests do not have end to end.
SOME = ("ada", "chloe", "finn", "jon", "kaya", "mina", "noah", "rosa", "sam", "tara", "uma", "bea", "zoe", "dora")


def test_the_class_has_30_of_four_kinds() -> None:
    assert len(CLASS) == len({student.name for student in CLASS}) == 30
    assert {student.kind for student in CLASS} == {"right", "wrong", "damaged", "hostile"}


@pytest.mark.slow
def test_everyone_gets_what_is_due(tmp_path: Path) -> None:
    outcomes, problems = go_through(tmp_path, only=SOME, times=1)
    assert not problems, "\n".join(problems)
    assert [(o.student, o.earned) for o in outcomes] == [(o.student, o.due) for o in outcomes]
    assert len(outcomes) == len(SOME)

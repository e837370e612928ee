"""The class: for each pair of a question and a kind that is chosen, who hands it in, and which questions are due.

Every kind is tried at several questions and every question in several kinds, round by round; all follows from the
sources of the assignments.
"""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from class_of_100.edits import KINDS, LINES, line_edit
from class_of_100.forms import RIGHT
from class_of_100.solved import Asked, Notebook, Solved, solved
from class_of_100.telling import TELLING, telling

ASSIGNMENTS = ("a1", "a2", "a3", "a4", "a5")


@dataclass(frozen=True)
class Entry:
    """One student.

    Attributes
    ----------
    student, assignment : str
    kind : {"right", "near"}
    question, what : str
        The question that is answered in another manner, and the manner.
    notebook : NotebookNode
        What is handed in.
    lost : frozenset of str
        The questions that are wrong; none for a right one.
    only_hidden : bool, default False
        Whether the check in the notebook is green all the same.
    """

    student: str
    assignment: str
    kind: Literal["right", "near"]
    question: str
    what: str
    notebook: Notebook
    lost: frozenset[str] = frozenset()
    only_hidden: bool = False


@functools.cache
def entries() -> tuple[Entry, ...]:
    """The whole class."""
    return (*_right(), *_near())


def reduced(every: int) -> tuple[Entry, ...]:
    """A part of the class, spread over kinds and questions."""
    return entries()[::every]


def _asked() -> list[tuple[Solved, Asked]]:
    return [(solved(name), asked) for name in ASSIGNMENTS for asked in solved(name).questions.values()]


def _right() -> list[Entry]:
    """Each form at two questions, those first that had the fewest."""
    taken: Counter[str] = Counter()
    made: list[Entry] = []
    for round_ in (1, 2):
        for what, form in RIGHT.items():
            done = {each.question for each in made if each.what == what}
            for of, asked in sorted(_asked(), key=lambda pair: taken[pair[1].name]):
                notebook = None if asked.name in done else form(of, asked)
                if notebook is not None:
                    taken[asked.name] += 1
                    student = f"right{len(made) + 1:02d}"
                    made.append(Entry(student, of.assignment.name, "right", asked.name, what, notebook))
                    break
            if round_ == 2 and len(made) >= 70:
                return made
    return made


def _near() -> list[Entry]:
    """Each edit of a line, each kind at one question or more, each way to tell of hidden numbers."""
    made: list[Entry] = []

    def add(of: Solved, asked: Asked, what: str, notebook: Notebook | None, only_hidden: bool = False) -> bool:
        if notebook is None:
            return False
        lost = frozenset({asked.name}) if only_hidden else of.hurt_by(asked.name)
        student = f"near{len(made) + 1:02d}"
        made.append(Entry(student, of.assignment.name, "near", asked.name, what, notebook, lost, only_hidden))
        return True

    for of, asked in _asked():
        for what in LINES.get(asked.name, {}):
            add(of, asked, what, line_edit(asked, what).notebook(of, asked))
    # Each kind where nothing else builds on the answer, if there is such a place: what it costs others is a matter of
    # luck (autograd forgives a gradient one dimension too many); the edits of lines show what mistakes cost.
    taken: Counter[str] = Counter(each.question for each in made)
    for what, edit in KINDS.items():
        for of, asked in sorted(_asked(), key=lambda pair: (len(pair[0].hurt_by(pair[1].name)), taken[pair[1].name])):
            if add(of, asked, what, edit.notebook(of, asked)):
                taken[asked.name] += 1
                break
    for of, asked in _asked():  # a new question has no edits of lines yet
        if asked.name not in {each.question for each in made}:
            add(of, asked, "twice the value", KINDS["twice the value"].notebook(of, asked))
    apart = [(of, q) for of, q in _asked() if of.hurt_by(q.name) == {q.name} and {"x", "c"} <= set(q.arguments)]
    for number, what in enumerate(TELLING):
        of, asked = apart[number % len(apart)]
        add(of, asked, what, telling(of, asked, what), only_hidden=True)
    return made

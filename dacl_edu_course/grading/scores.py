"""What a submission earned, question by question: frozen, and JSON both ways."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

LOOK = " Where to look: "


@dataclass(frozen=True)
class QuestionScore:
    """One question.

    Attributes
    ----------
    name : str
        As in :class:`~dacl_edu_course.authoring.assignment.Question`.
    title : str
    points : float
        What it is worth.
    earned : float or None
        None: waits for a person.
    reason : str, default ""
        A sentence for the student: the check's message, why the cell could not be used, or a person's comment.

    Examples
    --------
    >>> mark = QuestionScore("f", "Question 1", 2, 0, "f is zero everywhere. Where to look: Eq. 3")
    >>> mark.message, mark.look, mark.verdict
    ('f is zero everywhere.', 'Eq. 3', 'wrong')
    """

    name: str
    title: str
    points: float
    earned: float | None
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.points < math.inf:
            raise ValueError(f"{self.name}: {self.points} points")
        if self.earned is not None and not 0 <= self.earned < math.inf:
            raise ValueError(f"{self.name}: {self.earned} points earned")

    @property
    def message(self) -> str:
        """The reason without the place to look."""
        return self.reason.partition(LOOK)[0]

    @property
    def look(self) -> str:
        """Where the check sends the student; empty where it says nothing."""
        return self.reason.partition(LOOK)[2]

    @property
    def verdict(self) -> str:
        """``right``, ``partly`` (a person gave some of the points), ``wrong`` or ``waits``."""
        if self.earned is None:
            return "waits"
        if self.earned >= self.points:
            return "right"
        return "partly" if self.earned > 0 else "wrong"


@dataclass(frozen=True)
class SubmissionScore:
    """One submission.

    Attributes
    ----------
    student, assignment : str
    questions : tuple of QuestionScore
    notes : tuple of str
        What was found damaged and put right, in sentences for the student.
    seconds : float
        What grading took.
    penalty : float, default 0.0
        Points lost for being late.

    Examples
    --------
    >>> scores = (QuestionScore("f", "Question 1", 2, 2), QuestionScore("g", "Question 2", 3, None))
    >>> mark = SubmissionScore("ada", "a1", scores)
    >>> mark.total, mark.maximum, mark.waiting
    (2.0, 5.0, 3.0)
    >>> SubmissionScore.from_json(mark.to_json()) == mark
    True
    """

    student: str
    assignment: str
    questions: tuple[QuestionScore, ...]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    penalty: float = 0.0

    @property
    def total(self) -> float:
        """Points earned so far, less what is lost for being late."""
        return max(0.0, float(sum(each.earned or 0.0 for each in self.questions)) - self.penalty)

    @property
    def maximum(self) -> float:
        """Points that could be earned."""
        return float(sum(each.points for each in self.questions))

    @property
    def waiting(self) -> float:
        """Points that a person still has to decide about."""
        return float(sum(each.points for each in self.questions if each.earned is None))

    def with_scores(self, scores: Mapping[str, tuple[float, str]]) -> SubmissionScore:
        """Return a copy in which a person's scores and comments, by question, replace what the grader found."""
        changed = tuple(
            replace(q, earned=scores[q.name][0], reason=scores[q.name][1] or q.reason) if q.name in scores else q
            for q in self.questions
        )
        return replace(self, questions=changed)

    def late(self, seconds: float, penalty: float) -> SubmissionScore:
        """Return a copy that was handed in late, and says so.

        Examples
        --------
        >>> score = SubmissionScore("ada", "a1", (QuestionScore("f", "Question 1", 2, 2),)).late(90000, 0.5)
        >>> score.total, score.notes
        (1.5, ('Handed in 1 day 1 hour late: 0.5 points less.',))
        """
        minutes = max(1, round(seconds / 60))
        parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
        long = " ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in parts if count)
        lost = f": {penalty:g} points less" if penalty else ""
        return replace(self, penalty=penalty, notes=(*self.notes, f"Handed in {long} late{lost}."))

    def with_questions(self, other: SubmissionScore, names: Sequence[str]) -> SubmissionScore:
        """Return a copy in which these questions are as in ``other``."""
        theirs = {question.name: question for question in other.questions}
        return replace(self, questions=tuple(theirs.get(q.name, q) if q.name in names else q for q in self.questions))

    def to_json(self) -> dict[str, Any]:
        """Return what ``json.dumps`` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SubmissionScore:
        """Make it again from :meth:`to_json`."""
        questions = tuple(QuestionScore(**each) for each in values["questions"])
        return cls(**{**values, "questions": questions, "notes": tuple(values["notes"])})

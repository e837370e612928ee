"""A rule for late work that nbgrader does not have: a share of the score for each day begun."""

from __future__ import annotations

import math

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float


class PerDay(LateSubmissionPlugin):
    """Take ``percent`` of the score for each day begun, and never more than all of it.

    In ``nbgrader_config.py``::

        c.AssignLatePenalties.plugin_class = "dacl_edu_course.grading.per_day.PerDay"
        c.PerDay.percent = 20

    Examples
    --------
    >>> PerDay(percent=20).late_submission_penalty("ada", 10, 86400 + 1)
    4.0
    >>> PerDay(percent=20).late_submission_penalty("ada", 10, 30 * 86400)
    10.0
    """

    percent = Float(10.0, help="Of the score, for each day begun.").tag(config=True)

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float:
        """Return the points that a submission loses."""
        return float(min(1.0, self.percent / 100 * math.ceil(total_seconds_late / 86400)) * score)

"""The course: checks that answers meet."""

from dacl_edu.course import check

__all__ = ["check"]

"""Assignment 3: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

from course.solutions.a3 import center_delta, delta_of_parts, updated_centers

WRONG = {
    "center_delta": center_delta.WRONG,
    "updated_centers": updated_centers.WRONG,
    "delta_of_parts": delta_of_parts.WRONG,
}
RIGHT = {
    "center_delta": center_delta.RIGHT,
    "updated_centers": updated_centers.RIGHT,
    "delta_of_parts": delta_of_parts.RIGHT,
}

"""Assignment 2: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

from course.solutions.a2 import gradient_a, gradient_x, sparse_center_loss, sparse_center_loss_by_hand

WRONG = {
    "sparse_center_loss": sparse_center_loss.WRONG,
    "gradient_x": gradient_x.WRONG,
    "gradient_a": gradient_a.WRONG,
    "sparse_center_loss_by_hand": sparse_center_loss_by_hand.WRONG,
}
RIGHT = {
    "sparse_center_loss": sparse_center_loss.RIGHT,
    "gradient_x": gradient_x.RIGHT,
    "gradient_a": gradient_a.RIGHT,
    "sparse_center_loss_by_hand": sparse_center_loss_by_hand.RIGHT,
}

"""Assignment 1: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

from course.solutions.a1 import careful_center_loss, center_loss, center_loss_by_hand, center_loss_gradients

WRONG = {
    "center_loss": center_loss.WRONG,
    "center_loss_gradients": center_loss_gradients.WRONG,
    "center_loss_by_hand": center_loss_by_hand.WRONG,
    "careful_center_loss": careful_center_loss.WRONG,
}
RIGHT = {
    "center_loss": center_loss.RIGHT,
    "center_loss_gradients": center_loss_gradients.RIGHT,
    "center_loss_by_hand": center_loss_by_hand.RIGHT,
    "careful_center_loss": careful_center_loss.RIGHT,
}

"""Assignment 4: answers that must lose, each named by its mistake, and unusual ones that must win."""

from __future__ import annotations

from course.solutions.a4 import budget_gradient, budget_term, entropy_gradient, entropy_term, my_term, my_term_gradient

from dacl_edu_course.questions import a4_attention_term as questions

ASKED = {
    "budget_term": questions.budget_term,
    "budget_gradient": questions.budget_gradient,
    "entropy_term": questions.entropy_term,
    "entropy_gradient": questions.entropy_gradient,
    "my_term": questions.my_term,
    "my_term_gradient": my_term_gradient.gradient_of_right_term,
}
WRONG = {
    "budget_term": budget_term.WRONG,
    "budget_gradient": budget_gradient.WRONG,
    "entropy_term": entropy_term.WRONG,
    "entropy_gradient": entropy_gradient.WRONG,
    "my_term": my_term.WRONG,
    "my_term_gradient": my_term_gradient.WRONG,
}
RIGHT = {
    "budget_term": budget_term.RIGHT,
    "budget_gradient": budget_gradient.RIGHT,
    "entropy_term": entropy_term.RIGHT,
    "entropy_gradient": entropy_gradient.RIGHT,
    "my_term": my_term.RIGHT,
    "my_term_gradient": my_term_gradient.RIGHT,
}

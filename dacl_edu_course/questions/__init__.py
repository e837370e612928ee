"""The questions of the assignments, one module an assignment; each question checks the function that it is given."""

from dacl_edu_course.questions.question import WrongAnswer, hidden_seeds, question

__all__ = ["WrongAnswer", "hidden_seeds", "question"]

"""The one kind of error that a user is meant to read."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right: one sentence that names what is wrong, and a hint how.

    The command line prints it in one line and exits with code 2, without a traceback;
    everywhere else it is an ordinary exception.

    Parameters
    ----------
    problem : str
        What is wrong, naming the file, the row or the field.
    hint : str, optional
        What to do about it.

    Examples
    --------
    >>> raise UserError("labels.txt, row 3: unknown label 'joy'", hint="use one of surprise, fear, disgust")
    Traceback (most recent call last):
    ...
    dacl_edu.errors.UserError: labels.txt, row 3: unknown label 'joy' — use one of surprise, fear, disgust
    """

    def __init__(self, problem: str, hint: str = "") -> None:
        self.problem = problem
        self.hint = hint
        super().__init__(f"{problem} — {hint}" if hint else problem)

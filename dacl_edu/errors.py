"""The one kind of error that a user is meant to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class UserError(Exception):
    """Something the user can put right: one sentence that names what is wrong, and a hint how.

    The command line prints it in one line and exits with code 2, without a traceback;
    everywhere else it is an ordinary exception.

    Parameters
    ----------
    problem : str
        What is wrong, naming the file, the row or the field. It may quote a file: what a terminal would obey is
        spelled, and the middle of what is endless is left out.
    hint : str, optional
        What to do about it.

    Examples
    --------
    >>> raise UserError("labels.txt, row 3: unknown label 'joy'", hint="use one of surprise, fear, disgust")
    Traceback (most recent call last):
    ...
    dacl_edu.errors.UserError: labels.txt, row 3: unknown label 'joy' — use one of surprise, fear, disgust
    >>> print(UserError("row 7: \\x1b[2J\\nis no label"))
    row 7: \\x1b[2J is no label
    """

    def __init__(self, problem: str, hint: str = "") -> None:
        self.problem = _readable(problem)
        self.hint = _readable(hint)
        super().__init__(f"{self.problem} — {self.hint}" if hint else self.problem)


def _readable(text: str, most: int = 900) -> str:
    if len(text) > most:
        text = f"{text[: most // 2]} … {text[-most // 2 :]}"
    spelled = "".join(map(_readable_letter, text))
    return spelled if len(spelled) <= 2 * most else f"{spelled[: 2 * most]} …"


def _readable_letter(letter: str) -> str:
    if letter.isprintable() or "\udc80" <= letter <= "\udcff":  # a byte of a file name that is no UTF-8
        return letter
    return " " if letter.isspace() else letter.encode("unicode_escape").decode()


def first_problem(error: ValidationError) -> str:
    """Return the first thing that pydantic found wrong, with the name of its field.

    Examples
    --------
    >>> from pydantic import BaseModel, ValidationError
    >>> class Pair(BaseModel):
    ...     first: int
    >>> try:
    ...     Pair(first="x")
    ... except ValidationError as error:
    ...     first_problem(error)
    'first: Input should be a valid integer, unable to parse string as an integer'
    """
    first = error.errors()[0]
    field, reason = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    return f"{field}: {reason}" if field else reason

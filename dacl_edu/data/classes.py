"""The one class order of the project, and the names other data sets give to the same expressions."""

from __future__ import annotations

from dacl_edu.errors import UserError
from dacl_edu.text import nearest

#: The order of RAF-DB's own labels, 1 to 7. A label is an index into this tuple, in every data set.
EXPRESSIONS: tuple[str, ...] = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")

_SYNONYMS = {
    "surprised": "surprise",
    "fearful": "fear",
    "afraid": "fear",
    "disgusted": "disgust",
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
}


def canonical_index(name: str) -> int:
    """Index in `EXPRESSIONS` of an expression, whatever its data set calls it.

    Parameters
    ----------
    name : str
        The expression or one of its usual synonyms; upper and lower case are the same.

    Returns
    -------
    int
        0 to 6.

    Raises
    ------
    UserError
        The name is none of the seven expressions.

    Examples
    --------
    >>> canonical_index("Happy"), canonical_index("happiness"), canonical_index("ANGRY")
    (3, 3, 5)
    """
    word = name.strip().lower()
    word = _SYNONYMS.get(word, word)
    if word in EXPRESSIONS:
        return EXPRESSIONS.index(word)
    raise UserError(f"unknown expression {name!r}", hint=nearest(word, EXPRESSIONS))

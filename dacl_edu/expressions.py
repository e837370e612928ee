"""The expressions of the paper, and what each data set of faces calls them: the only lists of such names.

Any other set of classes comes with its data; nothing elsewhere in the package knows how many there are.
"""

from __future__ import annotations

EXPRESSIONS: tuple[str, ...] = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""The paper's classes, in the order of RAF-DB's own labels, 1 to 7."""

EIGHT: tuple[str, ...] = (*EXPRESSIONS, "contempt")
"""With contempt, as AffectNet, FER+ and CK+ have it; the others keep their numbers."""

_SYNONYMS = {
    "surprised": "surprise",
    "fearful": "fear",
    "afraid": "fear",
    "disgusted": "disgust",
    "happy": "happiness",
    "sad": "sadness",
    "angry": "anger",
}

RAFDB = ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral")
"""RAF-DB's labels 1, 2, …"""

RAFDB_COMPOUND = (
    "happily surprised", "happily disgusted", "sadly fearful", "sadly angry", "sadly surprised", "sadly disgusted",
    "fearfully angry", "fearfully surprised", "angrily surprised", "angrily disgusted", "disgustedly surprised",
)  # fmt: skip
"""RAF-DB's labels 1, 2, … of the part with two expressions in one face."""

AFFECTNET = (
    "Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust", "Anger", "Contempt", "None", "Uncertain", "No-Face",
)  # fmt: skip
"""AffectNet's values 0, 1, … of ``expression``; the last three are no expression."""

FER2013 = ("Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral")
"""FER2013's values 0, 1, … of ``emotion``."""

FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
"""FER+'s columns of votes, in the order of its files; the last two are no expression."""

EXPW = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""ExpW's labels 0, 1, …"""

CKPLUS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
"""Folders of CK+48, which has no neutral."""

JAFFE = {
    "AN": "anger", "DI": "disgust", "FE": "fear", "HA": "happiness", "NE": "neutral", "SA": "sadness", "SU": "surprise",
}  # fmt: skip
"""What the two letters after the subject mean in JAFFE's file names."""


def expression(name: str) -> str | None:
    """Return this project's name of an expression, whatever a data set calls it; None where it is no expression.

    Examples
    --------
    >>> expression("Happy"), expression("afraid"), expression("CONTEMPT"), expression("cat")
    ('happiness', 'fear', 'contempt', None)
    """
    word = name.strip().lower()
    word = _SYNONYMS.get(word, word)
    return word if word in EIGHT else None

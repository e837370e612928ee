"""Names of classes: the expressions and their synonyms, and the choice of some classes of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dacl_edu.errors import UserError
from dacl_edu.expressions import EXPRESSIONS as EXPRESSIONS
from dacl_edu.expressions import expression
from dacl_edu.text import nearest

if TYPE_CHECKING:
    import numpy as np


def canonical_index(name: str, classes: Sequence[str] = EXPRESSIONS) -> int:
    """Index of an expression, whatever its data set calls it.

    Parameters
    ----------
    name : str
        The expression or one of its usual synonyms; upper and lower case are the same.
    classes : sequence of str
        Where it is looked for; the paper's seven if left out.

    Raises
    ------
    UserError
        The name is none of these expressions.

    Examples
    --------
    >>> canonical_index("Happy"), canonical_index("happiness"), canonical_index("ANGRY")
    (3, 3, 5)
    """
    word = expression(name)
    if word in classes:
        return classes.index(word)
    raise UserError(f"unknown expression {name!r}", hint=nearest(name.strip().lower(), classes))


def same_name(name: str, classes: Sequence[str]) -> str | None:
    """Return the class that is meant by a name: exactly, else whatever its case, else as a synonym; None if none is.

    Examples
    --------
    >>> same_name("Happy", ["fear", "happiness"]), same_name("CAT", ["cat"]), same_name("dog", ["cat"])
    ('happiness', 'cat', None)
    """
    if name in classes:
        return name
    word = name.strip().casefold()
    meant = expression(name)
    return next(
        (known for known in classes if known.casefold() == word or (meant and expression(known) == meant)), None
    )


def parsed_classes(classes: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
    """Return the name of a choice, or several names; one text may hold several, with commas between them.

    Raises
    ------
    UserError
        A text or a list without a name: to leave out what was meant would be to take all classes.

    Examples
    --------
    >>> parsed_classes("8"), parsed_classes("cat, dog"), parsed_classes(["cat", "dog"]), parsed_classes(None)
    ('8', ('cat', 'dog'), ('cat', 'dog'), None)
    """
    if isinstance(classes, str):
        names = tuple(name.strip() for name in classes.split(",") if name.strip())
        found: str | tuple[str, ...] = names if "," in classes else classes.strip()
    elif classes is None:
        return None
    else:
        found = tuple(map(str, classes))
    if not found:
        raise UserError(f"classes {classes!r} name none", hint="name two or more, with commas between, or leave it out")
    return found


def rows_of_classes(
    labels: Sequence[int] | np.ndarray, classes: Sequence[str], names: Sequence[str], where: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Find the images of some classes, `names`, in their new order; `where` is what an error calls the data.

    Returned are the positions of the n images that stay, their labels as indices into `names` (n,) int64, and `names`
    as `classes` spells them.

    Raises
    ------
    UserError
        A name is none of the classes, or stands there twice, or fewer than two are left.

    Examples
    --------
    >>> rows_of_classes([0, 2, 1, 2], ["cat", "dog", "eel"], ["eel", "cat"], "pets")
    (array([0, 1, 3]), array([1, 0, 0]), ('eel', 'cat'))
    """
    import numpy as np

    found = [same_name(name, classes) for name in names]
    for name, known in zip(names, found, strict=True):
        if known is None:
            raise UserError(f"{where} has no class {name!r}", hint=nearest(name, classes))
    kept = tuple(name for name in found if name is not None)
    if len(set(kept)) < len(kept):
        raise UserError(f"{where}: a class is named twice in {', '.join(names)}", hint="name each once")
    if len(kept) < 2:
        raise UserError(f"{where}: {len(kept)} class is nothing to tell apart", hint="name two at least")
    index = np.full(len(classes), -1, dtype=np.int64)
    index[[list(classes).index(name) for name in kept]] = np.arange(len(kept))
    new = index[np.asarray(labels, dtype=np.int64)]
    rows = np.flatnonzero(new >= 0)
    return rows, new[rows], kept

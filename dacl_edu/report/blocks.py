"""What a section of the report is made of; and what is said where something cannot be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dacl_edu.errors import UserError
from dacl_edu.report.tables import Table

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class Drawing:
    """A figure and the sentence that says what to see in it.

    Attributes
    ----------
    figure : plotly Figure
    caption : str
    faces : list of (str, str, str)
        Of a sheet of faces: its row, a data URI (or nothing, for an empty place) and the words below. A page shows
        them as elements, which find their own lines.
    """

    figure: Figure
    caption: str
    faces: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Note:
    """A sentence, e.g. why something is not shown."""

    text: str


Block = Drawing | Note | Table


@dataclass
class Section:
    """A heading, what to see below it, and what is below it.

    Attributes
    ----------
    anchor : str
        The end of its link.
    title, intro : str
    blocks : list of Block
    """

    anchor: str
    title: str
    intro: str
    blocks: list[Block] = field(default_factory=list)

    def drawings(self) -> list[Drawing]:
        """Its figures."""
        return [block for block in self.blocks if isinstance(block, Drawing)]


def attempt(what: str, make: Callable[..., Iterable[Block] | Block], *arguments: Any) -> list[Block]:
    """Return what ``make`` makes; where it cannot, a note that says why. A report never ends in a traceback.

    Parameters
    ----------
    what : str
        Name of the figure or table, to begin the sentence.
    make : callable
        Returns a block or several.
    *arguments
        For ``make``.

    Examples
    --------
    >>> def fails():
    ...     raise UserError("no snapshots", hint="train with --snapshots 15")
    >>> attempt("The animation", fails)
    [Note(text='The animation is not shown: no snapshots — train with --snapshots 15.')]
    """
    try:
        made = make(*arguments)
        return list(made) if isinstance(made, Iterable) else [made]
    except UserError as error:
        return [Note(f"{what} is not shown: {str(error).rstrip('.')}.")]
    except Exception as error:  # a damaged file can fail in any way; the other sections are still wanted
        words = " ".join(str(error).split())[:200]
        return [Note(f"{what} could not be drawn ({type(error).__name__}: {words}).")]

"""One look for every figure: colours that colour-blind readers can tell apart (Okabe and Ito), one for each class."""

from __future__ import annotations

from typing import NamedTuple

from plotly.graph_objects import Figure

BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
YELLOW, BLACK, GREY = "#E69F00", "#333333", "#767676"

LOOKS: tuple[tuple[str, str, str], ...] = (
    (BLUE, "solid", "circle"),
    (ORANGE, "dash", "square"),
    (GREEN, "dot", "diamond"),
    (PURPLE, "dashdot", "cross"),
    (SKY, "longdash", "triangle-up"),
)
"""Colour, dash and symbol of the first, second, … series (methods, runs)."""

_CLASS_COLOURS = (YELLOW, PURPLE, GREEN, ORANGE, BLUE, BLACK, SKY)
# The filled ones that plotly can draw in space too. An open one would look like the ring of a wrong answer, so two come
# twice: with the colours that are easiest told apart by whoever sees no red or no green.
_CLASS_SYMBOLS = ("circle", "square", "diamond", "cross", "x", "square", "circle")


class ClassLook(NamedTuple):
    """How one class is drawn, in every figure: colour and symbol, in the plane and in space."""

    colour: str
    symbol: str


def class_look(index: int) -> ClassLook:
    """Return the look of the class with this index; from the eighth on, colours meet other symbols.

    Parameters
    ----------
    index : int
        0 .. K-1, the canonical order of the expressions.

    Examples
    --------
    >>> class_look(0).colour
    '#E69F00'
    """
    turn, place = divmod(index, len(_CLASS_COLOURS))
    shifted = (place + turn) % len(_CLASS_SYMBOLS)
    return ClassLook(_CLASS_COLOURS[place], _CLASS_SYMBOLS[shifted])


def finish(figure: Figure, title: str, alt: str, **layout: object) -> Figure:
    """Give a figure its title, its words for those who cannot see it, and what else of the layout is named.

    Parameters
    ----------
    figure : Figure
    title : str
    alt : str
        What a reader would see: a sentence or two. ``dacl_edu.lessons.display.show`` and the report take it from here.
    **layout
        As for ``Figure.update_layout``.

    Returns
    -------
    Figure
        The same.

    Examples
    --------
    >>> finish(Figure(), "Nothing", "An empty figure.").layout.meta
    {'alt': 'An empty figure.'}
    """
    return figure.update_layout(title=title, meta={"alt": " ".join(alt.split())}, **layout)

"""One look for every figure: colours that colour-blind readers can tell apart (Okabe and Ito), one for each class."""

from __future__ import annotations

from colorsys import hls_to_rgb
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


# Further classes: colours of Tol's muted scheme, then hues a golden angle apart, so that neighbours in number differ.
_MORE_COLOURS = ("#882255", "#999933", "#44AA99", "#332288", "#661100")
_GOLDEN = 0.618034

MOST_IN_LEGEND = 20
"""More classes than this are not listed beside a plot: the pointer names them."""

WRITTEN = 12
"""Classes up to which a number is written into each cell of a small table of classes by classes."""


class ClassLook(NamedTuple):
    """How one class is drawn, in every figure: colour and symbol, in the plane and in space."""

    colour: str
    symbol: str


def class_look(index: int) -> ClassLook:
    """Return the look of the class with this index; no two of a hundred classes share one.

    Parameters
    ----------
    index : int
        0 .. K-1.

    Examples
    --------
    >>> class_look(0).colour
    '#E69F00'
    >>> len({class_look(index).colour for index in range(100)})
    100
    """
    if index < len(_CLASS_COLOURS):
        return ClassLook(_CLASS_COLOURS[index], _CLASS_SYMBOLS[index])
    further = index - len(_CLASS_COLOURS)
    symbol = _CLASS_SYMBOLS[index % len(set(_CLASS_SYMBOLS))]  # the first five differ
    if further < len(_MORE_COLOURS):
        return ClassLook(_MORE_COLOURS[further], symbol)
    lightness = (0.28, 0.36, 0.44)[index % 3]  # on white, none fades
    red, green, blue = (round(255 * part) for part in hls_to_rgb(further * _GOLDEN % 1, lightness, 0.65))
    return ClassLook(f"#{red:02X}{green:02X}{blue:02X}", symbol)


def finish(figure: Figure, title: str, alt: str, **layout: object) -> Figure:
    """Give a figure its title, its words for those who cannot see it, and what else of the layout is named; return it.

    ``alt`` is what a reader would see, in a sentence or two: ``dacl_edu.lessons.display.show`` and the report take it
    from here.

    Examples
    --------
    >>> finish(Figure(), "Nothing", "An empty figure.").layout.meta
    {'alt': 'An empty figure.'}
    """
    return figure.update_layout(title=title, meta={"alt": " ".join(alt.split())}, **layout)

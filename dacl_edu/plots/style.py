"""Colours that colour-blind readers can tell apart (Okabe and Ito), each with a dash and a symbol of its own."""

from __future__ import annotations

BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"

LOOKS: tuple[tuple[str, str, str], ...] = (
    (BLUE, "solid", "circle"),
    (ORANGE, "dash", "square"),
    (GREEN, "dot", "diamond"),
    (PURPLE, "dashdot", "cross"),
    (SKY, "longdash", "triangle-up"),
)
"""Colour, dash and symbol of the first, second, … series."""

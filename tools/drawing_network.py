"""Fig. 2 of the paper, redrawn: one picture for all lessons, in each another part lit."""

from __future__ import annotations

from tools.drawing import Sheet

Place = tuple[float, float]

_PARTS: dict[str, tuple[float, float, tuple[str, ...]]] = {
    "X": (14, 44, ("X", "faces")), "CNN": (122, 44, ("CNN", "ResNet")), "map": (230, 44, ("x*", "map")),
    "pool": (338, 44, ("pooling", "mean")), "x": (446, 44, ("x", "features")),
    "W": (554, 44, ("W, B", "classifier")), "L_S": (662, 44, ("L_S", "Eq. 2")),
    "encoder": (230, 148, ("encoder", "Eq. 5")), "heads": (338, 148, ("heads", "Eq. 6")),
    "a": (446, 148, ("a", "attention")), "L_SC": (554, 148, ("L_SC", "Eq. 4")), "L": (662, 148, ("L", "Eq. 8")),
    "c": (446, 236, ("c", "centers")),
}  # fmt: skip
_WIDE, _TALL = 84, 50
_ARROWS = (
    ("X", "CNN"), ("CNN", "map"), ("map", "pool"), ("pool", "x"), ("x", "W"), ("W", "L_S"), ("map", "encoder"),
    ("encoder", "heads"), ("heads", "a"), ("a", "L_SC"), ("L_SC", "L"), ("L_S", "L"), ("x", "L_SC"), ("c", "L_SC"),
)  # fmt: skip
NETWORK = {  # file → (what is lit, words for it)
    "network": ((), "nothing is marked"),
    "network_scores": (("x", "W", "L_S"), "the classifier and its loss are marked"),
    "network_centers": (("x", "c", "L_SC"), "features, centers and the loss between them are marked"),
    "network_weights": (("x", "a", "c", "L_SC"), "features, attention, centers and their loss are marked"),
    "network_attention": (("map", "encoder", "heads", "a"), "the way from the map to attention is marked"),
    "network_gradients": (
        ("L", "L_SC", "a", "heads", "encoder", "map", "x"),
        "the ways of L_SC's gradient are marked",
    ),
    "network_rule": (("x", "a", "c"), "the centers, and what moves them, are marked"),
    "network_training": (tuple(_PARTS), "everything is marked"),
    "network_features": (("x",), "the features are marked"),
    "network_answers": (("X", "CNN", "pool", "x", "W", "map"), "what is left at prediction time is marked"),
}


def network(lit: tuple[str, ...], words: str) -> Sheet:
    """Draw the network and its losses, some parts lit."""
    alt = (
        "The network: faces X, a CNN, the feature map x*; above, pooling, features x, a classifier and the loss L_S; "
        f"below, encoder, heads, attention a and, with the centers c, the loss L_SC; both make L. Here {words}."
    )
    sheet = Sheet(760, 312, alt)
    for start, end in _ARROWS:
        hot = start in lit and end in lit and len(lit) < len(_PARTS)
        sheet.arrow(*_between(start, end), hot=hot)
    for name, (x, y, lines) in _PARTS.items():
        sheet.box(x, y, _WIDE, _TALL, lines, "lit" if name in lit else "box")
    sheet.text(14, 24, "what every classifier has", "quiet", "start")
    sheet.text(14, 178, "what the paper adds:", "quiet", "start")
    sheet.text(14, 198, "it steers the loss, and is", "quiet", "start")
    sheet.text(14, 218, "dropped for prediction", "quiet", "start")
    sheet.text(436, 252, "moved by a rule, Eq. 11,", "quiet", "end")
    sheet.text(436, 272, "not by a gradient", "quiet", "end")
    return sheet


def _between(start: str, end: str) -> list[Place]:
    (x0, y0, _), (x1, y1, _) = _PARTS[start], _PARTS[end]
    if y0 == y1:
        return [(x0 + _WIDE, y0 + _TALL / 2), (x1, y1 + _TALL / 2)]
    if x0 == x1:
        return [(x0 + _WIDE / 2, y0 + _TALL), (x1 + _WIDE / 2, y1)]
    if y0 < y1:  # down, across, down
        middle = (y0 + _TALL + y1) / 2
        return [(x0 + _WIDE / 2, y0 + _TALL), (x0 + _WIDE / 2, middle), (x1 + 30, middle), (x1 + 30, y1)]
    return [(x0 + _WIDE, y0 + _TALL / 2), (x1 + 30, y0 + _TALL / 2), (x1 + 30, y1 + _TALL)]

"""Facial action units: what each moves, and which of them make up an expression.

Numbers and names are those of the Facial Action Coding System (Ekman, Friesen & Hager, FACS, 2002). `ACTIONS` is this
project's reading of each unit in ARKit's facial actions, which anny models; `PROTOTYPES` are the prototypes of EMFACS
and of the FACS Investigator's Guide (2002, table 10-1) in the form in which Ekman's basic expressions are usually
quoted, with the variants in which photographs show them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dacl_edu.data.classes import EXPRESSIONS

#: unit: {ARKit action: how much of it at full strength}. ``*`` stands for Left and Right.
ACTIONS: dict[int, dict[str, float]] = {
    1: {"browInnerUp": 1.6},
    2: {"browOuterUp*": 1.4},
    4: {"browDown*": 1.6},
    5: {"eyeWide*": 1.3},
    6: {"cheekSquint*": 1.1, "eyeSquint*": 0.45},
    7: {"eyeSquint*": 1.1},
    9: {"noseSneer*": 1.3, "browDown*": 0.35, "mouthUpperUp*": 0.2},
    10: {"mouthUpperUp*": 1.4, "noseSneer*": 0.3},
    12: {"mouthSmile*": 1.5, "mouthStretch*": 0.2},
    14: {"mouthDimple*": 1.0},
    15: {"mouthFrown*": 1.5},
    16: {"mouthLowerDown*": 1.1},
    17: {"mouthShrugLower": 0.9, "mouthShrugUpper": 0.5},
    18: {"mouthPucker": 0.8},
    19: {"tongueOut": 1.0},
    20: {"mouthStretch*": 1.6},
    22: {"mouthFunnel": 0.8},
    23: {"mouthPress*": 0.7, "mouthRollLower": 0.5, "mouthRollUpper": 0.4},
    24: {"mouthPress*": 1.1},
    25: {"mouthLowerDown*": 0.65, "mouthUpperUp*": 0.65, "jawOpen": 0.1},
    26: {"jawOpen": 0.6},
    27: {"jawOpen": 1.15},
    43: {"eyeBlink*": 1.0},
}


@dataclass(frozen=True)
class Prototype:
    """One way to show an expression.

    Attributes
    ----------
    core : dict
        Strength at full intensity of the units that make the expression.
    often : dict
        Units that may come along: (strength, how often).
    share : float
        How often this variant is taken.
    """

    core: dict[int, float]
    often: dict[int, tuple[float, float]]
    share: float = 1.0


PROTOTYPES: dict[str, tuple[Prototype, ...]] = {
    "surprise": (
        Prototype({1: 1, 2: 1, 5: 0.9, 25: 0.5, 26: 0.9}, {22: (0.7, 0.5), 27: (0.3, 0.3)}, 0.5),
        Prototype({1: 1, 2: 1, 5: 0.9, 25: 0.4, 27: 0.8}, {22: (0.8, 0.6), 18: (0.4, 0.3)}, 0.35),
        Prototype({1: 0.9, 2: 1, 5: 1}, {25: (0.5, 0.5), 26: (0.3, 0.4)}, 0.15),
    ),
    "fear": (
        Prototype({1: 1, 2: 0.5, 4: 0.6, 5: 1, 20: 1, 25: 0.9, 26: 0.5}, {7: (0.4, 0.3), 16: (0.5, 0.4)}, 0.6),
        Prototype({1: 1, 2: 0.4, 4: 0.6, 5: 1, 20: 0.8, 25: 0.9, 27: 0.7}, {16: (0.5, 0.4)}, 0.25),
        Prototype({1: 1, 2: 0.6, 4: 0.6, 5: 1, 20: 0.6}, {25: (0.6, 0.5)}, 0.15),
    ),
    "disgust": (
        Prototype({9: 1, 15: 0.5, 16: 0.6}, {10: (0.7, 0.6), 4: (0.5, 0.5), 7: (0.6, 0.5), 25: (0.4, 0.4)}, 0.35),
        Prototype({9: 0.9, 10: 1, 17: 0.6, 7: 0.5}, {4: (0.6, 0.5), 15: (0.5, 0.5), 6: (0.4, 0.3)}, 0.35),
        Prototype({9: 0.9, 10: 0.9, 25: 0.8, 26: 0.5, 7: 0.7}, {19: (0.8, 0.4), 4: (0.5, 0.5), 43: (0.5, 0.3)}, 0.3),
    ),
    "happiness": (
        Prototype({6: 0.9, 12: 1, 25: 0.9}, {7: (0.4, 0.2), 26: (0.3, 0.3), 10: (0.25, 0.3)}, 0.5),
        Prototype({6: 0.6, 12: 0.9}, {14: (0.4, 0.2), 25: (0.3, 0.3)}, 0.25),
        Prototype({6: 0.9, 12: 1, 25: 1, 26: 0.9}, {7: (0.4, 0.3), 2: (0.4, 0.2), 27: (0.3, 0.2)}, 0.25),
    ),
    "sadness": (
        Prototype({1: 1, 4: 0.7, 15: 0.9}, {17: (0.6, 0.5), 43: (0.4, 0.4), 24: (0.3, 0.2)}, 0.45),
        Prototype({1: 0.7, 4: 0.4, 15: 0.6, 43: 0.55}, {17: (0.5, 0.4), 7: (0.3, 0.3)}, 0.35),
        Prototype({1: 1, 4: 0.8, 6: 0.5, 7: 0.5, 15: 0.9, 17: 0.7},
                  {25: (0.5, 0.5), 20: (0.5, 0.4), 43: (0.6, 0.4)}, 0.2),
    ),
    "anger": (
        Prototype({4: 1, 5: 0.7, 7: 0.5, 23: 0.9}, {24: (0.6, 0.5), 17: (0.5, 0.4), 9: (0.3, 0.2)}, 0.5),
        Prototype({4: 1, 5: 0.6, 7: 0.6, 10: 0.7, 16: 0.8, 25: 0.9},
                  {9: (0.5, 0.4), 20: (0.4, 0.3), 26: (0.4, 0.4)}, 0.25),
        Prototype({4: 1, 7: 0.8, 10: 0.8, 16: 0.7, 25: 0.9, 27: 0.85},
                  {9: (0.6, 0.5), 5: (0.5, 0.4), 20: (0.5, 0.3)}, 0.25),
    ),
    "neutral": (
        Prototype({}, {25: (0.35, 0.15), 43: (0.25, 0.2), 24: (0.3, 0.15), 12: (0.15, 0.15), 15: (0.2, 0.15),
                       4: (0.2, 0.15)}),
    ),
}  # fmt: skip

#: Labels that careful annotators confuse with each other, from the off-diagonals that FER papers print.
CONFUSIONS: dict[str, dict[str, float]] = {
    "surprise": {"fear": 0.5, "happiness": 0.25, "neutral": 0.25},
    "fear": {"surprise": 0.6, "sadness": 0.25, "anger": 0.15},
    "disgust": {"anger": 0.45, "sadness": 0.3, "neutral": 0.25},
    "happiness": {"neutral": 0.65, "surprise": 0.35},
    "sadness": {"neutral": 0.6, "disgust": 0.2, "fear": 0.2},
    "anger": {"disgust": 0.45, "neutral": 0.35, "fear": 0.2},
    "neutral": {"sadness": 0.5, "happiness": 0.3, "anger": 0.2},
}


def facial_actions(units: dict[int, float], brow_side: float = 0.0, mouth_side: float = 0.0) -> dict[str, float]:
    """Turn action units into ARKit's facial actions.

    Parameters
    ----------
    units : dict
        Strength of each unit, from 0 to 1.
    brow_side, mouth_side : float
        Asymmetry: above 0 the left side is stronger, below 0 the right side, at ±1 the other side rests.

    Returns
    -------
    dict
        Value of each action, at most 1.6: a little more than what the model's makers meant is still a face.

    Examples
    --------
    >>> facial_actions({43: 0.5})
    {'eyeBlinkLeft': 0.5, 'eyeBlinkRight': 0.5}
    >>> facial_actions({43: 0.5}, brow_side=1.0)
    {'eyeBlinkLeft': 0.5, 'eyeBlinkRight': 0.0}
    """
    actions: dict[str, float] = {}
    for unit, strength in units.items():
        if strength <= 0:
            continue
        for action, amount in ACTIONS[unit].items():
            if not action.endswith("*"):
                actions[action] = actions.get(action, 0.0) + strength * amount
                continue
            side = mouth_side if action.startswith(("mouth", "nose")) else brow_side
            for name, factor in (("Left", min(1.0, 1.0 + side)), ("Right", min(1.0, 1.0 - side))):
                key = action[:-1] + name
                actions[key] = actions.get(key, 0.0) + strength * amount * factor
    return {name: min(value, 1.6) for name, value in actions.items()}


def sample_action_units(
    rng: np.random.Generator, expression: str, intensity: float, wildness: float = 1.0
) -> dict[int, float]:
    """Draw the units of one expression: a prototype, what may come along, each with a strength of its own.

    Parameters
    ----------
    rng : numpy.random.Generator
    expression : str
        One of ``EXPRESSIONS``.
    intensity : float
        From 0 to 1; of no effect on a neutral face.
    wildness : float
        0 for the prototype to the letter.

    Returns
    -------
    dict
        Strength of the units that are there, from 0 to 1.
    """
    if expression not in PROTOTYPES:
        raise ValueError(f"unknown expression {expression!r}; one of {', '.join(EXPRESSIONS)}")
    variants = PROTOTYPES[expression]
    shares = np.array([v.share for v in variants])
    variant = variants[int(rng.choice(len(variants), p=shares / shares.sum()))]
    units: dict[int, float] = {}
    for unit, strength in variant.core.items():
        spread = 1.0 + wildness * (rng.uniform(0.65, 1.2) - 1.0)
        # People leave parts of the textbook face out: now and then a core unit hardly shows.
        weak = rng.uniform(0.2, 0.6) if rng.random() < 0.12 * wildness else 1.0
        units[unit] = intensity * strength * spread * weak
    for unit, (strength, often) in variant.often.items():
        if rng.random() < often:
            along = (intensity if expression != "neutral" else 1.0) * strength * rng.uniform(0.5, 1.1)
            units[unit] = max(units.get(unit, 0.0), along * (0.4 + 0.6 * wildness))
    return {unit: float(min(strength, 1.0)) for unit, strength in units.items()}

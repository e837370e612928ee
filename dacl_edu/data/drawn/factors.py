"""What a drawn face is made of: one number or one word for each factor, and how they are drawn by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from dacl_edu.data.classes import EXPRESSIONS

#: Facial action units that the pen knows, by their number in the Facial Action Coding System.
ACTION_UNITS: dict[int, str] = {
    1: "inner brow raiser",
    2: "outer brow raiser",
    4: "brow lowerer",
    5: "upper lid raiser",
    6: "cheek raiser",
    7: "lid tightener",
    9: "nose wrinkler",
    10: "upper lip raiser",
    12: "lip corner puller",
    15: "lip corner depressor",
    16: "lower lip depressor",
    17: "chin raiser",
    20: "lip stretcher",
    23: "lip tightener",
    25: "lips part",
    26: "jaw drop",
    43: "eye closure",
}

#: Units that make up an expression, with their usual strength.
PROTOTYPES: dict[str, dict[int, float]] = {
    "surprise": {1: 0.9, 2: 0.95, 5: 0.8, 25: 0.7, 26: 0.85},
    "fear": {1: 0.9, 2: 0.45, 4: 0.65, 5: 0.9, 20: 0.9, 25: 0.6, 26: 0.3},
    "disgust": {9: 1.0, 15: 0.6, 16: 0.55},
    "happiness": {6: 0.8, 12: 1.0},
    "sadness": {1: 0.95, 4: 0.55, 15: 0.95},
    "anger": {4: 1.0, 5: 0.45, 7: 0.8, 23: 0.85},
    "neutral": {},
}

#: Units that may or may not come along: strength, and how often.
COMPANIONS: dict[str, dict[int, tuple[float, float]]] = {
    "surprise": {10: (0.2, 0.2)},
    "fear": {7: (0.3, 0.2), 10: (0.3, 0.2)},
    "disgust": {10: (0.8, 0.7), 4: (0.5, 0.5), 7: (0.5, 0.5), 17: (0.5, 0.35), 25: (0.6, 0.4), 6: (0.3, 0.3)},
    "happiness": {25: (0.8, 0.65), 26: (0.4, 0.25), 7: (0.4, 0.2), 2: (0.3, 0.1)},
    "sadness": {17: (0.7, 0.5), 43: (0.4, 0.4), 6: (0.25, 0.2), 25: (0.3, 0.15)},
    "anger": {17: (0.5, 0.35), 25: (0.7, 0.3), 16: (0.6, 0.25), 9: (0.3, 0.2), 10: (0.4, 0.25)},
    "neutral": {25: (0.35, 0.12), 43: (0.3, 0.1)},
}

HAIR_STYLES = (
    "short", "side", "fringe", "long", "bob", "curly", "afro", "bun", "receding", "bald", "headscarf", "beanie",
)  # fmt: skip
FACIAL_HAIR = ("none", "stubble", "moustache", "goatee", "beard")
GLASSES = ("none", "round", "square", "dark")
OCCLUDERS = ("none", "hand", "scarf", "mask", "strand", "object")
BACKGROUNDS = ("plain", "gradient", "cloudy", "lights", "stripes", "room")


@dataclass(frozen=True)
class FaceFactors:
    """Everything that :func:`draw_face` needs to know; the defaults are a clean, frontal, neutral face.

    Action units run from 0 (rest) to 1 (full strength), angles are in degrees, shifts are shares of the image,
    and identity factors are multiples of, or offsets from, an average face. `expression`, `intensity`,
    `second_expression` and `second_weight` say where the units came from; the pen reads only the units.

    Examples
    --------
    >>> smile = FaceFactors(au6=0.8, au12=1.0, au25=0.7)
    >>> smile.units[12], smile.units[15]
    (1.0, 0.0)
    """

    expression: str = "neutral"
    intensity: float = 0.0
    second_expression: str = "none"
    second_weight: float = 0.0
    identity: int = 0
    # the face's muscles
    au1: float = 0.0
    au2: float = 0.0
    au4: float = 0.0
    au5: float = 0.0
    au6: float = 0.0
    au7: float = 0.0
    au9: float = 0.0
    au10: float = 0.0
    au12: float = 0.0
    au15: float = 0.0
    au16: float = 0.0
    au17: float = 0.0
    au20: float = 0.0
    au23: float = 0.0
    au25: float = 0.0
    au26: float = 0.0
    au43: float = 0.0
    asymmetry_brows: float = 0.0
    asymmetry_mouth: float = 0.0
    # who it is
    face_width: float = 1.0
    face_length: float = 1.0
    jaw: float = 0.5
    eye_spacing: float = 1.0
    eye_size: float = 1.0
    eye_tilt: float = 0.0
    eye_opening: float = 1.0
    brow_height: float = 0.0
    brow_thickness: float = 1.0
    brow_slant: float = 0.0
    brow_arch: float = 1.0
    nose_width: float = 1.0
    nose_length: float = 1.0
    mouth_width: float = 1.0
    mouth_rest: float = 0.0
    lip_fullness: float = 1.0
    lip_colour: float = 0.2
    skin_tone: float = 0.3
    skin_warmth: float = 0.0
    iris_colour: float = 0.2
    lashes: float = 0.3
    age: float = 0.3
    hair_style: str = "short"
    hair_colour: float = 0.2
    hair_volume: float = 0.5
    hairline: float = 0.0
    facial_hair: str = "none"
    look_seed: int = 0
    # how it is held
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    scale: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    # what is around and in front of it
    light_azimuth: float = -25.0
    light_elevation: float = 30.0
    light_strength: float = 0.4
    background: str = "plain"
    background_hue: float = 0.55
    background_value: float = 0.75
    cloth_hue: float = 0.6
    glasses: str = "none"
    occluder: str = "none"
    occluder_x: float = 0.0
    occluder_y: float = 0.0
    occluder_angle: float = 0.0
    # the camera
    exposure: float = 1.0
    contrast: float = 1.0
    temperature: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    jpeg_quality: int = 100
    scene_seed: int = 0

    @property
    def units(self) -> dict[int, float]:
        """Action units by number."""
        return {unit: float(getattr(self, f"au{unit}")) for unit in ACTION_UNITS}

    def as_dict(self) -> dict[str, Any]:
        """Return one row of the factor table."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> FaceFactors:
        """Read a row of the factor table (a dict or a pandas Series); columns it does not know are passed over."""
        kinds = {"str": str, "int": int, "float": float}
        return cls(**{f.name: kinds[str(f.type)](row[f.name]) for f in fields(cls) if f.name in row})


def sample_identity(rng: np.random.Generator) -> dict[str, Any]:
    """Draw the factors that stay with one person.

    Parameters
    ----------
    rng : numpy.random.Generator
        The person's own generator.

    Returns
    -------
    dict
        Names and values of :class:`FaceFactors` fields.
    """
    tone = rng.uniform(0.0, 1.0)
    hair_style = str(
        rng.choice(HAIR_STYLES, p=[0.15, 0.14, 0.09, 0.14, 0.09, 0.09, 0.05, 0.06, 0.06, 0.05, 0.04, 0.04])
    )
    # Any tone may meet any hair colour, but light hair is rarer on dark skin; the last fifth of the scale is grey.
    hair_colour = rng.uniform(0.82, 1.0) if rng.random() < 0.18 else rng.uniform(0.0, 0.8) * (1.0 - 0.7 * tone)
    bearded = hair_style in ("short", "side", "receding", "bald", "beanie", "curly") and rng.random() < 0.45
    facial_hair = str(rng.choice(FACIAL_HAIR[1:], p=[0.35, 0.2, 0.2, 0.25])) if bearded else "none"
    return {
        "face_width": rng.uniform(0.88, 1.06),
        "face_length": rng.uniform(0.93, 1.07),
        "jaw": rng.uniform(0.0, 1.0),
        "eye_spacing": rng.uniform(0.88, 1.12),
        "eye_size": rng.uniform(0.84, 1.18),
        "eye_tilt": rng.uniform(-0.12, 0.14),
        "eye_opening": rng.uniform(0.72, 1.18),
        "brow_height": rng.uniform(-0.05, 0.06),
        "brow_thickness": rng.uniform(0.55, 1.6),
        "brow_slant": rng.uniform(-0.05, 0.05),
        "brow_arch": rng.uniform(0.4, 1.5),
        "nose_width": rng.uniform(0.78, 1.35),
        "nose_length": rng.uniform(0.86, 1.14),
        "mouth_width": rng.uniform(0.82, 1.18),
        "mouth_rest": rng.uniform(-0.3, 0.3),
        "lip_fullness": rng.uniform(0.6, 1.55),
        "lip_colour": 0.0 if bearded else rng.beta(1.2, 2.5),
        "skin_tone": tone,
        "skin_warmth": rng.uniform(-1.0, 1.0),
        "iris_colour": rng.uniform(0.0, 1.0) * (1.0 - 0.75 * tone),
        "lashes": rng.uniform(0.0, 0.4) if bearded else rng.uniform(0.0, 1.0),
        "age": rng.beta(1.5, 2.0),
        "hair_style": hair_style,
        "hair_colour": hair_colour,
        "hair_volume": rng.uniform(0.0, 1.0),
        "hairline": rng.uniform(-0.08, 0.08),
        "facial_hair": facial_hair,
        "look_seed": int(rng.integers(1, 2**31)),
    }


def _sample_units(rng: np.random.Generator, expression: str, intensity: float) -> dict[int, float]:
    """Draw the units of one expression: the prototype, what may come along, and each with its own strength."""
    units = dict.fromkeys(ACTION_UNITS, 0.0)
    for unit, strength in PROTOTYPES[expression].items():
        # People leave parts of the textbook face out: now and then a core unit hardly shows.
        weak = rng.uniform(0.15, 0.6) if rng.random() < 0.12 else 1.0
        units[unit] = intensity * strength * rng.uniform(0.7, 1.15) * weak
    for unit, (strength, often) in COMPANIONS[expression].items():
        if rng.random() < often:
            units[unit] = max(units[unit], (intensity if intensity else 1.0) * strength * rng.uniform(0.5, 1.1))
    return units


def sample_factors(
    rng: np.random.Generator,
    expression: str,
    identity: Mapping[str, Any] | None = None,
    wildness: float = 1.0,
) -> FaceFactors:
    """Draw one face by chance.

    Parameters
    ----------
    rng : numpy.random.Generator
        The image's own generator.
    expression : str
        One of ``EXPRESSIONS``: the expression that dominates.
    identity : mapping, optional
        Factors of a person from :func:`sample_identity` (and ``identity``, its number); a new person without it.
    wildness : float
        1 for the data set's conditions; 0 for a clean, frontal picture without blend, occluder or noise.

    Returns
    -------
    FaceFactors

    Examples
    --------
    >>> import numpy as np
    >>> face = sample_factors(np.random.default_rng(0), "happiness", wildness=0.0)
    >>> face.expression, face.au12 > face.au15, face.yaw
    ('happiness', True, 0.0)
    """
    if expression not in PROTOTYPES:
        raise ValueError(f"unknown expression {expression!r}; one of {', '.join(EXPRESSIONS)}")
    person = dict(identity) if identity is not None else sample_identity(rng)
    w = float(wildness)
    intensity = 0.0 if expression == "neutral" else 0.38 + 0.62 * rng.beta(2.0, 1.4)
    units = _sample_units(rng, expression, intensity)

    second, weight = "none", 0.0
    if rng.random() < 0.35 * w and expression != "neutral":
        others = [name for name in EXPRESSIONS if name not in (expression, "neutral")]
        second, weight = str(rng.choice(others)), rng.uniform(0.1, 0.45) * intensity
        for unit, strength in _sample_units(rng, second, weight).items():
            units[unit] += strength * (1.0 - units[unit])
    # Nobody's face is quite still: some units twitch whatever is expressed.
    for unit in rng.choice(list(ACTION_UNITS), size=3, replace=False):
        units[int(unit)] += w * rng.uniform(0.0, 0.22)

    def spread(sigma: float, limit: float) -> float:
        return float(np.clip(rng.normal(0.0, sigma), -limit, limit)) * w

    glasses = str(rng.choice(GLASSES[1:], p=[0.4, 0.45, 0.15])) if rng.random() < 0.14 * w else "none"
    occluder = str(rng.choice(OCCLUDERS[1:], p=[0.32, 0.13, 0.1, 0.27, 0.18])) if rng.random() < 0.14 * w else "none"
    down = 0.5 if expression == "sadness" and rng.random() < 0.4 else 0.0
    values: dict[str, Any] = {
        **person,
        "expression": expression,
        "intensity": intensity,
        "second_expression": second,
        "second_weight": weight,
        **{f"au{unit}": float(np.clip(strength, 0.0, 1.0)) for unit, strength in units.items()},
        "asymmetry_brows": spread(0.15, 0.5),
        "asymmetry_mouth": spread(0.15, 0.5),
        "gaze_x": spread(0.4, 1.0),
        "gaze_y": float(np.clip(spread(0.25, 0.8) + down, -1.0, 1.0)),
        "yaw": spread(10.0, 30.0),
        "pitch": spread(5.0, 14.0),
        "roll": spread(4.5, 15.0),
        "scale": 1.0 + spread(0.045, 0.12),
        "shift_x": spread(0.014, 0.045),
        "shift_y": spread(0.014, 0.045),
        "light_azimuth": w * rng.uniform(-70.0, 70.0),
        "light_elevation": 25.0 + w * rng.uniform(-40.0, 45.0),
        "light_strength": 0.4 + w * rng.uniform(-0.25, 0.2),
        "background": str(rng.choice(BACKGROUNDS)),
        "background_hue": rng.uniform(0.0, 1.0),
        "background_value": rng.uniform(0.15, 0.95),
        "cloth_hue": rng.uniform(0.0, 1.0),
        "glasses": glasses,
        "occluder": occluder,
        "occluder_x": rng.uniform(-1.0, 1.0),
        "occluder_y": rng.uniform(-1.0, 1.0),
        "occluder_angle": rng.uniform(-60.0, 60.0),
        "exposure": float(np.exp(spread(0.16, 0.4))),
        "contrast": float(np.exp(spread(0.15, 0.4))),
        "temperature": spread(0.5, 1.2),
        "blur": w * (rng.uniform(0.4, 0.9) if rng.random() < 0.3 else rng.uniform(0.0, 0.4)),
        "noise": w * 0.035 * rng.beta(1.0, 3.0),
        "jpeg_quality": int(rng.integers(45, 96)) if w > 0 else 100,
        "scene_seed": int(rng.integers(1, 2**31)),
    }  # fmt: skip
    # Four digits are plenty to draw with, and keep the table exact when it is written as text and read back.
    rounded: dict[str, Any] = {k: round(float(v), 4) + 0.0 if isinstance(v, float) else v for k, v in values.items()}
    return FaceFactors(**rounded)
